"""Batches: each entity is answered for itself, the good ones are committed (GS CIM 009 §5.6.7–§5.6.10, §5.6.20)."""

from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import Final, NamedTuple, TypeAlias

from broker.call import Call
from broker.entities.commit import Target
from broker.errors import AlreadyExists, BadRequestData, BrokerError, NonexistentTenant, StoreUnavailable
from broker.model import merge as rules
from broker.model.entity import Entity
from broker.model.parse import Fragment, as_entity
from broker.store.commits import Apply, Write
from broker.store.store import Store


class Item(NamedTuple):
    """An entity of a batch as it was read: its id as far as one was given, and the entity or what is wrong with it."""

    entity_id: str
    content: Fragment | BrokerError
    size: int = 1024


class BatchResult(NamedTuple):
    """The outcome of a batch, in the order of the request (GS CIM 009 §5.2.16)."""

    created: list[str]
    changed: list[str]
    """Updated, replaced, merged or deleted."""
    errors: list[tuple[str, BrokerError]]


class Mode(Enum):
    """What Batch Upsert does to an entity that exists."""

    REPLACE = "replace"
    UPDATE = "update"


class _Done(Enum):
    CREATED = "created"
    CHANGED = "changed"


_Applying: TypeAlias = Callable[[Fragment], Apply]
"""An element of a batch to the operation that it asks for. Raises BadRequestData."""


async def create(store: Store, call: Call, items: Sequence[Item]) -> BatchResult:
    """Batch Create: what exists is an error (GS CIM 009 §5.6.7)."""
    return await _commit(store, call, items, _creating, create_tenant=True)


async def upsert(store: Store, call: Call, items: Sequence[Item], mode: Mode) -> BatchResult:
    """Batch Upsert: create what is missing; replace the rest, or update its attributes (GS CIM 009 §5.6.8)."""
    return await _commit(store, call, items, _UPSERTING[mode], create_tenant=True)


async def update(store: Store, call: Call, items: Sequence[Item], *, overwrite: bool = True) -> BatchResult:
    """Batch Update: append the attributes; what does not exist is an error (GS CIM 009 §5.6.9)."""
    return await _commit(store, call, items, _appending if overwrite else _appending_new)


async def merge(store: Store, call: Call, items: Sequence[Item]) -> BatchResult:
    """Batch Merge: what does not exist is an error (GS CIM 009 §5.6.20)."""
    return await _commit(store, call, items, _merging)


async def delete(store: Store, call: Call, entity_ids: Sequence[str]) -> BatchResult:
    """Batch Delete: what does not exist is an error (GS CIM 009 §5.6.10)."""
    writes = [Write(entity_id, _deleting(Target(entity_id))) for entity_id in entity_ids]
    return _result(zip(entity_ids, await store.commit(call.tenant, writes), strict=True))


async def _commit(
    store: Store, call: Call, items: Sequence[Item], applying: _Applying, *, create_tenant: bool = False
) -> BatchResult:
    writes: list[Write] = []
    refused: dict[int, BrokerError] = {}
    for position, item in enumerate(items):
        try:
            if isinstance(item.content, BrokerError):
                raise item.content
            writes.append(Write(item.entity_id, applying(item.content), item.size))
        except BrokerError as error:
            refused[position] = error
    outcomes = iter(await store.commit(call.tenant, writes, create_tenant=create_tenant, warn=call.warn))
    return _result((item.entity_id, refused.get(i) or next(outcomes)) for i, item in enumerate(items))


def _creating(fragment: Fragment) -> Apply:
    entity = as_entity(fragment)

    def apply(old: Entity | None, now: str) -> tuple[Entity, _Done]:
        if old is not None:
            raise AlreadyExists(f"Entity {entity.id} exists already.")
        return rules.create(entity, now), _Done.CREATED

    return apply


def _replacing(fragment: Fragment) -> Apply:
    entity = as_entity(fragment)

    def apply(old: Entity | None, now: str) -> tuple[Entity, _Done]:
        if old is None:
            return rules.create(entity, now), _Done.CREATED
        return rules.replace(old, entity, now), _Done.CHANGED

    return apply


def _updating(fragment: Fragment) -> Apply:
    def apply(old: Entity | None, now: str) -> tuple[Entity, _Done]:
        if old is None:
            return rules.create(as_entity(fragment), now), _Done.CREATED
        return rules.update(old, fragment, now)[0], _Done.CHANGED

    return apply


def _appending(fragment: Fragment) -> Apply:
    return _changing(fragment, lambda old, now: rules.append(old, fragment, now)[0])


def _appending_new(fragment: Fragment) -> Apply:
    """Appends what is new; attributes that exist are left alone, and are the entity's error."""
    target = Target(fragment.id or "")

    def apply(old: Entity | None, now: str) -> tuple[Entity, _Done | BrokerError]:
        new, result = rules.append(target.existing(old), fragment, now, overwrite=False)
        if not result.not_updated:
            return new, _Done.CHANGED
        refused = "; ".join(f"{name}: {reason}" for name, reason in result.not_updated)
        return new, BadRequestData(f"Entity {target.entity_id}: attributes were not updated: {refused}.")

    return apply


def _merging(fragment: Fragment) -> Apply:
    return _changing(fragment, lambda old, now: rules.merge(old, fragment, now))


def _changing(fragment: Fragment, step: Callable[[Entity, str], Entity]) -> Apply:
    target = Target(fragment.id or "")

    def apply(old: Entity | None, now: str) -> tuple[Entity, _Done]:
        return step(target.existing(old), now), _Done.CHANGED

    return apply


def _deleting(target: Target) -> Apply:
    def apply(old: Entity | None, now: str) -> tuple[None, _Done]:
        target.existing(old)
        return None, _Done.CHANGED

    return apply


_UPSERTING: Final[dict[Mode, _Applying]] = {Mode.REPLACE: _replacing, Mode.UPDATE: _updating}


def _result(outcomes: Iterable[tuple[str, _Done | BrokerError]]) -> BatchResult:
    """Raises StoreUnavailable or NonexistentTenant if that is why nothing was written."""
    result = BatchResult([], [], [])
    for entity_id, outcome in outcomes:
        if isinstance(outcome, BrokerError):
            result.errors.append((entity_id, outcome))
        elif outcome is _Done.CREATED:
            result.created.append(entity_id)
        else:
            result.changed.append(entity_id)
    if not (result.created or result.changed):
        for _, error in result.errors:
            if isinstance(error, StoreUnavailable | NonexistentTenant):
                raise error
    return result
