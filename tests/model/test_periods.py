"""Periods of aggregation: calendar months, fixed lengths, one for all."""

import pytest

from broker.model.periods import Periods, add
from broker.model.series import microseconds
from broker.model.temporal import Duration

DAY = 86_400_000_000

CASES = (
    (Duration(0, DAY), "2026-01-01T00:00:00Z", "2026-01-03T23:59:59Z", "2026-01-03T00:00:00Z", "2026-01-04T00:00:00Z"),
    (Duration(0, DAY), "2026-01-01T06:30:00Z", "2026-01-02T06:29:59Z", "2026-01-01T06:30:00Z", "2026-01-02T06:30:00Z"),
    (Duration(1), "2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z"),
    (Duration(1), "2026-01-31T00:00:00Z", "2026-03-01T00:00:00Z", "2026-02-28T00:00:00Z", "2026-03-31T00:00:00Z"),
    (Duration(12), "2024-02-29T00:00:00Z", "2026-01-01T00:00:00Z", "2025-02-28T00:00:00Z", "2026-02-28T00:00:00Z"),
    (Duration(1, DAY), "2026-01-01T00:00:00Z", "2026-02-01T12:00:00Z", "2026-01-01T00:00:00Z", "2026-02-02T00:00:00Z"),
)


@pytest.mark.parametrize(("duration", "origin", "time", "start", "end"), CASES)
def test_the_period_of_an_instant(duration: Duration, origin: str, time: str, start: str, end: str) -> None:
    periods = Periods(duration, origin)
    assert periods.bounds(periods.number(microseconds(time))) == (start, end)


def test_no_duration_is_one_period_up_to_the_end() -> None:
    origin, end = "2026-01-01T00:00:00Z", "2026-05-01T00:00:00Z"
    periods = Periods(Duration(), origin, microseconds(end))
    assert periods.bounds(periods.number(microseconds("2026-04-01T00:00:00Z"))) == (origin, end)


def test_the_last_period_ends_with_the_window() -> None:
    periods = Periods(Duration(1), "2026-01-01T00:00:00Z", microseconds("2026-02-10T00:00:00Z"))
    assert periods.bounds(1) == ("2026-02-01T00:00:00Z", "2026-02-10T00:00:00Z")


@pytest.mark.parametrize(
    ("moment", "duration", "later"),
    [
        ("2026-03-31T00:00:00Z", Duration(-1), "2026-02-28T00:00:00Z"),
        ("2026-03-31T00:00:00Z", Duration(0, -DAY), "2026-03-30T00:00:00Z"),
        ("2026-12-31T00:00:00Z", Duration(12 * 8000), None),
        ("0001-01-01T00:00:00Z", Duration(0, -DAY), None),
        ("0001-01-01T00:00:00Z", Duration(-1), None),
    ],
)
def test_a_duration_before_or_after(moment: str, duration: Duration, later: str | None) -> None:
    assert add(moment, duration) == later
