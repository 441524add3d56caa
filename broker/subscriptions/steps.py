"""What a step of an entity does, as subscriptions see it (GS CIM 009 §5.8.6).

A change is a different value: what was sent again as it was is none. The times that the broker keeps are no value.
"""

from typing import Any, Final, NamedTuple

from broker.model.entity import Attributes, Entity, Instance
from broker.names import DEFAULT_DATASET
from broker.query.keys import SCOPE
from broker.subscriptions.document import Trigger

_TIMES: Final = frozenset({"createdAt", "modifiedAt"})
_NOTHING: Final[frozenset[Trigger]] = frozenset()
_CREATED: Final = frozenset({Trigger.ATTRIBUTE_CREATED})
_UPDATED: Final = frozenset({Trigger.ATTRIBUTE_UPDATED})
_DELETED: Final = frozenset({Trigger.ATTRIBUTE_DELETED})


class Step(NamedTuple):
    """What changed."""

    state: Entity
    """The entity as it is now; if it was deleted, as it was."""
    entity: Trigger | None
    """What became of the entity as a whole: it was created or deleted."""
    attributes: dict[str, frozenset[Trigger]]
    """What became of the instances of each attribute that changed, by expanded name; of the scope as `SCOPE`."""


def step(old: Entity | None, new: Entity | None, datasets: frozenset[str] | None = None) -> Step | None:
    """What a step does, to instances of these datasets alone if they are given; None if nothing.

    The default instance is that of the dataset `@none`.
    """
    if new is None:
        return None if old is None else Step(old, Trigger.ENTITY_DELETED, _all(old, _DELETED, datasets))
    if old is None:
        return Step(new, Trigger.ENTITY_CREATED, _all(new, _CREATED, datasets))
    changed = _changed(old.attributes, new.attributes, datasets)
    if old.scopes != new.scopes:
        changed[SCOPE] = _UPDATED if old.scopes and new.scopes else _CREATED if new.scopes else _DELETED
    return Step(new, None, changed) if changed else None


def _all(entity: Entity, what: frozenset[Trigger], datasets: frozenset[str] | None) -> dict[str, frozenset[Trigger]]:
    if datasets is None:
        changed = dict.fromkeys(entity.attributes, what)
    else:
        changed = {name: what for name, instances in entity.attributes.items() if _of(instances, datasets)}
    if entity.scopes:
        changed[SCOPE] = what
    return changed


def _changed(old: Attributes, new: Attributes, datasets: frozenset[str] | None) -> dict[str, frozenset[Trigger]]:
    changed = {}
    for name, instances in new.items():
        before = old.get(name)
        if before is not instances:
            became = _became(before or [], instances, datasets)
            if became:
                changed[name] = became
    for name, instances in old.items():
        if name not in new:
            became = _became(instances, [], datasets)
            if became:
                changed[name] = became
    return changed


def _became(old: list[Instance], new: list[Instance], datasets: frozenset[str] | None) -> frozenset[Trigger]:
    """What became of the instances of one attribute."""
    if datasets is None and len(old) == len(new) == 1 and old[0].get("datasetId") == new[0].get("datasetId"):
        return _NOTHING if same(old[0], new[0]) else _UPDATED  # the common case, written for speed
    before, after = _of(old, datasets), _of(new, datasets)
    became = _NOTHING
    for dataset, instance in after.items():
        known = before.get(dataset)
        if known is None:
            became |= _CREATED
        elif not same(known, instance):
            became |= _UPDATED
    return became | _DELETED if before.keys() - after.keys() else became


def _of(instances: list[Instance], datasets: frozenset[str] | None) -> dict[str, Instance]:
    found = {instance.get("datasetId", DEFAULT_DATASET): instance for instance in instances}
    if datasets is None:
        return found
    return {dataset: instance for dataset, instance in found.items() if dataset in datasets}


def same(old: Instance, new: Instance) -> bool:
    """Whether two instances differ in nothing but the times that the broker keeps."""
    if old is new:
        return True
    for member, content in new.items():
        if member in _TIMES:
            continue
        if member not in old:
            return False
        if member == "attributes":
            if _changed(old[member], content, None):
                return False
        elif not _equal(old[member], content):
            return False
    return all(member in new or member in _TIMES for member in old)


def _equal(old: Any, new: Any) -> bool:
    """Equality of JSON: true is no 1."""
    if old.__class__ is str or old.__class__ is float:
        return bool(old == new)
    if isinstance(old, dict) and isinstance(new, dict):
        return old.keys() == new.keys() and all(_equal(old[key], new[key]) for key in old)
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(map(_equal, old, new))
    if old.__class__ is new.__class__:
        return bool(old == new)
    return bool(old == new) and isinstance(old, bool) is isinstance(new, bool)
