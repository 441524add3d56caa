"""Attributes as clients send them, normalized or concise, to the canonical shape, in one pass (GS CIM 009 §4.5).

A fragment's instance may be less than whole: without `type` where nothing tells it, without its value member, with NULL
for an annotation to remove; `{"type": NULL}`, maybe with a `datasetId`, asks to delete the instance.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from broker.errors import BadRequestData
from broker.model.entity import Attributes, Instance
from broker.model.geometry import is_geometry
from broker.model.grammar import check_name, is_uri, shown
from broker.model.instants import date_time
from broker.model.kinds import GEO_ATTRIBUTES, KIND_BY_IRI, KIND_BY_MEMBER, KINDS, PROOF, RESERVED, VALUE, Kind
from broker.model.parse_values import READERS, Reading, vocabulary
from broker.names import DEFAULT_DATASET, NULL

MAX_DEPTH: Final = 20
"""Deepest nesting of sub-attributes: three levels of JSON each, as they are stored."""

_PROPERTY: Final = KINDS["Property"]
_GEO_PROPERTY: Final = KINDS["GeoProperty"]
DEFINED: Final = GEO_ATTRIBUTES | {PROOF}
"""Attributes that are not of any kind: see `check_kind`."""


def attribute_name(reading: Reading, name: str, path: str = "") -> str:
    """The IRI of an attribute's name; BadRequestData if it cannot be one. `path`, with a dot at its end, holds it.

    `value` is taken as the name of an entity's attribute: published models have it (Device), and no reader errs.
    """
    try:
        iri = reading.names.expansions[check_name(name)]
    except BadRequestData as error:
        raise BadRequestData(f"Attribute {path[:-1]}: {error.detail}" if path else error.detail) from None
    if iri in RESERVED and (iri != VALUE or path):
        raise BadRequestData(f"Attribute {path}{name}: the name is a term of the core @context for something else.")
    return iri


def read_attributes(reading: Reading, members: Iterable[tuple[str, Any]], path: str = "", depth: int = 0) -> Attributes:
    """Canonical attributes from names and contents; `path` is what holds them, with a dot at its end."""
    if depth >= MAX_DEPTH:
        raise BadRequestData(f"Attribute {path[:-1]}: sub-attributes are nested deeper than {MAX_DEPTH}")
    attributes: Attributes = {}
    for name, content in members:
        iri = attribute_name(reading, name, path)
        where = path + name
        if iri in attributes:
            raise BadRequestData(f"Attribute {where} is given twice, under two names.")
        if type(content) is list and any(map(_looks_like_instance, content)):
            attributes[iri] = _instances(reading, iri, content, where, depth)
        else:
            attributes[iri] = [read_instance(reading, iri, content, where, depth)]
    return attributes


def read_instance(reading: Reading, iri: str, content: Any, where: str, depth: int = 0) -> Instance:
    """One instance, normalized or concise."""
    kind: Kind | None = None
    reified = False
    if reading.temporal and not depth and type(content) is dict and _is_gone(reading, content, where):
        return _gone(reading, iri, content, where)
    if type(content) is dict:
        given = content.get("type")
        kind = KINDS.get(given) if type(given) is str else None
        reified = kind is not None or not is_bare_value(content)
        if reified and kind is None:
            kind = _kind(reading, content, where)
    if reified:
        instance = _reified(reading, iri, content, kind, where, depth, partial=reading.deep)
    elif iri == PROOF and content != NULL:
        raise BadRequestData(f"Attribute {where}: a proof is a Property, with its type and a value.")
    else:
        instance = _bare(reading, content, where)
    if iri in DEFINED:
        check_kind(iri, instance, content, where)
    return instance


def read_fragment(reading: Reading, iri: str, content: dict[str, Any], where: str) -> Instance:
    """The part of one instance: it may lack its type and its value; its sub-attributes are whole."""
    kind = _kind(reading, content, where)
    instance = _reified(reading, iri, content, kind, where, 0, partial=True)
    if iri in DEFINED:
        check_kind(iri, instance, content, where)
    return instance


def is_bare_value(content: Any) -> bool:
    """Whether a JSON value in an attribute's place is that attribute's value (concise), and no reified attribute.

    An object is a reified attribute if it has a type, a value member, an annotation, or a normalized sub-attribute.
    """
    if type(content) is list:
        return not any(map(_looks_like_instance, content))
    if type(content) is not dict or "@value" in content or is_geometry(content):
        return True
    return (
        "type" not in content
        and "@type" not in content
        and content.keys().isdisjoint(_REIFYING)
        and not any(_names_kind(inner) for inner in content.values())
    )


def _names_kind(content: Any) -> bool:
    if type(content) is not dict:
        return type(content) is list and any(map(_names_kind, content))
    kind = content.get("type", content.get("@type"))
    return type(kind) is str and kind in KINDS


def _looks_like_instance(content: Any) -> bool:
    """Whether a member of an array is an instance of a multi-attribute, and not a part of an array value."""
    return type(content) is dict and (_names_kind(content) or not content.keys().isdisjoint(KIND_BY_MEMBER))


def _instances(reading: Reading, iri: str, content: list[Any], where: str, depth: int) -> list[Instance]:
    """The instances of a multi-attribute, the default first (GS CIM 009 §4.5.5); over time, as they came (§4.5.7)."""
    for item in content:
        if type(item) is not dict:
            raise BadRequestData(f"Attribute {where} mixes instances with {shown(item)}.")
    found = [read_instance(reading, iri, item, where, depth) for item in content]
    if reading.temporal and not depth:
        return found
    instances: dict[str | None, Instance] = {}
    for instance in found:
        dataset = instance.get("datasetId")
        if dataset in instances:
            which = f"the datasetId {dataset}" if dataset else "no datasetId"
            raise BadRequestData(f"Attribute {where} has two instances with {which}.")
        instances[dataset] = instance
    default = instances.pop(None, None)
    return [default, *instances.values()] if default is not None else list(instances.values())


def _bare(reading: Reading, content: Any, where: str) -> Instance:
    """The concise form of an attribute that has nothing but its value.

    In a merge, an object of NGSI-LD Nulls can also stand for sub-attributes that go: `broker.model.patch` decides.
    """
    kind = _GEO_PROPERTY if is_geometry(content) else _PROPERTY
    value = READERS[kind.name](reading, content, where)
    if value == NULL:
        return {"type": NULL}
    if reading.deep and type(content) is dict and content and all(inner == NULL for inner in content.values()):
        gone: Attributes = {attribute_name(reading, name, f"{where}."): [{"type": NULL}] for name in content}
        return {"type": kind.name, "value": value, "attributes": gone}
    return {"type": kind.name, "value": value}


def _kind(reading: Reading, content: dict[str, Any], where: str) -> Kind | None:
    """The kind that the type or the value member tells; None if neither is there."""
    given = content.get("type", content.get("@type"))
    if given is not None:
        kind = (KINDS.get(given) or _kind_by_iri(reading, given)) if isinstance(given, str) else None
        if kind is None:
            raise BadRequestData(f"Attribute {where}: type is {shown(given)}, which is none of {', '.join(KINDS)}.")
        return kind
    for member, kind in KIND_BY_MEMBER.items():
        if member in content:
            return _GEO_PROPERTY if member == "value" and is_geometry(content["value"]) else kind
    return None


def _kind_by_iri(reading: Reading, given: str) -> Kind | None:
    try:
        return KIND_BY_IRI.get(reading.names.expand(given))
    except BadRequestData:
        return None


def check_kind(iri: str, instance: Instance, content: Any, where: str) -> None:
    """Refuse a `location` without a geometry, and a proof that is no Property.

    A location that says it is a Property and holds a geometry is kept as it says: published examples do so.
    """
    kind = instance.get("type", NULL)
    if iri == PROOF:
        if kind not in {"Property", NULL}:
            raise BadRequestData(f"Attribute {where} is a {kind}: it can only be a Property.")
    elif kind not in {"GeoProperty", NULL} and not (type(content) is dict and is_geometry(content.get("value"))):
        raise BadRequestData(f"Attribute {where} is a {kind}: it can only be a GeoProperty.")


def _reified(
    reading: Reading, iri: str, content: dict[str, Any], kind: Kind | None, where: str, depth: int, *, partial: bool
) -> Instance:
    """An attribute object; `partial`: its value member may be missing."""
    instance: Instance = {}
    value = None
    if kind is not None:
        instance["type"] = kind.name
        if kind.member in content:
            value = instance[kind.member] = read_value(reading, iri, kind, content[kind.member], where)
    if value is None and not partial:
        raise BadRequestData(f"Attribute {where}: {kind.member if kind else 'its value'} is missing.")
    subs = _annotate(reading, iri, content, instance, where)
    if value == NULL:
        return _deletion(instance)
    if "unitCode" in instance and kind is not None and kind.relationship:
        raise BadRequestData(f"Attribute {where}: unitCode is not allowed in a {kind.name}.")
    if subs:
        instance["attributes"] = read_attributes(reading, subs, f"{where}.", depth + 1)
    return instance


def _is_gone(reading: Reading, content: dict[str, Any], where: str) -> bool:
    """Whether an instance over time says that the attribute was deleted: an NGSI-LD Null, or deletedAt and no value."""
    if content.keys().isdisjoint(KIND_BY_MEMBER):
        return "deletedAt" in content
    kind = _kind(reading, content, where)
    return kind is not None and content.get(kind.member) in (NULL, kind.null)


def _gone(reading: Reading, iri: str, content: dict[str, Any], where: str) -> Instance:
    """What a deletion left (§4.5.7): no value, no annotations, and a deletedAt that is empty if none was sent."""
    kind = _kind(reading, content, where) or (_GEO_PROPERTY if iri in GEO_ATTRIBUTES else _PROPERTY)
    instance: Instance = {"type": kind.name}
    for member in ("datasetId", "observedAt"):
        if member in content:
            annotation = _MEMBERS[member](reading, iri, member, content[member], where)
            if annotation is not None:
                instance[member] = annotation
    if iri in DEFINED:
        check_kind(iri, instance, content, where)
    deleted_at = content.get("deletedAt")
    instance["deletedAt"] = "" if deleted_at is None else _date_time(reading, iri, "deletedAt", deleted_at, where)
    return instance


def _annotate(
    reading: Reading, iri: str, content: dict[str, Any], instance: Instance, where: str
) -> list[tuple[str, Any]]:
    """Put into `instance` what stands beside its value; what is left are the sub-attributes."""
    subs: list[tuple[str, Any]] = []
    for member, inner in content.items():
        if member in instance:
            continue
        read = _MEMBERS.get(member)
        if read is None:
            subs.append((member, inner))
        else:
            annotation = read(reading, iri, member, inner, where)
            if annotation is not None:
                instance[member] = annotation
    return subs


def _deletion(instance: Instance) -> Instance:
    return {"type": NULL, "datasetId": instance["datasetId"]} if "datasetId" in instance else {"type": NULL}


def read_value(reading: Reading, iri: str, kind: Kind, content: Any, where: str) -> Any:
    """The content of a value member."""
    read = READERS[kind.name] if iri != PROOF else _proof
    return read(reading, content, where)


def _proof(reading: Reading, content: Any, where: str) -> Any:
    if content == NULL:
        return reading.null(where, "value")
    if not isinstance(content, dict):
        raise BadRequestData(f"Attribute {where}: value is {shown(content)}, not an object with a proof.")
    return content


_ReadMember = Callable[[Reading, str, str, Any, str], Any]
"""Reader of a member: the reading, the attribute's IRI, the member, its content, the path; None: nothing to keep."""


