"""Entities and fragments as clients send them, to the canonical shape (GS CIM 009 §4.5, §5.5.4).

The JSON comes parsed by orjson, without `@context`. So it holds no lone surrogates, no NaN and no number beyond a
double or 64 bits; its depth is bounded by the caller. Normalized and concise forms may be mixed.
Every refusal is a BadRequestData that names the attribute's path and the member.
"""

from typing import Any, Final, NamedTuple

from broker.errors import BadRequestData
from broker.model.entity import Attributes, Entity, Instance, Names
from broker.model.grammar import check_name, is_scope, is_uri, shown
from broker.model.instances import is_null
from broker.model.instants import date_time
from broker.model.kinds import KINDS
from broker.model.parse_attributes import attribute_name, read_attributes, read_fragment, read_instance, read_value
from broker.model.parse_simplified import simplified_attributes
from broker.model.parse_values import Reading
from broker.model.temporal import TemporalEntity
from broker.names import NULL, SCOPE

MAX_TYPES: Final = 64
MAX_SCOPES: Final = 256
"""Most types and scopes of one entity in a request: each is a key of every index that holds them."""

_SYSTEM_TIMES = frozenset({"createdAt", "modifiedAt", "deletedAt"})


class Fragment(NamedTuple):
    """A part of an entity to be written into one. Absent members are None, or empty; NULL asks to remove `expires_at`,
    and empty `scopes` to remove the scopes."""

    id: str | None
    types: tuple[str, ...]
    attributes: Attributes
    scopes: tuple[str, ...] | None = None
    expires_at: str | None = None


def parse_entity(payload: Any, names: Names) -> Entity:
    """The entity of a create, a replace or a batch; its times are empty, the commit sets them."""
    return as_entity(parse_fragment(payload, names))


def as_entity(fragment: Fragment) -> Entity:
    """A fragment that is a whole entity; BadRequestData if it lacks id or type, or deletes something."""
    if fragment.id is None:
        raise BadRequestData("Entity: id is missing.")
    if not fragment.types:
        raise BadRequestData(f"Entity {fragment.id}: type is missing.")
    deleted = [name for name, instances in fragment.attributes.items() if any(map(is_null, instances))]
    if deleted or fragment.expires_at == NULL:
        where = f"Attribute {deleted[0]}" if deleted else "Entity: expiresAt"
        raise BadRequestData(f"{where} is the NGSI-LD Null, and there is no entity {fragment.id} to delete it from.")
    return Entity(fragment.id, fragment.types, fragment.attributes, "", "", fragment.scopes or (), fragment.expires_at)


def as_fragment(entity: Entity) -> Fragment:
    """A whole entity as what is to be written into another."""
    return Fragment(entity.id, entity.types, entity.attributes, entity.scopes or None, entity.expires_at)


def parse_fragment(
    payload: Any,
    names: Names,
    *,
    nulls: bool = False,
    merging: bool = False,
    simplified: bool = False,
    temporal: bool = False,
) -> Fragment:
    """A fragment of an entity.

    `nulls`: NGSI-LD Null deletes (Update Attributes). `merging`: it does at any depth, and instances may be less than
    whole (Merge Entity). `simplified`: the fragment is in the simplified form (Merge Entity with format=simplified).
    `temporal`: instances are over time, those of a reified scope too, as the attribute `SCOPE` (§4.5.6).
    """
    if type(payload) is not dict:
        raise BadRequestData(f"Entity is {shown(payload)}, not an object.")
    reading = Reading(names, nulls=nulls or merging, deep=merging, temporal=temporal)
    id_: str | None = None
    types: tuple[str, ...] = ()
    scopes: tuple[str, ...] | None = None
    expires_at: str | None = None
    members: list[tuple[str, Any]] = []
    evolved: Attributes = {}
    for name, content in payload.items():
        if name in {"id", "@id"}:
            if not is_uri(content):
                raise BadRequestData(f"Entity: id is {shown(content)}, not a URI.")
            id_ = content
        elif name in {"type", "@type"}:
            types = entity_types(content, names)
        elif name == "scope":
            scopes, evolved = _scope(reading, content)
        elif name == "expiresAt":
            expires_at = _expires_at(reading, content)
        elif name not in _SYSTEM_TIMES:
            members.append((name, content))
    if ("id" in payload and "@id" in payload) or ("type" in payload and "@type" in payload):
        raise BadRequestData("Entity: id or type is given twice, with and without @.")
    attributes = simplified_attributes(reading, members) if simplified else read_attributes(reading, members)
    return Fragment(id_, types, attributes | evolved, scopes, expires_at)


