"""One group of operations in one transaction: read, apply, write, commit; retried until it is settled.

What can go wrong, and what follows:

- An operation fails on its own account (404, 409, 400): it alone is answered so.
- Another worker changed an entity of the group, or made it (TransientTransactionError, E11000): the whole group is run
  again on the new state, with jitter; from the third try on it first write-locks its entities, or a large group would
  starve.
- A worker died and left a transaction open that has changed an entity of the group: the same, until that is ended.
- mongod refuses a geometry (16755): the entity is indexed in the next of the ways of `Indexing`, and the group is run
  again.
- An entity has grown too large, or something else fails that no retry mends: the group fails, `broker.store.commits`
  finds the culprit by halves.
- The tenant is being dropped: its collections take nothing, and the group is refused.
- The result of the commit is unknown: the commit is retried, never the operations.
- The database does not answer: the group is run again while its oldest operation is patient.
"""

import asyncio
import logging
import random
from collections.abc import Sequence
from time import monotonic
from typing import Any, Final, NamedTuple, TypeAlias

from pymongo import DeleteOne, InsertOne, UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import BulkWriteError, DuplicateKeyError, OperationFailure, PyMongoError

from broker.errors import BadRequestData, BrokerError, InternalError, NonexistentTenant, StoreUnavailable
from broker.model.entity import Entity, decode
from broker.model.expiry import alive
from broker.store import abandoned, shapes
from broker.store.client import DURABLE, SNAPSHOT, Client, Database
from broker.store.commits import MAX_IN_FLIGHT, Change, Deriver, Pending
from broker.store.errors import UNAVAILABLE, ours
from broker.store.indexes import ENTITIES
from broker.store.places import Indexing
from broker.store.visible import current_instant
from broker.telemetry import DATABASE_SECONDS, GROUP_CONFLICTS, GROUP_RETRIES, GROUP_SIZE

_logger = logging.getLogger(__name__)

GIVE_UP_AFTER: Final = 10.0
"""Seconds that a group is run again when it conflicts."""
LOCK_FROM_TRY: Final = 3
_FIRST_PAUSE: Final = 0.002
_LONGEST_PAUSE: Final = 0.25

_GROUP_SECONDS: Final = DATABASE_SECONDS.labels("group")

_DUPLICATE_KEY: Final = 11000
_TOO_LARGE: Final = 10334
_REFUSED_BY_VALIDATOR: Final = 121
_BAD_GEOMETRY: Final = frozenset({16755, 16756})

_States: TypeAlias = dict[str, dict[str, Any]]
"""Entity id to the document that the transaction reads."""
_Indexing: TypeAlias = dict[str, Indexing]
"""How entities are indexed whose geometries mongod has refused."""
_PROJECTION: Final = dict.fromkeys(("j", "r", *shapes.MARKS), 1)

_Operation: TypeAlias = InsertOne[dict[str, Any]] | UpdateOne | DeleteOne


class _Refused(Exception):
    """mongod refuses to index the geometry of these entities."""

    def __init__(self, ids: set[str]) -> None:
        super().__init__(ids)
        self.ids = ids


class _Step(NamedTuple):
    """The first and the last state of an entity in a group, and its last revision."""

    first: Entity | None
    """As it is stored, with what has expired."""
    last: Entity | None
    revision: int


class _Outcome(NamedTuple):
    """What the operations of a group come to: per operation its result, per changed entity its step."""

    results: list[Any]
    changes: list[Change]
    steps: dict[str, _Step]


