"""`python -m benchmarks --compare ONE.json OTHER.json`: two results side by side, this broker's or another's.

Rates, and of the ratios that are judged the intervals of their medians: those of two runs of one commit overlap.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.cases import System
from benchmarks.html import rates
from benchmarks.intervals import Interval, interval
from benchmarks.verdicts import spread

FEWEST: Final = 10
"""Repetitions from which on an interval is one: below, it is all that was seen."""


class Gated(NamedTuple):
    """A ratio that is judged, in two results."""

    name: str
    one: Interval
    other: Interval
    repetitions: int
    """The fewer of the two."""

    @property
    def overlaps(self) -> bool:
        """Whether a value can be both medians."""
        return self.one.low <= self.other.high and self.other.low <= self.one.high


def gated(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[Gated]:
    """The ratios of targets that both results have."""
    values = [
        {f"{each['case']} {each['ratio']}": each["values"] for each in result["verdicts"] if each["values"]}
        for result in (one, other)
    ]
    return [
        Gated(name, interval(own), interval(values[1][name]), min(len(own), len(values[1][name])))
        for name, own in values[0].items()
        if name in values[1]
    ]


def intervals(found: Sequence[Gated]) -> Table:
    """The intervals, and whether they overlap."""
    shown = Table(title="Judged ratios: intervals of their medians", title_justify="left")
    for number, column in enumerate(("ratio", "one", "other", "")):
        shown.add_column(column, justify="right" if number else "left")
    for each in found:
        said = "overlap" if each.overlaps else "[bold red]apart[/]"
        few = f"; of {each.repetitions} repetitions" if each.repetitions < FEWEST else ""
        shown.add_row(each.name, *(f"{low:.2f} – {high:.2f}" for low, _, high in (each.one, each.other)), said + few)
    if any(each.repetitions < FEWEST for each in found):
        shown.caption = f"With fewer than {FEWEST} repetitions the ends are the least and the greatest that were seen."
    return shown


def table(one: Mapping[str, Any], other: Mapping[str, Any]) -> Table:
    """Per case that both have: rates, p99, and how they stand to each other; ± is half of the spread."""
    shown = Table(title=f"{_name(one)}   beside   {_name(other)}", title_justify="left")
    for number, column in enumerate(("case", "one /s", "other /s", "other ÷ one", "one p99 ms", "other p99 ms")):
        shown.add_column(column, justify="right" if number else "left")
    others = {case["name"]: case for case in other.get("cases", ())}
    for case in one.get("cases", ()):
        if case["name"] in others:
            shown.add_row(case["title"], *_row(case, others[case["name"]]))
    if one["about"]["cores"] != other["about"]["cores"] or one["about"]["processor"] != other["about"]["processor"]:
        shown.caption = "The machines differ: so do their rates, whatever the brokers are."
    return shown


def _row(one: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[str, ...]:
    own, theirs = rates(one)[System.BROKER], rates(other)[System.BROKER]
    return (
        f"{own:,.0f} ±{_half(one):.0%}",
        f"{theirs:,.0f} ±{_half(other):.0%}",
        f"{theirs / own:.2f}" if own else "",
        *(f"{spread([run['p99'] for run in each['runs'][System.BROKER]]).median:,.1f}" for each in (one, other)),
    )


def _half(case: Mapping[str, Any]) -> float:
    found = spread([run["rate"] for run in case["runs"][System.BROKER]])
    return (found.greatest - found.least) / 2 / found.median if found.median else 0.0


def _name(result: Mapping[str, Any]) -> str:
    about = result["about"]
    return f"{about.get('broker', 'this broker')} {about['commit']}, {about['date'][:16]}"


def main(
    one: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    other: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
) -> None:
    """Show two results side by side. Raises SystemExit: 1 if intervals of one commit on one machine lie apart."""
    console = Console()
    console.width = max(120, console.width)
    results = [json.loads(path.read_text()) for path in (one, other)]
    found = gated(*results)
    for shown in (table(*results), intervals(found)):
        if shown.row_count:
            console.print(shown)
    same = results[0]["about"]["commit"] == results[1]["about"]["commit"]
    raise SystemExit(1 if same and not all(each.overlaps for each in found if each.repetitions >= FEWEST) else 0)


if __name__ == "__main__":
    typer.run(main)
