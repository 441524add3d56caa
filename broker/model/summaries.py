"""Summaries of values, class by class: what aggregates are finished from (GS CIM 009 §4.5.19).

Summaries of parts add up to that of the whole, so that a block of history is summed up once and for all.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import orjson
from numpy.typing import NDArray

from broker.model.columns import Floats
from broker.model.entity import Instance
from broker.model.temporal import Summary

NUMBER: Final = "number"
_TYPED: Final = frozenset({"DateTime", "Date", "Time"})


class Value(NamedTuple):
    """A value as it is aggregated: its class, the number that it counts as, and what it is ordered by."""

    kind: str
    number: float
    order: float | str | None
    identity: Any


class _Sum:
    """A summary in the making."""

    __slots__ = ("count", "greatest", "least", "seen", "squares", "total")

    def __init__(self) -> None:
        self.count = 0
        self.total = 0.0
        self.squares = 0.0
        self.least: Any = None
        self.greatest: Any = None
        self.seen: set[Any] = set()

    def add(self, count: int, total: float, squares: float, least: Any, greatest: Any) -> None:
        self.count += count
        self.total += total
        self.squares += squares
        if least is not None:
            self.least = least if self.least is None or least < self.least else self.least
            self.greatest = greatest if self.greatest is None or greatest > self.greatest else self.greatest


class Sums:
    """The summaries of one period of a series, by class; `distinct`: different values are counted, too."""

    __slots__ = ("_distinct", "_sums")

    def __init__(self, *, distinct: bool) -> None:
        self._distinct = distinct
        self._sums: dict[str, _Sum] = {}

    def add(self, summary: Summary) -> None:
        """Add a summary, which says nothing of different values."""
        into = self._of(summary.kind)
        into.add(summary.count, summary.total, summary.squares, summary.least, summary.greatest)

    def add_numbers(self, numbers: Floats) -> None:
        """Add at least one number."""
        into = self._of(NUMBER)
        into.add(*summed(numbers))
        if self._distinct:
            into.seen.update(numbers.tolist())

    def add_instance(self, instance: Instance) -> None:
        """Add the value of an instance."""
        value = valued(instance)
        into = self._of(value.kind)
        into.add(1, value.number, value.number * value.number, value.order, value.order)
        if self._distinct:
            into.seen.add(value.identity)

    def summaries(self) -> tuple[Summary, ...]:
        """What was added, by class."""
        return tuple(
            Summary(kind, each.count, each.total, each.squares, each.least, each.greatest, len(each.seen))
            for kind, each in sorted(self._sums.items())
        )

    def _of(self, kind: str) -> _Sum:
        found = self._sums.get(kind)
        if found is None:
            found = self._sums[kind] = _Sum()
        return found


def summed(numbers: Floats) -> tuple[int, float, float, float, float]:
    """Count, sum, sum of squares, least and greatest of at least one number."""
    with np.errstate(over="ignore"):
        squares = float(np.dot(numbers, numbers))
        return len(numbers), float(numbers.sum()), squares, float(numbers.min()), float(numbers.max())


def by_period(periods: NDArray[np.int64], numbers: Floats) -> Iterable[tuple[int, Floats]]:
    """The numbers of each period, given the number of the period of each."""
    order = np.argsort(periods, kind="stable")
    periods, numbers = periods[order], numbers[order]
    starts = np.flatnonzero(np.diff(periods, prepend=periods[0] - 1))
    return zip(periods[starts].tolist(), np.split(numbers, starts[1:]), strict=True)


def valued(instance: Instance) -> Value:
    """The value of an instance as it is aggregated."""
    kind: str = instance["type"]
    member, read = _READERS[kind]
    return read(instance[member])


def _property(value: Any) -> Value:
    if value.__class__ is bool:
        return Value("boolean", float(value), float(value), value)
    if value.__class__ is int or value.__class__ is float:
        return Value(NUMBER, float(value), float(value), float(value))
    if value.__class__ is str:
        return Value("string", 0, value, value)
    if value.__class__ is list:
        return _array(value)
    if value.__class__ is dict and "@value" in value:
        return _typed(value)
    return _object(value)


def _typed(value: dict[str, Any]) -> Value:
    kind = str(value.get("@type", "")).rpartition("/")[2]
    content = value["@value"]
    if kind in _TYPED and content.__class__ is str:
        return Value(kind, _seconds(content) if kind == "Time" else 0, content, content)
    if kind == "@json" and content.__class__ in (dict, type(None)):
        return _object(content)
    return _property(content) if content.__class__ is not dict else _object(content)


def _seconds(time: str) -> float:
    """Seconds of the day of a Time."""
    hours, minutes, seconds = time.removesuffix("Z").split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def _array(value: list[Any]) -> Value:
    return Value("array", len(value), float(len(value)), orjson.dumps(value))


def _object(value: Any) -> Value:
    return Value("object", 0, None, orjson.dumps(value, option=orjson.OPT_SORT_KEYS))


def _json(value: Any) -> Value:
    return _object(value) if value.__class__ is dict or value is None else _property(value)


def _uri(value: Any) -> Value:
    return Value("uri", 0, None, value if value.__class__ is str else orjson.dumps(value))


_Reader: TypeAlias = Callable[[Any], Value]
_READERS: Final[dict[str, tuple[str, _Reader]]] = {
    "Property": ("value", _property),
    "GeoProperty": ("value", _object),
    "Relationship": ("object", _uri),
    "LanguageProperty": ("languageMap", _object),
    "VocabProperty": ("vocab", _uri),
    "JsonProperty": ("json", _json),
    "ListProperty": ("valueList", _array),
    "ListRelationship": ("objectList", _array),
}
"""By kind of attribute: the member that holds its value, and how that is aggregated."""
