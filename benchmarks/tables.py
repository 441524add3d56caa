"""The report as tables for people."""

from collections.abc import Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from benchmarks import report, verdicts
from benchmarks.cases import System
from benchmarks.intervals import interval
from benchmarks.measure import Run
from benchmarks.report import Report
from benchmarks.verdicts import OF_HTTP, Judgement, Spread, Verdict, spread

WIDTH: Final = 150
STYLES: Final = {Verdict.MET: "green", Verdict.MISSED: "bold red", Verdict.UNDECIDED: "yellow", Verdict.VOID: "magenta"}
RATIOS: Final = ("broker/H", "broker/D", "broker/naive", "efficiency")


def show(found: Report, console: Console) -> None:
    """Print everything."""
    console.width = max(WIDTH, console.width)
    about = found.about
    console.print(
        f"\nCommit {about['commit']}, {about['date']}: {about['cores']} cores ({about['processor']}), "
        f"Python {about['python']}, MongoDB {about['mongod']}, {about['entities']} entities, "
        f"{about.get('broker', 'one worker')}, "
        f"{about['repetitions']} repetitions."
    )
    for table in (_rates(found), _costs(found), _starvation(found), _peers(found), judgements(found.judgements)):
        if table.row_count:
            console.print(table)


def _table(title: str, *columns: str) -> Table:
    """A table whose first column is text and whose others are numbers."""
    table = Table(title=title, title_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left")
    return table


def _rates(found: Report) -> Table:
    table = _table("A second: requests; of batches, entities. Medians, ± half the spread", "case", *System, *RATIOS)
    for result in found.cases:
        ratios = verdicts.ratios(result.runs)
        medians = [f"{spread(ratios[name]).median:.2f}" if name in ratios else "" for name in RATIOS]
        table.add_row(result.case.title, *(_spread(result.rates(system)) for system in System), *medians)
    return table


def _costs(found: Report) -> Table:
    columns = (
        "p50 ms",
        "p99 ms",
        "broker µs",
        "mongod µs",
        "H µs",
        "D µs",
        "D: mongod µs",
        "group",
        "errors",
        "client",
    )
    table = _table("The broker: latencies, CPU time a request. Medians", "case", *columns)
    for result in found.cases:
        own, raw, http = (result.runs[system] for system in (System.BROKER, System.STORE, System.HTTP))
        client = max((run.client_cpu for run in http), default=0.0)
        void = verdicts.void_reason(result.runs, next(iter(OF_HTTP)))
        table.add_row(
            result.case.title,
            *(f"{_median(own, name):.1f}" for name in ("p50", "p99")),
            *(f"{_median(own, name):,.0f}" for name in ("cpu_us", "mongod_us")),
            f"{_median(http, 'cpu_us'):,.0f}",
            *(f"{_median(raw, name):,.0f}" for name in ("cpu_us", "mongod_us")),
            f"{_median(own, 'group'):.0f}" if result.case.grouped else "",
            str(sum(run.errors for runs in result.runs.values() for run in runs)),
            f"{client:.0%}" + (" H void" if void else ""),
        )
    return table


def _starvation(found: Report) -> Table:
    title = "Starvation: updates of 32 clients, alone and beside a client with batches of 1000"
    latencies = ("alone p50 / p99 ms", "beside p50 / p99 ms", "p99 ratio")
    table = _table(title, "workers", *latencies, "alone /s", "beside /s", "batches: entities/s", "conflicts")
    for measured in found.starvation:
        table.add_row(
            str(measured.workers),
            f"{measured.alone.p50:.1f} / {measured.alone.p99:.1f}",
            f"{measured.beside.p50:.1f} / {measured.beside.p99:.1f}",
            f"{measured.ratio:.1f}",
            f"{measured.alone.rate:,.0f}",
            f"{measured.beside.rate:,.0f}",
            f"{measured.batches.rate * 1000:,.0f}",
            f"{measured.conflicts:,.0f}",
        )
    return table


def _peers(found: Report) -> Table:
    peers: dict[str, Any] = report.peers()
    systems = peers["systems"]
    names = [system["name"] for system in systems]
    table = _table(
        "Other brokers, measured elsewhere, for orientation", "case", "this broker", *names, "× best on database"
    )
    results = {result.case.name: result for result in found.cases}
    for row in peers["row"]:
        result = results.get(row["case"])
        own = result.rates(System.BROKER) if result else None
        if result and own:
            best = max(rate for rate, system in zip(row["rates"], systems, strict=True) if system["database"])
            rates = [f"{rate:,}" for rate in row["rates"]]
            table.add_row(result.case.title, f"{own.median:,.0f}", *rates, f"{own.median / best:.1f}")
    table.caption = peers["versions"]
    return table


def judgements(found: Sequence[Judgement]) -> Table:
    """The verdicts."""
    table = _table("Verdicts", "case", "ratio", "bound", "goal", "median", "from", "to", "verdict")
    for target, values, verdict, void in found:
        bound = f"≥ {target.at_least}" if target.at_least is not None else f"≤ {target.at_most}"
        low, middle, high = interval(values) if values else ("", "", "")
        numbers = [f"{value:.2f}" for value in (middle, low, high)] if values else [""] * 3
        said = f"[{STYLES[verdict]}]{verdict}[/]" + (f": {void}" if void else "")
        table.add_row(target.case, target.ratio, bound, str(target.goal or ""), *numbers, said)
    return table


def _spread(found: Spread | None) -> str:
    if found is None:
        return ""
    half = (found.greatest - found.least) / 2 / found.median if found.median else 0.0
    return f"{found.median:,.0f} ±{half:.0%}"


def _median(runs: Sequence[Run], name: str) -> float:
    """0 if nothing was measured."""
    return spread([getattr(run, name) for run in runs]).median if runs else 0.0
