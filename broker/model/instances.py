"""Attribute instances in time: what is born, what succeeds what, and which times stand written (see `entity`).

`owner` is the createdAt of what holds an instance: the entity, or the instance above a sub-attribute.
A write that touches an instance moves its modifiedAt even if nothing in it differs: modifiedAt is the time of the last
modification that was applied (GS CIM 009 §4.8); whether something *changed* is for those who compare old and new.
"""

from broker.model.entity import Attributes, Instance, created_at
from broker.names import NULL


def is_null(instance: Instance) -> bool:
    """Whether an instance of a fragment asks for a deletion."""
    return instance.get("type") == NULL


def without_nulls(instance: Instance) -> Instance:
    """A fragment's instance as one that stands for itself: what it asks to delete is not there."""
    if "attributes" not in instance and NULL not in instance.values():
        return instance
    whole = {member: content for member, content in instance.items() if content != NULL}
    subs: Attributes = {}
    for name, instances in instance.get("attributes", {}).items():
        kept = [without_nulls(each) for each in instances if not is_null(each)]
        if kept:
            subs[name] = kept
    if subs:
        whole["attributes"] = subs
    else:
        whole.pop("attributes", None)
    return whole


def by_dataset(instances: list[Instance]) -> dict[str | None, Instance]:
    """Instances by datasetId, None for the default one: a dict of the caller's own."""
    return {instance.get("datasetId"): instance for instance in instances}


def in_order(instances: dict[str | None, Instance]) -> list[Instance]:
    """Instances as an attribute has them, the default one first. It uses up its argument."""
    default = instances.pop(None, None)
    return list(instances.values()) if default is None else [default, *instances.values()]


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
    if len(old) == len(new) == 1 and old[0].get("datasetId") == new[0].get("datasetId"):
        return [succeed(old[0], new[0], now, owner)]
    present = by_dataset(old)
    result = []
    for instance in new:
        before = present.get(instance.get("datasetId"))
        result.append(born(instance, now, owner) if before is None else succeed(before, instance, now, owner))
    return result
