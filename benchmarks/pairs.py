"""`python -m benchmarks.pairs BEFORE [AFTER]`: two commits beside each other, in interleaved pairs.

Both brokers run all the time, each on a database of its own in one mongod, and take turns: which one comes first
changes from pair to pair. A case is slower (faster) if the whole interval of the ratio AFTER ÷ BEFORE lies below
(above) 1; for the broker's CPU time a request it is the other way round, and other programs matter less to that. The
interval is that of the median, from order statistics: the second least to the second greatest of ten pairs hold the
true median with 97.9 %.
"""

import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import typer
from pymongo import MongoClient
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks import measure, systems, wrk
from benchmarks.cases import CASES, System
from benchmarks.intervals import Interval, interval
from benchmarks.measure import Run, Stage, Subject
from broker.store.indexes import ENTITIES

CACHE_MB: Final = 1024

console = Console()


class Ratios(NamedTuple):
    """AFTER ÷ BEFORE in a pair."""

    rate: float
    cpu: float


def main(
    before: Annotated[str, typer.Argument(help="A commit.")],
    after: Annotated[str, typer.Argument(help="A commit.")] = "HEAD",
    pairs: Annotated[int, typer.Option(min=1)] = 10,
    entities: Annotated[int, typer.Option(min=2000)] = 10_000,
    only: Annotated[list[str] | None, typer.Option(help="Names of cases; all, if absent.")] = None,
) -> None:
    """Say of each case whether AFTER is slower than BEFORE."""
    chosen = [case.name for case in CASES if not only or case.name in only]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pairs-")))
        uri, pid = stack.enter_context(systems.mongod(folder / "data", CACHE_MB))
        sides = [
            _subjects(stack, folder / side, commit, uri, pid, entities, chosen)
            for side, commit in (("before", before), ("after", after))
        ]
        ratios: dict[str, list[Ratios]] = {name: [] for name in chosen}
        for pair in track(range(pairs), "pairs", console=console):
            for one, other in zip(*sides, strict=True):
                ratios[one.case.name].append(_ratio(one, other, turned=pair % 2 == 1))
    _show(before, after, ratios)


def _ratio(before: Subject, after: Subject, *, turned: bool) -> Ratios:
    order = (after, before) if turned else (before, after)
    runs = {id(subject): _run(subject) for subject in order}
    one, other = runs[id(before)], runs[id(after)]
    return Ratios(other.rate / one.rate, other.cpu_us / one.cpu_us)


def _run(subject: Subject) -> Run:
    run = subject.measure(System.BROKER)
    assert run is not None
    if run.errors:
        raise SystemExit(f"{subject.case.name}: {run.errors} requests failed; {run.wrong}")
    return run


def _subjects(
    stack: ExitStack, folder: Path, commit: str, uri: str, mongod_pid: int, entities: int, names: list[str]
) -> list[Subject]:
    tree = folder / "tree"
    tree.mkdir(parents=True)
    archive = subprocess.run(["git", "archive", commit], check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", tree], input=archive, check=True)
    database = f"{systems.DATABASE}-{folder.name}"
    broker = stack.enter_context(systems.broker(uri, folder / "broker.log", database=database, tree=tree))
    measure.load(broker, entities)
    client = stack.enter_context(MongoClient[dict[str, Any]](uri))
    stage = Stage(broker, None, mongod_pid, client[database][ENTITIES], folder, entities)
    subjects = [Subject(case, stage) for case in CASES if case.name in names]
    for subject in subjects:
        subject.measure(System.BROKER, 1)
    return subjects


def _show(before: str, after: str, ratios: dict[str, list[Ratios]]) -> None:
    table = Table("case", "", "low", "median", "high", "", title=f"{after} ÷ {before}")
    for name, values in ratios.items():
        rate = interval([value.rate for value in values])
        cpu = interval([value.cpu for value in values])
        table.add_row(name, "requests a second", *_columns(rate), rate.says())
        table.add_row("", "CPU of the broker", *_columns(cpu), cpu.turned().says())
    console.print(table)


def _columns(found: Interval) -> list[str]:
    return [f"{value:.2f}" for value in found]


if __name__ == "__main__":
    wrk.require()
    typer.run(main)
