"""What an attribute of the sample city looks like and how its value comes about: the words of the fleets' tables.

Each function returns an `Attribute`. Bound to a fleet, it makes the normalized form of an attribute of one `Subject`.
Values derive from the entity's number and from the signals of the city, so nothing is remembered between two updates.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from broker.cli.city import town as streets
from broker.cli.city.moment import DAY, Signals, instant

EPOCH: Final = 1735689600.0
"""2025-01-01T00:00:00Z: static dates lie before it, meters count from it."""


class Subject:
    """The entity that is being made: which one of its fleet, where, and when. One object, used for all in turn."""

    __slots__ = ("at", "count", "counts", "index", "level", "place", "prefixes", "random", "signals", "t", "town")

    town: streets.Town
    counts: Mapping[str, int]
    """Fleet to the number of its entities."""
    prefixes: Mapping[str, str]
    """Fleet to the beginning of its ids."""
    random: Callable[[], float]
    signals: Signals
    t: float
    """Seconds since 1970."""
    at: str
    """`t` as a DateTime."""
    count: int
    index: int
    place: streets.Place
    level: float
    """How busy, full, warm … the entity is, 0–1."""


Json: TypeAlias = dict[str, Any]
Maker: TypeAlias = Callable[[Subject], Json]
Steps: TypeAlias = Callable[[str], float]
"""Name to the step of its draws: `index * step % 1` spreads evenly over 0–1 and looks random."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """How to make an attribute. `live`: part of every update, not of the first state alone."""

    bind: Callable[[str, Steps], Maker]
    live: bool = False


def identifier(subject: Subject, fleet: str, index: int) -> str:
    """The id of an entity."""
    return f"{subject.prefixes[fleet]}{index:06d}"


def counterpart(subject: Subject, fleet: str) -> int:
    """The number of the entity of another fleet at the same fraction of the walk."""
    return subject.index * subject.counts[fleet] // subject.count


def _static(make: Callable[[Subject], Any]) -> Attribute:
    return Attribute(lambda _name, _steps: lambda subject: {"type": "Property", "value": make(subject)})


def always(value: Any) -> Attribute:
    """The same value for all."""
    attribute = {"type": "Property", "value": value}
    return Attribute(lambda _name, _steps: lambda _subject: attribute)


def text(pattern: str) -> Attribute:
    """A string with the entity's number in it."""
    return _static(lambda subject: pattern.format(subject.index))


def one_of(*values: Any) -> Attribute:
    """One of the values, which stays."""
    attributes = [{"type": "Property", "value": value} for value in values]

    def bind(name: str, steps: Steps) -> Maker:
        step = steps(name)
        return lambda subject: attributes[int(subject.index * step % 1.0 * len(attributes))]

    return Attribute(bind)


def mostly(value: Any, *others: Any, share: float = 0.97) -> Attribute:
    """The first value with this share, the others with equal parts of the rest."""
    parts = round(len(others) / (1 - share))
    return one_of(*(value,) * (parts - len(others)), *others)


def fixed(low: float, high: float, unit: str | None = None, *, decimals: int = 0) -> Attribute:
    """A number that stays, without observedAt: nobody measures it."""
    rest: Json = {} if unit is None else {"unitCode": unit}
    digits = decimals or None

    def bind(name: str, steps: Steps) -> Maker:
        step = steps(name)
        return lambda subject: {
            "type": "Property",
            "value": round(low + (high - low) * (subject.index * step % 1.0), digits),
            **rest,
        }

    return Attribute(bind)


def measure(
    low: float, high: float, unit: str, *, by: str | None = None, decimals: int = 1, noise: float = 0.02
) -> Attribute:
    """A measured number: `low` when the entity's level (or the signal `by`) is 0, `high` when it is 1."""
    span = high - low
    digits = decimals or None

    def bind(name: str, steps: Steps) -> Maker:
        step = steps(name)

        def make(subject: Subject) -> Json:
            level = subject.level if by is None else subject.signals[by] * (0.8 + 0.2 * (subject.index * step % 1.0))
            level += noise * (subject.random() - 0.5)
            value = round(low + span * (0.0 if level < 0.0 else 1.0 if level > 1.0 else level), digits)
            return {"type": "Property", "value": value, "unitCode": unit, "observedAt": subject.at}

        return make

    return Attribute(bind, live=True)


def counter(most: float, per_day: float, unit: str, *, decimals: int = 2) -> Attribute:
    """A meter: it started somewhere below `most` and never runs backwards."""
    digits = decimals or None

    def bind(name: str, steps: Steps) -> Maker:
        step = steps(name)

        def make(subject: Subject) -> Json:
            draw = subject.index * step % 1.0
            value = round(most * draw + per_day * (0.4 + 1.2 * draw) * (subject.t - EPOCH) / DAY, digits)
            return {"type": "Property", "value": value, "unitCode": unit, "observedAt": subject.at}

        return make

    return Attribute(bind, live=True)


def graded(*values: Any, by: str | None = None) -> Attribute:
    """The level (or the signal `by`) in words, from low to high."""

    def make(subject: Subject) -> Json:
        level = subject.level if by is None else subject.signals[by]
        value = values[min(int(level * len(values)), len(values) - 1)]
        return {"type": "Property", "value": value, "observedAt": subject.at}

    return Attribute(lambda _name, _steps: make, live=True)


def above(threshold: float, low: Any, high: Any, *, by: str | None = None) -> Attribute:
    """`high` when the level (or the signal `by`) is above the threshold, else `low`."""

    def make(subject: Subject) -> Json:
        level = subject.level if by is None else subject.signals[by]
        return {"type": "Property", "value": high if level > threshold else low, "observedAt": subject.at}

    return Attribute(lambda _name, _steps: make, live=True)


