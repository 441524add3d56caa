"""Writes of single entities: create, delete, update attributes (GS CIM 009 §5.6.1, §5.6.2, §5.6.6)."""

from typing import Any

from broker.call import Call
from broker.errors import AlreadyExists, BrokerError, ResourceNotFound
from broker.model import merge
from broker.model.entity import Entity
from broker.model.merge import UpdateResult
from broker.model.parse import Fragment
from broker.query.ast import TypeSelection
from broker.query.to_predicate import selects
from broker.store.commits import Write
from broker.store.store import Store


async def create(store: Store, call: Call, entity: Entity, size: int) -> None:
    """Create the entity, and its tenant if need be. Raises AlreadyExists."""

    def apply(old: Entity | None, now: str) -> tuple[Entity, None]:
        if old is not None:
            raise AlreadyExists(f"Entity {entity.id} exists already.")
        return merge.create(entity, now), None

    await _commit(store, call, Write(entity.id, apply, size), create_tenant=True)


async def delete(store: Store, call: Call, entity_id: str, types: TypeSelection | None = None) -> None:
    """Delete the entity. Raises ResourceNotFound, also if it has other types."""

    def apply(old: Entity | None, now: str) -> tuple[None, None]:
        existing(old, entity_id, types)
        return None, None

    await _commit(store, call, Write(entity_id, apply))


async def update_attributes(
    store: Store, call: Call, entity_id: str, fragment: Fragment, size: int, types: TypeSelection | None = None
) -> UpdateResult:
    """Update Attributes: replace the attributes that the fragment holds, add those that are missing.

    Raises ResourceNotFound if there is no such entity.
    """

    def apply(old: Entity | None, now: str) -> tuple[Entity, UpdateResult]:
        return merge.update(existing(old, entity_id, types), fragment, now)

    result: UpdateResult = await _commit(store, call, Write(entity_id, apply, size))
    return result


def existing(entity: Entity | None, entity_id: str, types: TypeSelection | None = None) -> Entity:
    """The entity, if it is there and of these types. Raises ResourceNotFound."""
    if entity is None or (types is not None and not selects(types, entity.types)):
        raise ResourceNotFound(f"Entity {entity_id} does not exist.")
    return entity


async def _commit(store: Store, call: Call, write: Write, *, create_tenant: bool = False) -> Any:
    (outcome,) = await store.commit(call.tenant, [write], create_tenant=create_tenant)
    if isinstance(outcome, BrokerError):
        raise outcome
    return outcome
