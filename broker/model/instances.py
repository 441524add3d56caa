"""Attribute instances in time: what is born, what succeeds what, and which times stand written (see `entity`).

`owner` is the createdAt of what holds an instance: the entity, or the instance above a sub-attribute.
A write that touches an instance moves its modifiedAt even if nothing in it differs: modifiedAt is the time of the last
modification that was applied (GS CIM 009 §4.8); whether something *changed* is for those who compare old and new.
"""

from broker.model.entity import Instance, created_at
from broker.names import NULL


def is_null(instance: Instance) -> bool:
    """Whether an instance of a fragment asks for a deletion."""
    return instance.get("type") == NULL


def find(instances: list[Instance], dataset_id: str | None) -> int | None:
    """The position of the instance with a datasetId; None is the default instance's."""
    for position, instance in enumerate(instances):
        if instance.get("datasetId") == dataset_id:
            return position
    return None


def put(instances: list[Instance], position: int | None, instance: Instance) -> list[Instance]:
    """The instances with one replaced, or added: a default instance comes first."""
    if position is not None:
        return [*instances[:position], instance, *instances[position + 1 :]]
    return [*instances, instance] if "datasetId" in instance else [instance, *instances]


def drop(instances: list[Instance], position: int) -> list[Instance]:
    """The instances without one."""
    return [*instances[:position], *instances[position + 1 :]]


def born(instance: Instance, now: str, owner: str) -> Instance:
    """A parsed instance as a new one. Its sub-attributes are as old as it is."""
    return instance if now == owner else {**instance, "createdAt": now}


def succeed(old: Instance, new: Instance, now: str, owner: str) -> Instance:
    """A parsed instance in the place of an old one: it keeps createdAt, and so do sub-attributes of the same name."""
    after = stamped(old, new.copy(), now, owner)
    if "attributes" in new:
        before, created = old.get("attributes", {}), created_at(old, owner)
        after["attributes"] = {
            name: successors(before.get(name), instances, now, created) for name, instances in new["attributes"].items()
        }
    return after


def stamped(old: Instance, new: Instance, now: str, owner: str) -> Instance:
    """`new`, a dict of the caller's own, with the times of a modification of `old`."""
    created = old.get("createdAt")
    if created is not None:
        new["createdAt"] = created
    if now != (created or owner):
        new["modifiedAt"] = now
    else:
        new.pop("modifiedAt", None)
    return new


def successors(old: list[Instance] | None, new: list[Instance], now: str, owner: str) -> list[Instance]:
    """New instances of an attribute instead of all its old ones."""
    if old is None:
        return new if now == owner else [born(instance, now, owner) for instance in new]
    result = []
    for instance in new:
        position = find(old, instance.get("datasetId"))
        result.append(born(instance, now, owner) if position is None else succeed(old[position], instance, now, owner))
    return result