def switched(low: Any, high: Any, *, by: str) -> Attribute:
    """`high` as soon as the signal is above the entity's own draw: at 0.3, three of ten have switched."""

    def bind(name: str, steps: Steps) -> Maker:
        step = steps(name)

        def make(subject: Subject) -> Json:
            value = high if subject.index * step % 1.0 < subject.signals[by] else low
            return {"type": "Property", "value": value, "observedAt": subject.at}

        return make

    return Attribute(bind, live=True)


def chance(low: Any, high: Any) -> Attribute:
    """`high` with the probability of the level, thrown anew with each update."""

    def make(subject: Subject) -> Json:
        value = high if subject.random() < subject.level else low
        return {"type": "Property", "value": value, "observedAt": subject.at}

    return Attribute(lambda _name, _steps: make, live=True)


def now() -> Attribute:
    """The time of the observation, as a Property: `dateObserved` and the like."""

    def make(subject: Subject) -> Json:
        return {"type": "Property", "value": {"@type": "DateTime", "@value": subject.at}, "observedAt": subject.at}

    return Attribute(lambda _name, _steps: make, live=True)


def ago(days: int) -> Attribute:
    """A date at most so many days before 2025, which stays."""
    return later(-days)


def later(days: int) -> Attribute:
    """A date at most so many days after the beginning of 2025, which stays."""

    def bind(name: str, steps: Steps) -> Maker:
        step = steps(name)
        dates = [instant(EPOCH + (k + 0.37) / 64 * days * DAY) for k in range(64)]
        values = [{"type": "Property", "value": {"@type": "DateTime", "@value": date}} for date in dates]
        return lambda subject: values[int(subject.index * step % 1.0 * 64)]

    return Attribute(bind)


def ahead(hours: float) -> Attribute:
    """An instant so many hours after the observation."""

    def make(subject: Subject) -> Json:
        value = {"@type": "DateTime", "@value": instant(subject.t + hours * 3600)}
        return {"type": "Property", "value": value, "observedAt": subject.at}

    return Attribute(lambda _name, _steps: make, live=True)


def to(fleet: str) -> Attribute:
    """A relationship to the neighbour of another fleet."""
    return Attribute(
        lambda _name, _steps: (
            lambda subject: {
                "type": "Relationship",
                "object": identifier(subject, fleet, counterpart(subject, fleet)),
            }
        )
    )


def to_members(fleet: str, most: int = 20) -> Attribute:
    """A relationship to those of another fleet whose counterpart this is; to its own counterpart if there are none."""

    def make(subject: Subject) -> Json:
        theirs, ours = subject.counts[fleet], subject.count
        first = -(-subject.index * theirs // ours)
        end = min(-(-(subject.index + 1) * theirs // ours), first + most)
        members = [identifier(subject, fleet, index) for index in range(first, end)]
        return {"type": "Relationship", "object": members or [identifier(subject, fleet, counterpart(subject, fleet))]}

    return Attribute(lambda _name, _steps: make)


def outside(pattern: str, shared: int = 1) -> Attribute:
    """A relationship to something that none of the city's systems holds; so many entities share one."""
    return Attribute(
        lambda _name, _steps: (
            lambda subject: {"type": "Relationship", "object": pattern.format(subject.index // shared)}
        )
    )


def labelled(**patterns: str) -> Attribute:
    """A name in several languages, with the street (or the avenue) in it."""

    def make(subject: Subject) -> Json:
        cell = subject.place.cell
        street = cell.street if subject.index % 2 else cell.avenue
        return {
            "type": "LanguageProperty",
            "languageMap": {language: pattern.format(street) for language, pattern in patterns.items()},
        }

    return Attribute(lambda _name, _steps: make)


def street() -> Attribute:
    """The name of the street."""
    return _static(lambda subject: streets.street(subject.place))


def address() -> Attribute:
    """Where the entity is, in words."""

    def make(subject: Subject) -> Any:
        place = subject.place
        cell = place.cell
        return {
            "streetAddress": f"{streets.street(place)} {place.number}",
            "postalCode": cell.postcode,
            "addressLocality": streets.NAME,
            "addressCountry": streets.COUNTRY,
        }

    return _static(make)


def _located(shape: Callable[[streets.Place, int], streets.Geometry]) -> Attribute:
    return Attribute(
        lambda _name, _steps: lambda subject: {"type": "GeoProperty", "value": shape(subject.place, subject.index)}
    )


def point(beside: float = 5.0) -> Attribute:
    """A point beside the street, on its left and its right side in turn."""
    return _located(lambda place, index: streets.point(place, beside if index % 2 else -beside))


def district() -> Attribute:
    """The middle of the district, for what must have a place and must not tell whose home it is."""
    return Attribute(
        lambda _name, _steps: (
            lambda subject: {"type": "GeoProperty", "value": subject.town.middle(subject.place.cell.district)}
        )
    )


def beginning() -> Attribute:
    """The point at which the entity's line begins."""
    return _located(lambda place, _index: streets.point(place, 0.0))


def end(length: float = streets.BLOCK) -> Attribute:
    """The point at which the entity's line ends."""
    return _located(lambda place, _index: streets.end(place, length))


def rectangle(beside: float, length: float, depth: float) -> Attribute:
    """A polygon beside the street."""
    return _located(
        lambda place, index: streets.rectangle(place, beside if index % 2 else -beside - depth, length, depth)
    )


def line(length: float = streets.BLOCK) -> Attribute:
    """A line along the street."""
    return _located(lambda place, _index: streets.line(place, length))


def lines(length: float = streets.BLOCK) -> Attribute:
    """Both sides of the street."""
    return _located(lambda place, _index: streets.lines(place, length, 10.0))
