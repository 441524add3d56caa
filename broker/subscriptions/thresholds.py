"""Conditions on numbers in order, so that those that a number does not meet are never looked at."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Generic

from broker.query.ast import Operator
from broker.subscriptions.buckets import V

_UPWARDS = frozenset({Operator.GREATER, Operator.GREATER_EQUAL})


class Thresholds(Generic[V]):
    """Entries by the number that a value must be beyond; an equal one finds them, too: they only narrow down."""

    __slots__ = ("_above", "_below")

    def __init__(self) -> None:
        self._above: _Ordered[V] = _Ordered()
        self._below: _Ordered[V] = _Ordered()

    def __bool__(self) -> bool:
        return bool(self._above.bounds or self._below.bounds)

    def add(self, operator: Operator, bound: float, entry: V) -> None:
        """Put an entry."""
        (self._above if operator in _UPWARDS else self._below).add(bound, entry)

    def remove(self, operator: Operator, bound: float, entry: V) -> None:
        """Take an entry away."""
        (self._above if operator in _UPWARDS else self._below).remove(bound, entry)

    def collect(self, numbers: Sequence[float], found: set[V]) -> None:
        """Add the entries that one of the numbers may meet."""
        if numbers:
            found.update(self._above.entries[: bisect_right(self._above.bounds, max(numbers))])
            found.update(self._below.entries[bisect_left(self._below.bounds, min(numbers)) :])


class _Ordered(Generic[V]):
    """Bounds in order, and beside each its entry."""

    __slots__ = ("bounds", "entries")

    def __init__(self) -> None:
        self.bounds: list[float] = []
        self.entries: list[V] = []

    def add(self, bound: float, entry: V) -> None:
        at = bisect_right(self.bounds, bound)
        self.bounds.insert(at, bound)
        self.entries.insert(at, entry)

    def remove(self, bound: float, entry: V) -> None:
        first, end = bisect_left(self.bounds, bound), bisect_right(self.bounds, bound)
        for at in range(first, end):
            if self.entries[at] is entry:
                del self.bounds[at], self.entries[at]
                return
