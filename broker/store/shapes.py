"""An entity as a MongoDB document: its serialised form beside the fields that are indexed.

    {_id: entity id,
     t: [type IRI, …],
     a: [{k: name, v: scalar}, …]      every attribute value and every scope: `broker.query.keys` names them. `v` is
                                        never an array, which would ruin the bounds of all attributes; absent where the
                                        value is no scalar (existence)
     g: [{k: [name, …], v: geometry}, …]    every geometry: see `broker.store.places`
     x: DateTime                        when the first part of the entity expires
     o: true                            more than there are keys for, as the key MORE says, too
     r: revision: microseconds since 1970, or more (see `broker.store.groups`),
     h: {…}                             what a deriver keeps with the entity: see `broker.store.history.record`
     j: bytes of `broker.model.entity.encode`}

Empty `g`, `x`, `o`, `h` are left out. See docs/decisions/0003-document-shape.md.
"""

from collections.abc import Callable, Container, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

from broker.errors import BadRequestData
from broker.model.entity import Attributes, Entity, Instance, encode
from broker.model.expiry import next_expiry
from broker.query import keys as index
from broker.query.keys import MAX_LENGTH, MORE, SCOPE
from broker.query.targets import json_elements, raw_elements
from broker.store.places import Indexing, place_fields

Document: TypeAlias = dict[str, Any]

EXPIRY: Final = "@expiry"
"""Key of the instant `x`: no attribute can have this name."""
MAX_KEYS: Final = 256
"""Most attribute keys that one entity has in the index: each costs every write."""
MAX_TYPES: Final = 100
"""Most types that an entity has: each is a key of the index."""
MAX_ENTITY: Final = 12 * 2**20
"""Bytes of an entity that a document of MongoDB, 16 MiB at most, holds beside its index keys."""
MAX_INDEXED_SIZE: Final = 2 * 2**20
"""Bytes of an entity up to which its geometries are indexed: an index of more does not fit into a transaction."""
_INT64: Final = 2**63
_SCALARS: Final = frozenset({str, int, float, bool})


def check_bounds(entity: Entity, stored: bytes, max_entity: int) -> None:
    """Raise BadRequestData if the entity has grown too large to be kept."""
    if len(stored) > max_entity:
        raise BadRequestData(f"Entity {entity.id} would take {len(stored)} bytes; {max_entity} are the most.")
    if len(entity.types) > MAX_TYPES:
        raise BadRequestData(f"Entity {entity.id} would have {len(entity.types)} types; {MAX_TYPES} are the most.")


def document(entity: Entity, revision: int, indexing: Indexing = Indexing.AS_SENT) -> Document:
    """The whole document of an entity."""
    stored: Document = {"_id": entity.id, "t": list(entity.types), "r": revision, "j": encode(entity)}
    stored.update(_attribute_fields(entity))
    stored.update(place_fields(entity, _affordable(indexing, stored["j"])))
    return stored


MARKS: Final = ("x", "o")
"""Fields that few documents have."""


def update(
    old: Entity,
    new: Entity,
    revision: int,
    present: Container[str] = MARKS,
    indexing: Indexing = Indexing.AS_SENT,
) -> Document:
    """The MongoDB update that turns the document of `old` into that of `new`; `present`: the marks of the old one.

    Fields whose source did not change are left alone, so that mongod leaves their indexes alone.
    Unchanged attributes are recognised by identity, which `broker.model.merge` preserves.
    """
    wanted: Document = {"r": revision, "j": encode(new)}
    indexing = _affordable(indexing, wanted["j"])
    owned: set[str] = set()
    if _differ(old.attributes, new.attributes) or old.scopes != new.scopes or old.expires_at != new.expires_at:
        wanted.update(_attribute_fields(new))
        owned |= {"a", "o", "x"}
    if indexing is not Indexing.AS_SENT or old.types != new.types or _moved(old.attributes, new.attributes):
        wanted.update(place_fields(new, indexing))
        owned.add("g")
    if old.types != new.types:
        wanted["t"] = list(new.types)
    gone = {field for field in owned - wanted.keys() if field == "g" or field in present}
    return {"$set": wanted, "$unset": dict.fromkeys(gone, "")} if gone else {"$set": wanted}


def _differ(old: Attributes, new: Attributes) -> bool:
    """Whether an attribute was touched, added or removed."""
    if len(old) != len(new):
        return True
    return any(old.get(name) is not instances for name, instances in new.items())


