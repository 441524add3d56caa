"""Transient entities and attributes: what is left of an entity at an instant (GS CIM 009 §4.22).

What has reached its `expiresAt` is gone, whether or not it has been swept: an attribute with all below it, an instance
without the others, an entity as a whole.
"""

from collections.abc import Iterator

from broker.model.entity import Attributes, Entity
from broker.model.instants import instant_key


def alive(entity: Entity, now: str) -> Entity | None:
    """The entity without what has expired; itself if nothing has, None if it has expired as a whole."""
    if entity.expires_at is None and not _is_transient(entity.attributes):
        return entity
    key = instant_key(now)
    if entity.expires_at is not None and instant_key(entity.expires_at) <= key:
        return None
    attributes = _alive(entity.attributes, key)
    return entity if attributes is entity.attributes else entity._replace(attributes=attributes)


def next_expiry(entity: Entity) -> str | None:
    """The first `expiresAt` in the entity or anywhere below it; None if nothing in it expires."""
    if entity.expires_at is None and not _is_transient(entity.attributes):
        return None
    instants = list(_expiries(entity.attributes))
    if entity.expires_at is not None:
        instants.append(entity.expires_at)
    return min(instants, key=instant_key, default=None)


def _is_transient(attributes: Attributes) -> bool:
    for instances in attributes.values():
        for instance in instances:
            if "expiresAt" in instance or ("attributes" in instance and _is_transient(instance["attributes"])):
                return True
    return False


def _alive(attributes: Attributes, key: str) -> Attributes:
    """The attributes that are left; the same object if all are."""
    result: Attributes = {}
    changed = False
    for name, instances in attributes.items():
        left = []
        for instance in instances:
            if "expiresAt" in instance and instant_key(instance["expiresAt"]) <= key:
                changed = True
                continue
            if "attributes" in instance:
                subs = _alive(instance["attributes"], key)
                if subs is not instance["attributes"]:
                    changed = True
                    instance = {member: content for member, content in instance.items() if member != "attributes"}
                    if subs:
                        instance["attributes"] = subs
            left.append(instance)
        if left:
            result[name] = left
    return result if changed else attributes


def _expiries(attributes: Attributes) -> Iterator[str]:
    for instances in attributes.values():
        for instance in instances:
            if "expiresAt" in instance:
                yield instance["expiresAt"]
            if "attributes" in instance:
                yield from _expiries(instance["attributes"])
