"""Notifications beside N, a bare loop of POSTs to the same sink: benchmarks.notifications as a part of a run."""

import asyncio
from collections.abc import Sequence
from statistics import quantiles
from typing import Final

from rich.console import Console
from rich.table import Table

from benchmarks import notifications
from benchmarks.notifications import Round
from benchmarks.report import Part
from benchmarks.verdicts import Key, Values, spread

SUBSCRIPTIONS: Final = 100
UPDATES: Final = 30


def part(repetitions: int, console: Console) -> Part:
    """Measure deliveries, and show them."""
    rounds = asyncio.run(notifications.run(SUBSCRIPTIONS, UPDATES, repetitions, workers=1))
    console.print(_table(rounds))
    found = {"rounds": [each._asdict() | {"half_load": _percentiles(each)} for each in rounds]}
    return Part("notifications", found, _values(rounds))


def _values(rounds: Sequence[Round]) -> dict[Key, Values]:
    return {
        ("notifications", "broker/N"): Values([each.broker / each.bare for each in rounds]),
        ("notifications", "p99 ms"): Values([_percentiles(each)["p99"] for each in rounds]),
        ("notifications", "sick"): Values([each.with_sick / each.broker for each in rounds]),
    }


def _percentiles(found: Round) -> dict[str, float]:
    """Milliseconds from an update to its receipts, at half of the load."""
    cuts = quantiles(found.half_load, n=100, method="inclusive")
    return {"p50": round(cuts[49] * 1000, 2), "p99": round(cuts[98] * 1000, 2)}


def _table(rounds: Sequence[Round]) -> Table:
    table = Table("", "median", "least", "greatest", title=f"Notifications a second, {SUBSCRIPTIONS} of each update")
    times = [_percentiles(each) for each in rounds]
    for title, values in (
        ("N", [each.bare for each in rounds]),
        ("broker", [each.broker for each in rounds]),
        ("broker, with dead and slow receivers", [each.with_sick for each in rounds]),
        ("p50 ms from update to receipt, half of the load", [each["p50"] for each in times]),
        ("p99 ms from update to receipt, half of the load", [each["p99"] for each in times]),
    ):
        table.add_row(title, *(f"{value:,.0f}" for value in spread(values)))
    return table
