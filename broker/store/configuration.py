"""The configuration epoch: a number of each tenant that grows with whatever its writes are measured against.

Subscriptions, rules and policies stand in the control database, which all tenants share, and each worker keeps what it
makes of them in memory. Whoever changes one raises the tenant's epoch in the same transaction; every group of writes
reads the epoch in its own transaction, and what the worker knows is brought up to it before the group derives what it
owes. So a write that is acknowledged after a change was acknowledged is measured against it, on any worker or machine.

    configuration   {_id: tenant, epoch: number,
                     dropped: true}             while there is no such tenant: one that is made anew goes on counting
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any, Final, TypeAlias, TypeVar

from pymongo.asynchronous.client_session import AsyncClientSession

from broker.store.client import DURABLE, SNAPSHOT, Client, Database
from broker.store.errors import asking

T = TypeVar("T")

CONFIGURATION: Final = "configuration"
NEVER_CHANGED: Final = 0

Reload: TypeAlias = Callable[[str], Awaitable[None]]
"""Reads the configuration of a tenant anew, as it is committed now."""
Forget: TypeAlias = Callable[[str], None]
"""Lets go of what a worker made of a tenant's configuration."""


class Configuration:
    """The epochs, as one worker reads and raises them."""

    def __init__(
        self, client: Client, control: Database, reloads: Sequence[Reload] = (), forgets: Sequence[Forget] = ()
    ) -> None:
        self._client = client
        self._control = control
        self._epochs = control[CONFIGURATION]
        self._reloads = reloads
        self._forgets = forgets
        self._known: dict[str, int] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def catch_up(self, tenant: str, session: AsyncClientSession | None = None) -> None:
        """Reload a tenant's configuration if its epoch, read in the session's transaction, is not the known one."""
        if not self._reloads:
            return
        found = await self._epochs.find_one({"_id": tenant}, {"epoch": 1}, session=session)
        epoch = NEVER_CHANGED if found is None else found["epoch"]
        await self._take_in(tenant, epoch)

    async def catch_up_all(self, tenants: Collection[str] | None = None) -> None:
        """Reload the configurations of tenants that have changed, of all there are if None; forget dropped tenants.

        Raises StoreUnavailable.
        """
        wanted = {} if tenants is None else {"_id": {"$in": list(tenants)}}
        with asking("epochs"):
            found = {each["_id"]: each async for each in self._epochs.find(wanted)}
        for tenant in found if tenants is None else tenants:
            known = found.get(tenant, {})
            if "dropped" in known:
                self.forget(tenant)
            else:
                await self._take_in(tenant, known.get("epoch", NEVER_CHANGED))

    async def change(self, tenant: str, write: Callable[[Database, AsyncClientSession], Awaitable[T]]) -> T:
        """Write to the control database and raise the tenant's epoch, in one transaction; what `write` returns.

        `write` may run more than once; what it raises is raised, and nothing is written. Raises StoreUnavailable.
        """

        return await self._write(tenant, {"$inc": {"epoch": 1}, "$unset": {"dropped": ""}}, write)

    async def drop(self, tenant: str, write: Callable[[Database, AsyncClientSession], Awaitable[None]]) -> None:
        """The same for a tenant that is being dropped, if it was ever configured: `write` removes what there is."""
        with asking("configure"):
            if await self._epochs.find_one({"_id": tenant}, {"_id": 1}) is None:
                return
        await self._write(tenant, {"$inc": {"epoch": 1}, "$set": {"dropped": True}}, write)

    def forget(self, tenant: str) -> None:
        """Know nothing of a tenant any more: it was dropped."""
        self._known.pop(tenant, None)
        self._locks.pop(tenant, None)
        for forget in self._forgets:
            forget(tenant)

    async def _write(
        self, tenant: str, raised: dict[str, Any], write: Callable[[Database, AsyncClientSession], Awaitable[T]]
    ) -> T:
        async def run(session: AsyncClientSession) -> T:
            await self._epochs.update_one({"_id": tenant}, raised, upsert=True, session=session)
            return await write(self._control, session)

        with asking("configure"):
            async with self._client.start_session() as session:
                return await session.with_transaction(run, read_concern=SNAPSHOT, write_concern=DURABLE)

    async def _take_in(self, tenant: str, epoch: int) -> None:
        if self._is_news(tenant, epoch):
            async with self._locks.setdefault(tenant, asyncio.Lock()):  # a slow reload must not undo a later one
                if self._is_news(tenant, epoch):
                    for reload in self._reloads:
                        await reload(tenant)
                    self._known[tenant] = epoch

    def _is_news(self, tenant: str, epoch: int) -> bool:
        return epoch > self._known.get(tenant, NEVER_CHANGED - 1)