def _annotation(check: Callable[[Any], bool], expected: str) -> _ReadMember:
    def read(reading: Reading, _iri: str, member: str, content: Any, where: str) -> Any:
        if content == NULL:
            return reading.null(where, member)
        if not check(content):
            raise BadRequestData(f"Attribute {where}: {member} is {shown(content)}, not {expected}.")
        return content

    return read


def _date_time(reading: Reading, _iri: str, member: str, content: Any, where: str) -> str:
    if content == NULL:
        return reading.null(where, member)
    instant = date_time(content)
    if instant is None:
        raise BadRequestData(f"Attribute {where}: {member} is {shown(content)}, not a DateTime (YYYY-MM-DDThh:mm:ssZ).")
    return instant


def _dataset_id(_reading: Reading, _iri: str, member: str, content: Any, where: str) -> str | None:
    if content == DEFAULT_DATASET:
        return None
    if not is_uri(content):
        raise BadRequestData(f"Attribute {where}: {member} is {shown(content)}, not a URI.")
    uri: str = content
    return uri


def _terms(reading: Reading, _iri: str, member: str, content: Any, where: str) -> Any:
    if content == NULL:
        return reading.null(where, member)
    return vocabulary(reading, content, where, member)


def _sealed(reading: Reading, iri: str, member: str, content: Any, where: str) -> Any:
    if iri != PROOF:
        raise BadRequestData(f"Attribute {where}: {member} is allowed in ngsildproof only.")
    if not isinstance(content, str) or not content:
        raise BadRequestData(f"Attribute {where}: {member} is {shown(content)}, not a string.")
    return content if member == "entityIdSealed" else vocabulary(reading, content, where, member)


