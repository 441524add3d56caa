"""`python -m benchmarks.page RESULT.json`: put a result's figures into docs/benchmarks.md, between its two marks."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Annotated, Any, Final

import typer

from benchmarks import titles
from benchmarks.cases import System
from benchmarks.html import Document, rates, summary

PAGE: Final = Path(__file__).parents[1] / "docs" / "benchmarks.md"
BEGIN: Final = "<!-- figures: begin -->"
END: Final = "<!-- figures: end -->"


def figures(result: Document) -> str:
    """The figures as Markdown: rates of all systems, then the verdicts."""
    about = result["about"]
    head = (
        f"Commit {about['commit']}, {about['date'][:10]}: {about['cores']} cores ({about['processor']}), Python "
        f"{about['python']}, MongoDB {about['mongod']}, {about['entities']} entities, one worker, "
        f"{about['repetitions']} repetitions. {summary(result['verdicts'])}\n"
    )
    return "\n".join([head, *_rates(result), "", *_verdicts(result)])


def _rates(result: Document) -> Iterator[str]:
    yield "| Medians a second: requests; of batches, entities | broker | H | D | naive | p50 ms | p99 ms |"
    yield "|---|--:|--:|--:|--:|--:|--:|"
    for case in result["cases"]:
        found = rates(case)
        shown = (f"{found[each]:,.0f}" if each in found else "" for each in _columns())
        own = case["runs"][System.BROKER]
        times = (f"{median(run[name] for run in own):.1f}" for name in ("p50", "p99"))
        yield f"| {' | '.join([case['title'], *shown, *times])} |"


def _columns() -> tuple[System, ...]:
    return System.BROKER, System.HTTP, System.STORE, System.NAIVE


def _verdicts(result: Document) -> Iterator[str]:
    yield "| Target | Ratio | Bound | Median | Least – greatest | Verdict |"
    yield "|---|---|--:|--:|--:|---|"
    for each in result["verdicts"]:
        yield f"| {' | '.join(_verdict(each))} |"


def _verdict(verdict: Mapping[str, Any]) -> tuple[str, ...]:
    values = verdict["values"]
    bound = f"≥ {verdict['at_least']}" if verdict["at_least"] is not None else f"≤ {verdict['at_most']}"
    said = verdict["verdict"] + (f": {verdict['void']}" if verdict["void"] else "")
    middle = (f"{median(values):.2f}", f"{min(values):.2f} – {max(values):.2f}") if values else ("", "")
    ratio = titles.ratio(verdict["case"], verdict["ratio"])
    return titles.title(verdict["case"]), ratio, bound, *middle, said


def renewed(page: str, result: Document) -> str:
    """The page with these figures. Raises ValueError if its marks are not there."""
    found = re.sub(
        f"{re.escape(BEGIN)}.*{re.escape(END)}",
        lambda _: f"{BEGIN}\n{figures(result)}\n{END}",
        page,
        count=1,
        flags=re.DOTALL,
    )
    if BEGIN not in page or END not in page:
        raise ValueError(f"docs/benchmarks.md has no {BEGIN} … {END}")
    return found


def main(result: Annotated[Path, typer.Argument(exists=True, dir_okay=False)]) -> None:
    """Put a result's figures into docs/benchmarks.md."""
    PAGE.write_text(renewed(PAGE.read_text(), json.loads(result.read_text())))


if __name__ == "__main__":
    typer.run(main)
