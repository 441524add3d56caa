"""What is there: types and attributes, from maintained counts (GS CIM 009 §5.7.5–§5.7.10)."""

from collections import defaultdict
from typing import NamedTuple

from broker.call import Call
from broker.errors import ResourceNotFound
from broker.store.counts import OF_ENTITIES, Count
from broker.store.store import Store


class TypeInfo(NamedTuple):
    """A type: how many entities have it, and by attribute name the kinds that it has there."""

    name: str
    entities: int
    attributes: dict[str, list[str]]


class AttributeInfo(NamedTuple):
    """An attribute: how many instances there are, of which kinds, in entities of which types."""

    name: str
    instances: int
    kinds: list[str]
    types: list[str]


async def types(store: Store, call: Call) -> list[TypeInfo]:
    """All types, by name."""
    counts = await store.counts(call.tenant)
    return [_type(name, counts) for name in sorted({name for count in counts for name in count.types})]


async def type_info(store: Store, call: Call, name: str) -> TypeInfo:
    """One type. Raises ResourceNotFound if no entity has it."""
    found = _type(name, await store.counts(call.tenant, types=name))
    if not found.entities:
        raise ResourceNotFound(f"Type {name} has no entities.")
    return found


async def attributes(store: Store, call: Call) -> list[AttributeInfo]:
    """All attributes, by name."""
    counts = [count for count in await store.counts(call.tenant) if count.attribute != OF_ENTITIES]
    by_name: dict[str, list[Count]] = defaultdict(list)
    for count in counts:
        by_name[count.attribute].append(count)
    return [_attribute(name, by_name[name]) for name in sorted(by_name)]


async def attribute_info(store: Store, call: Call, name: str) -> AttributeInfo:
    """One attribute. Raises ResourceNotFound if no entity has it."""
    counts = await store.counts(call.tenant, attribute=name)
    if not counts:
        raise ResourceNotFound(f"Attribute {name} is in no entity.")
    return _attribute(name, counts)


def _type(name: str, counts: list[Count]) -> TypeInfo:
    kinds: dict[str, set[str]] = defaultdict(set)
    entities = 0
    for count in counts:
        if name not in count.types:
            continue
        if count.attribute == OF_ENTITIES:
            entities += count.instances
        else:
            kinds[count.attribute].add(count.kind)
    return TypeInfo(name, entities, {attribute: sorted(kinds[attribute]) for attribute in sorted(kinds)})


def _attribute(name: str, counts: list[Count]) -> AttributeInfo:
    return AttributeInfo(
        name,
        sum(count.instances for count in counts),
        sorted({count.kind for count in counts}),
        sorted({type_ for count in counts for type_ in count.types}),
    )
