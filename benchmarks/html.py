"""`python -m benchmarks.html RESULT.json [--out FILE]`: a result as a page for people, with all it needs inside."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Annotated, Any, Final, TypeAlias

import typer
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from benchmarks import titles
from benchmarks.cases import CASES, System
from benchmarks.intervals import interval
from benchmarks.verdicts import Verdict

Document: TypeAlias = Mapping[str, Any]
"""A result, as `benchmarks.report.document` makes it."""

_TEMPLATES: Final = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")), autoescape=True, undefined=StrictUndefined
)
ORDER: Final = (Verdict.MISSED, Verdict.VOID, Verdict.UNDECIDED, Verdict.MET)
"""What asks for attention comes first."""
_GROUPED: Final = frozenset(case.name for case in CASES if case.grouped)


def page(result: Document) -> str:
    """The page."""
    cases = [_case(each) for each in result["cases"]]
    peers = result["peers"]
    return _TEMPLATES.get_template("report.html").render(
        about={"broker": ""} | dict(result["about"]),
        summary=summary(result["verdicts"]),
        counted=counted(result["verdicts"]),
        verdicts=sorted(map(_verdict, result["verdicts"]), key=lambda each: ORDER.index(each["verdict"])),
        kept=_kept(result),
        deliveries=_deliveries(result),
        queries=_kinds(result),
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
    found = counted(verdicts)
    return f"Of {len(verdicts)} targets " + ", ".join(f"{found[each]} {each}" for each in Verdict) + "."


def counted(verdicts: Sequence[Mapping[str, Any]]) -> Counter[str]:
    """Verdict to how many have it."""
    return Counter(each["verdict"] for each in verdicts)


def rates(case: Mapping[str, Any]) -> dict[str, float]:
    """System to the median of its rates: requests a second; of batches, entities."""
    unit = case["size"] if case["name"] in _GROUPED else 1
    return {system: median(run["rate"] for run in runs) * unit for system, runs in case["runs"].items() if runs}


def _case(case: Mapping[str, Any]) -> dict[str, Any]:
    batch = case["name"] in _GROUPED and case["size"] > 1  # beside H, which stores nothing, the others would be dots
    shown = {system: rate for system, rate in rates(case).items() if not (batch and system == System.HTTP)}
    most = max(shown.values()) or 1.0
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
    """A row of the verdicts; `…_at` are per cent of one scale for all: the bound in the middle, good on the right."""
    at_least, values = verdict["at_least"] is not None, verdict["values"]
    bound, goal = verdict["at_least" if at_least else "at_most"], verdict["goal"]

    def place(value: float) -> float:
        """The bound is at 50, a value that is twice as good at 100."""
        part = (value / bound if at_least else bound / value) if value and bound else float(2 * (value == bound))
        return round(min(2.0, part) * 50, 2)

    found = interval(values) if values else None
    ends = sorted(map(place, (found.low, found.high))) if found else [0.0, 0.0]
    return {
        "title": titles.title(verdict["case"]),
        "ratio": titles.ratio(verdict["case"], verdict["ratio"]),
        "name": f"{verdict['case']} {verdict['ratio']}",
        "bound": f"{'≥' if at_least else '≤'} {bound}",
        "values": [found.median, found.low, found.high] if found else None,
        "left": ends[0],
        "width": max(ends[1] - ends[0], 0.8),
        "median_at": place(found.median) if found else None,
        "goal": goal,
        "goal_at": place(goal) if goal else None,
        "verdict": verdict["verdict"],
        "void": verdict["void"],
    }


def _kept(result: Document) -> list[dict[str, Any]]:
    """What was looked for after the load."""
    checks: Mapping[str, Any] = result.get("kept", {}).get("checks", {})
    return [{"kind": kind} | {name: check[name] for name in ("checked", "lost")} for kind, check in checks.items()]


def _deliveries(result: Document) -> dict[str, float] | None:
    """Medians of the rounds of notifications: a second, and milliseconds."""
    rounds = result.get("notifications", {}).get("rounds")
    if not rounds:
        return None
    rates = {name: median(each[name] for each in rounds) for name in ("bare", "broker", "with_sick")}
    return rates | {name: median(each["half_load"]["from_commit"][name] for each in rounds) for name in ("p50", "p99")}


def _kinds(result: Document) -> dict[str, Any] | None:
    """The kinds of queries: p95 at each size, medians, milliseconds."""
    found = result.get("queries")
    if not found:
        return None
    sizes = [str(size) for size in found["sizes"]]
    rows = [
        {"title": kind["title"], "p95": [median(each[size]["p95"] for each in kind["latencies"]) for size in sizes]}
        for kind in found["kinds"].values()
    ]
    most = max(max(row["p95"]) for row in rows)
    for row in rows:
        row["widths"] = [round(100 * value / most, 2) for value in row["p95"]]
    return {"sizes": [int(size) for size in sizes], "rows": rows}


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
