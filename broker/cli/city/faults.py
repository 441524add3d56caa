"""What goes wrong with one report in a hundred: none of it makes it invalid NGSI-LD."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final

SHARE: Final = 0.01
"""Part of the reports that have a fault."""
LONGEST: Final = 600.0
"""Seconds that a report is under way at most."""

Report = dict[str, Any]
Fault = Callable[[Report, float, Random], Sequence[tuple[float, Report]]]
"""Report, seconds between two of its entity, random numbers -> what arrives, and how many seconds later."""


def missing(_report: Report, _every: float, _random: Random) -> Sequence[tuple[float, Report]]:
    """Nothing arrives."""
    return ()


def late(report: Report, _every: float, random: Random) -> Sequence[tuple[float, Report]]:
    """It takes its time; its observedAt is old then."""
    return ((30 + (LONGEST - 30) * random.random(), report),)


def doubled(report: Report, _every: float, _random: Random) -> Sequence[tuple[float, Report]]:
    """It arrives twice."""
    return ((0.0, report), (0.0, report))


def overtaken(report: Report, every: float, _random: Random) -> Sequence[tuple[float, Report]]:
    """It arrives after the entity's next one, if that is not too far away."""
    return ((min(1.5 * every, LONGEST), report),)


def absurd(report: Report, _every: float, random: Random) -> Sequence[tuple[float, Report]]:
    """One of its numbers is beyond all bounds."""
    numbers = [
        name
        for name, attribute in report.items()
        if isinstance(attribute, dict) and type(attribute.get("value")) in (int, float)
    ]
    if not numbers:
        return ((0.0, report),)
    name = numbers[int(random.random() * len(numbers))]
    value = -9999 if random.random() < 0.5 else (report[name]["value"] + 1) * 1_000_000
    return ((0.0, report | {name: report[name] | {"value": value}}),)


FAULTS: Final[tuple[Fault, ...]] = (missing, late, doubled, overtaken, absurd)


def draw(random: Random) -> Fault | None:
    """A fault for one report in a hundred."""
    chance = random.random()
    return FAULTS[int(chance / SHARE * len(FAULTS))] if chance < SHARE else None
