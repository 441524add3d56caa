"""The outbox: notifications that are owed, committed with the writes that owe them (design: docs/decisions/0008).

    outbox        {_id: order, s: [lane, …], at: DateTime of the change,
                   e: [[entity id, revision, bytes of the old state or null, bytes of the new one or null], …]}
    deadletters   {_id: order and mark of the lane, s: lane, at, e, reason, since: DateTime}

A lane is a tenant and a subscription; a letter is for all that its changes concern alike, and each of them is struck
out when it has been notified. The order of `_id` is one of cause and effect: a group's revisions are greater than any
that it read, so what came later to an entity has the greater `_id`, whatever the clocks of machines say. And who sees a
document sees those before it on the same entity, since their transactions could not overlap.
"""

from collections.abc import Collection as Several
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from pymongo import ASCENDING, IndexModel, InsertOne, UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import BulkWriteError
from pymongo.write_concern import WriteConcern

from broker.model.entity import Entity, decode, encode
from broker.model.instants import format_instant
from broker.store.client import Database
from broker.store.commits import Change, Deriving, Owed
from broker.store.errors import all_duplicates, asking

OUTBOX: Final = "outbox"
DEAD_LETTERS: Final = "deadletters"
_LANE: Final = "lane"
INDEXES: Final = {
    OUTBOX: (IndexModel([("s", ASCENDING), ("_id", ASCENDING)], name=_LANE),),
    DEAD_LETTERS: (
        IndexModel([("s", ASCENDING), ("_id", ASCENDING)], name=_LANE),
        IndexModel([("since", ASCENDING)], name="since"),
    ),
}
"""Collection of the control database to its indexes."""

MAX_BYTES: Final = 2**20
MAX_STEPS: Final = 250
"""Of one notification: what is more of one request goes out in several."""
MAX_LANES: Final = 500
"""Of one letter."""
AT_ONCE: Final = 150
"""Lanes that are read at once: MongoDB merges what the index has of up to 200, and would sort the rest."""
MAX_READ: Final = 16 * 2**20
"""Bytes that are read at once, and one letter more."""
_BATCH: Final = 250
_ORDER: Final = 16
"""Bytes of an `_id` that order it; what a dead letter has besides tells its lane."""
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
    """Notifications that are owed, of one thing to several lanes."""

    id: bytes
    lanes: frozenset[str]
    """Those that it was owed to when it was read."""
    at: datetime
    entity_ids: frozenset[str]
    size: int
    """Bytes, roughly."""
    steps: tuple[Step, ...] = ()
    """What it tells of, in order."""
    instant: str = ""
    """`at` as a DateTime of the standard."""

    def own_id(self, lane: str) -> bytes:
        """What tells the notification of a lane from those of others, however often it is sent."""
        return self.id[:_ORDER] + blake2b(lane.encode(), digest_size=8).digest()


class Dead(NamedTuple):
    """What a lane is owed, and why it is given up."""

    letter: Letter
    lane: str
    reason: str


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
    """The insert of a letter, which tells its lanes."""

    __slots__ = ("lanes",)

    def __init__(self, document: dict[str, Any]) -> None:
        super().__init__(document)
        self.lanes: Sequence[str] = document["s"]


def lanes_of(owed: Iterable[Owed]) -> set[str]:
    """The lanes of the letters among what was owed."""
    return {lane for each in owed if isinstance(each.operation, _Owing) for lane in each.operation.lanes}


class Debts:
    """What the changes of a group owe: each is encoded once, however many subscriptions it is owed to."""

    def __init__(self, deriving: Deriving) -> None:
        self._tenant = deriving.tenant
        first = min(change.revision for change in deriving.changes)
        self._group = first.to_bytes(8, "big") + deriving.slot.to_bytes(4, "big")
        self._encoded: dict[tuple[str, int], list[Any]] = {}
        self._letters = 0

    def owe(self, subscription_ids: Sequence[str], changes: Sequence[Change]) -> Iterator[Owed]:
        """Owe subscriptions the notification of changes of one request; several, if it would be too large for one."""
        at = datetime.fromisoformat(changes[0].instant)
        portions = self._portions(changes)
        for first in range(0, len(subscription_ids), MAX_LANES):
            lanes = [lane(self._tenant, each) for each in subscription_ids[first : first + MAX_LANES]]
            position = self._letters << 8
            self._letters += 1
            for number, steps in enumerate(portions):
                order = self._group + (position | number).to_bytes(4, "big")
                yield Owed(OUTBOX, _Owing({"_id": order, "s": lanes, "at": at, "e": steps}), control=True)

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
    steps = tuple(Step(*each) for each in document["e"])
    return Letter(
        document["_id"],
        frozenset(document["s"]),
        document["at"],
        frozenset(step.entity_id for step in steps),
        sum(len(step.before or b"") + len(step.after or b"") + 300 for step in steps),
        steps,
        format_instant(document["at"]),
    )


