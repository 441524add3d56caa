"""What a path of a query leads to in an entity: the elements that conditions look at (GS CIM 009 §4.9).

An attribute instance has the elements of its value: a scalar, or the members of an array; the URIs of a relationship,
the texts of a LanguageProperty, the terms of a vocabulary. A typed value is its `@value`. An object or an array in an
array is an element, too, that equals nothing. Brackets lead into a value as ECMAScript's member expressions do: where
they lead nowhere, there is no target. No sound element is None: that stands for JSON's null.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from broker.model.entity import Attributes, Entity, Instance, created_at, modified_at
from broker.query.ast import Inside, Link, Path

Elements: TypeAlias = Sequence[Any]
"""Of one target; empty for an empty array."""
Targets: TypeAlias = Callable[[Entity], Iterator[Elements]]
"""The elements of every target in an entity: one of each attribute instance."""
Linked: TypeAlias = Mapping[str, Entity]
"""The entities that links may lead to, by id."""

_LITERAL: Final = "@json"
RELATIONSHIPS: Final = frozenset({"Relationship", "ListRelationship"})


def targets(path: Path, *, ordered: bool, linked: Linked) -> Targets:
    """The targets of a path. `ordered`: for conditions that relationships never meet (all but ==, != and existence)."""
    if path.link is not None:
        return _through(path, path.link, ordered, linked)
    if not path.names:
        return _entity_member(path.member or "")
    if path.member is not None:
        return _members(path.names, path.member)
    elements = value_elements if path.inside is None else _inside(path.inside)
    names = path.names

    def found(entity: Entity) -> Iterator[Elements]:
        for instance, _ in instances(entity.attributes, names, entity.created_at):
            if ordered and instance["type"] in RELATIONSHIPS:
                continue
            target = elements(instance)
            if target is not None:
                yield target

    return found


def instances(attributes: Attributes, names: tuple[str, ...], owner: str) -> Iterator[tuple[Instance, str]]:
    """The instances at the end of a path of names, each with the createdAt of what holds it."""
    rest = names[1:]
    for instance in attributes.get(names[0], ()):
        if not rest:
            yield instance, owner
        elif "attributes" in instance:
            yield from instances(instance["attributes"], rest, created_at(instance, owner))


def value_elements(instance: Instance) -> Elements:
    """The elements of an instance's value."""
    return _ELEMENTS[instance["type"]](instance)


def json_elements(value: Any) -> Elements:
    """The elements of a Property's value."""
    if value.__class__ is list:
        return [_element(member) for member in value]
    if value.__class__ is dict and "@value" in value:
        content = value["@value"]
        return raw_elements(content) if value.get("@type") == _LITERAL else (content,)
    return (value,)


def raw_elements(value: Any) -> Elements:
    """The elements of a JSON value that is kept as it was sent."""
    return value if value.__class__ is list else (value,)


def _element(member: Any) -> Any:
    return member["@value"] if member.__class__ is dict and "@value" in member else member


def _strings(value: Any) -> Elements:
    return value if value.__class__ is list else (value,)


def _texts(languages: dict[str, Any]) -> Elements:
    return [text for texts in languages.values() for text in _strings(texts)]


_ELEMENTS: Final[dict[str, Callable[[Instance], Elements]]] = {
    "Property": lambda instance: json_elements(instance["value"]),
    "GeoProperty": lambda instance: (instance["value"],),
    "Relationship": lambda instance: _strings(instance["object"]),
    "LanguageProperty": lambda instance: _texts(instance["languageMap"]),
    "VocabProperty": lambda instance: _strings(instance["vocab"]),
    "JsonProperty": lambda instance: raw_elements(instance["json"]),
    "ListProperty": lambda instance: json_elements(instance["valueList"]),
    "ListRelationship": lambda instance: instance["objectList"],
}
"""Elements of an instance's value, by kind."""


# Brackets.


def _inside(inside: Inside) -> Callable[[Instance], Elements | None]:
    """The elements of what brackets lead to, None if they lead nowhere."""
    names, keys = inside.names, inside.keys

    def found(instance: Instance) -> Elements | None:
        kind = instance["type"]
        if kind == "Property":
            return _member_elements(instance["value"], names, keys)
        if kind == "JsonProperty":
            return _raw_member_elements(instance["json"], keys)
        if kind == "LanguageProperty" and len(keys) == 1:
            return language_elements(instance["languageMap"], keys[0])
        return None

    return found


def language_elements(languages: dict[str, Any], tag: str) -> Elements | None:
    """The texts in a language, whatever the case of its tag, or in any for `*`; None if there are none."""
    if tag == "*":
        return _texts(languages)
    lower = tag.lower()
    found = [_strings(texts) for each, texts in languages.items() if each.lower() == lower]
    return [text for texts in found for text in texts] if found else None


def _member_elements(value: Any, names: tuple[str, ...], keys: tuple[str, ...]) -> Elements | None:
    for position, name in enumerate(names):
        if value.__class__ is not dict:
            return None
        if "@value" in value:  # a typed value has no members
            literal = value.get("@type") == _LITERAL
            return _raw_member_elements(value["@value"], keys[position:]) if literal else None
        if name not in value:
            return None
        value = value[name]
    return json_elements(value)


def _raw_member_elements(value: Any, keys: tuple[str, ...]) -> Elements | None:
    for key in keys:
        if value.__class__ is not dict or key not in value:
            return None
        value = value[key]
    return raw_elements(value)


# Non-reified members.


def _entity_member(member: str) -> Targets:
    def found(entity: Entity) -> Iterator[Elements]:
        match member:
            case "createdAt":
                yield (entity.created_at,)
            case "modifiedAt":
                yield (entity.modified_at,)
            case "expiresAt" if entity.expires_at is not None:
                yield (entity.expires_at,)

    return found


def _members(names: tuple[str, ...], member: str) -> Targets:
    def found(entity: Entity) -> Iterator[Elements]:
        for instance, owner in instances(entity.attributes, names, entity.created_at):
            if member == "createdAt":
                yield (created_at(instance, owner),)
            elif member == "modifiedAt":
                yield (modified_at(instance, owner),)
            elif member in instance:
                yield _strings(instance[member])

    return found


# Links.


def _through(path: Path, link: Link, ordered: bool, linked: Linked) -> Targets:
    """The targets in the entities that a relationship leads to."""
    onwards = targets(link.path, ordered=ordered, linked=linked)
    names = path.names

    def found(entity: Entity) -> Iterator[Elements]:
        for uri in linked_ids(entity, names):
            other = linked.get(uri)
            if other is not None and (not link.types or not frozenset(other.types).isdisjoint(link.types)):
                yield from onwards(other)

    return found


def linked_ids(entity: Entity, names: tuple[str, ...]) -> Iterator[str]:
    """The ids of the entities to which the relationships at the end of a path lead."""
    for instance, _ in instances(entity.attributes, names, entity.created_at):
        if instance["type"] in RELATIONSHIPS:
            yield from value_elements(instance)
