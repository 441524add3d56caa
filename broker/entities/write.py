"""Writes of whole entities (GS CIM 009 §5.6.1, §5.6.6, §5.6.17, §5.6.18)."""

from broker.call import Call
from broker.entities.commit import Target, change, commit
from broker.errors import AlreadyExists
from broker.model import merge as rules
from broker.model.entity import Entity
from broker.model.parse import Fragment
from broker.model.patch import Extras
from broker.store.commits import Write
from broker.store.store import Store


async def create(store: Store, call: Call, entity: Entity, size: int) -> None:
    """Create Entity, and its tenant if need be. Raises AlreadyExists."""

    def apply(old: Entity | None, now: str) -> tuple[Entity, None]:
        if old is not None:
            raise AlreadyExists(f"Entity {entity.id} exists already.")
        return rules.create(entity, now), None

    await commit(store, call, Write(entity.id, apply, size), create_tenant=True)


async def replace(store: Store, call: Call, target: Target, fragment: Fragment, size: int) -> None:
    """Replace Entity. Raises ResourceNotFound."""
    await change(store, call, target, lambda old, now: (rules.replace(old, fragment, now), None), size)


async def merge(store: Store, call: Call, target: Target, fragment: Fragment, extras: Extras, size: int) -> None:
    """Merge Entity. Raises ResourceNotFound, BadRequestData."""
    await change(store, call, target, lambda old, now: (rules.merge(old, fragment, now, extras), None), size)


async def delete(store: Store, call: Call, target: Target) -> None:
    """Delete Entity. Raises ResourceNotFound."""
    await change(store, call, target, lambda old, now: (None, None))
