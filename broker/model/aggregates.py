"""Aggregates of a series, finished from its summaries (GS CIM 009 §4.5.19).

Which methods values are eligible for depends on their class: numbers for all, booleans too, as 0 and 1; arrays by their
size; strings by their order; of dates, the first and the last; of anything, how many there are. A period with values of
several classes is told by those of the first class in the table that is eligible.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from math import inf, isfinite, sqrt
from typing import Any, Final, TypeAlias

from broker.model.temporal import Period, Summary

Finish: TypeAlias = Callable[[Summary], Any]


_MIDNIGHT: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _average(summary: Summary) -> float:
    return summary.total / summary.count


def _deviation(summary: Summary) -> float:
    """Of the population; what rounding makes negative is none. Infinite if the squares are."""
    variance = summary.squares / summary.count - _average(summary) ** 2
    return sqrt(max(variance, 0.0)) if isfinite(variance) else inf


def _average_time(summary: Summary) -> str:
    moment = _MIDNIGHT + timedelta(seconds=_average(summary))
    fraction = f".{moment.microsecond:06d}".rstrip("0") if moment.microsecond else ""
    return f"{moment:%H:%M:%S}{fraction}Z"


def _least(summary: Summary) -> Any:
    return summary.least


def _greatest(summary: Summary) -> Any:
    return summary.greatest


_OF_SIZES: Final[Mapping[str, Finish]] = {
    "avg": _average,
    "min": lambda summary: float(summary.least or 0),
    "max": lambda summary: float(summary.greatest or 0),
    "sum": lambda summary: float(summary.total),
}
_OF_NUMBERS: Final[Mapping[str, Finish]] = {
    **_OF_SIZES,
    "stddev": _deviation,
    "sumsq": lambda summary: float(summary.squares),
}
_OF_ORDER: Final[Mapping[str, Finish]] = {"min": _least, "max": _greatest}
ELIGIBLE: Final[Mapping[str, Mapping[str, Finish]]] = {
    "number": _OF_NUMBERS,
    "boolean": _OF_NUMBERS,
    "array": _OF_SIZES,
    "string": _OF_ORDER,
    "DateTime": _OF_ORDER,
    "Date": _OF_ORDER,
    "Time": {**_OF_ORDER, "avg": _average_time},
    "object": {},
    "uri": {},
}
"""By class of values, the methods that they are eligible for, besides the counts."""

TOTAL_COUNT: Final = "totalCount"
DISTINCT_COUNT: Final = "distinctCount"
_COUNTS: Final[Mapping[str, Finish]] = {
    TOTAL_COUNT: lambda summary: summary.count,
    DISTINCT_COUNT: lambda summary: summary.distinct,
}
METHODS: Final = (*_COUNTS, *_OF_NUMBERS)
"""All methods."""


def aggregated(method: str, periods: Iterable[Period]) -> list[list[Any]]:
    """[value, start, end] of each period that has a value eligible for the method."""
    found = ((finished(method, period.summaries), period) for period in periods)
    return [[value, period.start, period.end] for value, period in found if value is not None and _is_finite(value)]


def _is_finite(value: Any) -> bool:
    """JSON has no word for what is beyond all numbers."""
    return not isinstance(value, float) or isfinite(value)


def finished(method: str, summaries: Iterable[Summary]) -> Any:
    """The aggregate of all values of a period; None if none of them is eligible."""
    count = _COUNTS.get(method)
    if count is not None:
        return sum(map(count, summaries))
    by_class = {summary.kind: summary for summary in summaries}
    if "number" in by_class and "boolean" in by_class:
        by_class["number"] = _together(by_class.pop("number"), by_class.pop("boolean"))
    for name, methods in ELIGIBLE.items():
        if name in by_class and method in methods:
            return methods[method](by_class[name])
    return None


def _together(numbers: Summary, booleans: Summary) -> Summary:
    """Numbers and booleans are one class: a boolean counts as 0 or 1."""
    extremes = [float(each) for one in (numbers, booleans) for each in (one.least, one.greatest) if each is not None]
    return Summary(
        numbers.kind,
        numbers.count + booleans.count,
        numbers.total + booleans.total,
        numbers.squares + booleans.squares,
        min(extremes),
        max(extremes),
    )
