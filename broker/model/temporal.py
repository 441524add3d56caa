"""The temporal evolution of entities: shapes that the store reads and writes, and the API renders (GS CIM 009 §4.5.6).

An evolution is the entity's attributes, each a list of points per datasetId. A point is one attribute instance at one
time. The history of the scope stands among the attributes, as the Property `broker.model.merge.SCOPE` whose value is a
list of scopes.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple, TypeAlias

from broker.model.entity import Instance
from broker.model.instants import instant_key

INSTANCE: Final = "urn:ngsi-ld:Instance:"
"""What instance ids begin with."""


class TimeProperty(StrEnum):
    """Which time of a point is asked for (GS CIM 009 §4.11)."""

    OBSERVED_AT = "observedAt"
    CREATED_AT = "createdAt"
    MODIFIED_AT = "modifiedAt"
    DELETED_AT = "deletedAt"


class Point(NamedTuple):
    """An attribute instance at one time.

    `instance` is canonical (`broker.model.entity`), always with its createdAt, and with modifiedAt where that differs.
    It is what a request wrote; of a deletion only `type`, `datasetId` and `observedAt` are there, and
    no value.
    `sequence` orders the points of an entity as they were recorded; no two of one attribute have the same.
    """

    instance_id: str
    sequence: int
    instance: Instance
    created_at: str
    modified_at: str
    observed_at: str | None = None
    deleted_at: str | None = None

    def time(self, timeproperty: TimeProperty) -> str | None:
        """The DateTime by which it is asked for; None if it has none such."""
        return (self.observed_at, self.created_at, self.modified_at, self.deleted_at)[_PLACES[timeproperty]]


_PLACES: Final = {each: place for place, each in enumerate(TimeProperty)}

Series: TypeAlias = dict[str | None, list[Point]]
"""Points by datasetId, None for the default one."""


class Evolution(NamedTuple):
    """What is known of an entity over time, as far as it was asked for; `deleted_at`: it is not there any more."""

    id: str
    types: tuple[str, ...]
    created_at: str
    modified_at: str
    deleted_at: str | None
    attributes: dict[str, Series]


class Window(NamedTuple):
    """Points whose time by `timeproperty` is at `start` or later and before `end`; those that have none are outside.

    Unbounded on both sides it holds all points, with the time or without.
    """

    timeproperty: TimeProperty = TimeProperty.OBSERVED_AT
    start: str | None = None
    end: str | None = None

    def holds(self, point: Point) -> bool:
        """Whether the point is inside."""
        if self.start is None and self.end is None:
            return True
        time = point.time(self.timeproperty)
        if time is None:
            return False
        key = instant_key(time)
        if self.start is not None and key < instant_key(self.start):
            return False
        return self.end is None or key < instant_key(self.end)


ALL_TIME: Final = Window()


@dataclass(frozen=True, slots=True)
class Reading:
    """Which points of entities are read.

    `attributes`, `dataset_ids`: of which attributes and datasets, None for all. `last_n`: the newest n of each
    attribute by the window's timeproperty, the newest first; else points stand in the order of time, those without it
    last. `bound`: how many points may be read in all (see `Read.cut`).
    """

    window: Window = ALL_TIME
    attributes: frozenset[str] | None = None
    dataset_ids: frozenset[str | None] | None = None
    last_n: int | None = None
    bound: int | None = None


class Read(NamedTuple):
    """What was read, in the order of the ids asked for; entities of which nothing is known are left out.

    Where there were more points than the bound, those with times up to `cut` are there, all of them, and none later;
    with `last_n` those with times from `cut` on. Then `cut` is the time of the newest point (with `last_n`: the
    oldest) that is there, and the next page begins with it.
    """

    evolutions: list[Evolution]
    cut: str | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """What aggregates are made of: of the values of one class of a series, in one period.

    `kind`: "number", "boolean" (as 0 and 1), "string", "DateTime", "Date", "Time" (as seconds of the day), "array" (as
    its size), "object" or "uri". `total`, `squares`: sums of the numbers and of their squares; `least`, `greatest`:
    numbers, or strings where `kind` is one of strings (of a Time too). `distinct`: how many different values, if asked.
    """

    kind: str
    count: int
    total: float = 0
    squares: float = 0
    least: float | str | None = None
    greatest: float | str | None = None
    distinct: int = 0


class Period(NamedTuple):
    """The points of a series from `start` until before `end`, summed up: one Summary for each class of values."""

    start: str
    end: str
    summaries: tuple[Summary, ...]


class Aggregate(NamedTuple):
    """A series summed up; `type`: the kind of attribute that its newest point is."""

    type: str
    periods: list[Period]


class Duration(NamedTuple):
    """A duration of ISO 8601: months do not have one length. Zero: one period for all of the window."""

    months: int = 0
    microseconds: int = 0


class TemporalEntity(NamedTuple):
    """What a request brings: instances over time, any number of each datasetId (GS CIM 009 §5.2.20).

    An instance with a `deletedAt` is what a deletion left, and has no value; an empty one means now.
    """

    id: str
    types: tuple[str, ...]
    attributes: dict[str, list[Instance]]
    scopes: tuple[str, ...] = ()
