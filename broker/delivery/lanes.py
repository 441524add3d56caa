"""Lanes: what one subscription is owed, as far as it is in memory, and what of it may go out now.

Several notifications of a lane may be under way at a time, never two of the same entity: each entity's are in order.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Final

from broker.store.outbox import Letter

LOADED: Final = 64
"""Letters of a lane in memory."""
LOADED_BYTES: Final = 2**20
LOW: Final = 16
"""Fewer than this, and more are read."""
_LOOKED_AT: Final = 32
"""Letters looked at for one that may go out beside those under way."""


@dataclass(slots=True)
class Lane:
    """What is known of what a subscription is owed."""

    key: str
    queue: list[Letter] = field(default_factory=list)
    """In memory, in order, and not under way."""
    under_way: dict[bytes, Letter] = field(default_factory=dict)
    settled: dict[bytes, Letter] = field(default_factory=dict)
    """Done with, and perhaps still in the database."""
    unread: bool = True
    """Something may be owed that is not in memory."""
    failures: int = 0
    """In a row, of what the endpoint has answered."""
    rests_until: float = 0.0
    """By the monotonic clock."""
    notified: datetime | None = None
    """When it was last, of a throttled one."""
    in_round: bool = False
    alarm: float = 0.0
    """When it is woken, by the monotonic clock."""

    def add(self, letters: Iterable[Letter]) -> None:
        """Add what was read, in order; what is more than a lane may have in memory is read again later."""
        known = self.known()
        self.queue = sorted(
            [*self.queue, *(each for each in letters if each.id not in known)], key=lambda each: each.id
        )
        size = 0
        for position, letter in enumerate(self.queue):
            size += letter.size
            if position and (position >= LOADED or size > LOADED_BYTES):
                del self.queue[position:]
                self.unread = True
                return

    def known(self) -> dict[bytes, Letter]:
        """All that is in memory, by id."""
        return {each.id: each for each in self.queue} | self.under_way | self.settled

    def following(self) -> Letter | None:
        """The next that may go out beside what is under way; it is in the queue no more."""
        if self.queue and not self.under_way:
            return self.queue.pop(0)
        busy = {entity_id for letter in self.under_way.values() for entity_id in letter.entity_ids}
        for position, letter in enumerate(self.queue[:_LOOKED_AT]):
            if busy.isdisjoint(letter.entity_ids):
                del self.queue[position]
                return letter
            busy |= letter.entity_ids
        return None

    def fold(self) -> list[Letter]:
        """Take out of the queue what later changes of the same entities make void, for a throttled one."""
        seen: set[str] = set()
        void = []
        for letter in reversed(self.queue):
            if letter.entity_ids <= seen:
                void.append(letter)
            seen |= letter.entity_ids
        if void:
            ids = {letter.id for letter in void}
            self.queue = [letter for letter in self.queue if letter.id not in ids]
        return void

    def unload(self) -> None:
        """Have nothing in memory that is not under way."""
        if self.queue:
            self.queue = []
            self.unread = True

    @property
    def idle(self) -> bool:
        """Whether nothing would be forgotten with it."""
        return not (self.queue or self.under_way or self.settled or self.unread or self.in_round)


def known_to_all(lanes: Mapping[str, Mapping[bytes, Letter]]) -> list[bytes]:
    """Of what lanes know, the ids of the letters that each of them knows that is owed them: none need be read again."""
    holders = Counter(chain.from_iterable(lanes.values()))
    letters = {each: letter for known in lanes.values() for each, letter in known.items()}
    return [each for each, letter in letters.items() if holders[each] == sum(key in lanes for key in letter.lanes)]