class Groups:
    """Runs the groups of one tenant."""

    def __init__(
        self, client: Client, database: Database, derivers: Sequence[Deriver], max_entity: int, first_slot: int
    ) -> None:
        self._client = client
        self._database = database
        self._entities = database[ENTITIES]
        self._derivers = derivers
        self._max_entity = max_entity
        self._slots = list(range(first_slot + MAX_IN_FLIGHT - 1, first_slot - 1, -1))

    async def run(self, group: Sequence[Pending]) -> None:
        """Settle every operation of the group.

        Raises StoreUnavailable when the database stays away, BadRequestData or whatever else for the whole group: then
        none of it is written.
        """
        GROUP_SIZE.observe(len(group))
        slot = self._slots.pop()
        try:
            results = await self._settled(group, slot)
        finally:
            self._slots.append(slot)
        for pending, result in zip(group, results, strict=True):
            pending.settle(result)

    async def _settled(self, group: Sequence[Pending], slot: int) -> list[Any]:
        """The outcomes of the operations, once they are committed."""
        indexing: _Indexing = {}
        started = monotonic()
        give_up = started + GIVE_UP_AFTER
        patient_until = min(pending.patient_until for pending in group)
        tries = 0
        while True:
            tries += 1
            try:
                with _GROUP_SECONDS.time():
                    return await self._try(group, slot, tries >= LOCK_FROM_TRY, indexing, give_up)
            except _Refused as refused:
                indexing.update((each, _next(indexing, each)) for each in refused.ids)
            except PyMongoError as error:
                if _has_code(error, _REFUSED_BY_VALIDATOR):  # see `broker.store.tenants`
                    raise NonexistentTenant("The tenant does not exist any more.") from error
                conflict = not isinstance(error, UNAVAILABLE)
                if not _again(error) or monotonic() > (give_up if conflict else patient_until):
                    raise ours(error) from error
                if conflict:
                    await self._after_conflict(started)
                await asyncio.sleep(_pause(tries))
            GROUP_RETRIES.inc()

    async def _after_conflict(self, started: float) -> None:
        GROUP_CONFLICTS.inc()
        if monotonic() > started + abandoned.IDLE:
            await abandoned.end(self._client)

    async def _try(
        self, group: Sequence[Pending], slot: int, lock: bool, indexing: _Indexing, give_up: float
    ) -> list[Any]:
        ids = list(dict.fromkeys(pending.write.entity_id for pending in group))
        async with self._client.start_session() as session:
            await session.start_transaction(read_concern=SNAPSHOT, write_concern=DURABLE)
            if lock:
                await self._entities.update_many({"_id": {"$in": ids}}, {"$inc": {"r": 0, "lock": 1}}, session=session)
            states = await self._read(ids, session)
            outcome = _apply(group, states)
            if outcome.changes:
                await self._write(states, outcome, slot, indexing, session)
                await _commit(session, give_up)
            return outcome.results

    async def _read(self, ids: list[str], session: AsyncClientSession) -> _States:
        cursor = self._entities.find({"_id": {"$in": ids}}, _PROJECTION, batch_size=len(ids) + 1, session=session)
        return {found["_id"]: found for found in await cursor.to_list()}

    async def _write(
        self, states: _States, outcome: _Outcome, slot: int, indexing: _Indexing, session: AsyncClientSession
    ) -> None:
        operations = _operations(states, outcome, indexing, self._max_entity)
        if operations:
            try:
                await self._entities.bulk_write(operations, ordered=False, session=session)
            except BulkWriteError as error:
                refused = _refused_geometries(error)
                if refused:
                    raise _Refused(refused) from error
                raise
            except OperationFailure as error:
                if error.code == _TOO_LARGE:
                    raise BadRequestData("The entity would be too large to be kept.") from error
                raise
        for collection, owed in _owed(self._derivers, outcome.changes, slot).items():
            await self._database[collection].bulk_write(owed, ordered=False, session=session)


async def _commit(session: AsyncClientSession, give_up: float) -> None:
    while True:
        try:
            await session.commit_transaction()
        except PyMongoError as error:
            if not error.has_error_label("UnknownTransactionCommitResult"):
                raise
            if monotonic() > give_up:
                raise StoreUnavailable("The database does not say whether it committed this operation.") from error
            await asyncio.sleep(_FIRST_PAUSE)
        else:
            return


