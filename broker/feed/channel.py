"""A channel: the changes of one tenant, read once by a worker and told to all its views.

It is opened for the first who looks, and closed after the last one has left.
"""

import asyncio
import random
from collections.abc import Callable, Hashable
from contextvars import Context
from typing import Final

from broker.errors import StoreUnavailable
from broker.feed.view import Changed, View
from broker.store.changes import Change, Changes, Lost, Place
from broker.store.client import Collection
from broker.telemetry import log

BREATH: Final = 20
"""Changes that are told before other requests get a turn."""
AGAIN: Final = 0.5
"""Seconds, roughly, after which a database that was away is asked again."""

_logger = log(__name__)


class Channel:
    """One per tenant that somebody looks at. `closed`: called once it serves nobody any more."""

    def __init__(self, tenant: str, entities: Collection, closed: Callable[["Channel"], None]) -> None:
        self.tenant = tenant
        self.entities = entities
        self.views: dict[Hashable, View] = {}
        self.holders = 0
        """Viewers, and those to come."""
        self._changes = Changes(entities)
        self._place: Place | None = None
        self._closed = closed
        self._opening = asyncio.create_task(self._changes.open(), context=Context())
        self.task = asyncio.create_task(self._run(), context=Context())  # it is no part of the first request

    @property
    def place(self) -> Place:
        """All changes up to here were told. Known once the channel was opened."""
        if self._place is None:
            raise StoreUnavailable("The changes of the tenant are not followed yet.")
        return self._place

    async def opened(self) -> None:
        """Wait until changes are told. Raises StoreUnavailable."""
        try:
            place = await asyncio.shield(self._opening)
        except Lost as error:
            raise StoreUnavailable("The database does not tell of changes; try again.") from error
        if self._place is None:
            self._place = place

    def end(self) -> None:
        """End what all viewers look at."""
        for view in self.views.values():
            for viewer in tuple(view.viewers):
                viewer.end()

    async def _run(self) -> None:
        try:
            await self.opened()
            await self._follow()
        except (Lost, StoreUnavailable) as error:
            _logger.warning("live feeds are ended", tenant=self.tenant, reason=str(error))
        except Exception:
            _logger.exception("live feeds are ended", tenant=self.tenant)
        finally:
            self._closed(self)
            self.end()
            await self._changes.close()

    async def _follow(self) -> None:
        """Tell of changes for as long as somebody looks. Raises Lost."""
        told = 0
        while self.holders:
            try:
                change = await self._changes.next()
            except StoreUnavailable:
                await asyncio.sleep(AGAIN * random.uniform(0.5, 1.5))  # noqa: S311  jitter, no secret
                continue
            if change is None:
                self._place = self._changes.place
                continue
            self._tell(change)
            self._place = change.place
            told += 1
            if told % BREATH == 0:
                await asyncio.sleep(0)

    def _tell(self, change: Change) -> None:
        changed = Changed(change)
        for view in tuple(self.views.values()):
            try:
                view.tell(changed)
            except Exception:
                _logger.exception("a change cannot be told", tenant=self.tenant, entity=change.entity_id)
