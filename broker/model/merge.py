"""Write semantics: an entity, and what a request brings, to the entity that follows (GS CIM 009 §5.5.8, §5.5.12, §5.6).

| operation           | attribute missing | attribute present            | NGSI-LD Null         | type  | scope     |
|---------------------|-------------------|------------------------------|----------------------|-------|-----------|
| `append`            | added             | replaced, or left & reported | –                    | union | set/added |
| `update`            | added             | replaced                     | deletes the instance | union | if there  |
| `partial_update`    | 404               | members replaced             | removes the member   | –     | –         |
| `replace_attribute` | 404               | replaced                     | –                    | –     | –         |
| `merge`             | added             | merged deeply                | removes at any depth | union | set       |
| `replace`           | added             | replaced, the rest removed   | –                    | set   | set       |

An instance is that of the same datasetId. What is replaced keeps its createdAt. Arguments are never changed; attributes
that an operation does not touch are the same objects afterwards, and an entity that it does not touch is itself.
"""

from typing import NamedTuple

from broker.errors import BadRequestData, ResourceNotFound
from broker.model.entity import Attributes, Entity, Instance, created_at
from broker.model.instances import born, by_dataset, in_order, is_null, stamped, succeed, successors, without_nulls
from broker.model.parse import Fragment
from broker.model.patch import Extras, patched
from broker.names import NULL
from broker.names import SCOPE as SCOPE


class UpdateResult(NamedTuple):
    """What became of the attributes of a fragment, by expanded name: written, or not and why."""

    updated: tuple[str, ...] = ()
    not_updated: tuple[tuple[str, str], ...] = ()


def create(entity: Entity, now: str) -> Entity:
    """A parsed entity as a new one."""
    return entity._replace(created_at=now, modified_at=now)


def replace(old: Entity, new: Entity | Fragment, now: str) -> Entity:
    """Everything but the id and the createdAt of what stays; without types in `new` those of `old` stay."""
    attributes = {
        name: successors(old.attributes.get(name), instances, now, old.created_at)
        for name, instances in new.attributes.items()
    }
    return Entity(old.id, new.types or old.types, attributes, old.created_at, now, new.scopes or (), new.expires_at)


def append(old: Entity, new: Fragment, now: str, *, overwrite: bool = True) -> tuple[Entity, UpdateResult]:
    """Append Attributes (§5.6.3), and batch update; without `overwrite` instances that are there stay as they are."""
    attributes = dict(old.attributes)
    updated: list[str] = []
    not_updated: list[tuple[str, str]] = []
    for name, instances in new.attributes.items():
        current = attributes.get(name, [])
        present = frozenset() if overwrite else by_dataset(current).keys()
        accepted = [instance for instance in instances if instance.get("datasetId") not in present]
        refused = [instance for instance in instances if instance.get("datasetId") in present]
        if accepted:
            attributes[name] = _written(current, accepted, now, old.created_at)
            updated.append(name)
        if refused:
            not_updated.append((name, _exists(refused)))
    scopes = old.scopes
    if new.scopes:
        scopes = new.scopes if overwrite else tuple(dict.fromkeys(old.scopes + new.scopes))
    entity = _following(old, new, now, attributes, scopes, touched=bool(updated))
    return entity, UpdateResult(tuple(updated), tuple(not_updated))


def update(old: Entity, new: Fragment, now: str) -> tuple[Entity, UpdateResult]:
    """Update Attributes (§5.6.2), and batch upsert with `update`: missing attributes are added."""
    attributes = dict(old.attributes)
    touched = False
    for name, instances in new.attributes.items():
        current = attributes.get(name, [])
        written = _written(current, instances, now, old.created_at)
        touched = touched or written is not current
        _set(attributes, name, written)
    scopes = old.scopes
    not_updated: tuple[tuple[str, str], ...] = ()
    if new.scopes is not None and old.scopes:
        scopes = new.scopes
    elif new.scopes:
        not_updated = ((SCOPE, "the entity has no scope to update"),)
    entity = _following(old, new, now, attributes, scopes, touched=touched)
    return entity, UpdateResult(tuple(new.attributes), not_updated)


def merge(old: Entity, new: Fragment, now: str, extras: Extras = Extras()) -> Entity:  # noqa: B008, it is frozen
    """Merge Entity (§5.6.17), and batch merge: see `broker.model.patch`. BadRequestData for what cannot be merged."""
    attributes = (
        patched(old.attributes, new.attributes, now, old.created_at, extras) if new.attributes else old.attributes
    )
    touched = any(attributes.get(name) is not old.attributes.get(name) for name in new.attributes)
    scopes = old.scopes if new.scopes is None else new.scopes
    return _following(old, new, now, attributes, scopes, touched=touched)


def partial_update(old: Entity, name: str, fragment: Instance, now: str) -> Entity:
    """Partial Attribute Update (§5.6.4): the fragment's members instead of the instance's, NULL removes one.

    A fragment that is a Null itself deletes the instance. ResourceNotFound if there is no such instance; BadRequestData
    if it is of another kind.
    """
    instances, before = _instance(old, name, fragment.get("datasetId"))
    if is_null(fragment):
        return _without(old, name, instances, before, now)
    if fragment.get("type", before["type"]) != before["type"]:
        raise BadRequestData(f"Attribute {name} is a {before['type']} and cannot become a {fragment['type']} here.")
    after = {member: content for member, content in {**before, **fragment}.items() if content != NULL}
    if "attributes" in fragment:
        subs = _partial_attributes(before, fragment, now, created_at(before, old.created_at))
        if subs:
            after["attributes"] = subs
        else:
            del after["attributes"]
    return _instead(old, name, instances, stamped(before, after, now, old.created_at), now)


