"""Stored @contexts, of all tenants in the control database (GS CIM 009 §5.13).

    contexts   {_id: local id; of a Cached one its URL,
                kind: "Hosted", "Cached" or "ImplicitlyCreated",
                tenant: whose it is; none of a Cached one, which all share,
                body: the document as bytes; none of one that ships with the broker,
                refs: [ids of the stored contexts that it names],
                createdAt, lastUsage: DateTime, hits: number,
                expiresAt: DateTime until which a Cached one is fresh,
                deleted: DateTime, if it is no more}
    counters   {_id: "contexts", changes: number, recent: [{n: number, id: id}, …]}

What was deleted stays for those that refer to it (other contexts, subscriptions) until nothing does. Workers keep
contexts in memory; `recent` tells them which to forget.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, NamedTuple

from pymongo import UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession

from broker.store.apart import apart
from broker.store.client import Database
from broker.store.errors import asking

CONTEXTS: Final = "contexts"
MAX_CACHED: Final = 2_000
"""Copies of remote contexts; beyond, those go that were not used for longest."""
KEPT_SECONDS: Final = 60.0
"""How long what was deleted stays at least: longer than any request that may just be going to refer to it."""
UNUSED: Final = timedelta(days=1)
"""After so long without use, a context goes that was made for a subscription which is no more."""
RECENT: Final = 200
"""Changes that are told one by one; who missed more of them forgets all that it keeps."""

_COUNTER: Final = {"_id": CONTEXTS}
_ALIVE: Final = {"deleted": {"$exists": False}}
_BARE: Final = {"body": 0}
_REFERRERS: Final = (("subscriptions", "x"),)
"""Collections of the control database, and their member that holds the URL of a stored context."""


class Kind(StrEnum):
    """How a context came here (GS CIM 009 §5.13.1)."""

    HOSTED = "Hosted"
    CACHED = "Cached"
    IMPLICIT = "ImplicitlyCreated"


class Record(NamedTuple):
    """A stored context."""

    id: str
    kind: Kind
    tenant: str | None
    created: datetime
    body: bytes | None = None
    expires: datetime | None = None
    last_usage: datetime | None = None
    hits: int = 0
    deleted: bool = False


class Use(NamedTuple):
    """Uses of a context that are to be counted."""

    times: int
    last: datetime
    ships: bool
    """It ships with the broker: its record is made when it is first used."""


class News(NamedTuple):
    """What other workers deleted or renewed."""

    changes: int
    ids: frozenset[str] | None
    """None: more than is told one by one."""


class Records:
    """The stored contexts. All its methods raise StoreUnavailable."""

    def __init__(self, control: Database) -> None:
        self._database = control
        self._records = control[CONTEXTS]
        self._counters = control["counters"]

    async def get(self, context_id: str) -> Record | None:
        """A context, also one that was deleted and is still there; None if there is none."""
        with asking("context"):
            found = await apart(self._records.find_one({"_id": context_id}))
        return None if found is None else _record(found)

    async def listed(self, tenant: str, kind: Kind | None) -> list[Record]:
        """The contexts that a tenant sees, without their documents, the oldest first."""
        wanted = {"tenant": {"$in": [tenant, None]}, **_ALIVE} | ({"kind": kind} if kind else {})
        with asking("contexts"):
            found = await apart(self._records.find(wanted, _BARE, sort=[("createdAt", 1), ("_id", 1)]).to_list())
        return [_record(document) for document in found]

    async def number(self, tenant: str, kind: Kind) -> int:
        """How many contexts of a kind a tenant has."""
        with asking("contexts"):
            return await apart(self._records.count_documents({"tenant": tenant, "kind": kind, **_ALIVE}))

    async def put(self, record: Record, refs: Iterable[str]) -> None:
        """Store a context of a tenant. One that is there already, by this id, stays."""
        made = {
            "kind": record.kind,
            "tenant": record.tenant,
            "body": record.body,
            "refs": sorted(refs),
            "createdAt": record.created,
            "hits": 0,
        }
        with asking("host"):
            await apart(self._bury(record.id))
            await apart(self._records.update_one({"_id": record.id}, {"$setOnInsert": made}, upsert=True))

    async def cache(self, url: str, body: bytes, expires: datetime, now: datetime) -> None:
        """Store the copy of a remote context."""
        change = {
            "$set": {"body": body, "expiresAt": expires, "lastUsage": now},
            "$setOnInsert": {"kind": Kind.CACHED, "tenant": None, "createdAt": now, "hits": 0},
        }
        with asking("cache"):
            await apart(self._bury(url))
            made = (await apart(self._records.update_one({"_id": url}, change, upsert=True))).upserted_id is not None
            if made:
                await apart(self._evict())

    async def delete(self, context_id: str, now: datetime) -> None:
        """Delete a context for all but those that refer to it, and have all workers forget it."""

        async def write(session: AsyncClientSession) -> None:
            ships = {"_id": context_id, "body": {"$exists": False}}
            if (await self._records.delete_one(ships, session=session)).deleted_count == 0:
                await self._records.update_one({"_id": context_id}, {"$set": {"deleted": now}}, session=session)
            await self._tell(context_id, session)

        async def run() -> None:
            async with self._database.client.start_session() as session:
                await session.with_transaction(write)

        with asking("delete"):
            await apart(run())

    async def tell(self, context_id: str) -> None:
        """Have all workers forget what they keep of a context, and read it anew."""
        with asking("tell"):
            await apart(self._tell(context_id))

    async def news(self, known: int) -> News:
        """What changed since `changes` was as it is known."""
        with asking("news"):
            found = await apart(self._counters.find_one(_COUNTER))
        changes, recent = (found["changes"], found["recent"]) if found is not None else (0, [])
        told = frozenset(change["id"] for change in recent if change["n"] > known)
        return News(changes, told if changes - known <= len(recent) else None)

    async def count(self, uses: Mapping[str, Use]) -> None:
        """Add uses to what is counted."""
        writes = [_counted(context_id, use) for context_id, use in uses.items()]
        with asking("count"):
            await apart(self._records.bulk_write(writes, ordered=False))

    async def collect(self, now: datetime) -> int:
        """Remove what was deleted, and what was made for a subscription, if nothing refers to it; how many."""
        old = {"deleted": {"$lt": now - timedelta(seconds=KEPT_SECONDS)}}
        before = now - UNUSED
        unused = {
            "kind": Kind.IMPLICIT,
            "createdAt": {"$lt": before},
            "$or": [{"lastUsage": {"$lt": before}}, {"lastUsage": {"$exists": False}}],
        }
        removed = 0
        with asking("collect"):
            for document in await apart(self._records.find({"$or": [old, unused]}, {"_id": 1}).to_list()):
                if not await apart(self._is_referred_to(document["_id"])):
                    removed += (await apart(self._records.delete_one({"_id": document["_id"]}))).deleted_count
        return removed

    async def _bury(self, context_id: str) -> None:
        """Remove what was deleted, as another begins in its place: with another age, and its own uses."""
        await self._records.delete_one({"_id": context_id, "deleted": {"$exists": True}})

    async def _is_referred_to(self, context_id: str) -> bool:
        if await self._records.find_one({"refs": context_id}, {"_id": 1}) is not None:
            return True
        ending = {"$regex": f"(^|/){re.escape(context_id)}$"}
        for collection, member in _REFERRERS:
            if await self._database[collection].find_one({member: ending}, {"_id": 1}) is not None:
                return True
        return False

    async def _tell(self, context_id: str, session: AsyncClientSession | None = None) -> None:
        """One more change, and which. The number is taken from the counter itself: they are in order."""
        number = {"$add": [{"$ifNull": ["$changes", 0]}, 1]}
        recent = {"$concatArrays": [{"$ifNull": ["$recent", []]}, [{"n": "$changes", "id": {"$literal": context_id}}]]}
        stages = [{"$set": {"changes": number}}, {"$set": {"recent": {"$slice": [recent, -RECENT]}}}]
        await self._counters.update_one(_COUNTER, stages, upsert=True, session=session)

    async def _evict(self) -> None:
        cached = {"kind": Kind.CACHED}
        beyond = await self._records.count_documents(cached) - MAX_CACHED
        if beyond > 0:
            oldest = await self._records.find(cached, {"_id": 1}, sort=[("lastUsage", 1)], limit=beyond).to_list()
            await self._records.delete_many({"_id": {"$in": [document["_id"] for document in oldest]}})


def _counted(context_id: str, use: Use) -> UpdateOne:
    change: dict[str, Any] = {"$inc": {"hits": use.times}, "$max": {"lastUsage": use.last}}
    if use.ships:
        change["$setOnInsert"] = {"kind": Kind.CACHED, "tenant": None, "createdAt": use.last}
    return UpdateOne({"_id": context_id}, change, upsert=use.ships)


def _record(document: Mapping[str, Any]) -> Record:
    return Record(
        document["_id"],
        Kind(document["kind"]),
        document["tenant"],
        document["createdAt"],
        document.get("body"),
        document.get("expiresAt"),
        document.get("lastUsage"),
        document["hits"],
        "deleted" in document,
    )


def instant(seconds: float) -> datetime:
    """Seconds since 1970 as MongoDB keeps an instant: milliseconds, of the years that it knows."""
    return datetime.fromtimestamp(min(max(seconds, 0.0), 253_402_300_799.0), UTC)
