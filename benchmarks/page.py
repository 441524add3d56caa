"""`python -m benchmarks.page RESULT.json …`: put results' figures into docs/benchmarks.md, between its marks.

The first is a run of `python -m benchmarks`; the moonshots take theirs from all of them, the later ones first.
"""

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Annotated, Any, Final

import typer

from benchmarks import titles
from benchmarks.cases import System
from benchmarks.html import Document, rates, summary
from benchmarks.intervals import interval

PAGE: Final = Path(__file__).parents[1] / "docs" / "benchmarks.md"
MOONSHOTS: Final = Path(__file__).with_name("moonshots.toml")
MISSING: Final = "not measured yet"
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
    yield "| Target | Ratio | Bound | Median | Its interval | Verdict |"
    yield "|---|---|--:|--:|--:|---|"
    for each in result["verdicts"]:
        yield f"| {' | '.join(_verdict(each))} |"


def _verdict(verdict: Mapping[str, Any]) -> tuple[str, ...]:
    values = verdict["values"]
    bound = f"≥ {verdict['at_least']}" if verdict["at_least"] is not None else f"≤ {verdict['at_most']}"
    said = verdict["verdict"] + (f": {verdict['void']}" if verdict["void"] else "")
    found = interval(values) if values else None
    middle = (f"{found.median:.2f}", f"{found.low:.2f} – {found.high:.2f}") if found else ("", "")
    ratio = titles.ratio(verdict["case"], verdict["ratio"])
    return titles.title(verdict["case"]), ratio, bound, *middle, said


def moonshots(results: Sequence[Document]) -> str:
    """The targets that we aim at, as Markdown: what was measured of each, or that nothing was, and how to."""
    head = ["| # | Target | Figure | | Command |", "|--:|---|--:|---|---|"]
    return "\n".join([*head, *(_moonshot(row, results) for row in tomllib.loads(MOONSHOTS.read_text())["row"])])


def _moonshot(row: Mapping[str, Any], results: Sequence[Document]) -> str:
    figure, said = row.get("figure", MISSING), row.get("verdict", "")
    medians: dict[str, float] = {}
    for result in results:
        measured = result.get("ratios", {})
        if max(result["about"].get("sizes", [result["about"]["entities"]])) >= row.get("entities", 0):
            medians |= {name: median(measured[name]) for name in row.get("ratios", ()) if measured.get(name)}
    if medians:
        at_most = row.get("at_most")
        name, worst = (min if at_most is None else max)(medians.items(), key=lambda each: each[1])
        figure = f"{worst:.2f}" + (f" ({name.split()[0]})" if len(row["ratios"]) > 1 else "")
        if "at_least" in row or at_most is not None:
            held = worst <= at_most if at_most is not None else worst >= row["at_least"]
            said = "there" if held else "not there"
    command = f"`{row['command']}`" if row["command"].startswith(("make", ".venv")) else row["command"]
    return f"| {row['number']} | {row['target']} | {figure} | {said} | {command} |"


def renewed(page: str, result: Document, more: Sequence[Document] = ()) -> str:
    """The page with these figures. Raises ValueError if its marks are not there."""
    for begin, end, text in (
        (BEGIN, END, figures(result)),
        (BEGIN.replace("figures", "moonshots"), END.replace("figures", "moonshots"), moonshots([result, *more])),
    ):
        if begin not in page or end not in page:
            raise ValueError(f"docs/benchmarks.md has no {begin} … {end}")
        before, _, rest = page.partition(begin)
        page = f"{before}{begin}\n{text}\n{end}{rest.partition(end)[2]}"
    return page


def main(results: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False)]) -> None:
    """Put results' figures into docs/benchmarks.md."""
    found = [json.loads(path.read_text()) for path in results]
    PAGE.write_text(renewed(PAGE.read_text(), found[0], found[1:]))


if __name__ == "__main__":
    typer.run(main)
