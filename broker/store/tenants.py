"""Tenants and their databases.

Each tenant has a database of its own, made by the first create in it. Which there are stands in the control database:

    tenants    {_id: tenant, database: its name, dropping: DateTime, while it is being dropped}
    counters   {_id: "tenants", changes: number}      what creations of tenants conflict over: so they are counted right

Workers remember tenants, and never for long without looking (`RENEWAL`): a tenant that is dropped would come back as a
database without indexes that nobody knows, if a worker went on to write there. GS CIM 009 §4.14, §5.5.10.
"""

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, NamedTuple

from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import DuplicateKeyError

from broker.errors import NonexistentTenant, StoreUnavailable
from broker.store import indexes
from broker.store.client import Client, Database
from broker.store.configuration import CONFIGURATION, Configuration
from broker.store.errors import asking
from broker.store.leases import LEASES, of_history
from broker.store.outbox import of_tenant
from broker.store.subscriptions import forget_tenant

DEFAULT: Final = ""
RENEWAL: Final = 2.0
"""Seconds after which a worker looks whether the tenants that it knows are still there."""
RENEWAL_TIMEOUT: Final = 1.0
"""Seconds that this look may take; then it knows none."""
FORGOTTEN: Final = 5.0
"""Seconds after which no worker knows a tenant that is being dropped."""
UNLIMITED: Final = 2**31

_PLAIN = re.compile(r"[a-z0-9_]{1,32}")
_NOTHING: Final = {"_id": None}
"""Validator that no document satisfies."""


def database_name(prefix: str, tenant: str) -> str:
    """The name of a tenant's database. MongoDB's names are short, and differ by more than case."""
    if tenant == DEFAULT:
        return prefix
    if _PLAIN.fullmatch(tenant):
        return f"{prefix}-t-{tenant}"
    return f"{prefix}-x-{hashlib.sha256(tenant.encode()).hexdigest()[:32]}"


def control_database(client: Client, prefix: str) -> Database:
    """The database of what is not a tenant's alone."""
    return client[f"{prefix}-control"]


class Listed(NamedTuple):
    """A tenant, as operators see it. `entities`: their number, roughly right after a crash of MongoDB."""

    tenant: str
    database: str
    entities: int
    dropping: bool


