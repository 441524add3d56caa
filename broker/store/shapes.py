"""An entity as a MongoDB document: its serialised form beside the fields that are indexed.

    {_id: entity id,
     t: [type IRI, …],
     a: [{k: name, v: scalar}, …]      every attribute value and every scope; `v` is never an array, which would ruin
                                        the bounds of all attributes; absent where the value is no scalar (existence)
     g: [{k: [name, …], v: geometry}, …]    every geometry: see `broker.store.places`
     x: DateTime                        when the first part of the entity expires
     o: true                            more keys than MAX_KEYS: a query must look at the entity itself
     r: revision, 1 when created,
     j: bytes of `broker.model.entity.encode`}

Empty `g`, `x`, `o` are left out. Keys `name[member]` hold the members of object values, one level deep, and the
languages of a LanguageProperty. See docs/decisions/document-shape.md.
"""

from collections.abc import Callable, Container, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from broker.errors import BadRequestData
from broker.model.entity import Entity, Instance, encode
from broker.model.expiry import next_expiry
from broker.model.kinds import GEOMETRIES
from broker.names import NGSI_LD
from broker.store.places import Indexing, place_fields

Document: TypeAlias = dict[str, Any]

SCOPE: Final = NGSI_LD + "scope"
EXPIRY: Final = "@expiry"
"""Key of the instant `x`: no attribute can have this name."""
MAX_KEYS: Final = 256
"""Most attribute keys that one entity has in the index: each costs every write."""
MAX_KEY_LENGTH: Final = 512
"""Strings are indexed up to this many characters; queries for longer ones look at the entity itself."""
MAX_TYPES: Final = 100
"""Most types that an entity has: each is a key of the index."""
MAX_ENTITY: Final = 12 * 2**20
"""Bytes of an entity that a document of MongoDB, 16 MiB at most, holds beside its index keys."""
MAX_INDEXED_SIZE: Final = 2 * 2**20
"""Bytes of an entity up to which its geometries are indexed: an index of more does not fit into a transaction."""
_INT64: Final = 2**63


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
    changed = _changed(old, new)
    if changed or old.scopes != new.scopes or old.expires_at != new.expires_at:
        wanted.update(_attribute_fields(new))
        owned |= {"a", "o", "x"}
    if indexing is not Indexing.AS_SENT or old.types != new.types or any(map(_has_geometry, changed)):
        wanted.update(place_fields(new, indexing))
        owned.add("g")
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


def _affordable(indexing: Indexing, stored: bytes) -> Indexing:
    return indexing if len(stored) <= MAX_INDEXED_SIZE else Indexing.ANYWHERE


def _attribute_fields(entity: Entity) -> Document:
    keys: list[Document] = [{"k": SCOPE, "v": scope} for scope in entity.scopes]
    fields: Document = {"a": keys}
    expiry = next_expiry(entity)
    if expiry is not None:
        fields["x"] = expiry
        keys.append({"k": EXPIRY, "v": datetime.fromisoformat(expiry)})
    for name, instances in entity.attributes.items():
        for instance in instances:
            keys.extend(_KEYS[instance["type"]](name, instance))
    if len(keys) > MAX_KEYS:
        del keys[MAX_KEYS:]
        fields["o"] = True
    return fields


def _scalar(value: Any) -> Any:
    """The value as an index key holds it."""
    if isinstance(value, str):
        return value if len(value) <= MAX_KEY_LENGTH else value[:MAX_KEY_LENGTH]
    if isinstance(value, int) and not -_INT64 <= value < _INT64:
        return float(value)
    return value


def _value_keys(name: str, value: Any) -> Iterator[Document]:
    """Keys of a Property's value: the scalar, each member of an array, the members of an object."""
    if isinstance(value, str | int | float):
        yield {"k": name, "v": _scalar(value)}
    elif isinstance(value, list):
        scalars = [member for member in value if isinstance(member, str | int | float)]
        if not scalars:
            yield {"k": name}
        for member in scalars:
            yield {"k": name, "v": _scalar(member)}
    elif isinstance(value, dict):
        typed = _typed(value)
        if typed is not None:
            yield {"k": name, "v": typed}
        else:
            yield {"k": name}
            kind = value.get("type", value.get("@type"))
            if not (isinstance(kind, str) and kind in GEOMETRIES):
                yield from _member_keys(name, value)
    else:
        yield {"k": name}


def _member_keys(name: str, value: dict[str, Any]) -> Iterator[Document]:
    for member, content in value.items():
        key = f"{name}[{member}]"
        for element in content if isinstance(content, list) else (content,):
            if isinstance(element, str | int | float):
                yield {"k": key, "v": _scalar(element)}


def _typed(value: dict[str, Any]) -> Any:
    """The key of a typed value `{"@type", "@value"}`: dates as dates, others as they stand; None for other objects."""
    if "@value" not in value:
        return None
    literal = value["@value"]
    if isinstance(literal, str) and str(value.get("@type", "")).endswith(("DateTime", "dateTime")):
        try:
            return datetime.fromisoformat(literal).astimezone(UTC)
        except ValueError:
            return _scalar(literal)
    return _scalar(literal) if isinstance(literal, str | int | float) else None


def _list_keys(name: str, values: Any) -> Iterator[Document]:
    """Keys of strings: one or an array of them."""
    for value in values if isinstance(values, list) else (values,):
        yield {"k": name, "v": _scalar(value)}


def _language_keys(name: str, languages: dict[str, Any]) -> Iterator[Document]:
    for tag, texts in languages.items():
        for text in texts if isinstance(texts, list) else (texts,):
            yield {"k": name, "v": _scalar(text)}
            yield {"k": f"{name}[{tag}]", "v": _scalar(text)}


_KEYS: Final[dict[str, Callable[[str, Instance], Iterable[Document]]]] = {
    "Property": lambda name, instance: _value_keys(name, instance["value"]),
    "GeoProperty": lambda name, _: ({"k": name},),
    "Relationship": lambda name, instance: _list_keys(name, instance["object"]),
    "LanguageProperty": lambda name, instance: _language_keys(name, instance["languageMap"]),
    "VocabProperty": lambda name, instance: _list_keys(name, instance["vocab"]),
    "JsonProperty": lambda name, instance: _value_keys(name, instance["json"]),
    "ListProperty": lambda name, instance: _value_keys(name, instance["valueList"]),
    "ListRelationship": lambda name, instance: _list_keys(name, instance["objectList"]),
}
"""Index keys of an instance, by kind."""