def _moved(old: Attributes, new: Attributes) -> bool:
    """Whether the geometries differ: an upsert mostly sends the same again."""
    before = old.get
    for name, instances in new.items():
        was = before(name, ())
        if was is not instances and _geometries(was) != _geometries(instances):
            return True
    return any(_geometries(old[name]) for name in old.keys() - new.keys())


def _geometries(instances: Sequence[Instance]) -> tuple[Any, ...]:
    if len(instances) == 1:  # mostly
        (instance,) = instances
        return (instance["value"],) if instance["type"] == "GeoProperty" else ()
    return tuple(instance["value"] for instance in instances if instance["type"] == "GeoProperty")


def _affordable(indexing: Indexing, stored: bytes) -> Indexing:
    return indexing if len(stored) <= MAX_INDEXED_SIZE else Indexing.ANYWHERE


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
            value = instance.get("value")
            if value.__class__ in _SCALARS:  # mostly
                keys.append({"k": name, "v": _scalar(value)})
            else:
                keys.extend(_KEYS[instance["type"]](name, instance))
    if overflowing or len(keys) > MAX_KEYS:
        keys[MAX_KEYS:] = ({"k": MORE},)
        fields["o"] = True
    return fields


def _scalar(value: Any) -> Any:
    """The value as an index key holds it."""
    if value.__class__ is str:
        return value if len(value) <= MAX_LENGTH else value[:MAX_LENGTH]
    if value.__class__ is int and not -_INT64 <= value < _INT64:
        return float(value)
    return value


def _element_keys(name: str, elements: Sequence[Any]) -> list[Document]:
    """A key for each scalar; one without a value if there is none."""
    keys = [{"k": name, "v": _scalar(element)} for element in elements if element.__class__ in _SCALARS]
    return keys or [{"k": name}]


def _value_keys(name: str, value: Any) -> Sequence[Document]:
    """Keys of a Property's value: of its elements, and of the members of an object."""
    if value.__class__ in _SCALARS:
        return ({"k": name, "v": _scalar(value)},)
    if value.__class__ is not dict:
        return _element_keys(name, json_elements(value))
    if "@value" not in value:
        return _object_keys(name, value)
    if value.get("@type") == "@json":
        return _json_keys(name, value["@value"])
    return _element_keys(name, (value["@value"],))


def _object_keys(name: str, value: dict[str, Any]) -> list[Document]:
    keys: list[Document] = [{"k": name}]
    for member, content in value.items():
        keys.extend(_member_keys(index.member(name, member), content))
    return keys


def _member_keys(key: str, content: Any) -> Sequence[Document]:
    """Keys of a member: of its elements, and not of what is deeper."""
    if content.__class__ in _SCALARS:
        return ({"k": key, "v": _scalar(content)},)
    return _element_keys(key, json_elements(content))


def _json_keys(name: str, value: Any) -> list[Document]:
    """Keys of JSON that is kept as it was sent."""
    keys = _element_keys(name, raw_elements(value))
    if value.__class__ is dict:
        for member, content in value.items():
            keys.extend(_element_keys(index.raw_member(name, member), raw_elements(content)))
    return keys


def _language_keys(name: str, languages: dict[str, Any]) -> list[Document]:
    keys: list[Document] = []
    for tag, texts in languages.items():
        elements = texts if texts.__class__ is list else (texts,)
        keys += _element_keys(name, elements)
        keys += _element_keys(index.language(name, tag), elements)
    return keys


def _text_keys(name: str, texts: Any) -> Sequence[Document]:
    """Keys of one string, or of an array of them."""
    return _element_keys(name, texts if texts.__class__ is list else (texts,))


_KEYS: Final[dict[str, Callable[[str, Instance], Sequence[Document]]]] = {
    "Property": lambda name, instance: _value_keys(name, instance["value"]),
    "GeoProperty": lambda name, _: ({"k": name},),
    "Relationship": lambda name, instance: _text_keys(name, instance["object"]),
    "LanguageProperty": lambda name, instance: _language_keys(name, instance["languageMap"]),
    "VocabProperty": lambda name, instance: _text_keys(name, instance["vocab"]),
    "JsonProperty": lambda name, instance: _json_keys(name, instance["json"]),
    "ListProperty": lambda name, instance: _element_keys(name, json_elements(instance["valueList"])),
    "ListRelationship": lambda name, instance: _element_keys(name, instance["objectList"]),
}
"""Index keys of an instance, by kind."""
