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
from dataclasses import dataclass
from time import monotonic, time_ns
from typing import Any, Final, NamedTuple, TypeAlias

from pymongo import DeleteOne, InsertOne, UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import BulkWriteError, DuplicateKeyError, OperationFailure, PyMongoError

from broker.errors import (
    BadRequestData,
    BrokerError,
    DataModelViolated,
    InternalError,
    NonexistentTenant,
    StoreUnavailable,
    Violation,
)
from broker.model.entity import Entity, decode
from broker.model.expiry import alive
from broker.store import abandoned, shapes
from broker.store.client import DURABLE, SNAPSHOT, Client, Collection, Database
from broker.store.commits import (
    MAX_IN_FLIGHT,
    Change,
    Check,
    Checks,
    Committed,
    Deriver,
    Deriving,
    Owed,
    Pending,
    Warned,
    do_within,
)
from broker.store.configuration import Configuration
from broker.store.errors import UNAVAILABLE, ours
from broker.store.indexes import ENTITIES
from broker.store.places import Indexing
from broker.store.visible import current_instant
from broker.telemetry import (
    DATABASE_SECONDS,
    GROUP_CONFLICTS,
    GROUP_RETRIES,
    GROUP_SIZE,
    VIOLATIONS_ACCEPTED,
    VIOLATIONS_REFUSED,
)

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
_PROJECTION: Final = dict.fromkeys(("j", "r", "h", *shapes.MARKS), 1)

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
    """Microseconds since 1970, and more than any that the group read: all of a group are greater than all those that
    a step before it had, on any machine (a Lamport clock)."""


class _Outcome(NamedTuple):
    """What the operations of a group come to: per operation its result, per changed entity its step."""

    results: list[Any]
    changes: list[Change]
    steps: dict[str, _Step]


@dataclass(frozen=True, slots=True)
class Shared:
    """What the groups of all tenants have in common."""

    client: Client
    control: Database
    configuration: Configuration
    derivers: Sequence[Deriver]
    committed: Sequence[Committed]
    max_entity: int
    checks: Checks | None = None


class Groups:
    """Runs the groups of one tenant."""

    def __init__(self, tenant: str, database: Database, shared: Shared, first_slot: int) -> None:
        self._tenant = tenant
        self._database = database
        self._shared = shared
        self._entities = database[ENTITIES]
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
            _count(result)
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
            await abandoned.end(self._shared.client)

    async def _try(
        self, group: Sequence[Pending], slot: int, lock: bool, indexing: _Indexing, give_up: float
    ) -> list[Any]:
        ids = list(dict.fromkeys(pending.write.entity_id for pending in group))
        async with self._shared.client.start_session() as session:
            await session.start_transaction(read_concern=SNAPSHOT, write_concern=DURABLE)
            if lock:
                await self._entities.update_many({"_id": {"$in": ids}}, {"$inc": {"r": 0, "lock": 1}}, session=session)
            await self._shared.configuration.catch_up(self._tenant, session)
            states = await self._read(ids, session)
            check = None if self._shared.checks is None else self._shared.checks(self._tenant)
            outcome = _apply(group, states, check)
            owed: list[Owed] = []
            if outcome.changes:
                marks = {each: state["h"] for each, state in states.items() if "h" in state}
                owed = self._owed(Deriving(self._tenant, outcome.changes, slot, marks))
                await self._write(states, outcome, owed, indexing, session)
            if await do_within(group, outcome.results, session) or outcome.changes:
                await _commit(session, give_up)
                self._tell(owed)
            return outcome.results

    async def _read(self, ids: list[str], session: AsyncClientSession) -> _States:
        cursor = self._entities.find({"_id": {"$in": ids}}, _PROJECTION, batch_size=len(ids) + 1, session=session)
        return {found["_id"]: found for found in await cursor.to_list()}

    async def _write(
        self,
        states: _States,
        outcome: _Outcome,
        owed: Sequence[Owed],
        indexing: _Indexing,
        session: AsyncClientSession,
    ) -> None:
        operations = _operations(states, outcome, indexing, self._shared.max_entity)
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
        for collection, writes in self._by_collection(owed).items():
            await collection.bulk_write(writes, ordered=False, session=session)

    def _owed(self, deriving: Deriving) -> list[Owed]:
        return [owed for deriver in self._shared.derivers for owed in deriver(deriving)]

    def _by_collection(self, owed: Sequence[Owed]) -> dict[Collection, list[_Operation]]:
        found: dict[tuple[bool, str], list[_Operation]] = {}
        for name, operation, control in owed:
            found.setdefault((control, name), []).append(operation)
        return {
            (self._shared.control if control else self._database)[name]: operations
            for (control, name), operations in found.items()
        }

    def _tell(self, owed: Sequence[Owed]) -> None:
        for committed in self._shared.committed:
            try:
                committed(self._tenant, owed)
            except Exception:
                _logger.exception("What follows a commit failed")


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


def _count(result: Any) -> None:
    """Count an outcome, now that it is one: a group that was run again has had others."""
    if result.__class__ is Warned:
        VIOLATIONS_ACCEPTED.inc()
    elif result.__class__ is DataModelViolated:
        VIOLATIONS_REFUSED.inc()


def _apply(group: Sequence[Pending], states: _States, check: Check | None) -> _Outcome:
    """Run the operations in order, each on what the one before it left."""
    outcome = _Outcome([], [], {})
    now = current_instant()
    clock = max(time_ns() // 1000, *(state["r"] for state in states.values()), 0)
    steps: dict[str, _Step] = {}
    for pending in group:
        entity_id, apply = pending.write.entity_id, pending.write.apply
        try:
            step = steps.get(entity_id)
            if step is None:
                step = steps[entity_id] = _first_step(pending, states.get(entity_id), clock, now, outcome)
            new, result = apply(step.last, now)
            if new is not step.last:
                violations = check(new) if check is not None and new is not None else ()
                steps[entity_id] = _take(pending, step, new, now, outcome, violations)
                if violations:
                    result = Warned(result, violations)
            outcome.results.append(result)
        except BrokerError as refusal:
            outcome.results.append(refusal)
        except Exception:
            _logger.exception("An operation on %s failed", entity_id)
            outcome.results.append(InternalError("The broker failed to apply this operation."))
    return outcome


def _first_step(pending: Pending, state: dict[str, Any] | None, clock: int, now: str, outcome: _Outcome) -> _Step:
    """Where an entity starts. What has expired since it was stored is a step of its own, before any operation."""
    if state is None:
        return _Step(None, None, clock)
    stored = decode(state["j"])
    step = _Step(stored, stored, clock)
    if "x" in state:
        left = alive(stored, now)
        if left is not stored:
            return _take(pending, step, left, now, outcome)
    return step


def _take(
    pending: Pending,
    step: _Step,
    new: Entity | None,
    now: str,
    outcome: _Outcome,
    violations: Sequence[Violation] = (),
) -> _Step:
    """The step to `new`, noted in the outcome."""
    entity_id = pending.write.entity_id
    brought = pending.write.brought if step.last is None and new is not None else None
    change = Change(entity_id, step.last, new, step.revision + 1, now, violations, pending.request_id, brought)
    outcome.changes.append(change)
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
