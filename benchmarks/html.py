"""`python -m benchmarks.html RESULT.json [--out FILE]`: a result as a page for people, with all it needs inside."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Annotated, Any, Final, TypeAlias

import typer
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from benchmarks.cases import CASES, System
from benchmarks.verdicts import Verdict

Document: TypeAlias = Mapping[str, Any]
"""A result, as `benchmarks.report.document` makes it."""

_TEMPLATES: Final = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")), autoescape=True, undefined=StrictUndefined
)
_GROUPED: Final = frozenset(case.name for case in CASES if case.grouped)


def page(result: Document) -> str:
    """The page."""
    cases = [_case(each) for each in result["cases"]]
    peers = result["peers"]
    return _TEMPLATES.get_template("report.html").render(
        about=result["about"],
        summary=summary(result["verdicts"]),
        verdicts=[_verdict(each) for each in result["verdicts"]],
        cases=cases,
        systems=[system["name"] for system in peers["systems"]],
        versions=peers["versions"],
        peers=[
            {"title": case["title"], "own": case["bars"][0]["rate"], "rates": row["rates"]}
            for row in peers["row"]
            for case in cases
            if case["name"] == row["case"]
        ],
    )


def summary(verdicts: Sequence[Mapping[str, Any]]) -> str:
    """How many targets are met, missed, …"""
    counted = Counter(each["verdict"] for each in verdicts)
    return f"Of {len(verdicts)} targets " + ", ".join(f"{counted[each]} {each}" for each in Verdict) + "."


def rates(case: Mapping[str, Any]) -> dict[str, float]:
    """System to the median of its rates: requests a second; of batches, entities."""
    unit = case["size"] if case["name"] in _GROUPED else 1
    return {system: median(run["rate"] for run in runs) * unit for system, runs in case["runs"].items() if runs}


def _case(case: Mapping[str, Any]) -> dict[str, Any]:
    batch = case["name"] in _GROUPED and case["size"] > 1  # beside H, which stores nothing, the others would be dots
    shown = {system: rate for system, rate in rates(case).items() if not (batch and system == System.HTTP)}
    most = max(shown.values())
    own = case["runs"][System.BROKER]
    return {
        "name": case["name"],
        "title": case["title"],
        "bars": [
            {"system": system, "rate": rate, "width": round(100 * rate / most, 2)} for system, rate in shown.items()
        ],
        "errors": sum(run["errors"] for runs in case["runs"].values() for run in runs),
    } | {name: median(run[name] for run in own) for name in ("p50", "p99", "cpu_us", "mongod_us")}


def _verdict(verdict: Mapping[str, Any]) -> dict[str, Any]:
    values = verdict["values"] or [0.0]
    at_least, bound, goal = verdict["at_least"], verdict["at_least"] or verdict["at_most"], verdict["goal"]
    most = max(*values, bound, goal or 0.0) * 1.1
    least, greatest = min(values), max(values)
    return {
        "case": verdict["case"],
        "ratio": verdict["ratio"],
        "bound": f"≥ {bound}" if at_least is not None else f"≤ {bound}",
        "goal": goal,
        "median": median(values),
        "least": least,
        "greatest": greatest,
        "left": 100 * least / most,
        "width": 100 * (greatest - least) / most,
        "median_at": 100 * median(values) / most,
        "bound_at": 100 * bound / most,
        "goal_at": 100 * (goal or 0.0) / most,
        "verdict": verdict["verdict"],
        "void": verdict["void"],
    }


def main(
    result: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A file of benchmarks/results.")],
    out: Annotated[Path | None, typer.Option(help="Where to write the page; beside the result, if absent.")] = None,
) -> None:
    """Write the page of a result."""
    path = out or result.with_suffix(".html")
    path.write_text(page(json.loads(result.read_text())))
    typer.echo(f"Written to {path}.")


if __name__ == "__main__":
    typer.run(main)
