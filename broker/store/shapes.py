"""An entity as a MongoDB document: its serialised form beside the fields that are indexed.

    {_id: entity id,
     t: [type IRI, …],
     a: [{k: name, v: scalar}, …]      every attribute value and every scope: `broker.query.keys` names them. `v` is
                                        never an array, which would ruin the bounds of all attributes; absent where the
                                        value is no scalar (existence)
     g: [{k: name, v: geometry}, …]    every geometry
     x: DateTime                        when the first part of the entity expires
     o: true                            more than there are keys for, as the key MORE says, too
     u: true                            a geometry that mongod refuses to index, likewise
     r: revision, 1 when created,
     j: bytes of `broker.model.entity.encode`}

Empty `g`, `x`, `o`, `u` are left out. See docs/decisions/document-shape.md.
"""

from collections.abc import Callable, Container, Iterable, Iterator
from datetime import datetime
from typing import Any, Final, TypeAlias

from broker.model.entity import Entity, Instance, encode
from broker.model.expiry import next_expiry
from broker.query import keys as index
from broker.query.keys import MAX_LENGTH, MORE, SCOPE
from broker.query.targets import json_elements, raw_elements, value_elements

Document: TypeAlias = dict[str, Any]

EXPIRY: Final = "@expiry"
"""Key of the instant `x`: no attribute can have this name."""
MAX_KEYS: Final = 256
"""Most attribute keys that one entity has in the index: each costs every write."""
_INT64: Final = 2**63


def document(entity: Entity, revision: int, *, index_geometry: bool = True) -> Document:
    """The whole document of an entity."""
    stored: Document = {"_id": entity.id, "t": list(entity.types), "r": revision, "j": encode(entity)}
    stored.update(_attribute_fields(entity))
    stored.update(_geometry_fields(entity, index_geometry))
    return stored


MARKS: Final = ("x", "o", "u")
"""Fields that few documents have."""


def update(
    old: Entity, new: Entity, revision: int, present: Container[str] = MARKS, *, index_geometry: bool = True
) -> Document:
    """The MongoDB update that turns the document of `old` into that of `new`; `present`: the marks of the old one.

    Fields whose source did not change are left alone, so that mongod leaves their indexes alone.
    Unchanged attributes are recognised by identity, which `broker.model.merge` preserves.
    """
    wanted: Document = {"r": revision, "j": encode(new)}
    owned: set[str] = set()
    changed = _changed(old, new)
    if changed or old.scopes != new.scopes or old.expires_at != new.expires_at:
        wanted.update(_attribute_fields(new))
        owned |= {"a", "o", "x"}
    if not index_geometry or any(_has_geometry(instances) for instances in changed):
        wanted.update(_geometry_fields(new, index_geometry))
        owned |= {"g", "u"}
    if old.types != new.types:
        wanted["t"] = list(new.types)
    gone = {field for field in owned - wanted.keys() if field == "g" or field in present}
    return {"$set": wanted, "$unset": dict.fromkeys(gone, "")} if gone else {"$set": wanted}


def _changed(old: Entity, new: Entity) -> list[list[Instance]]:
    """The instances, old and new, of the attributes that differ."""
    before, after = old.attributes, new.attributes
    changed = [instances for name, instances in after.items() if before.get(name) is not instances]
    changed.extend(instances for name, instances in before.items() if after.get(name) is not instances)
    return changed


def _has_geometry(instances: list[Instance]) -> bool:
    return any(instance["type"] == "GeoProperty" for instance in instances)


def _geometry_fields(entity: Entity, index_geometry: bool) -> Document:
    geometries = [
        {"k": name, "v": instance["value"]}
        for name, instances in entity.attributes.items()
        for instance in instances
        if instance["type"] == "GeoProperty"
    ]
    if not geometries:
        return {}
    return {"g": geometries} if index_geometry else {"u": True}


def _attribute_fields(entity: Entity) -> Document:
    keys: list[Document] = [{"k": SCOPE, "v": index.scope(scope)} for scope in entity.scopes]
    fields: Document = {"a": keys}
    overflowing = any(len(scope) >= MAX_LENGTH for scope in entity.scopes)
    expiry = next_expiry(entity)
    if expiry is not None:
        fields["x"] = expiry
        keys.insert(0, {"k": EXPIRY, "v": datetime.fromisoformat(expiry)})
    for name, instances in entity.attributes.items():
        for instance in instances:
            keys.extend(_KEYS[instance["type"]](name, instance))
    if overflowing or len(keys) > MAX_KEYS:
        keys[MAX_KEYS:] = ({"k": MORE},)
        fields["o"] = True
    return fields


def _scalar(value: Any) -> Any:
    """The value as an index key holds it."""
    if isinstance(value, str):
        return value if len(value) <= MAX_LENGTH else value[:MAX_LENGTH]
    if isinstance(value, int) and not -_INT64 <= value < _INT64:
        return float(value)
    return value


def _element_keys(name: str, elements: Iterable[Any]) -> Iterator[Document]:
    """A key for each scalar; one without a value if there is none."""
    found = False
    for element in elements:
        if isinstance(element, str | int | float):
            found = True
            yield {"k": name, "v": _scalar(element)}
    if not found:
        yield {"k": name}


def _value_keys(name: str, value: Any) -> Iterable[Document]:
    """Keys of a Property's value: of its elements, and of the members of an object."""
    if isinstance(value, str | int | float):
        return ({"k": name, "v": _scalar(value)},)
    if not isinstance(value, dict):
        return _element_keys(name, json_elements(value))
    if "@value" not in value:
        return _object_keys(name, value)
    if value.get("@type") == "@json":
        return _json_keys(name, value["@value"])
    return _element_keys(name, (value["@value"],))


def _object_keys(name: str, value: dict[str, Any]) -> Iterator[Document]:
    yield {"k": name}
    for member, content in value.items():
        yield from _element_keys(index.member(name, member), json_elements(content))


def _json_keys(name: str, value: Any) -> Iterator[Document]:
    """Keys of JSON that is kept as it was sent."""
    yield from _element_keys(name, raw_elements(value))
    if isinstance(value, dict):
        for member, content in value.items():
            yield from _element_keys(index.raw_member(name, member), raw_elements(content))


def _language_keys(name: str, languages: dict[str, Any]) -> Iterator[Document]:
    for tag, texts in languages.items():
        elements = texts if isinstance(texts, list) else (texts,)
        yield from _element_keys(name, elements)
        yield from _element_keys(index.language(name, tag), elements)


_KEYS: Final[dict[str, Callable[[str, Instance], Iterable[Document]]]] = {
    "Property": lambda name, instance: _value_keys(name, instance["value"]),
    "GeoProperty": lambda name, _: ({"k": name},),
    "LanguageProperty": lambda name, instance: _language_keys(name, instance["languageMap"]),
    "JsonProperty": lambda name, instance: _json_keys(name, instance["json"]),
    **dict.fromkeys(
        ("Relationship", "VocabProperty", "ListProperty", "ListRelationship"),
        lambda name, instance: _element_keys(name, value_elements(instance)),
    ),
}
"""Index keys of an instance, by kind."""
