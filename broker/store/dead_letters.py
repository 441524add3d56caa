"""Dead letters: notifications that were given up, for operators to look at, to send again, or to remove."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from pymongo.errors import BulkWriteError

from broker.store.client import Database
from broker.store.errors import all_duplicates, asking
from broker.store.outbox import DEAD_LETTERS, OUTBOX, lane, of_lane, of_tenant

_AT_ONCE: Final = 500


class DeadLetter(NamedTuple):
    """A dead letter, as operators see it."""

    id: str
    tenant: str
    subscription: str
    entities: tuple[str, ...]
    """Ids, in order."""
    at: datetime
    """When the change was made."""
    since: datetime
    """When the notification was given up."""
    reason: str


class Chosen(NamedTuple):
    """Which dead letters are meant: all that is given holds; nothing: all of them."""

    ids: tuple[str, ...] = ()
    tenant: str | None = None
    subscription: str | None = None
    """Of the tenant, the default one if none is given."""


class DeadLetters:
    """The dead letters of all tenants. Every method raises StoreUnavailable."""

    def __init__(self, control: Database) -> None:
        self._dead = control[DEAD_LETTERS]
        self._outbox = control[OUTBOX]

    async def listed(self, chosen: Chosen, limit: int, after: str = "") -> list[DeadLetter]:
        """At most so many, in the order of their ids, after one."""
        wanted: dict[str, Any] = _filter(chosen)
        if after:
            wanted = {"$and": [wanted, {"_id": {"$gt": bytes.fromhex(after)}}]}
        with asking("dead letters"):
            found = self._dead.find(wanted, {"e": {"$map": _ENTITY_IDS}, "s": 1, "at": 1, "since": 1, "reason": 1})
            return [_shown(document) async for document in found.sort("_id", 1).limit(limit)]

    async def count(self, chosen: Chosen) -> int:
        """How many there are."""
        with asking("dead letters"):
            return await self._dead.count_documents(_filter(chosen))

    async def replay(self, chosen: Chosen) -> int:
        """Owe them again, as if they had been made now; how many. They go before what their subscriptions are owed."""
        replayed = 0
        with asking("replay"):
            while documents := await self._dead.find(_filter(chosen), limit=_AT_ONCE).to_list():
                await self._owe(documents)
                await self._dead.delete_many({"_id": {"$in": [document["_id"] for document in documents]}})
                replayed += len(documents)
        return replayed

    async def remove(self, chosen: Chosen) -> int:
        """Remove them for good; how many."""
        with asking("remove dead letters"):
            return (await self._dead.delete_many(_filter(chosen))).deleted_count

    async def _owe(self, documents: Sequence[dict[str, Any]]) -> None:
        now = datetime.now(UTC)
        owed = [{"_id": each["_id"], "s": [each["s"]], "at": now, "e": each["e"]} for each in documents]
        try:
            await self._outbox.insert_many(owed, ordered=False)
        except BulkWriteError as error:
            if not all_duplicates(error):  # it was replayed already, and interrupted
                raise


_ENTITY_IDS: Final = {"input": "$e", "in": {"$first": "$$this"}}


def _filter(chosen: Chosen) -> dict[str, Any]:
    wanted: dict[str, Any] = {}
    if chosen.ids:
        wanted["_id"] = {"$in": [bytes.fromhex(each) for each in chosen.ids]}
    if chosen.subscription is not None:
        wanted["s"] = lane(chosen.tenant or "", chosen.subscription)
    elif chosen.tenant is not None:
        wanted["s"] = of_tenant(chosen.tenant)
    return wanted


def _shown(document: dict[str, Any]) -> DeadLetter:
    tenant, subscription = of_lane(document["s"])
    return DeadLetter(
        document["_id"].hex(),
        tenant,
        subscription,
        tuple(document["e"]),
        document["at"],
        document["since"],
        document["reason"],
    )
