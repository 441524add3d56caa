"""`python -m benchmarks`: measure, report, judge."""

import json
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from pymongo import MongoClient
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from benchmarks import html, measure, page, report, starvation, systems, tables, wrk
from benchmarks.cases import CASES, System
from benchmarks.measure import Limits, Run, Stage, Subject
from benchmarks.report import CaseResult, Report
from benchmarks.starvation import Starvation
from benchmarks.verdicts import Verdict
from broker.store.indexes import ENTITIES

CACHE_MB: Final = 2048
WARM_UP: Final = 1
"""Seconds."""

console = Console()


def main(
    repetitions: Annotated[int, typer.Option(min=1, help="Of every measurement.")] = 3,
    entities: Annotated[int, typer.Option(min=2000, help="In the database; 10 000 or 100 000 are usual.")] = 10_000,
    record: Annotated[bool, typer.Option(help="Put the figures into docs/benchmarks.md.")] = False,
    only: Annotated[list[str] | None, typer.Option(help="Names of cases; `starvation` too. All, if absent.")] = None,
) -> None:
    """Measure the broker beside what HTTP and MongoDB allow, and judge it by benchmarks/targets.toml."""
    if not wrk.is_installed():
        console.print(wrk.MISSING)
        raise SystemExit(2)
    found = _measure(repetitions, entities, set(only or ()))
    tables.show(found, console)
    path = report.write(found)
    html_path = path.with_suffix(".html")
    html_path.write_text(html.page(json.loads(path.read_text())))
    console.print(f"Written to {path}, and as a page to {html_path}.")
    if record:
        page.main(path)
    verdict_of = {judgement.verdict for judgement in found.judgements}
    raise SystemExit(1 if verdict_of & {Verdict.MISSED, Verdict.VOID} else 0)


def _measure(repetitions: int, entities: int, only: set[str]) -> Report:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        uri, mongod_pid = stack.enter_context(systems.mongod(folder / "data", CACHE_MB))
        progress = stack.enter_context(
            Progress(TextColumn("{task.description:32}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        )
        with ExitStack() as stage_stack:
            broker = stage_stack.enter_context(systems.broker(uri, folder / "broker.log"))
            load_seconds = measure.load(broker, entities)
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
            results = _cases(stage, repetitions, only, progress)
        starved = _starvation(uri, folder, entities, repetitions, progress) if not only or "starvation" in only else []
        return report.make(repetitions, entities, load_seconds, results, starved)


def _cases(stage: Stage, repetitions: int, only: set[str], progress: Progress) -> list[CaseResult]:
    chosen = [case for case in CASES if not only or case.name in only]
    task = progress.add_task("warming up", total=len(chosen) * len(System) * repetitions)
    subjects = [Subject(case, stage) for case in chosen]
    for subject in subjects:
        subject.measure(System.BROKER, WARM_UP)
    runs: dict[str, dict[System, list[Run]]] = {case.name: {system: [] for system in System} for case in chosen}
    for repetition, subject, system in measure.interleaved(subjects, repetitions):
        progress.update(task, description=f"{repetition + 1}. {subject.case.name}: {system}")
        run = subject.measure(system)
        if run is not None:
            runs[subject.case.name][system].append(run)
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
