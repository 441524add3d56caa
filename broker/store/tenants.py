"""Tenants and their databases.

Each tenant has a database of its own, made at its first write. What concerns all tenants lies in the control database.
GS CIM 009 §4.14.
"""

import asyncio
import hashlib
import re
from contextlib import suppress
from typing import Final

from pymongo.errors import DuplicateKeyError

from broker.errors import NonexistentTenant
from broker.store import indexes
from broker.store.client import Client, Database
from broker.store.errors import asking

DEFAULT: Final = ""
_PLAIN = re.compile(r"[a-z0-9_]{1,32}")


def database_name(prefix: str, tenant: str) -> str:
    """The name of a tenant's database. MongoDB's names are short, and differ by more than case."""
    if tenant == DEFAULT:
        return prefix
    if _PLAIN.fullmatch(tenant):
        return f"{prefix}-t-{tenant}"
    return f"{prefix}-x-{hashlib.sha256(tenant.encode()).hexdigest()[:32]}"


class Tenants:
    """Which tenants exist, as this worker knows it."""

    def __init__(self, client: Client, prefix: str) -> None:
        self._client = client
        self._prefix = prefix
        self._control: Database = client[f"{prefix}-control"]
        self._known: dict[str, Database] = {}
        self._making: dict[str, asyncio.Task[Database]] = {}

    async def database(self, tenant: str, *, create: bool) -> Database:
        """The tenant's database, ready for transactions.

        Raises NonexistentTenant, unless `create` or the tenant is the default one.
        """
        known = self._known.get(tenant)
        if known is not None:
            return known
        if not (create or tenant == DEFAULT):
            with asking("tenant"):
                if await self._control["tenants"].find_one({"_id": tenant}) is None:
                    raise NonexistentTenant(f"Tenant {tenant} does not exist.")
        making = self._making.get(tenant)
        if making is None:
            making = self._making[tenant] = asyncio.create_task(self._make(tenant))
            making.add_done_callback(lambda _: self._making.pop(tenant, None))
        return await asyncio.shield(making)

    async def names(self) -> list[str]:
        """All tenants, the default one first. Raises StoreUnavailable."""
        with asking("tenants"):
            found = await self._control["tenants"].find({}, {"_id": 1}, sort=[("_id", 1)]).to_list()
        return [DEFAULT, *(document["_id"] for document in found)]

    async def _make(self, tenant: str) -> Database:
        database: Database = self._client[database_name(self._prefix, tenant)]
        with asking("prepare"):
            await indexes.prepare(database)
            if tenant != DEFAULT:
                await self._register(tenant, database.name)
        self._known[tenant] = database
        return database

    async def _register(self, tenant: str, name: str) -> None:
        with suppress(DuplicateKeyError):  # another worker, or an earlier run, was first
            await self._control["tenants"].insert_one({"_id": tenant, "database": name})