class Tenants:
    """The tenants that there are. At most `limit` besides the default one are made."""

    def __init__(self, client: Client, prefix: str, limit: int = UNLIMITED) -> None:
        self._client = client
        self._prefix = prefix
        self._limit = limit
        self.control = control_database(client, prefix)
        self._prepared: set[str] = set()
        self._preparing: dict[str, asyncio.Task[None]] = {}

    async def database(self, tenant: str, *, create: bool) -> Database:
        """The tenant's database, ready for transactions.

        Raises NonexistentTenant, unless `create` or the tenant is the default one.
        """
        database: Database = self._client[database_name(self._prefix, tenant)]
        if tenant != DEFAULT:
            await self._check(tenant, database.name, create)
        if tenant not in self._prepared:
            preparing = self._preparing.get(tenant)
            if preparing is None:
                preparing = self._preparing[tenant] = asyncio.create_task(self._prepare(tenant, database))
                preparing.add_done_callback(lambda _: self._preparing.pop(tenant, None))
            await asyncio.shield(preparing)
        return database

    async def names(self) -> list[str]:
        """All tenants, the default one first, without those that are being dropped. Raises StoreUnavailable."""
        there = {"dropping": {"$exists": False}}
        with asking("tenants"):
            found = await self.control["tenants"].find(there, {"_id": 1}, sort=[("_id", 1)]).to_list()
        return [DEFAULT, *(document["_id"] for document in found)]

    async def listed(self) -> list[Listed]:
        """All tenants, the default one first. Raises StoreUnavailable."""
        with asking("tenants"):
            found = await self.control["tenants"].find({}, sort=[("_id", 1)]).to_list()
            return [
                Listed(
                    document["_id"],
                    document["database"],
                    await self._client[document["database"]][indexes.ENTITIES].estimated_document_count(),
                    "dropping" in document,
                )
                for document in [{"_id": DEFAULT, "database": self._prefix}, *found]
            ]

    async def drop(self, tenant: str, pause: Callable[[float], Awaitable[Any]] = asyncio.sleep) -> None:
        """Drop a tenant with all it has, while workers serve; whoever was interrupted can begin again.

        At first no more is written, since the collections take no document; then every worker forgets the tenant, and
        only then its database goes. Raises NonexistentTenant, StoreUnavailable; ValueError for the default tenant.
        """
        if tenant == DEFAULT:
            raise ValueError("the default tenant always exists")
        with asking("drop"):
            document = await self.control["tenants"].find_one_and_update(
                {"_id": tenant}, {"$set": {"dropping": datetime.now(UTC)}}
            )
            if document is None:
                raise NonexistentTenant(f"Tenant {tenant} does not exist.")
            database: Database = self._client[document["database"]]
            for name in await database.list_collection_names():
                await database.command({"collMod": name, "validator": _NOTHING, "validationLevel": "strict"})
            await pause(FORGOTTEN)
            await self._client.drop_database(database)
            await Configuration(self._client, self.control).drop(tenant, partial(_unconfigure, tenant))
            await self.control[LEASES].delete_one({"_id": of_history(tenant)})
            for collection, member in indexes.TENANT_CONTROL.items():
                await self.control[collection].delete_many({member: tenant})
            for collection, member in indexes.OF_LANES.items():
                await self.control[collection].delete_many({member: of_tenant(tenant)})
            await self.control["tenants"].delete_one({"_id": tenant})

    async def _check(self, tenant: str, name: str, create: bool) -> None:
        """Raise NonexistentTenant if there is no such tenant and none is to be made."""
        with asking("tenant"):
            found = await self.control["tenants"].find_one({"_id": tenant})
        if found is None:
            self._prepared.discard(tenant)
            if not create:
                raise NonexistentTenant(f"Tenant {tenant} does not exist.")
            with asking("register"), suppress(DuplicateKeyError):  # another worker was first
                await self._register(tenant, name)
        elif "dropping" in found:
            self._prepared.discard(tenant)
            if create:
                raise StoreUnavailable(f"Tenant {tenant} is being dropped; try again.")
            raise NonexistentTenant(f"Tenant {tenant} does not exist any more.")

    async def _register(self, tenant: str, name: str) -> None:
        async def register(session: AsyncClientSession) -> None:
            if await self.control["tenants"].count_documents({}, session=session) >= self._limit:
                raise NonexistentTenant(f"Tenant {tenant} does not exist, and no more than {self._limit} can be made.")
            changed = {"$inc": {"changes": 1}}
            await self.control["counters"].update_one({"_id": "tenants"}, changed, upsert=True, session=session)
            await self.control["tenants"].insert_one({"_id": tenant, "database": name}, session=session)
            known = {"$unset": {"dropped": ""}}
            await self.control[CONFIGURATION].update_one({"_id": tenant}, known, session=session)

        async with self._client.start_session() as session:
            await session.with_transaction(register)

    async def _prepare(self, tenant: str, database: Database) -> None:
        with asking("prepare"):
            if not self._prepared:
                await indexes.prepare(self.control, indexes.CONTROL_INDEXES)
            await indexes.prepare(database)
        self._prepared.add(tenant)


async def _unconfigure(tenant: str, control: Database, session: AsyncClientSession) -> None:
    """Remove what a tenant's writes were measured against, with the epoch that says so: no worker keeps half of it."""
    await forget_tenant(control, session, tenant)
    for collection in indexes.CONFIGURING:
        await control[collection].delete_many({indexes.TENANT_CONTROL[collection]: tenant}, session=session)
