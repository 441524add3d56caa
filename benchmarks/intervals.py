"""Between which of the measured values a median lies, by order statistics."""

import math
from collections.abc import Sequence
from statistics import median
from typing import Final, NamedTuple

CONFIDENCE: Final = 0.95


class Interval(NamedTuple):
    """The median of ratios, and between which two of them the true one lies."""

    low: float
    median: float
    high: float

    def says(self) -> str:
        """`slower`, `faster`, or `same`."""
        if self.high < 1:
            return "slower"
        return "faster" if self.low > 1 else "same"

    def turned(self) -> "Interval":
        """That of the inverse ratios: of what is better the less it is."""
        return Interval(1 / self.high, 1 / self.median, 1 / self.low)


def interval(values: Sequence[float]) -> Interval:
    """The interval of the median by order statistics (the sign test turned around); all values if they are few."""
    ordered = sorted(values)
    outside = 0
    while 1 - 2 * _at_most(outside, len(ordered)) >= CONFIDENCE:
        outside += 1
    low = max(0, outside - 1)
    return Interval(ordered[low], median(ordered), ordered[-1 - low])


def _at_most(heads: int, throws: int) -> float:
    """The chance of so few heads."""
    return math.fsum(math.comb(throws, each) / 2.0**throws for each in range(heads + 1))
