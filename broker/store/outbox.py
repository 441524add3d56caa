"""The outbox: notifications that are owed, committed with the writes that owe them (design: docs/decisions/0008).

    outbox        {_id: order, s: lane, at: DateTime of the change,
                   e: [[entity id, revision, bytes of the old state or null, bytes of the new one or null], …]}
    deadletters   the same, and why: reason, since: DateTime

A lane is a tenant and a subscription. The order of `_id` is one of cause and effect: a group's revisions are greater
than any that it read, so what came later to an entity has the greater `_id`, whatever the clocks of machines say. And
who sees a document sees those before it on the same entity, since their transactions could not overlap.
"""

from collections.abc import Collection as Several
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from pymongo import ASCENDING, IndexModel, InsertOne
from pymongo.errors import BulkWriteError
from pymongo.write_concern import WriteConcern

from broker.model.entity import Entity, decode, encode
from broker.store.client import Database
from broker.store.commits import Change, Deriving, Owed
from broker.store.errors import all_duplicates, asking

OUTBOX: Final = "outbox"
DEAD_LETTERS: Final = "deadletters"
INDEXES: Final = {
    OUTBOX: (IndexModel([("s", ASCENDING), ("_id", ASCENDING)], name="lane"),),
    DEAD_LETTERS: (
        IndexModel([("s", ASCENDING), ("_id", ASCENDING)], name="lane"),
        IndexModel([("since", ASCENDING)], name="since"),
    ),
}
"""Collection of the control database to its indexes."""

MAX_BYTES: Final = 2**20
MAX_STEPS: Final = 250
"""Of one notification: what is more of one request goes out in several."""
MAX_READ: Final = 16 * 2**20
"""Bytes that are read at once, and one letter more."""
_FORGOTTEN: Final = WriteConcern(1)
"""To forget what was delivered need not last: it would be delivered again."""


class Step(NamedTuple):
    """A change of an entity that a notification tells of, its states as they are stored."""

    entity_id: str
    revision: int
    before: bytes | None
    after: bytes | None

    @property
    def old(self) -> Entity | None:
        """The state before; None where the entity was made."""
        return None if self.before is None else decode(self.before)

    @property
    def new(self) -> Entity | None:
        """The state after; None where the entity was deleted."""
        return None if self.after is None else decode(self.after)


class Letter(NamedTuple):
    """A notification that is owed; `steps` tells of what."""

    id: bytes
    lane: str
    at: datetime
    entity_ids: frozenset[str]
    size: int
    """Bytes, roughly."""
    document: Mapping[str, Any]


def lane(tenant: str, subscription_id: str) -> str:
    """The key of a subscription of a tenant, in every collection of the control database."""
    return f"{tenant} {subscription_id}"


def of_lane(key: str) -> tuple[str, str]:
    """Tenant and subscription of a lane."""
    tenant, _, subscription_id = key.partition(" ")
    return tenant, subscription_id


def of_tenant(tenant: str) -> dict[str, str]:
    """What the lanes of a tenant, and no others, satisfy."""
    return {"$gte": f"{tenant} ", "$lt": f"{tenant}!"}


class _Owing(InsertOne[dict[str, Any]]):
    """The insert of a letter, which tells its lane."""

    __slots__ = ("lane",)

    def __init__(self, document: dict[str, Any]) -> None:
        super().__init__(document)
        self.lane: str = document["s"]


def lanes_of(owed: Iterable[Owed]) -> set[str]:
    """The lanes of the letters among what was owed."""
    return {each.operation.lane for each in owed if isinstance(each.operation, _Owing)}


