"""One operation on one entity, committed."""

from collections.abc import Callable
from typing import Any, NamedTuple

from broker.call import Call
from broker.errors import BrokerError, ResourceNotFound
from broker.model.entity import Entity
from broker.query.ast import TypeSelection
from broker.query.to_predicate import selects
from broker.store.commits import Write
from broker.store.store import Store


class Target(NamedTuple):
    """The entity that an operation names: by its id, and perhaps by types that it must have (GS CIM 009 §6.5.2)."""

    entity_id: str
    types: TypeSelection | None = None

    def existing(self, entity: Entity | None) -> Entity:
        """The entity that was found. Raises ResourceNotFound if there is none, or it has other types."""
        if entity is None or (self.types is not None and not selects(self.types, entity.types)):
            raise self.missing()
        return entity

    def missing(self) -> ResourceNotFound:
        """What to raise if it is not there."""
        return ResourceNotFound(f"Entity {self.entity_id} does not exist.")


async def commit(store: Store, call: Call, write: Write, *, create_tenant: bool = False) -> Any:
    """The operation's result. Raises the BrokerError that refused it."""
    (outcome,) = await store.commit(call.tenant, [write], create_tenant=create_tenant, warn=call.warn)
    if isinstance(outcome, BrokerError):
        raise outcome
    return outcome


async def change(
    store: Store,
    call: Call,
    target: Target,
    step: Callable[[Entity, str], tuple[Entity | None, Any]],
    size: int = 1024,
) -> Any:
    """Take an entity that exists to the next by a function of it and the instant; that function's result.

    Raises ResourceNotFound, and what `step` raises.
    """

    def apply(old: Entity | None, now: str) -> tuple[Entity | None, Any]:
        return step(target.existing(old), now)

    return await commit(store, call, Write(target.entity_id, apply, size))
