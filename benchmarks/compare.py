"""`python -m benchmarks.compare ONE.json OTHER.json`: two results side by side, this broker's or another's."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.cases import System
from benchmarks.html import rates
from benchmarks.verdicts import spread


def table(one: Mapping[str, Any], other: Mapping[str, Any]) -> Table:
    """Per case that both have: rates, p99, and how they stand to each other; ± is half of the spread."""
    shown = Table(title=f"{_name(one)}   beside   {_name(other)}", title_justify="left")
    for number, column in enumerate(("case", "one /s", "other /s", "other ÷ one", "one p99 ms", "other p99 ms")):
        shown.add_column(column, justify="right" if number else "left")
    others = {case["name"]: case for case in other["cases"]}
    for case in one["cases"]:
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
        f"{theirs / own:.2f}",
        *(f"{spread([run['p99'] for run in each['runs'][System.BROKER]]).median:,.1f}" for each in (one, other)),
    )


def _half(case: Mapping[str, Any]) -> float:
    found = spread([run["rate"] for run in case["runs"][System.BROKER]])
    return (found.greatest - found.least) / 2 / found.median


def _name(result: Mapping[str, Any]) -> str:
    about = result["about"]
    return f"{about.get('broker', 'this broker')} {about['commit']}, {about['date'][:16]}"


def main(
    one: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    other: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
) -> None:
    """Show two results side by side."""
    console = Console()
    console.width = max(120, console.width)
    console.print(table(*(json.loads(path.read_text()) for path in (one, other))))


if __name__ == "__main__":
    typer.run(main)
