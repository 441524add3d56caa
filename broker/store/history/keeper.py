"""The keeper: one worker's part in keeping the history of all tenants."""

import asyncio
import random
from contextlib import suppress
from datetime import UTC, datetime
from time import monotonic
from typing import Final

from broker.errors import NonexistentTenant, StoreUnavailable
from broker.store.apart import apart
from broker.store.history.keep import Sealing, keep
from broker.store.history.rules import RuleBooks
from broker.store.leases import SECONDS, Leases, of_history
from broker.store.store import Store
from broker.telemetry import log

_logger = log(__name__)
_RENEWAL: Final = SECONDS / 3


class Keeper:
    """Keeps the history of the tenants whose leases it gets."""

    def __init__(self, store: Store, books: RuleBooks, leases: Leases, sealing: Sealing) -> None:
        self._store = store
        self._books = books
        self._leases = leases
        self._sealing = sealing
        self._renewed = 0.0

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
            pause = max(interval, 4 * (monotonic() - started))
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
        await apart(keep(database, self._books.of(tenant), self._sealing, now, go_on))
