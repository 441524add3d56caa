"""`python -m benchmarks`: measure, report, judge."""

import json
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple
from urllib.parse import urlsplit

import typer
from pymongo import MongoClient
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from benchmarks import (
    compare,
    html,
    kept,
    matching,
    measure,
    notifications,
    page,
    parts,
    pathologies,
    queries,
    report,
    starvation,
    systems,
    tables,
    tails,
    wrk,
)
from benchmarks.cases import CASES, System
from benchmarks.measure import Limits, Run, Stage, Subject
from benchmarks.pathology_cases import PATHOLOGIES
from benchmarks.report import CaseResult, Part, Report
from benchmarks.starvation import Starvation
from benchmarks.systems import Served
from broker.names import API_ROOT
from broker.store.indexes import ENTITIES

CACHE_MB: Final = 2048
WARM_UP: Final = 1
"""Seconds."""
SIZES: Final = (*queries.SIZES, 1_000_000)
"""Of a full run's queries."""
QUERIES: Final = 40
"""Of each kind at each size in a repetition; a full run has more."""

STARVATION: Final = "starvation"
QUERIED: Final = "queries"
PATHOLOGY: Final = "pathologies"
TAILS: Final = "tails"

console = Console(width=tables.WIDTH)


def _queries(repetitions: int, full: bool) -> Part:
    if full:
        return queries.part(SIZES, repetitions, 200, queries.TOWN, 20)
    return queries.part(queries.SIZES, repetitions, QUERIES, 0, 0)


def _matching(repetitions: int, full: bool) -> Part:
    return matching.part(100_000, 12, 2) if full else matching.part(20_000, repetitions + 1, 0.5)


PARTS: Final[dict[str, Callable[[int, bool], Part]]] = {
    QUERIED: _queries,
    "notifications": lambda repetitions, full: notifications.part(100, 60 if full else 30, repetitions),
    "matching": _matching,
    TAILS: lambda repetitions, _: tails.part(repetitions, 8, 10_000),
    PATHOLOGY: lambda repetitions, _: pathologies.part(PATHOLOGIES, repetitions, 20_000),
    "kept": lambda _, full: kept.part(120 if full else 20),
}
"""What is measured besides the cases, in this order; of the repetitions, and whether it is a full run."""
_ONLY_FULL: Final = frozenset({PATHOLOGY, TAILS, "read-32", "update-32"})
"""What ten minutes have no room for."""


def main(
    repetitions: Annotated[int, typer.Option(min=1, help="Of every measurement.")] = 5,
    entities: Annotated[int, typer.Option(min=2000, help="In the database; 10 000 or 100 000 are usual.")] = 10_000,
    record: Annotated[bool, typer.Option(help="Put the figures into docs/benchmarks.md.")] = False,
    url: Annotated[str, typer.Option(help="Of another NGSI-LD broker to measure; see docs/other-brokers.md.")] = "",
    name: Annotated[str, typer.Option(help="Of the broker at --url, for the report.")] = "",
    pid: Annotated[int, typer.Option(help="Its process, if it is here: CPU time is taken of it and its children.")] = 0,
    database_pid: Annotated[int, typer.Option(help="Its database's process, if it is here.")] = 0,
    only: Annotated[list[str] | None, typer.Option(help=f"Cases, or {', '.join(PARTS)}; all, if absent.")] = None,
    full: Annotated[bool, typer.Option(help="With pathologies, a million entities, and a town's dashboard.")] = False,
    compared: Annotated[
        tuple[Path, Path] | None, typer.Option("--compare", help="Two results; nothing is measured.")
    ] = None,
) -> None:
    """Measure the broker beside what HTTP and MongoDB allow, and judge it by benchmarks/targets.toml."""
    if compared is not None:
        compare.main(*compared)
    wrk.require()
    if url and record:
        raise typer.BadParameter("another broker's figures have no place on our page", param_hint="--record")
    chosen = _chosen(only, full=full)
    about = report.about(repetitions, entities)
    if QUERIED in chosen:
        about["sizes"] = [*(SIZES if full else queries.SIZES)]
    if url:
        about["broker"] = name or url
        found = _measure_other(Other(_address(url), pid, database_pid), about, chosen)
    else:
        found = _measure(about, chosen, full=full)
    tables.show(found, console)
    path = report.save(report.document(found))
    html_path = path.with_suffix(".html")
    html_path.write_text(html.page(json.loads(path.read_text())))
    console.print(f"Written to {path}, and as a page to {html_path}.")
    if record:
        page.main([path, *report.others()])
    raise SystemExit(parts.status(found.judgements))


