"""Entities and operations for the tests of the store."""

from typing import Any

from broker.errors import AlreadyExists, ResourceNotFound
from broker.model.entity import Entity, Instance
from broker.store.commits import Write

TYPE = "https://example.org/Lamp"
LEVEL = "https://example.org/level"
LOCATION = "https://uri.etsi.org/ngsi-ld/location"
NOW = "2026-11-21T08:00:00Z"


def lamp(number: int | str, **attributes: Instance) -> Entity:
    """A lamp whose level is 0, with more attributes by their short names."""
    named = {f"https://example.org/{name}": [instance] for name, instance in attributes.items()}
    return Entity(f"urn:ngsi-ld:Lamp:{number}", (TYPE,), {LEVEL: [_level(0)], **named}, NOW, NOW)


def _level(value: Any) -> Instance:
    return {"type": "Property", "value": value}


def create(entity: Entity) -> Write:
    def apply(old: Entity | None, now: str) -> tuple[Entity, str]:
        if old is not None:
            raise AlreadyExists(f"Entity {entity.id} exists already.")
        return entity, "created"

    return Write(entity.id, apply)


def add(entity_id: str, step: int = 1) -> Write:
    """Add to the level; the result is the new one."""

    def apply(old: Entity | None, now: str) -> tuple[Entity, int]:
        if old is None:
            raise ResourceNotFound(f"Entity {entity_id} does not exist.")
        value = old.attributes[LEVEL][0]["value"] + step
        return old._replace(attributes={**old.attributes, LEVEL: [_level(value)]}, modified_at=now), value

    return Write(entity_id, apply)


def delete(entity_id: str) -> Write:
    def apply(old: Entity | None, now: str) -> tuple[None, str]:
        if old is None:
            raise ResourceNotFound(f"Entity {entity_id} does not exist.")
        return None, "deleted"

    return Write(entity_id, apply)


def level(entity: Entity | None) -> Any:
    assert entity is not None
    return entity.attributes[LEVEL][0]["value"]
