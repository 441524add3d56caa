"""What delivery consists of in a worker, put together and kept going."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import uuid4

from broker.delivery.deliverer import Deliverer
from broker.delivery.periods import LOOK, Periods
from broker.delivery.rendering import Rendering
from broker.delivery.shards import Shards, shard_of
from broker.delivery.transport import Transport
from broker.errors import BrokerError
from broker.hosting.contexts import Contexts
from broker.model.entity import Entity
from broker.outbound.guard import Guard
from broker.outbound.mqtt import Publisher
from broker.outbound.posts import Posts
from broker.settings import Settings
from broker.store.bell import Bell
from broker.store.commits import Owed
from broker.store.leases import Leases
from broker.store.outbox import Outbox, lanes_of
from broker.store.outbox_status import Statuses
from broker.store.store import Store
from broker.subscriptions.document import Subscription
from broker.subscriptions.registry import Registry
from broker.telemetry import NOTIFICATIONS_OWED, log

RENEWAL: Final = 1.0
"""Seconds after which leases are renewed, and it is seen which workers there are."""
LOOK_AROUND: Final = 5.0
"""Seconds after which the outbox is looked through for what nobody was woken for."""
CLEAN_UP: Final = 600.0
GRACE: Final = 3.0
"""Seconds that what is under way has when the worker ends."""
_AGAIN: Final = 0.5

_logger = log(__name__)


class Delivery:
    """One per worker."""

    def __init__(self, settings: Settings, store: Store, registry: Registry, contexts: Contexts) -> None:
        guard = Guard(settings.allowed_networks)
        self._settings = settings
        self._store = store
        self._posts = Posts(guard)
        self._publisher = Publisher(guard)
        self._outbox = Outbox(store.control)
        self._bell = Bell(store.control)
        statuses = Statuses(store.control)
        rendering = Rendering(store, contexts)
        transport = Transport(self._posts, self._publisher, settings.notification_timeout)
        owner = f"{socket.gethostname()} {os.getpid()} {uuid4().hex[:8]}"
        self._shards = Shards(Leases(store.control, owner), self._is_busy)
        self._deliverer = Deliverer(
            self._outbox,
            statuses,
            registry,
            store.catch_up,
            self._shards,
            rendering,
            transport,
            settings.notification_patience,
        )
        self._periods = Periods(
            statuses,
            registry,
            self._shards.holds,
            self._entities,
            rendering,
            transport,
            self._deliverer.endpoints,
            self._deliverer.ledger,
        )
        self._tasks: list[asyncio.Task[None]] = []
        self._ledger: asyncio.Task[None] | None = None

    def committed(self, _tenant: str, owed: Sequence[Owed]) -> None:
        """Wake whoever delivers what a commit of this worker owes."""
        lanes = lanes_of(owed)
        if not lanes:
            return
        self._deliverer.owed(lanes)
        if not self._shards.alone:
            others = {lane for lane in lanes if not self._shards.holds(lane)}
            if others:
                self._bell.ring(others)

    def start(self) -> None:
        """Deliver, in tasks of the running event loop."""
        self._ledger = asyncio.create_task(self._deliverer.ledger.run())
        self._tasks = [
            asyncio.create_task(self._deliverer.run()),
            asyncio.create_task(self._again_and_again(self._renew, RENEWAL)),
            asyncio.create_task(self._again_and_again(self._look_around, LOOK_AROUND)),
            asyncio.create_task(self._again_and_again(self._look_at_periods, LOOK)),
            asyncio.create_task(self._again_and_again(self._clean_up, CLEAN_UP)),
            asyncio.create_task(self._again_and_again(self._listen, _AGAIN)),
        ]

    async def stop(self) -> None:
        """End what is under way, and leave the rest to others."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._ledger is not None:
            await self._deliverer.stop(self._ledger, GRACE)
        with suppress(BrokerError):
            await self._shards.leave()
        await self._publisher.close()
        await self._posts.close()

    async def _again_and_again(self, work: Callable[[], Awaitable[None]], seconds: float) -> None:
        while True:
            try:
                await work()
            except BrokerError:
                pass  # the database is away: /health says it
            except Exception:
                _logger.exception("delivery is hindered")
            await asyncio.sleep(seconds)

    async def _renew(self) -> None:
        if await self._shards.renew():
            await self._look_around()

    async def _look_around(self) -> None:
        self._deliverer.owed(await self._outbox.lanes())
        if self._shards.holds_first:
            NOTIFICATIONS_OWED.set(await self._outbox.owed())

    async def _look_at_periods(self) -> None:
        await self._store.catch_up()
        await self._periods.look()

    async def _clean_up(self) -> None:
        await self._publisher.end_idle()
        if self._shards.holds_first:
            await self._outbox.forget_dead(datetime.now(UTC) - timedelta(days=self._settings.dead_letter_days))

    async def _listen(self) -> None:
        async for lanes in self._bell.heard():
            self._deliverer.owed(lanes)

    def _is_busy(self, shard: int) -> bool:
        return any(shard_of(lane) == shard for lane in self._deliverer.busy())

    async def _entities(self, subscription: Subscription) -> list[Entity]:
        """All that a time-driven subscription asks for, at most NGSILD_MAX_LIMIT entities."""
        query = replace(subscription.query, limit=self._settings.max_limit)
        page = await self._store.find(subscription.tenant, query)
        entities = [found.entity for found in page.found]
        async for more in self._store.rest(subscription.tenant, query, page):
            entities.extend(found.entity for found in more)
        return entities
