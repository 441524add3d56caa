"""Reads: one entity by its id, and queries (GS CIM 009 §5.7.1, §5.7.2)."""

from typing import NamedTuple

from broker.call import Call
from broker.entities.commit import Target
from broker.errors import ResourceNotFound
from broker.model.entity import Entity
from broker.query.plan import Query
from broker.store.found import Found
from broker.store.queries import Matches
from broker.store.store import Store


class Page(NamedTuple):
    """A page of a query's answer; `total` of all that match, if the query asked for it."""

    matches: Matches
    total: int | None


async def look_up(store: Store, call: Call, target: Target) -> Found:
    """The entity as it is stored. Raises ResourceNotFound."""
    found = await store.look_up(call.tenant, target.entity_id)
    if found is None:
        raise target.missing()
    if target.types is not None:
        target.existing(found.entity)
    return found


async def retrieve(store: Store, call: Call, target: Target) -> Entity:
    """The entity. Raises ResourceNotFound."""
    return target.existing(await store.entity(call.tenant, target.entity_id))


async def attribute(store: Store, call: Call, target: Target, name: str) -> Entity:
    """The entity of an attribute that it has. Raises ResourceNotFound."""
    entity = await retrieve(store, call, target)
    if name not in entity.attributes:
        raise ResourceNotFound(f"Entity {entity.id} has no attribute {call.context.compact(name)}.")
    return entity


async def query(store: Store, call: Call, query: Query) -> Page:
    """A page of the entities that match, and their count: both are looked for at once."""
    if not query.count:
        return Page(await store.find(call.tenant, query), None)
    if not query.limit:
        return Page(Matches([]), await store.count(call.tenant, query))
    return Page(*await store.find_counted(call.tenant, query))