def _chosen(only: list[str] | None, *, full: bool) -> set[str]:
    """The cases and parts to measure. Raises BadParameter for one that isn't there."""
    known = {case.name for case in CASES} | {STARVATION, *PARTS}
    if unknown := set(only or ()) - known:
        raise typer.BadParameter(f"there is no {', '.join(sorted(unknown))}", param_hint="--only")
    return set(only or (known if full else known - _ONLY_FULL))


class Other(NamedTuple):
    """Another broker: `host:port`, its process and its database's (0: unknown)."""

    address: str
    pid: int
    database_pid: int

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine: only then H beside it says something."""
        host = self.address.rpartition(":")[0].strip("[]")
        return host == "localhost" or host.startswith("127.") or host == "::1"


def _address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname or parts.path.rstrip("/") not in ("", API_ROOT):
        raise typer.BadParameter("write it as in http://localhost:1026", param_hint="--url")
    return parts.netloc if parts.port else f"{parts.netloc}:80"


def _measure_other(other: Other, about: dict[str, Any], chosen: set[str]) -> Report:
    """The cases that the standard alone describes; beside a broker on this machine, H."""
    entities = about["entities"]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        broker = Served(other.address, other.pid)
        try:
            load_seconds = measure.load(broker, entities)
        except ConnectionError as error:
            raise typer.BadParameter(f"no broker answers at {other.address}: {error}", param_hint="--url") from None
        http = stack.enter_context(systems.http_limit(folder / "http.log")) if other.is_local else None
        stage = Stage(broker, Limits(http, None) if http else None, other.database_pid, None, folder, entities)
        progress = stack.enter_context(_progress())
        about["load_seconds"] = round(load_seconds, 2)
        return report.make(about, _cases(stage, about["repetitions"], chosen, progress), [])


def _progress() -> Progress:
    return Progress(TextColumn("{task.description:32}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())


def _measure(about: dict[str, Any], chosen: set[str], *, full: bool) -> Report:
    results, starved = _limited(about, chosen)
    found = []
    for name, measured in PARTS.items():
        if name in chosen:
            console.rule(name)
            found.append(measured(about["repetitions"], full))
    return report.make(about, results, starved, found)


def _limited(about: dict[str, Any], chosen: set[str]) -> tuple[list[CaseResult], list[Starvation]]:
    """What is measured beside H, D and naive; and starvation."""
    repetitions, entities = about["repetitions"], about["entities"]
    if not chosen - PARTS.keys():
        return [], []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        uri, mongod_pid = stack.enter_context(systems.mongod(folder / "data", CACHE_MB))
        progress = stack.enter_context(_progress())
        with ExitStack() as stage_stack:
            broker = stage_stack.enter_context(systems.broker(uri, folder / "broker.log"))
            about["load_seconds"] = round(measure.load(broker, entities), 2)
            client = stage_stack.enter_context(MongoClient[dict[str, Any]](uri))
            stage = Stage(
                broker,
                Limits(
                    stage_stack.enter_context(systems.http_limit(folder / "http.log")),
                    stage_stack.enter_context(systems.store_limit(uri, folder / "store.log", entities)),
                ),
                mongod_pid,
                client[systems.DATABASE][ENTITIES],
                folder,
                entities,
            )
            results = _cases(stage, repetitions, chosen, progress)
        starved = _starvation(uri, folder, entities, repetitions, progress) if STARVATION in chosen else []
        return results, starved


def _cases(stage: Stage, repetitions: int, names: set[str], progress: Progress) -> list[CaseResult]:
    chosen = [case for case in CASES if case.name in names]
    measurements = [*measure.interleaved(chosen, repetitions)]
    task = progress.add_task("warming up", total=len(measurements))
    subjects = {case.name: Subject(case, stage) for case in chosen}
    for subject in subjects.values():
        subject.measure(System.BROKER, WARM_UP)
    runs: dict[str, dict[System, list[Run]]] = {case.name: {system: [] for system in System} for case in chosen}
    for repetition, case, system in measurements:
        progress.update(task, description=f"{repetition + 1}. {case.name}: {system}")
        run = subjects[case.name].measure(system)
        if run is not None:
            runs[case.name][system].append(run)
        progress.advance(task)
    return [CaseResult(case, runs[case.name]) for case in chosen]


def _starvation(uri: str, folder: Path, entities: int, repetitions: int, progress: Progress) -> list[Starvation]:
    found: list[Starvation] = []
    task = progress.add_task("starvation", total=len(starvation.WORKERS) * repetitions)
    for workers in starvation.WORKERS:
        with systems.broker(uri, folder / f"broker-{workers}.log", workers) as broker:
            for measured in starvation.measure(broker, workers, folder, entities, repetitions):
                found.append(measured)
                progress.advance(task)
    return found


if __name__ == "__main__":
    typer.run(main)
