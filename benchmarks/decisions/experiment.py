"""What the measurements share: a mongod of their own, closed loops with their costs, interleaved repetitions."""

import os
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from benchmarks import systems
from benchmarks.store_work import Operation, closed_loop
from benchmarks.verdicts import spread

CACHE_MB = 1024


class Mongod(NamedTuple):
    """A MongoDB that runs for one experiment."""

    uri: str
    pid: int


class Outcome(NamedTuple):
    """What a closed loop came to; CPU times in microseconds an operation, latencies in milliseconds."""

    rate: float
    p50: float
    p99: float
    client_us: float
    mongod_us: float


@contextmanager
def mongod() -> Iterator[Mongod]:
    """The embedded MongoDB on an empty folder."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        systems.mongod(Path(folder), CACHE_MB) as (uri, pid),
    ):
        yield Mongod(uri, pid)


async def measured(database: Mongod, clients: int, seconds: float, operation: Operation) -> Outcome:
    """Run a closed loop in this process."""
    own, theirs = systems.cpu_seconds(os.getpid()), systems.cpu_seconds(database.pid)
    loop = await closed_loop(clients, seconds, operation)
    theirs = systems.cpu_seconds(database.pid) - theirs
    own = systems.cpu_seconds(os.getpid()) - own - theirs  # mongod is a child of this process
    each = 1e6 / max(1, loop.operations)
    return Outcome(loop.operations / loop.seconds, loop.p50, loop.p99, own * each, theirs * each)


async def interleaved(
    trials: Mapping[str, Callable[[], Awaitable[Outcome]]], repetitions: int
) -> dict[str, list[Outcome]]:
    """Every trial once in each repetition, in turn."""
    found: dict[str, list[Outcome]] = {name: [] for name in trials}
    for _ in range(repetitions):
        for name, trial in trials.items():
            found[name].append(await trial())
    return found


def show(title: str, found: Mapping[str, Sequence[Outcome]]) -> None:
    """Print medians, and the least and the greatest rate."""
    table = Table("", "a second", "least–greatest", "p50 ms", "p99 ms", "client µs", "mongod µs", title=title)
    for name, outcomes in found.items():
        rate = spread([outcome.rate for outcome in outcomes])
        medians = [spread([outcome[field] for outcome in outcomes]).median for field in range(1, 5)]
        table.add_row(
            name,
            f"{rate.median:,.0f}",
            f"{rate.least:,.0f}–{rate.greatest:,.0f}",
            *(f"{value:.1f}" for value in medians),
        )
    Console(width=130).print(table)
