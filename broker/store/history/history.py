"""History as the use cases see it: reading, aggregating, editing the temporal evolution of entities."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from pymongo.asynchronous.client_session import AsyncClientSession

from broker.errors import BrokerError
from broker.model import merge
from broker.model.entity import Entity, Instance
from broker.model.merge import SCOPE
from broker.model.temporal import Duration, Read, Reading, TemporalEntity
from broker.query.plan import Query
from broker.store.apart import apart
from broker.store.client import Database
from broker.store.commits import Write
from broker.store.errors import asking
from broker.store.history import aggregates, brought, edits, reads
from broker.store.history.aggregates import Aggregates, Asked
from broker.store.history.brought import Brought
from broker.store.history.find import find
from broker.store.indexes import EVOLUTIONS
from broker.store.store import Store, Warn, unheard

T = TypeVar("T")
MOST_PERIODS: Final = 100_000
_SIZE: Final = 200
"""Bytes of an instance, roughly."""


class History:
    """The temporal evolution of entities. Every method raises NonexistentTenant, StoreUnavailable."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def find(self, tenant: str, query: Query) -> list[str]:
        """Ids of entities that have or had a history: by `selectors`, `attributes` and the page of a query alone."""
        database = await self._store.database(tenant)
        return await self._asked(find(database[EVOLUTIONS], query))

    async def read(self, tenant: str, ids: Sequence[str], reading: Reading) -> Read:
        """The evolutions of entities, in the order of their ids; those without history are left out."""
        database = await self._store.database(tenant)
        return await self._asked(reads.read(database, ids, reading))

    async def aggregate(
        self,
        tenant: str,
        ids: Sequence[str],
        reading: Reading,
        duration: Duration,
        origin: str | None,
        *,
        distinct: bool,
        most: int = MOST_PERIODS,
    ) -> Aggregates:
        """Series summed up by periods. Raises TooManyResults for more than `most` of one series, TooComplexQuery."""
        database = await self._store.database(tenant)
        asked = Asked(duration, origin, distinct, most)
        return await self._asked(aggregates.aggregate(database, ids, reading, asked))

    async def create(
        self, tenant: str, entity: TemporalEntity, warn: Warn = unheard, *, newest: Brought | None = None
    ) -> bool:
        """Give an entity a history, or more of it; whether it had none.

        What is new becomes an entity of the current state, too, as its newest instances have it; what exists gets the
        types that it lacks. All of it is one transaction.
        `newest`: they, if more will be brought than `entity` has.
        `warn` is told if the data model of its type warns of the current state. Raises DataModelViolated.
        """
        attributes = brought.unrepeated(_with_scope(entity.attributes, entity.scopes))
        database = await self._store.database(tenant, create=True)
        known = await self._asked(database[EVOLUTIONS].find_one({"_id": entity.id}, {"x": 1}))
        emptied, made = known is None or "x" in known, None
        if known is None:
            made = brought.current(entity.id, entity.types, attributes if newest is None else newest)

        def apply(old: Entity | None, now: str) -> tuple[Entity | None, bool]:
            if old is None:
                return (None, False) if made is None else (merge.create(made, now), True)
            return _typed(old, entity.types, now), False

        async def add(new: bool, session: AsyncClientSession) -> bool:
            if new:
                return True
            first = emptied and not await reads.has_points(database, entity.id, session)
            await edits.add(database, entity.id, attributes, session, entity.types)
            return first

        write = Write(entity.id, apply, _SIZE * brought.count(attributes), attributes, add)
        (outcome,) = await self._store.commit(tenant, [write], create_tenant=True, warn=warn)
        if isinstance(outcome, BrokerError):
            raise outcome
        return bool(outcome)

    async def add(
        self, tenant: str, entity_id: str, attributes: Brought, scopes: tuple[str, ...] | None = None
    ) -> None:
        """Add instances; those with the datasetId and observedAt of one replace it. Raises ResourceNotFound."""
        every = _with_scope(attributes, scopes or ())
        await self._edit(tenant, lambda database, session: edits.add(database, entity_id, every, session))

    async def patch(self, tenant: str, entity_id: str, name: str, instance_id: str, instance: Instance) -> None:
        """Replace an instance whole, but for its datasetId and createdAt. Raises ResourceNotFound."""
        await self._edit(
            tenant, lambda database, session: edits.patch(database, entity_id, name, instance_id, instance, session)
        )

    async def delete_instance(self, tenant: str, entity_id: str, name: str, instance_id: str) -> None:
        """Remove an instance. Raises ResourceNotFound."""
        await self._edit(
            tenant, lambda database, session: edits.delete_instance(database, entity_id, name, instance_id, session)
        )

    async def delete_attribute(
        self, tenant: str, entity_id: str, name: str, dataset_id: str | None, delete_all: bool
    ) -> None:
        """Remove an attribute's instances, of one datasetId or all. Raises ResourceNotFound."""
        await self._edit(
            tenant,
            lambda database, session: edits.delete_attribute(
                database, entity_id, name, dataset_id, delete_all, session
            ),
        )

    async def delete_entity(self, tenant: str, entity_id: str) -> None:
        """Remove an entity's history; its current state stays. Raises ResourceNotFound."""
        await self._edit(tenant, lambda database, session: edits.delete_entity(database, entity_id, session))

    async def _edit(self, tenant: str, work: Callable[[Database, AsyncClientSession], Awaitable[None]]) -> None:
        database = await self._store.database(tenant)
        await apart(edits.transact(database, lambda session: work(database, session)))

    async def _asked(self, question: Awaitable[T]) -> T:
        with asking("history"):
            return await apart(question)


def _typed(old: Entity, types: tuple[str, ...], now: str) -> Entity:
    """An entity with the types that it lacks."""
    if set(types) <= set(old.types):
        return old
    return old._replace(types=tuple(dict.fromkeys(old.types + types)), modified_at=now)


def _with_scope(attributes: Brought, scopes: tuple[str, ...]) -> dict[str, Sequence[Instance]]:
    """Attributes, and scopes as one more."""
    return {**attributes, SCOPE: [{"type": "Property", "value": list(scopes)}]} if scopes else dict(attributes)
