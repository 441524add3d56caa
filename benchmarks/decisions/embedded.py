"""How long the embedded MongoDB takes to start, and its weight: `python -m benchmarks.decisions.embedded`."""

import argparse
import os
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

from pymongo import MongoClient
from rich.console import Console
from rich.table import Table

from benchmarks import sample
from benchmarks.verdicts import spread
from broker.store import mongod
from broker.store.embedded import EmbeddedMongoDB

ENTITIES = 10_000


def main(repetitions: int) -> None:
    """Start on an empty folder, after a clean stop, and after a kill."""
    seconds: dict[str, list[float]] = {"on an empty folder": [], "after a clean stop": [], "after kill -9": []}
    weights: list[tuple[float, float]] = []
    for _ in range(repetitions):
        with tempfile.TemporaryDirectory(prefix="bench-") as name:
            folder = Path(name)
            seconds["on an empty folder"].append(_start(folder, lambda database: weights.append(_weigh(database))))
            seconds["after a clean stop"].append(_start(folder, _kill))
            seconds["after kill -9"].append(_start(folder))
    program = mongod.binary()
    table = Table("", "seconds", "least–greatest", title=f"MongoDB {mongod.version(program)}, until it takes writes")
    for name, values in seconds.items():
        found = spread(values)
        table.add_row(name, f"{found.median:.2f}", f"{found.least:.2f}–{found.greatest:.2f}")
    console = Console(width=130)
    console.print(table)
    disk, memory = (spread(values).median for values in zip(*weights, strict=True))
    console.print(
        f"The program has {program.stat().st_size / 2**20:.0f} MiB; "
        f"an empty database takes {disk:.0f} MiB of disk and {memory:.0f} MiB of memory."
    )


def _start(folder: Path, then: Callable[[EmbeddedMongoDB], None] | None = None) -> float:
    database = EmbeddedMongoDB(folder, cache_mb=256)
    began = monotonic()
    database.start()
    took = monotonic() - began
    try:
        if then is not None:
            then(database)
    finally:
        database.stop()
    return took


def _weigh(database: EmbeddedMongoDB) -> tuple[float, float]:
    """MiB on disk and in memory; afterwards some data is there for the next starts."""
    disk = sum(file.stat().st_size for file in database.data.rglob("*") if file.is_file()) / 2**20
    memory = _resident(database) / 2**20
    with MongoClient[dict[str, Any]](database.uri) as client:
        client["bench"]["entities"].insert_many([sample.entity(number) for number in range(ENTITIES)])
    return disk, memory


def _kill(database: EmbeddedMongoDB) -> None:
    with MongoClient[dict[str, Any]](database.uri, w="majority", journal=True) as client:
        client["bench"]["entities"].insert_many([sample.entity(number) for number in range(ENTITIES)])
    os.kill(_pid(database), signal.SIGKILL)


def _resident(database: EmbeddedMongoDB) -> int:
    pages = int(Path(f"/proc/{_pid(database)}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _pid(database: EmbeddedMongoDB) -> int:
    running = mongod.running_on(database.data)
    assert running is not None
    return running.pid


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=5)
    main(parser.parse_args().repetitions)
