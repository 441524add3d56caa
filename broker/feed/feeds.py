"""The live feeds of a worker: who looks at what, in all tenants."""

import asyncio
from collections.abc import Coroutine, Hashable
from dataclasses import replace
from typing import Any, Final, TypeVar

from broker.call import Call
from broker.errors import Overloaded, StoreUnavailable
from broker.feed.channel import Channel
from broker.feed.events import Backlog, Kept, Kind
from broker.feed.missed import MISSED_WAIT_MS, Missed
from broker.feed.view import Changed, Show, View
from broker.feed.viewer import GONE, UNKNOWN, Viewer
from broker.query.plan import Query
from broker.settings import Settings
from broker.store.changes import Changes, Place
from broker.store.client import Client
from broker.store.indexes import ENTITIES
from broker.store.store import Store
from broker.telemetry import FEED_VIEWERS

READ: Final = 4000
"""Entities that are looked for at once to open a view."""
CATCHING_UP: Final = 4
"""Viewers that read at once what they have missed; others wait for their turn."""
AHEAD: Final = 60
"""Seconds that another worker may be ahead of this one."""
END: Final = 2.0
"""Seconds in which channels end by themselves."""

T = TypeVar("T")


class Feeds:
    """One per worker. `client`: a connection of their own, since a change stream keeps one for itself."""

    def __init__(self, settings: Settings, store: Store, client: Client) -> None:
        self._store = store
        self._client = client
        self._most = settings.feed_viewers
        self._window = settings.feed_window
        self._backlog = Backlog(settings.feed_queue_mb * 2**20)
        self._kept = Kept(settings.feed_entities)
        self._slots = asyncio.Semaphore(CATCHING_UP)
        self._channels: dict[str, Channel] = {}
        self._viewers = 0
        self._tasks: set[asyncio.Task[Any]] = set()
        self._ended = False

    async def open(self, call: Call, query: Query, form: Hashable, show: Show, last: str | None) -> Viewer:
        """A viewer of a query, to be closed by `leave`; `form`: whatever, besides the query, `show` depends on.

        `last`: the place of the last event that it knows, if it comes back. Raises NonexistentTenant, StoreUnavailable,
        TooComplexQuery, Overloaded.
        """
        if self._ended:
            raise Overloaded("The broker is ending; try again.")
        if self._viewers >= self._most:
            raise Overloaded(f"There are {self._most} viewers of live feeds already; try again later.")
        self._viewers += 1
        channel: Channel | None = None
        view: View | None = None
        key = (query, form)
        try:
            channel = await self._channel(call.tenant)
            channel.holders += 1
            await channel.opened()
            view = channel.views.get(key)
            if view is None:
                view = channel.views[key] = View(query, show, self._kept)
                view.opening = self._start(self._settle(channel, key, view))
            view.holders += 1
            await asyncio.shield(view.opening)
            if self._channels.get(call.tenant) is not channel or self._ended:
                raise StoreUnavailable("The live feed has ended; try again.")
            return self._joined(channel, key, view, last)
        except BaseException:
            self._release(channel, key, view)
            raise

    def leave(self, viewer: Viewer) -> None:
        """Let a viewer go."""
        missed = viewer.close()
        if missed is not None:
            self._start(missed.close())

    def end(self) -> None:
        """End all feeds: their clients come back, to who serves then."""
        self._ended = True
        for channel in self._channels.values():
            channel.end()

    async def close(self) -> None:
        """Let go of all."""
        self.end()
        tasks = [*self._tasks, *(channel.task for channel in self._channels.values())]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=END)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self._client.close()

    def _joined(self, channel: Channel, key: Hashable, view: View, last: str | None) -> Viewer:
        """A viewer of a view that is open. From here on it is told of changes; what was before, it reads by itself."""
        until = channel.place
        after, reason = (None, None) if last is None else self._behind(last, until)
        missed = None
        if after is not None and after < until:
            absent: set[int] = set()
            missed = Missed(
                Changes(channel.entities, after, MISSED_WAIT_MS),
                until,
                self._slots,
                lambda change: view.retold(Changed(change), absent),
            )

        def closed(viewer: Viewer) -> None:
            view.viewers.discard(viewer)
            self._release(channel, key, view)
            FEED_VIEWERS.dec()

        viewer = Viewer(
            lambda: channel.place,
            self._backlog,
            begins=Kind.READY if last is None else reason,
            after=after if missed is None else until,
            missed=missed,
            closed=closed,
        )
        view.viewers.add(viewer)
        FEED_VIEWERS.inc()
        return viewer

    def _behind(self, last: str, until: Place) -> tuple[Place | None, str | None]:
        """The place of a viewer's last event; or why nothing can follow on it."""
        place = Place.parse(last)
        if place is None or place.seconds > until.seconds + AHEAD:
            return None, UNKNOWN
        if place.seconds < until.seconds - self._window:
            return None, GONE
        return place, None

    async def _channel(self, tenant: str) -> Channel:
        """The channel of a tenant that exists. Raises NonexistentTenant, StoreUnavailable."""
        name = (await self._store.database(tenant)).name
        channel = self._channels.get(tenant)
        if channel is None:
            channel = self._channels[tenant] = Channel(tenant, self._client[name][ENTITIES], self._forget)
        return channel

    def _forget(self, channel: Channel) -> None:
        if self._channels.get(channel.tenant) is channel:
            del self._channels[channel.tenant]

    async def _settle(self, channel: Channel, key: Hashable, view: View) -> None:
        """Find out what a view shows."""
        try:
            query = replace(view.query, limit=READ)
            while view.holders:
                ids = (await self._store.find(channel.tenant, query)).ids
                if not view.remember(ids) or len(ids) < READ:
                    break
                query = replace(query, after=ids[-1])
        except BaseException:
            view.forget()
            if channel.views.get(key) is view:
                del channel.views[key]
            raise
        view.settle()

    def _release(self, channel: Channel | None, key: Hashable, view: View | None) -> None:
        self._viewers -= 1
        if view is not None and channel is not None:
            view.holders -= 1
            if not view.holders:
                view.forget()
                if channel.views.get(key) is view:
                    del channel.views[key]
        if channel is not None:
            channel.holders -= 1

    def _start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # those who wait have it, if anyone still does