async def forget(control: Database, session: AsyncClientSession, lane: str) -> None:
    """Owe a lane nothing any more."""
    await control[OUTBOX].delete_many({"s": [lane]}, session=session)
    await control[OUTBOX].update_many({"s": lane}, {"$pull": {"s": lane}}, session=session)
    await control[DEAD_LETTERS].delete_many({"s": lane}, session=session)


class Outbox:
    """The outbox as a deliverer reads and clears it. Every method raises StoreUnavailable."""

    def __init__(self, control: Database) -> None:
        self._outbox = control[OUTBOX]
        self._striking = control.get_collection(OUTBOX, write_concern=_FORGOTTEN)
        self._dead = control[DEAD_LETTERS]

    async def lanes(self) -> list[str]:
        """The lanes that are owed something, up to some 200 000: an index tells, however much that is."""
        with asking("owed lanes"):
            found: list[str] = await self._outbox.distinct("s")
            return found

    async def head(
        self, lanes: Mapping[str, Container[bytes]], known: Several[bytes], of_each: int, most: int
    ) -> tuple[list[Letter], bool]:
        """What lanes, AT_ONCE at most, are owed without what is known, the oldest first; and whether there may be more.

        It ends when each lane has so many letters besides those that it knows itself (`lanes`: their ids), with so many
        in all, or about MAX_READ bytes.
        """
        wanted: dict[str, Any] = {"s": {"$in": list(lanes)}}
        if known:
            wanted["_id"] = {"$nin": list(known)}
        left = dict.fromkeys(lanes, of_each)
        letters: list[Letter] = []
        size = 0
        with asking("owed"):
            async with self._outbox.find(
                wanted, sort=[("_id", 1)], limit=most, batch_size=min(most, _BATCH), hint=_LANE
            ) as found:
                async for document in found:
                    letters.append(letter(document))
                    size += letters[-1].size
                    _count_down(left, lanes, letters[-1])
                    if not left or size > MAX_READ:
                        return letters, True
        return letters, len(letters) == most

    async def clear(self, letters: Several[bytes]) -> None:
        """Forget letters that were delivered to all their lanes."""
        with asking("delivered"):
            await self._striking.delete_many({"_id": {"$in": list(letters)}})

    async def strike(self, delivered: Mapping[bytes, Several[str]]) -> None:
        """Strike lanes out of letters; those that are owed to nobody then are forgotten."""
        if not delivered:
            return
        struck = [UpdateOne({"_id": each}, {"$pullAll": {"s": list(lanes)}}) for each, lanes in delivered.items()]
        with asking("delivered"):
            await self._striking.bulk_write(struck, ordered=False)
            await self._striking.delete_many({"_id": {"$in": list(delivered)}, "s": []})

    async def older(self, lane: str, than: datetime, most: int) -> list[Letter]:
        """What a lane has been owed since before an instant, the oldest first."""
        with asking("owed"):
            found = self._outbox.find({"s": lane, "at": {"$lt": than}}, sort=[("_id", 1)], limit=most)
            return [letter(document) async for document in found]

    async def bury(self, dead: Sequence[Dead], since: datetime) -> None:
        """Make dead letters of them. Done twice, it is as if it were done once."""
        if not dead:
            return
        buried = [
            {
                "_id": letter.own_id(lane),
                "s": lane,
                "at": letter.at,
                "e": list(map(list, letter.steps)),
                "reason": reason,
                "since": since,
            }
            for letter, lane, reason in dead
        ]
        with asking("bury"):
            try:
                await self._dead.insert_many(buried, ordered=False)
            except BulkWriteError as error:
                if not all_duplicates(error):
                    raise
        struck: dict[bytes, list[str]] = {}
        for letter, lane, _ in dead:
            struck.setdefault(letter.id, []).append(lane)
        await self.strike(struck)

    async def forget_dead(self, before: datetime) -> None:
        """Remove the dead letters that died before an instant."""
        with asking("forget dead letters"):
            await self._dead.delete_many({"since": {"$lt": before}})

    async def owed(self) -> int:
        """How many letters there are, roughly right after a crash of MongoDB."""
        with asking("owed count"):
            return await self._outbox.estimated_document_count()


def _count_down(left: dict[str, int], lanes: Mapping[str, Container[bytes]], letter: Letter) -> None:
    """A letter is read; the lanes that have enough are left out from now on."""
    for lane in letter.lanes:
        if lane in left and letter.id not in lanes[lane]:
            left[lane] -= 1
            if not left[lane]:
                del left[lane]
