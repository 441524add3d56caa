"""What viewers are told, and how much of it may wait for them."""

from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from broker.store.changes import Place

OVERHEAD: Final = 300
"""Bytes that an event takes besides its data, roughly."""


class Kind(StrEnum):
    """What an event says."""

    READY = "ready"
    """The feed begins: what is asked for now is brought up to date by the events that follow."""
    ENTITY = "entity"
    """An entity that matches was made, or has changed; or one that has changed matches now."""
    LEFT = "left"
    """An entity has changed, and does not match any more."""
    DELETED = "deleted"
    """An entity was deleted, or has expired."""
    RESET = "reset"
    """Events are missing: as `READY`."""


class Event:
    """One event. All viewers of a view are given the same one."""

    __slots__ = ("data", "holders", "kind", "place", "size")

    def __init__(self, kind: Kind, place: Place, data: bytes) -> None:
        self.kind = kind
        self.place = place
        self.data = data
        """JSON, in one line."""
        self.size = len(data) + OVERHEAD
        self.holders = 0
        """How many viewers it waits for."""


class Batch(NamedTuple):
    """Events in their order, perhaps none; after them a viewer is at `place`. None: that is not known."""

    events: list[Event]
    place: Place | None


class Holder(Protocol):
    """Whom events wait for."""

    waiting: int
    """Bytes of the events that wait."""

    def lose(self) -> None:
        """Give up all events that wait."""


class Backlog:
    """What waits for all viewers of a worker: an event counts once, whoever it waits for."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.size = 0
        """Bytes that wait."""
        self.holders: set[Holder] = set()

    def keep(self, event: Event) -> None:
        """An event waits for one more viewer."""
        if not event.holders:
            self.size += event.size
        event.holders += 1

    def drop(self, event: Event) -> None:
        """It does not any more."""
        event.holders -= 1
        if not event.holders:
            self.size -= event.size

    def relieve(self) -> None:
        """If too much waits, whom most waits for loses it, one after the other."""
        while self.size > self._most:
            max(self.holders, key=lambda holder: holder.waiting).lose()


class Kept:
    """How many entities all views of a worker keep in mind."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.number = 0

    @property
    def full(self) -> bool:
        """Whether there is no room for one more."""
        return self.number >= self._most
