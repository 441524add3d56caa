"""The keeper: one worker's part in keeping the history of all tenants."""

import asyncio
import random
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Final, NamedTuple

from broker.errors import NonexistentTenant, StoreUnavailable
from broker.store.apart import apart
from broker.store.history.keep import Sealing, keep
from broker.store.history.rules import RuleBooks
from broker.store.leases import SECONDS, Leases, of_history
from broker.store.store import Store
from broker.telemetry import log

_logger = log(__name__)
_RENEWAL: Final = SECONDS / 3
_SHARE: Final = 20
"""Of so many seconds one is for history: looking through the tails of a million entities takes some."""
_ALL_AGAIN: Final = 3600.0
"""Seconds after which all entities are looked for in the directory, not only those that were recorded since."""
_BETWEEN_CLOCKS: Final = timedelta(minutes=10)
"""How much later than its instant says, by another machine's clock, a commit may be seen."""


class _Entered(NamedTuple):
    """Entities of a tenant whose tails began before `since`, in microseconds since 1970, have their entries."""

    since: int
    looked: float
    """When all were looked for, by the monotonic clock."""


class Keeper:
    """Keeps the history of the tenants whose leases it gets."""

    def __init__(self, store: Store, books: RuleBooks, leases: Leases, sealing: Sealing) -> None:
        self._store = store
        self._books = books
        self._leases = leases
        self._sealing = sealing
        self._renewed = 0.0
        self._entered: dict[str, _Entered] = {}

    async def run(self, interval: float) -> None:
        """Keep for as long as the worker lives, every `interval` seconds; more seldom if it takes long."""
        while True:
            started = monotonic()
            try:
                for tenant in await self._store.names():
                    with suppress(NonexistentTenant):  # it was dropped in between
                        await self.keep(tenant, datetime.now(UTC))
            except StoreUnavailable:
                pass  # every request is told so, and /health says it
            except Exception:
                _logger.exception("history not kept")
            pause = max(interval, (_SHARE - 1) * (monotonic() - started))
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311  jitter, no secret

    async def keep(self, tenant: str, now: datetime) -> None:
        """Keep one tenant's history, unless another worker does. Raises NonexistentTenant, StoreUnavailable."""
        database = await self._store.database(tenant)
        name = of_history(tenant)
        if name not in await self._leases.take([name]):
            return
        self._renewed = monotonic()

        async def go_on() -> bool:
            if monotonic() > self._renewed + _RENEWAL:
                self._renewed = monotonic()
                await self._leases.take([name])
            return self._leases.holds(name)

        await self._books.reload(tenant)
        entered = self._entered.get(tenant)
        if entered is None or monotonic() > entered.looked + _ALL_AGAIN:
            entered = _Entered(0, monotonic())
        if await apart(keep(database, self._books.of(tenant), self._sealing, now, go_on, entered.since)):
            self._entered[tenant] = entered._replace(since=int((now - _BETWEEN_CLOCKS).timestamp() * 1e6))