def _apply(group: Sequence[Pending], states: _States) -> _Outcome:
    """Run the operations in order, each on what the one before it left."""
    outcome = _Outcome([], [], {})
    now = current_instant()
    steps: dict[str, _Step] = {}
    for pending in group:
        entity_id, apply, _ = pending.write
        try:
            step = steps.get(entity_id)
            if step is None:
                step = steps[entity_id] = _first_step(entity_id, states.get(entity_id), now, outcome)
            new, result = apply(step.last, now)
            if new is not step.last:
                steps[entity_id] = _take(entity_id, step, new, now, outcome)
            outcome.results.append(result)
        except BrokerError as refusal:
            outcome.results.append(refusal)
        except Exception:
            _logger.exception("An operation on %s failed", entity_id)
            outcome.results.append(InternalError("The broker failed to apply this operation."))
    return outcome


def _first_step(entity_id: str, state: dict[str, Any] | None, now: str, outcome: _Outcome) -> _Step:
    """Where an entity starts. What has expired since it was stored is a step of its own, before any operation."""
    if state is None:
        return _Step(None, None, 0)
    stored = decode(state["j"])
    step = _Step(stored, stored, state["r"])
    if "x" in state:
        left = alive(stored, now)
        if left is not stored:
            return _take(entity_id, step, left, now, outcome)
    return step


def _take(entity_id: str, step: _Step, new: Entity | None, now: str, outcome: _Outcome) -> _Step:
    """The step to `new`, noted in the outcome."""
    outcome.changes.append(Change(entity_id, step.last, new, step.revision + 1, now))
    taken = outcome.steps[entity_id] = _Step(step.first, new, step.revision + 1)
    return taken


def _operations(states: _States, outcome: _Outcome, indexing: _Indexing, max_entity: int) -> list[_Operation]:
    """The bulk write that leaves each entity as the group's last operation on it wants. Raises BadRequestData."""
    operations: list[_Operation] = []
    for entity_id, (first, last, revision) in outcome.steps.items():
        way = indexing.get(entity_id, Indexing.AS_SENT)
        if last is None:
            if first is not None:
                operations.append(DeleteOne({"_id": entity_id}))
        elif first is None:
            document = shapes.document(last, revision, way)
            shapes.check_bounds(last, document["j"], max_entity)
            operations.append(InsertOne(document))
        else:
            update = shapes.update(first, last, revision, states[entity_id], way)
            shapes.check_bounds(last, update["$set"]["j"], max_entity)
            operations.append(UpdateOne({"_id": entity_id}, update))
    return operations


def _owed(derivers: Sequence[Deriver], changes: Sequence[Change], slot: int) -> dict[str, list[_Operation]]:
    owed: dict[str, list[_Operation]] = {}
    for deriver in derivers:
        for collection, operation in deriver(changes, slot):
            owed.setdefault(collection, []).append(operation)
    return owed


def _again(error: PyMongoError) -> bool:
    """Whether the group, run again, may succeed."""
    if isinstance(error, BulkWriteError):
        return error.has_error_label("TransientTransactionError") or _has_code(error, _DUPLICATE_KEY)
    return isinstance(error, DuplicateKeyError) or error.has_error_label("TransientTransactionError")


def _next(indexing: _Indexing, entity_id: str) -> Indexing:
    """The way to index an entity after mongod has refused the one before; the last is never refused."""
    return Indexing(indexing.get(entity_id, Indexing.AS_SENT) + 1)


def _has_code(error: PyMongoError, code: int) -> bool:
    """Whether it is, or one of its writes failed with, an error of mongod's with this code."""
    if isinstance(error, BulkWriteError):
        return any(detail.get("code") == code for detail in (error.details or {}).get("writeErrors", ()))
    return isinstance(error, OperationFailure) and error.code == code


def _refused_geometries(error: BulkWriteError) -> set[str]:
    """Ids of the entities whose geometries mongod refused."""
    refused = set()
    for detail in (error.details or {}).get("writeErrors", ()):
        if detail.get("code") in _BAD_GEOMETRY:
            operation = detail["op"]
            refused.add(operation["_id"] if "_id" in operation else operation["q"]["_id"])
    return refused


def _pause(tries: int) -> float:
    return random.uniform(0, min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**tries))  # noqa: S311  jitter, no secret
