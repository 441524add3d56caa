"""`python -m benchmarks.profile CASE`: where the broker's time goes in a case, as a flame graph (py-spy, of all threads
with native frames left out); or as text, with the parts of the broker and the packages whose time it is. Root may be
needed for another process' memory: py-spy says so."""

import subprocess
import sys
import tempfile
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from pymongo import MongoClient
from rich.console import Console
from rich.table import Table

from benchmarks import measure, systems, tables, wrk
from benchmarks.cases import CASES, Case, System
from benchmarks.measure import Stage, Subject
from benchmarks.shares import shares
from broker.store.indexes import ENTITIES

CACHE_MB: Final = 1024
RATE: Final = 200
"""Samples a second."""

Format = StrEnum("Format", ["flamegraph", "raw", "speedscope"])


def main(
    case: Annotated[str, typer.Argument(help="Name of a case: see benchmarks/cases.py.")],
    seconds: Annotated[int, typer.Option(min=1)] = 10,
    entities: Annotated[int, typer.Option(min=2000)] = 10_000,
    out: Annotated[Path | None, typer.Option(help="File to write; profile-CASE.svg, if absent.")] = None,
    kind: Annotated[
        Format,
        typer.Option("--format", help="`raw` is for `grep`, and tells whose time it is; `speedscope` is for its page."),
    ] = (Format.flamegraph),
) -> None:
    """Load the broker with a case, and sample its stacks."""
    found = next((each for each in CASES if each.name == case), None)
    if found is None:
        raise typer.BadParameter(f"there are {', '.join(each.name for each in CASES)}")
    path = out or Path(f"profile-{case}.{'svg' if kind is Format.flamegraph else 'txt'}")
    rate = _profiled(found, seconds, entities, path, kind)
    if kind is Format.raw:
        _show(path)
    typer.echo(f"{case}: {rate:,.0f} requests a second while it was sampled. Written to {path}.")


def _profiled(case: Case, seconds: int, entities: int, path: Path, kind: Format) -> float:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="profile-")))
        uri, mongod_pid = stack.enter_context(systems.mongod(folder / "data", CACHE_MB))
        broker = stack.enter_context(systems.broker(uri, folder / "broker.log"))
        measure.load(broker, entities)
        client = stack.enter_context(MongoClient[dict[str, Any]](uri))
        stage = Stage(broker, None, mongod_pid, client[systems.DATABASE][ENTITIES], folder, entities)
        subject = Subject(case, stage)
        subject.measure(System.BROKER, 2)
        command = ["record", "--pid", str(broker.pid), "--subprocesses", "--output", str(path), "--format", kind]
        sampler = subprocess.Popen(
            [_py_spy(), *command, "--duration", str(seconds), "--rate", str(RATE)], stdout=subprocess.DEVNULL
        )
        run = subject.measure(System.BROKER, seconds + 2)
        if sampler.wait():
            raise SystemExit("py-spy failed.")
        assert run is not None
        return run.rate


def _show(path: Path) -> None:
    """Whose time it is, of all parts with a hundredth of it."""
    table = Table("", "of all samples, %", "itself, %", title="CPU time")
    for name, (within, at_top) in shares(path.read_text()).items():
        if within >= 0.01:
            table.add_row(name, f"{within:.1%}", f"{at_top:.1%}")
    Console(width=tables.WIDTH).print(table)


def _py_spy() -> str:
    return str(Path(sys.executable).with_name("py-spy"))


if __name__ == "__main__":
    wrk.require()
    typer.run(main)
