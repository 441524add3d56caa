"""An entity that a query found: its stored bytes, decoded only if somebody looks inside."""

from typing import Any

from broker.model.entity import Entity, decode
from broker.store.visible import visible


class Found:
    """One result of a query.

    `stored`: the bytes of `broker.model.entity.encode`. `lasting`: they are the entity until it is written again; where
    something in it has an expiry, they are not, and what is left of it is given.
    """

    __slots__ = ("_entity", "id", "lasting", "stored")

    def __init__(self, entity_id: str, stored: bytes, left: Entity | None = None) -> None:
        self.id = entity_id
        self.stored = stored
        self.lasting = left is None
        self._entity = left

    @property
    def entity(self) -> Entity:
        """The entity."""
        if self._entity is None:
            self._entity = decode(self.stored)
        return self._entity

    def take(self) -> Entity:
        """The entity, for once: nothing of it is held any longer."""
        entity = self.entity
        if self.lasting:
            self._entity = None
        return entity


def found_in(document: dict[str, Any]) -> Found | None:
    """What a document with `_id`, `j` and perhaps `x` holds now; None if it has expired as a whole."""
    if "x" not in document:
        return Found(document["_id"], document["j"])
    left = visible(document)
    return None if left is None else Found(left.id, document["j"], left)
