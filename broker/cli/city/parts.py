"""Quantities that have parts which add up: what is taken and what is free, and three phases of a current."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from broker.cli.city.attributes import Attribute, Json, Maker, Steps, Subject


@dataclass(frozen=True, slots=True)
class Whole:
    """Something that is divided into taken and free parts, as the level says; the two always add up."""

    key: str
    low: int
    high: int

    def _make(self, live: bool, part: Callable[[int, int], float]) -> Attribute:
        low, span, key = self.low, self.high - self.low + 1, self.key

        def bind(_name: str, steps: Steps) -> Maker:
            step = steps(key)

            def make(subject: Subject) -> Json:
                total = low + int(subject.index * step % 1.0 * span)
                value = part(total, round(total * subject.level))
                attribute = {"type": "Property", "value": value, "unitCode": "C62"}
                if live:
                    attribute["observedAt"] = subject.at
                return attribute

            return make

        return Attribute(bind, live)

    def total(self) -> Attribute:
        """How much there is."""
        return self._make(False, lambda total, _taken: total)

    def taken(self) -> Attribute:
        """How much is taken."""
        return self._make(True, lambda _total, taken: taken)

    def left(self) -> Attribute:
        """How much is free."""
        return self._make(True, lambda total, taken: total - taken)

    def ratio(self) -> Attribute:
        """Taken by total, 0–1."""
        return self._make(True, lambda total, taken: round(taken / total, 3))


@dataclass(frozen=True, slots=True)
class Phases:
    """A quantity of three phases, and its sum."""

    low: float
    high: float
    unit: str
    decimals: int = 1

    def _values(self, subject: Subject) -> tuple[float, float, float]:
        mean = self.low + (self.high - self.low) * subject.level
        skew = mean * 0.04 * (subject.index % 7 - 3) / 3
        decimals = self.decimals
        return round(mean - skew, decimals), round(mean + skew / 2, decimals), round(mean + skew / 2, decimals)

    def _make(self, shape: Callable[[tuple[float, float, float]], Any]) -> Attribute:
        def make(subject: Subject) -> Json:
            value = shape(self._values(subject))
            return {"type": "Property", "value": value, "unitCode": self.unit, "observedAt": subject.at}

        return Attribute(lambda _name, _steps: make, live=True)

    def each(self) -> Attribute:
        """An object with a member for each phase."""
        return self._make(lambda values: {"L1": values[0], "L2": values[1], "L3": values[2]})

    def array(self) -> Attribute:
        """An array, phase by phase."""
        return self._make(list)

    def total(self) -> Attribute:
        """All phases together."""
        return self._make(lambda values: round(sum(values), self.decimals))