def parse_temporal_entity(payload: Any, names: Names) -> TemporalEntity:
    """The entity of Create or Update Temporal Representation; BadRequestData if it lacks id or type (§5.6.11)."""
    fragment = parse_fragment(payload, names, temporal=True)
    if fragment.id is None:
        raise BadRequestData("Entity: id is missing.")
    if not fragment.types:
        raise BadRequestData(f"Entity {fragment.id}: type is missing.")
    return TemporalEntity(fragment.id, fragment.types, fragment.attributes, fragment.scopes or ())


def parse_attribute(payload: Any, name: str, names: Names) -> tuple[str, Instance]:
    """The name's IRI and the whole instance of Replace Attribute; `name` as in the URL."""
    reading = Reading(names)
    iri = attribute_name(reading, name)
    return iri, read_instance(reading, iri, _object(payload, name), name)


def parse_attribute_fragment(payload: Any, name: str, names: Names) -> tuple[str, Instance]:
    """The name's IRI and the part of an instance, of Partial Attribute Update; NULL where a member is to be removed."""
    reading = Reading(names, nulls=True)
    iri = attribute_name(reading, name)
    return iri, read_fragment(reading, iri, _object(payload, name), name)


def parse_value(payload: Any, kind: str, name: str, names: Names) -> tuple[str, Instance]:
    """The name's IRI and a fragment for `merge.partial_update`, from the bare value of an attribute of this kind."""
    reading = Reading(names)
    iri = attribute_name(reading, name)
    return iri, {"type": kind, KINDS[kind].member: read_value(reading, iri, KINDS[kind], payload, name)}


def parse_attribute_name(name: str, names: Names) -> str:
    """The IRI of an attribute's name, as URLs give it."""
    return attribute_name(Reading(names), name)


def _object(payload: Any, name: str) -> dict[str, Any]:
    if type(payload) is not dict or not payload:
        raise BadRequestData(f"Attribute {name} is {shown(payload)}, not an attribute: an object with members.")
    return payload


def entity_types(content: Any, names: Names) -> tuple[str, ...]:
    """Expanded types, each once."""
    if type(content) is str:
        return (_type(content, names),)
    if type(content) is not list or not content:
        raise BadRequestData(f"Entity: type is {shown(content)}, not a name or an array of names.")
    if len(content) > MAX_TYPES:
        raise BadRequestData(f"Entity: type holds {len(content)} names: {MAX_TYPES} are allowed.")
    for name in content:
        if type(name) is not str:
            raise BadRequestData(f"Entity: type holds {shown(name)}, which is no name.")
    return tuple(dict.fromkeys(_type(name, names) for name in content))


def _type(name: str, names: Names) -> str:
    try:
        return names.expand(check_name(name))
    except BadRequestData as error:
        raise BadRequestData(f"Entity: type: {error.detail}") from None


def _scopes(reading: Reading, content: Any) -> tuple[str, ...]:
    if content == NULL:
        if not reading.nulls:
            raise BadRequestData("Entity: scope is the NGSI-LD Null, which only updates and merges may hold.")
        return ()
    scopes = content if type(content) is list else [content]
    if len(scopes) > MAX_SCOPES:
        raise BadRequestData(f"Entity: scope holds {len(scopes)} scopes: {MAX_SCOPES} are allowed.")
    for scope in scopes:
        if not is_scope(scope):
            raise BadRequestData(
                f"Entity: scope is {shown(scope)}; a scope is made of levels, each a letter, then letters, digits and "
                "underscores, with slashes between them."
            )
    return tuple(dict.fromkeys(scopes))


def _scope(reading: Reading, content: Any) -> tuple[tuple[str, ...] | None, Attributes]:
    """Scopes, or, over time, Properties whose values are scopes; kept as lists of scopes (§4.18)."""
    several = content if type(content) is list else [content]
    if not reading.temporal or not any(type(each) is dict for each in several):
        return _scopes(reading, content), {}
    instances: list[Instance] = []
    for each in several:
        if type(each) is dict and (each.get("value") == NULL or ("deletedAt" in each and not each.get("value"))):
            gone = {name: each[name] for name in ("observedAt", "deletedAt") if name in each}
            instances.append(read_instance(reading, SCOPE, {"type": "Property", "value": NULL, **gone}, "scope"))
            continue
        if type(each) is not dict or each.get("type", "Property") != "Property" or "value" not in each:
            raise BadRequestData(f"Entity: scope is {shown(each)}, not a Property with a value.")
        annotations = {name: each[name] for name in ("observedAt",) if name in each}
        instance = read_instance(reading, SCOPE, {"type": "Property", "value": "", **annotations}, "scope")
        instances.append({**instance, "value": list(_scopes(reading, each["value"]))})
    return None, {SCOPE: instances}


def _expires_at(reading: Reading, content: Any) -> str:
    if content == NULL and reading.nulls:
        return NULL
    instant = date_time(content)
    if instant is None:
        raise BadRequestData(f"Entity: expiresAt is {shown(content)}, not a DateTime (YYYY-MM-DDThh:mm:ssZ).")
    return instant