def replace_attribute(old: Entity, name: str, instance: Instance, now: str) -> Entity:
    """Replace Attribute (§5.6.19); ResourceNotFound if there is no instance with this datasetId."""
    instances, before = _instance(old, name, instance.get("datasetId"))
    return _instead(old, name, instances, succeed(before, instance, now, old.created_at), now)


def delete_attribute(old: Entity, name: str, dataset_id: str | None, delete_all: bool, now: str) -> Entity:
    """Delete Attribute (§5.6.5): one instance, the default one without a datasetId, or all; the scope as `SCOPE`."""
    if name == SCOPE:
        if not old.scopes:
            raise ResourceNotFound(f"Entity {old.id} has no scope.")
        return old._replace(scopes=(), modified_at=now)
    if delete_all and name in old.attributes:
        return _with(old, name, [], now)
    instances, instance = _instance(old, name, dataset_id)
    return _without(old, name, instances, instance, now)


def purge_attributes(
    old: Entity, now: str, *, keep: frozenset[str] | None = None, drop: frozenset[str] = frozenset()
) -> Entity:
    """Purge Entities with `keep` or `drop` (§5.6.21): the entity without the attributes not kept, or dropped."""

    def stays(name: str) -> bool:
        return name not in drop if keep is None else name in keep

    attributes = {name: instances for name, instances in old.attributes.items() if stays(name)}
    scopes = old.scopes if stays(SCOPE) else ()
    if len(attributes) == len(old.attributes) and scopes == old.scopes:
        return old
    return old._replace(attributes=attributes, scopes=scopes, modified_at=now)


def _written(current: list[Instance], new: list[Instance], now: str, owner: str) -> list[Instance]:
    """Instances with each new one in its place: added, replaced or, where it is a Null, deleted."""
    result = by_dataset(current)
    touched = False
    for instance in new:
        dataset_id = instance.get("datasetId")
        before = result.get(dataset_id)
        if is_null(instance):
            if before is None:
                continue
            del result[dataset_id]
        else:
            whole = without_nulls(instance)
            result[dataset_id] = born(whole, now, owner) if before is None else succeed(before, whole, now, owner)
        touched = True
    return in_order(result) if touched else current


def _partial_attributes(before: Instance, fragment: Instance, now: str, owner: str) -> Attributes:
    attributes: Attributes = dict(before.get("attributes", {}))
    for name, instances in fragment["attributes"].items():
        _set(attributes, name, _written(attributes.get(name, []), instances, now, owner))
    return attributes


def _set(attributes: Attributes, name: str, instances: list[Instance]) -> None:
    if instances:
        attributes[name] = instances
    else:
        attributes.pop(name, None)


def _following(
    old: Entity, new: Fragment, now: str, attributes: Attributes, scopes: tuple[str, ...], *, touched: bool
) -> Entity:
    """The entity after a fragment: types only add up, expiresAt is set or removed if the fragment says so."""
    types = old.types if set(new.types) <= set(old.types) else tuple(dict.fromkeys(old.types + new.types))
    expires_at = old.expires_at
    if new.expires_at is not None:
        expires_at = None if new.expires_at == NULL else new.expires_at
    if not touched and types == old.types and scopes == old.scopes and expires_at == old.expires_at:
        return old
    return Entity(old.id, types, attributes, old.created_at, now, scopes, expires_at)


def _instance(entity: Entity, name: str, dataset_id: str | None) -> tuple[list[Instance], Instance]:
    """An attribute's instances, and the one with this datasetId; ResourceNotFound if it is not there."""
    instances = entity.attributes.get(name)
    if instances is None:
        raise ResourceNotFound(f"Entity {entity.id} has no attribute {name}.")
    instance = by_dataset(instances).get(dataset_id)
    if instance is None:
        which = f"instance with datasetId {dataset_id}" if dataset_id else "default instance"
        raise ResourceNotFound(f"Attribute {name} of entity {entity.id} has no {which}.")
    return instances, instance


def _instead(entity: Entity, name: str, instances: list[Instance], new: Instance, now: str) -> Entity:
    """The entity with an instance in the place of that with the same datasetId."""
    return _with(entity, name, in_order(by_dataset(instances) | {new.get("datasetId"): new}), now)


def _without(entity: Entity, name: str, instances: list[Instance], gone: Instance, now: str) -> Entity:
    return _with(entity, name, [instance for instance in instances if instance is not gone], now)


def _with(entity: Entity, name: str, instances: list[Instance], now: str) -> Entity:
    attributes = dict(entity.attributes)
    _set(attributes, name, instances)
    return entity._replace(attributes=attributes, modified_at=now)


def _exists(refused: list[Instance]) -> str:
    which = ", ".join(instance.get("datasetId", "the default instance") for instance in refused)
    return f"the attribute exists and is not to be overwritten: {which}"
