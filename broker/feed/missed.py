"""What a viewer has missed: it is read from the change stream, as fast as the viewer takes it, and never kept."""

import asyncio
from collections.abc import Callable
from typing import Final

from broker.errors import StoreUnavailable
from broker.feed.events import Batch, Event
from broker.store.changes import Change, Changes, Place

PATIENCE: Final = 60.0
"""Seconds that a viewer has to take what it has missed."""
PART_EVENTS: Final = 100
PART_BYTES: Final = 64 * 1024
"""What a viewer takes at once, if there is as much: events, and bytes if it is more than one event."""
MISSED_WAIT_MS: Final = 20
"""What was missed is there already: nobody need wait for it for long."""
AGAIN: Final = 0.5
"""Seconds after which a database that was away is asked again."""


class Missed:
    """The changes behind a viewer's last event, up to where its view was when it came: `until`.

    `slots`: turns, for few read at once. `retold`: what is told of a change.
    """

    def __init__(
        self, changes: Changes, until: Place, slots: asyncio.Semaphore, retold: Callable[[Change], Event | None]
    ) -> None:
        self._changes = changes
        self._until = until
        self._slots = slots
        self._retold = retold
        self._at = changes.place
        self._due = 0.0
        """Event-loop time by which all must be read; 0 while it waits for its turn."""
        self._reading: asyncio.Task[Change | None] | None = None

    async def read(self, seconds: float) -> tuple[Batch, bool]:
        """The next events, waited for at most for some seconds, and whether they are the last.

        Raises Lost, TimeoutError for who is too slow.
        """
        give_up = asyncio.get_running_loop().time() + seconds
        events: list[Event] = []
        if not await self._admitted(give_up):
            return Batch(events, None), False
        while len(events) < PART_EVENTS and sum(event.size for event in events) < PART_BYTES:
            if not await self._advance(give_up, events):
                break
            if self._at is not None and self._at >= self._until:
                return Batch(events, self._until), True
        return Batch(events, self._at), False

    async def close(self) -> None:
        """Let go of the change stream, and of the turn."""
        await self._changes.close()
        if self._reading is not None:
            await asyncio.wait((self._reading,))
            self._reading.exception()
        if self._due:
            self._slots.release()

    async def _admitted(self, give_up: float) -> bool:
        """Whether it is its turn, by some event-loop time."""
        if not self._due:
            try:
                async with asyncio.timeout_at(give_up):
                    await self._slots.acquire()
            except TimeoutError:
                return False
            self._due = asyncio.get_running_loop().time() + PATIENCE
        return True

    async def _advance(self, give_up: float, events: list[Event]) -> bool:
        """Read on, and add what is to be told of it. Whether more may follow at once: until some event-loop time.

        A read that takes longer goes on until it is asked for again. Raises Lost, TimeoutError.
        """
        now = asyncio.get_running_loop().time()
        if now > self._due:
            raise TimeoutError
        if now > give_up:
            return False
        reading = self._reading = self._reading or asyncio.create_task(self._changes.next())
        done, _ = await asyncio.wait((reading,), timeout=give_up - now)
        if not done:
            return False
        self._reading = None
        try:
            change = reading.result()
        except StoreUnavailable:
            await asyncio.sleep(AGAIN)
            return not events
        self._at = self._changes.place
        if change is None:
            return not events
        event = self._retold(change) if change.place <= self._until else None
        if event is not None:
            events.append(event)
        return True
