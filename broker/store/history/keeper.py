"""The keeper: one worker's part in keeping the history of all tenants.

To look through the tails of a million entities takes seconds, in which requests would wait. So it works in portions,
and rests after each for many times as long.
"""

import asyncio
import random
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from time import monotonic
from typing import Final, NamedTuple

from broker.errors import NonexistentTenant, StoreUnavailable
from broker.store.apart import apart
from broker.store.history.keep import Sealing, keep
from broker.store.history.rules import RuleBooks
from broker.store.leases import SECONDS, LeaseLost, Leases, of_history
from broker.store.store import Store
from broker.telemetry import log

_logger = log(__name__)
_RENEWAL: Final = SECONDS / 3
_SHARE: Final = 20
"""Of so many seconds one is for history."""
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
        self._rested = 0.0
        """When the lease was renewed last, and when the last rest was over, by the monotonic clock."""
        self._entered: dict[str, _Entered] = {}

    async def run(self, interval: float) -> None:
        """Keep for as long as the worker lives, every `interval` seconds; more seldom if it takes long."""
        while True:
            try:
                for tenant in await self._store.names():
                    with suppress(NonexistentTenant):  # it was dropped in between
                        await self.keep(tenant, datetime.now(UTC))
            except StoreUnavailable:
                pass  # every request is told so, and /health says it
            except Exception:
                _logger.exception("history not kept")
            await asyncio.sleep(interval * random.uniform(0.8, 1.2))  # noqa: S311  jitter, no secret

    async def keep(self, tenant: str, now: datetime) -> None:
        """Keep one tenant's history, unless another worker does. Raises NonexistentTenant, StoreUnavailable."""
        database = await self._store.database(tenant)
        name = of_history(tenant)
        if name not in await self._leases.take([name]):
            return
        self._renewed = self._rested = monotonic()
        await self._books.reload(tenant)
        entered = self._entered.get(tenant)
        if entered is None or monotonic() > entered.looked + _ALL_AGAIN:
            entered = _Entered(0, monotonic())
        rest = partial(self._rest, name)
        with suppress(LeaseLost):
            await apart(keep(database, self._books.of(tenant), self._sealing, now, rest, entered.since))
            await rest()
            self._entered[tenant] = entered._replace(since=int((now - _BETWEEN_CLOCKS).timestamp() * 1e6))

    async def _rest(self, lease: str) -> None:
        """Leave the time to requests, and hold on to the lease. Raises StoreUnavailable, LeaseLost."""
        now = monotonic()
        over = now + (_SHARE - 1) * (now - self._rested)
        while True:
            now = monotonic()
            if now > self._renewed + _RENEWAL:
                self._renewed = now
                if lease not in await self._leases.take([lease]):
                    raise LeaseLost
            if now >= over:
                break
            await asyncio.sleep(min(over - now, _RENEWAL))
        self._rested = monotonic()
