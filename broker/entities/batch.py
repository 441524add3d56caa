"""Batches: each entity is answered for itself, the good ones are committed (GS CIM 009 §5.6.7–§5.6.10)."""

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import NamedTuple

from broker.call import Call
from broker.errors import BrokerError
from broker.model import merge
from broker.model.entity import Entity
from broker.model.parse import Fragment
from broker.store.commits import Apply, Write
from broker.store.store import Store


class Item(NamedTuple):
    """An entity of a batch as it was read: its id as far as one was given, and the entity or what is wrong with it."""

    entity_id: str
    entity: Entity | BrokerError
    size: int = 1024


class BatchResult(NamedTuple):
    """The outcome of a batch, in the order of the request (GS CIM 009 §5.2.16)."""

    created: list[str]
    updated: list[str]
    errors: list[tuple[str, BrokerError]]


class Mode(Enum):
    """What Batch Upsert does to an entity that exists."""

    REPLACE = "replace"
    UPDATE = "update"


class _Done(Enum):
    CREATED = "created"
    UPDATED = "updated"


async def upsert(store: Store, call: Call, items: Sequence[Item], mode: Mode) -> BatchResult:
    """Batch Upsert: create what is missing; replace the rest, or update its attributes (GS CIM 009 §5.6.8)."""
    applying = _replacing if mode is Mode.REPLACE else _updating
    writes = [
        Write(item.entity.id, applying(item.entity), item.size) for item in items if isinstance(item.entity, Entity)
    ]
    outcomes = iter(await store.commit(call.tenant, writes, create_tenant=True))
    return _result(
        (item.entity_id, item.entity if isinstance(item.entity, BrokerError) else next(outcomes)) for item in items
    )


def _replacing(entity: Entity) -> Apply:
    def apply(old: Entity | None, now: str) -> tuple[Entity, _Done]:
        if old is None:
            return merge.create(entity, now), _Done.CREATED
        return merge.replace(old, entity, now), _Done.UPDATED

    return apply


def _updating(entity: Entity) -> Apply:
    fragment = Fragment(entity.id, entity.types, entity.attributes, entity.scopes or None, entity.expires_at)

    def apply(old: Entity | None, now: str) -> tuple[Entity, _Done]:
        if old is None:
            return merge.create(entity, now), _Done.CREATED
        new, _ = merge.update(old, fragment, now)
        return new, _Done.UPDATED

    return apply


def _result(outcomes: Iterable[tuple[str, _Done | BrokerError]]) -> BatchResult:
    result = BatchResult([], [], [])
    for entity_id, outcome in outcomes:
        if isinstance(outcome, BrokerError):
            result.errors.append((entity_id, outcome))
        elif outcome is _Done.CREATED:
            result.created.append(entity_id)
        else:
            result.updated.append(entity_id)
    return result