class Debts:
    """What the changes of a group owe: each is encoded once, however many subscriptions it is owed to."""

    def __init__(self, deriving: Deriving) -> None:
        self._tenant = deriving.tenant
        first = min(change.revision for change in deriving.changes)
        self._group = first.to_bytes(8, "big") + deriving.slot.to_bytes(4, "big")
        self._encoded: dict[tuple[str, int], list[Any]] = {}
        self._notifications = 0

    def owe(self, subscription_id: str, changes: Sequence[Change]) -> list[Owed]:
        """Owe a subscription the notification of changes of one request; several, if it would be too large for one."""
        key = lane(self._tenant, subscription_id)
        at = datetime.fromisoformat(changes[0].instant)
        position = self._notifications << 8
        self._notifications += 1
        return [
            Owed(
                OUTBOX,
                _Owing({"_id": self._group + (position | number).to_bytes(4, "big"), "s": key, "at": at, "e": steps}),
                control=True,
            )
            for number, steps in enumerate(self._portions(changes))
        ]

    def _portions(self, changes: Sequence[Change]) -> list[list[list[Any]]]:
        portions: list[list[list[Any]]] = []
        size = MAX_BYTES
        for change in changes:
            key = change.entity_id, change.revision
            step = self._encoded.get(key)
            if step is None:
                old = None if change.old is None else encode(change.old)
                new = None if change.new is None else encode(change.new)
                step = self._encoded[key] = [change.entity_id, change.revision, old, new]
            if size >= MAX_BYTES or len(portions[-1]) >= MAX_STEPS:
                portions.append([])
                size = 0
            portions[-1].append(step)
            size += len(step[2] or b"") + len(step[3] or b"")
        return portions


def letter(document: Mapping[str, Any]) -> Letter:
    """A document of the outbox."""
    size = sum(len(old or b"") + len(new or b"") + 300 for _, _, old, new in document["e"])
    entity_ids = frozenset(step[0] for step in document["e"])
    return Letter(document["_id"], document["s"], document["at"], entity_ids, size, document)


def steps(letter: Letter) -> list[Step]:
    """What a letter tells of, in order."""
    return [Step(*each) for each in letter.document["e"]]


class Outbox:
    """The outbox as a deliverer reads and clears it. Every method raises StoreUnavailable."""

    def __init__(self, control: Database) -> None:
        self._outbox = control[OUTBOX]
        self._clearing = control.get_collection(OUTBOX, write_concern=_FORGOTTEN)
        self._dead = control[DEAD_LETTERS]

    async def lanes(self) -> list[str]:
        """The lanes that are owed something: an index tells, however much that is."""
        with asking("owed lanes"):
            found = await self._outbox.aggregate([{"$sort": {"s": 1}}, {"$group": {"_id": "$s"}}])
            return [document["_id"] for document in await found.to_list()]

    async def head(self, lanes: Several[str], known: Several[bytes], most: int) -> tuple[list[Letter], bool]:
        """What lanes are owed without what is known, lane by lane, the oldest first; and whether there may be more.

        There are at most so many, and about MAX_READ bytes.
        """
        wanted: dict[str, Any] = {"s": {"$in": list(lanes)}}
        if known:
            wanted["_id"] = {"$nin": list(known)}
        letters = []
        size = 0
        with asking("owed"):
            async with self._outbox.find(wanted, sort=[("s", 1), ("_id", 1)], limit=most, batch_size=most + 1) as found:
                async for document in found:
                    letters.append(letter(document))
                    size += letters[-1].size
                    if size > MAX_READ:
                        return letters, True
        return letters, len(letters) == most

    async def clear(self, letters: Several[bytes]) -> None:
        """Forget what was delivered."""
        with asking("delivered"):
            await self._clearing.delete_many({"_id": {"$in": list(letters)}})

    async def older(self, lane: str, than: datetime, most: int) -> list[Letter]:
        """What a lane has been owed since before an instant, the oldest first."""
        with asking("owed"):
            found = self._outbox.find({"s": lane, "at": {"$lt": than}}, sort=[("_id", 1)], limit=most)
            return [letter(document) async for document in found]

    async def bury(self, dead: Sequence[tuple[Letter, str]], since: datetime) -> None:
        """Make dead letters of them, each with the reason. Done twice, it is as if it were done once."""
        buried = [{**letter.document, "reason": reason, "since": since} for letter, reason in dead]
        with asking("bury"):
            try:
                await self._dead.insert_many(buried, ordered=False)
            except BulkWriteError as error:
                if not all_duplicates(error):
                    raise
            await self._outbox.delete_many({"_id": {"$in": [letter.id for letter, _ in dead]}})

    async def forget_dead(self, before: datetime) -> None:
        """Remove the dead letters that died before an instant."""
        with asking("forget dead letters"):
            await self._dead.delete_many({"since": {"$lt": before}})

    async def owed(self) -> int:
        """How many notifications are owed, roughly right after a crash of MongoDB."""
        with asking("owed count"):
            return await self._outbox.estimated_document_count()
