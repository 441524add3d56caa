"""What a notification tells of a change: the new state, what was deleted, what was there before.

A deleted attribute, or instance of one, stands as NGSI-LD Null in the place of its value. With `showChanges` what a
change touched says what it was. Of a deleted entity there is id and type, and `deletedAt`; its attributes stand as
deleted where that was waited for. GS CIM 009 §4.5.2 (previous values), §5.3.1, §5.8.6.
"""

from collections.abc import Callable, Container
from typing import Any, NamedTuple

from broker.model.entity import Attributes, Entity, Instance, created_at, modified_at
from broker.model.kinds import KINDS, PROOF
from broker.names import NULL


class Telling(NamedTuple):
    """How a subscription wants changes to be told."""

    simplified: bool = False
    sys_attrs: bool = False
    show_changes: bool = False
    deleted: Container[str] | None = None
    """Attributes that are told as deleted when their entity is; None: none of them."""


class Told(NamedTuple):
    """An entity as a notification shows it, before it is rendered."""

    entity: Entity
    deleted_at: str | None = None
    """When it was deleted, if it was."""


class Anything(Container[str]):
    """Holds every name."""

    def __contains__(self, name: object) -> bool:
        return True


def told(old: Entity | None, new: Entity | None, instant: str, telling: Telling) -> Told:
    """The change from `old` to `new`, of which one may be None, at an instant."""
    if new is None:
        if old is None:
            raise ValueError("nothing changed")
        return Told(_deleted(old, instant, telling), instant)
    if old is None or old.attributes == new.attributes:
        return Told(new)
    attributes = {
        name: _changed(name, old.attributes.get(name, ()), instances, old, instant, telling)
        for name, instances in new.attributes.items()
    }
    for name, instances in old.attributes.items():
        if name not in attributes:
            gone = instances if telling.show_changes else instances[:1]
            nulls = [_null(name, instance, old, instant, telling) for instance in gone]
            if len(instances) > len(gone):
                nulls[0].pop("datasetId", None)  # one Null stands for all
            attributes[name] = nulls
    return Told(new._replace(attributes=attributes))


def _deleted(old: Entity, instant: str, telling: Telling) -> Entity:
    shown: Container[str] = Anything() if telling.show_changes else telling.deleted or ()
    attributes: Attributes = {
        name: [_null(name, instance, old, instant, telling) for instance in instances]
        for name, instances in old.attributes.items()
        if name in shown
    }
    return old._replace(attributes=attributes, scopes=())


def _changed(
    name: str, before: Any, instances: list[Instance], old: Entity, instant: str, telling: Telling
) -> list[Instance]:
    """The instances of an attribute, those that were touched with what they were, and after them those deleted."""
    if not before or before == instances:
        return instances
    previous = {instance.get("datasetId"): instance for instance in before}
    told = []
    for instance in instances:
        was = previous.pop(instance.get("datasetId"), None)
        if telling.show_changes and was is not None and was != instance:
            told.append({**instance, **_previous(name, was)})
        else:
            told.append(instance)
    return told + [_null(name, gone, old, instant, telling) for gone in previous.values()]


def _null(name: str, instance: Instance, owner: Entity, instant: str, telling: Telling) -> Instance:
    """An instance that was deleted."""
    dataset = {"datasetId": instance["datasetId"]} if "datasetId" in instance else {}
    if telling.simplified:
        return {"type": "Property", "value": NULL, **dataset}
    kind = instance["type"]
    null: Instance = {"type": kind, KINDS[kind].member: KINDS[kind].null, **dataset}
    if telling.show_changes:
        null |= _previous(name, instance)
    if telling.sys_attrs:
        null["createdAt"] = created_at(instance, owner.created_at)
        null["modifiedAt"] = modified_at(instance, owner.created_at)
        null["deletedAt"] = instant
    return null


def _previous(name: str, instance: Instance) -> Instance:
    """The value that an instance had, as the member that says so."""
    if name == PROOF:
        return {}
    kind = KINDS[instance["type"]]
    return {kind.previous: instance[kind.member]}


Rendering = Callable[[Entity], dict[str, Any]]


def rendered(told: Told, render: Rendering) -> dict[str, Any]:
    """The JSON of an entity of a notification; `deletedAt` among its members if it was deleted."""
    body = render(told.entity)
    if told.deleted_at is not None:
        within = body["properties"] if body.get("type") == "Feature" and "properties" in body else body
        within["deletedAt"] = told.deleted_at
    return body