def _ignored(_reading: Reading, _iri: str, _member: str, _content: Any, _where: str) -> None:
    """The system's own members are ignored when sent (GS CIM 009 §4.8)."""


def _refused(reason: str) -> _ReadMember:
    def read(_reading: Reading, _iri: str, member: str, _content: Any, where: str) -> Any:
        raise BadRequestData(f"Attribute {where}: {member} {reason}.")

    return read


_TEXT = _annotation(lambda content: isinstance(content, str) and bool(content), "a string")
_MEMBERS: Final[dict[str, _ReadMember]] = {
    "observedAt": _date_time,
    "expiresAt": _date_time,
    "unitCode": _TEXT,
    "datasetId": _dataset_id,
    "valueType": _terms,
    "objectType": _terms,
    "entityIdSealed": _sealed,
    "entityTypeSealed": _sealed,
    "@type": _ignored,
    **dict.fromkeys(("createdAt", "modifiedAt", "deletedAt", "instanceId"), _ignored),
    **dict.fromkeys(KIND_BY_MEMBER, _refused("does not belong to this kind of attribute: one value member only")),
    **dict.fromkeys((kind.previous for kind in KINDS.values()), _refused("is for notifications only")),
    **dict.fromkeys(("entity", "entityList", "lang"), _refused("is for answers only")),
    **dict.fromkeys(("id", "@id", "@context"), _refused("is not allowed in an attribute")),
}
"""The members of an attribute that are neither its type, its value nor a sub-attribute (GS CIM 009 §4.5.2–§4.5.24)."""

_ANNOTATIONS: Final = frozenset({"observedAt", "expiresAt", "unitCode", "datasetId", "valueType", "objectType"})
_REIFYING: Final = _ANNOTATIONS | KIND_BY_MEMBER.keys()
"""Members that make an object without a type an attribute rather than a value."""
