"""Reads: one entity by its id, and queries (GS CIM 009 §5.7.1, §5.7.2)."""

from typing import NamedTuple

from broker.call import Call
from broker.entities.commit import Target
from broker.model.entity import Entity
from broker.query.plan import Query
from broker.store.store import Store


class Page(NamedTuple):
    """A page of a query's answer; `total` of all that match, if the query asked for it."""

    entities: list[Entity]
    total: int | None


async def retrieve(store: Store, call: Call, target: Target) -> Entity:
    """The entity. Raises ResourceNotFound."""
    return target.existing(await store.entity(call.tenant, target.entity_id))


async def query(store: Store, call: Call, query: Query) -> Page:
    """A page of the entities that match, and their count."""
    total = await store.count(call.tenant, query) if query.count else None
    return Page(await store.find(call.tenant, query) if query.limit else [], total)
