"""Subscriptions of all tenants, in the control database.

    subscriptions   {_id: "<tenant> <id>", tenant, id, v: the epoch of its last change, d: the kept one as JSON bytes,
                     x: the URL of the @context of its notifications, which stays as long as it is referred to}
                    {_id, tenant, v, gone: DateTime}      a deleted one, for workers that have yet to forget it

A worker reads what has changed since the epoch that it knows. What is deleted leaves a mark for `REMEMBERED` seconds:
a worker that has not looked for longer reads all.
"""

from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import orjson
from pymongo import ASCENDING, IndexModel
from pymongo.asynchronous.client_session import AsyncClientSession

from broker.errors import AlreadyExists, ResourceNotFound
from broker.store.client import Database
from broker.store.configuration import CONFIGURATION
from broker.store.errors import asking

SUBSCRIPTIONS: Final = "subscriptions"
CONTEXT: Final = "@context"
"""Member of a kept subscription: the @context of its notifications."""
REMEMBERED: Final = 86_400
"""Seconds that the mark of a deleted subscription stays."""

INDEXES: Final = (
    IndexModel([("tenant", ASCENDING), ("v", ASCENDING)], name="changed"),
    IndexModel([("tenant", ASCENDING), ("id", ASCENDING)], name="listed"),
    IndexModel([("gone", ASCENDING)], name="forgotten", expireAfterSeconds=REMEMBERED),
)

_HERE: Final = {"gone": {"$exists": False}}


class Changed(NamedTuple):
    """A subscription that has changed: its id in the tenant, the kept one as JSON; None if it was deleted."""

    id: str
    kept: bytes | None
    epoch: int


class Listing(NamedTuple):
    """A part of a tenant's subscriptions, in the order of their ids."""

    limit: int
    offset: int = 0
    after: str = ""
    before: str = ""


def key_of(tenant: str, subscription_id: str) -> str:
    """The `_id` of a subscription: neither part has a space."""
    return f"{tenant} {subscription_id}"


async def changed(control: Database, tenant: str, since: int) -> list[Changed]:
    """The subscriptions of a tenant that changed after an epoch. Raises StoreUnavailable."""
    newer = {"tenant": tenant, "v": {"$gt": since}}
    if since < 0:
        newer |= _HERE
    with asking("subscriptions"):
        cursor = control[SUBSCRIPTIONS].find(newer, {"v": 1, "d": 1}, batch_size=5000)
        return [Changed(each["_id"][len(tenant) + 1 :], each.get("d"), each["v"]) async for each in cursor]


async def find(control: Database, tenant: str, subscription_id: str) -> dict[str, Any]:
    """A kept subscription. Raises ResourceNotFound, StoreUnavailable."""
    with asking("subscription"):
        found = await control[SUBSCRIPTIONS].find_one({"_id": key_of(tenant, subscription_id), **_HERE}, {"d": 1})
    return _kept(found, subscription_id)


async def listed(control: Database, tenant: str, listing: Listing) -> list[dict[str, Any]]:
    """A part of the kept subscriptions, by id. Raises StoreUnavailable."""
    backwards = bool(listing.before)
    ids = {"$lt": listing.before} if backwards else {"$gt": listing.after}
    with asking("subscriptions"):
        found = (
            await control[SUBSCRIPTIONS]
            .find({"tenant": tenant, "id": ids, **_HERE}, {"d": 1})
            .sort("id", -1 if backwards else 1)
            .skip(listing.offset)
            .limit(listing.limit)
            .to_list()
        )
    kept = [orjson.loads(each["d"]) for each in found]
    return kept[::-1] if backwards else kept


async def count(control: Database, tenant: str) -> int:
    """How many there are. Raises StoreUnavailable."""
    with asking("subscriptions"):
        return await control[SUBSCRIPTIONS].count_documents({"tenant": tenant, "id": {"$gt": ""}, **_HERE})


# Within `Configuration.change`.


async def insert(control: Database, session: AsyncClientSession, tenant: str, kept: dict[str, Any]) -> None:
    """Keep a new one. Raises AlreadyExists."""
    key = key_of(tenant, kept["id"])
    here = await control[SUBSCRIPTIONS].count_documents({"_id": key, **_HERE}, session=session)
    if here:
        raise AlreadyExists(f"Subscription {kept['id']} exists already.")
    await _put(control, session, tenant, kept)


async def replace(control: Database, session: AsyncClientSession, tenant: str, kept: dict[str, Any]) -> None:
    """Keep one instead of what is there."""
    await _put(control, session, tenant, kept)


async def current(control: Database, session: AsyncClientSession, tenant: str, subscription_id: str) -> dict[str, Any]:
    """The kept one, as the transaction sees it. Raises ResourceNotFound."""
    key = key_of(tenant, subscription_id)
    found = await control[SUBSCRIPTIONS].find_one({"_id": key, **_HERE}, {"d": 1}, session=session)
    return _kept(found, subscription_id)


async def remove(control: Database, session: AsyncClientSession, tenant: str, subscription_id: str) -> None:
    """Forget one. Raises ResourceNotFound."""
    key = key_of(tenant, subscription_id)
    mark = {"tenant": tenant, "v": await _epoch(control, session, tenant), "gone": datetime.now(UTC)}
    done = await control[SUBSCRIPTIONS].replace_one({"_id": key, **_HERE}, mark, session=session)
    if not done.matched_count:
        raise ResourceNotFound(f"Subscription {subscription_id} does not exist.")


async def forget_tenant(control: Database, session: AsyncClientSession, tenant: str) -> None:
    """Forget all of a tenant that is being dropped, so that a new one of its name begins with none."""
    mark = {
        "$set": {"v": await _epoch(control, session, tenant), "gone": datetime.now(UTC)},
        "$unset": {"d": 1, "id": 1, "x": 1},
    }
    await control[SUBSCRIPTIONS].update_many({"tenant": tenant, **_HERE}, mark, session=session)


async def _put(control: Database, session: AsyncClientSession, tenant: str, kept: dict[str, Any]) -> None:
    document = {
        "tenant": tenant,
        "id": kept["id"],
        "v": await _epoch(control, session, tenant),
        "d": orjson.dumps(kept),
    }
    if isinstance(kept.get(CONTEXT), str):
        document["x"] = kept[CONTEXT]
    await control[SUBSCRIPTIONS].replace_one(
        {"_id": key_of(tenant, kept["id"])}, document, upsert=True, session=session
    )


async def _epoch(control: Database, session: AsyncClientSession, tenant: str) -> int:
    """The epoch that this transaction makes."""
    found = await control[CONFIGURATION].find_one({"_id": tenant}, {"epoch": 1}, session=session)
    epoch: int = found["epoch"] if found is not None else 0
    return epoch


def _kept(found: dict[str, Any] | None, subscription_id: str) -> dict[str, Any]:
    if found is None:
        raise ResourceNotFound(f"Subscription {subscription_id} does not exist.")
    kept: dict[str, Any] = orjson.loads(found["d"])
    return kept
