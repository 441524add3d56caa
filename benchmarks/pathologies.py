"""`python -m benchmarks.pathologies`: what other brokers are known to be slow or wrong at; does it cost us more too?"""

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table

from benchmarks import measure, parts, report, systems, tables
from benchmarks.pathology_cases import DEAD, MANY, PATHOLOGIES, QUIET, Pair, Pathology, Stage, sink
from benchmarks.report import Part
from benchmarks.verdicts import Key, Values, spread

CACHE_MB: Final = 1024
TENANT_ENTITIES: Final = 1000
WARM_UP: Final = 5

console = Console(width=tables.WIDTH)


class Measured:
    """One pathology: of each repetition the medians of the usual and of the other request, milliseconds."""

    def __init__(self, pathology: Pathology) -> None:
        self.pathology = pathology
        self.usual: list[float] = []
        self.other: list[float] = []
        self.failed = ""

    @property
    def ratios(self) -> list[float]:
        """Other ÷ usual."""
        return [other / usual for usual, other in zip(self.usual, self.other, strict=True)]

    def repeat(self, pair: Pair) -> None:
        """Measure both in turn, first one first, then the other."""
        took: tuple[list[float], list[float]] = [], []
        for number in range(self.pathology.rounds):
            for which in (0, 1) if number % 2 == 0 else (1, 0):
                took[which].append(pair[which]())
        self.usual.append(median(took[0]) * 1000)
        self.other.append(median(took[1]) * 1000)


def main(
    repetitions: Annotated[int, typer.Option(min=1, help="Of every measurement.")] = 3,
    entities: Annotated[int, typer.Option(min=2000, help="In the database.")] = 20_000,
    only: Annotated[list[str] | None, typer.Option(help="Names of pathologies; all, if absent.")] = None,
) -> None:
    """Measure each pathology beside what is usual, and judge it by benchmarks/targets.toml."""
    chosen = [each for each in PATHOLOGIES if not only or each.name in only]
    parts.finish(part(chosen, repetitions, entities), report.about(repetitions, entities), console)


def part(chosen: Sequence[Pathology], repetitions: int, entities: int) -> Part:
    """Measure pathologies, and show them."""
    found = _measure(chosen, repetitions, entities)
    _show(found)
    return Part("pathologies", _document(found), _values(found))


def _measure(chosen: Sequence[Pathology], repetitions: int, entities: int) -> list[Measured]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        uri, _ = stack.enter_context(systems.mongod(folder / "data", CACHE_MB))
        broker = stack.enter_context(
            systems.broker(uri, folder / "broker.log", allowed_networks="127.0.0.0/8", history_interval="5")
        )
        measure.load(broker, entities)
        stage = Stage(broker, entities, stack.enter_context(sink()))
        for tenant in (QUIET, MANY, DEAD):
            stage.fill(tenant, TENANT_ENTITIES)
        return [_measured(each, stage, repetitions) for each in chosen]


def _measured(pathology: Pathology, stage: Stage, repetitions: int) -> Measured:
    console.print(f"{pathology.name} …")
    found = Measured(pathology)
    try:
        pair = pathology.prepare(stage)
        for _ in range(WARM_UP):
            pair.usual()
            pair.other()
        for _ in range(repetitions):
            found.repeat(pair)
    except RuntimeError as error:
        found.failed = str(error)
    return found


def _values(found: list[Measured]) -> dict[Key, Values]:
    return {(f"pathology-{each.pathology.name}", "p50"): Values(each.ratios, each.failed) for each in found}


def _show(found: list[Measured]) -> None:
    table = Table("pathology", "usual ms", "other ms", "ratio", title="Medians of repetitions")
    for each in found:
        if each.failed:
            table.add_row(each.pathology.title, "", "", each.failed)
            continue
        ratio = spread(each.ratios)
        shown = f"{ratio.median:.2f} ({ratio.least:.2f}–{ratio.greatest:.2f})"
        table.add_row(each.pathology.title, f"{median(each.usual):.2f}", f"{median(each.other):.2f}", shown)
    console.print(table)


def _document(found: list[Measured]) -> dict[str, Any]:
    return {
        each.pathology.name: {
            "title": each.pathology.title,
            "usual": each.usual,
            "other": each.other,
            "failed": each.failed,
        }
        for each in found
    }


if __name__ == "__main__":
    typer.run(main)
