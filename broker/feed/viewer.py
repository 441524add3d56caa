"""A viewer: one client that is told of the changes of a view, in their order, and never holds anybody up.

What it has yet to take waits in a queue of bounded size. Who does not keep up loses what waits, and is told so by one
`reset`: a viewer costs the same memory however slow it is. What has happened before a viewer came back it reads by
itself, from the change stream, as fast as its client takes it; what happens meanwhile waits.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import orjson

from broker.feed.events import Backlog, Batch, Event, Kind
from broker.feed.missed import PART_BYTES, PART_EVENTS, Missed
from broker.store.apart import apart
from broker.store.changes import Lost, Place

MOST_EVENTS: Final = 1000
MOST_BYTES: Final = 2**20
"""What may wait for one viewer: events, and bytes if it is more than one event."""

SLOW: Final = "slow"
GONE: Final = "gone"
UNKNOWN: Final = "unknown"

_REASONS: Final = {
    SLOW: "Events came faster than they were taken.",
    GONE: "What came after the last event is not kept any more.",
    UNKNOWN: "The last event is none of this feed.",
}
"""Why a viewer is told to begin anew."""


class Viewer:
    """Made where its view is; `begins`: what it is told first."""

    def __init__(
        self,
        place: Callable[[], Place],
        backlog: Backlog,
        *,
        begins: Kind | str | None = None,
        after: Place | None = None,
        missed: Missed | None = None,
        closed: Callable[["Viewer"], None],
    ) -> None:
        """`place`: where the view is; `begins`: READY, or why to begin anew; `after`: the last event that it knows."""
        self._place = place
        self._backlog = backlog
        self._begins = begins
        self._after = after or place()
        self._missed = missed
        self._closed: Callable[[Viewer], None] | None = closed
        self._queue: deque[Event] = deque()
        self._losing: str | None = None
        self._ended = False
        self._news = asyncio.Event()
        self.waiting = 0
        backlog.holders.add(self)

    def put(self, event: Event) -> None:
        """Tell the viewer of an event, when it comes to take it."""
        if self._losing is not None or event.place <= self._after:
            return
        if self._queue and (len(self._queue) >= MOST_EVENTS or self.waiting + event.size > MOST_BYTES):
            self.lose()
            return
        self._queue.append(event)
        self.waiting += event.size
        self._backlog.keep(event)
        self._backlog.relieve()
        self._news.set()

    def lose(self, reason: str = SLOW) -> None:
        """Give up all that waits: the viewer is told to begin anew."""
        while self._queue:
            self._drop()
        self._losing = reason
        self._news.set()

    def end(self) -> None:
        """Nothing more comes."""
        self._ended = True
        self._news.set()

    async def next(self, seconds: float) -> Batch | None:
        """What has come, waited for at most for some seconds; None at the end."""
        if self._begins is not None:
            return self._begin(self._begins)
        if self._missed is not None and not self._ended:
            batch = await self._catch_up(self._missed, seconds)
            if batch is not None:
                return batch
        if not self._queue and self._losing is None and not self._ended:
            self._news.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._news.wait()
        if self._ended:
            return None
        if self._losing is not None:
            return self._begin(self._losing)
        return Batch(self._taken(), None if self._queue else max(self._after, self._place()))

    def close(self) -> Missed | None:
        """The viewer is gone; what it was reading is to be closed."""
        if self._closed is not None:
            while self._queue:
                self._drop()
            self._backlog.holders.discard(self)
            self._closed(self)
            self._closed = None
        missed, self._missed = self._missed, None
        return missed

    async def _catch_up(self, missed: Missed, seconds: float) -> Batch | None:
        """What it has missed; None if that cannot be had, or not be made use of."""
        batch: Batch | None = None
        last = True
        if self._losing is None:
            try:
                batch, last = await missed.read(seconds)
            except (Lost, TimeoutError) as error:
                self.lose(GONE if isinstance(error, Lost) else SLOW)
        if last:
            self._missed = None
            await apart(missed.close())
        return batch

    def _begin(self, how: Kind | str) -> Batch:
        """Begin, or begin anew: what is told from here on follows on what the client asks for now."""
        self._begins = self._losing = None
        if how == Kind.READY:
            event = Event(Kind.READY, self._after, b"{}")
        else:
            while self._queue:
                self._drop()
            self._after = self._place()
            event = Event(Kind.RESET, self._after, orjson.dumps({"reason": how, "detail": _REASONS[how]}))
        return Batch([event], event.place)

    def _taken(self) -> list[Event]:
        taken: list[Event] = []
        size = 0
        while self._queue and len(taken) < PART_EVENTS and (not taken or size + self._queue[0].size <= PART_BYTES):
            size += self._queue[0].size
            taken.append(self._drop())
        return taken

    def _drop(self) -> Event:
        event = self._queue.popleft()
        self.waiting -= event.size
        self._backlog.drop(event)
        return event
