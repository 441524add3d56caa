"""Compound values: objects and arrays inside a value, with names expanded in the store and compacted for clients.

What JSON-LD expansion means for them (JSON-LD 1.1 API §5.1), with the client's content left as it was sent:

- members have IRIs or keywords as keys; `type` and `id`, `@type` and `@id`, are both "@type" and "@id";
- null members and elements are gone, and so are members that the @context maps to null;
- value objects keep their form, {"@type": IRI, "@value": …}, {"@value": …, "@language": …};
- what is a JSON literal, by itself or by its term, is {"@type": "@json", "@value": as it was sent};
- texts stay texts: the coercion of a term to @id, @vocab or a datatype does not touch them; arrays stay nested.
"""

from collections.abc import Mapping
from typing import Any, Final

from broker.errors import BadRequestData
from broker.model.entity import Names
from broker.model.grammar import shown

_LITERAL: Final = "@json"
_VALUE_OBJECT: Final = frozenset({"@value", "@type", "@language", "@direction", "@index"})
_REFUSED: Final = frozenset({"@context", "@reverse", "@nest"})
"""Keywords that have no place in a value (GS CIM 009 §5.5.7 for @context)."""
_NESTED: Final = frozenset({"@list", "@set", "@graph", "@included"})
"""Keywords whose content is expanded; that of the others is kept."""
_SCALARS: Final = frozenset({str, int, float, bool})


class VerbatimObject(dict[str, Any]):
    """An object whose keys are no names: it is shown as it is."""


class VerbatimArray(list[Any]):
    """An array with such objects in it."""


VERBATIM: Final = frozenset({VerbatimObject, VerbatimArray})


def verbatim(content: Any) -> Any:
    """JSON that `compact_value` leaves as it is."""
    if isinstance(content, dict):
        return VerbatimObject(content)
    return VerbatimArray(content) if isinstance(content, list) else content


def expand_value(value: Any, names: Names) -> Any:
    """A client's value in canonical form; None if nothing is left of it.

    Scalars, and arrays of them, are returned as they are.
    Raises BadRequestData for what is no JSON-LD, and for two members with one meaning.
    """
    if value.__class__ in _SCALARS:
        return value
    try:
        return _expand(value, names)
    except RecursionError:
        raise BadRequestData("The value is nested too deeply.") from None


def compact_value(value: Any, names: Names) -> Any:
    """A canonical value with the names of a request. Scalars, and arrays of them, are returned as they are."""
    if value.__class__ is dict:
        return _compact_object(value, names)
    if value.__class__ is list and not _SCALARS.issuperset(map(type, value)):
        return [compact_value(item, names) for item in value]
    return value


def _expand(value: Any, names: Names) -> Any:
    if value.__class__ is dict:
        return _expand_object(value, names)
    if value.__class__ is list and not _SCALARS.issuperset(map(type, value)):
        return [expanded for item in value if (expanded := _expand(item, names)) is not None]
    return value


def _expand_object(value: dict[str, Any], names: Names) -> Any:
    members = names.members
    coercions = names.coercions
    expanded: dict[str, Any] = {}
    for key, item in value.items():
        name = members[key]
        if not name:
            continue
        if name[0] == "@":
            item = _expand_keyword(key, name, item, names)
        elif key in coercions and item.__class__ not in _SCALARS:
            item = _coerce(coercions[key], item, names)
        elif item.__class__ not in _SCALARS:
            item = _expand(item, names)
        if item is None and name != "@value":
            continue
        if name in expanded:
            raise BadRequestData(f"Member {shown(key)} means {shown(name)}, and so does another member beside it.")
        expanded[name] = item
    return _value_object(expanded) if "@value" in expanded else expanded


def _expand_keyword(key: str, keyword: str, item: Any, names: Names) -> Any:
    """The content of a keyword, or of an alias of one."""
    if keyword == "@type":
        if isinstance(item, str):
            return item if item == _LITERAL else names.expand(item)
        if isinstance(item, list) and all(isinstance(each, str) for each in item):
            return [names.expand(each) for each in item]
        raise BadRequestData(f"Member {shown(key)} is no name of a type, nor an array of them.")
    if keyword == "@id" and not isinstance(item, str):
        raise BadRequestData(f"Member {shown(key)} is no URI.")
    if keyword in _REFUSED:
        raise BadRequestData(f"Member {shown(key)} has no place in a value.")
    return _expand(item, names) if keyword in _NESTED else item


def _coerce(coercion: str, item: Any, names: Names) -> Any:
    """What the term above an object, an array or null makes of it."""
    if coercion == "json":
        return {"@type": _LITERAL, "@value": item}
    if item.__class__ is not dict:
        return _expand(item, names)
    expanded = {key: each if coercion == "language" else _expand(each, names) for key, each in item.items()}
    return {key: each for key, each in expanded.items() if each is not None}


def _value_object(value: dict[str, Any]) -> dict[str, Any] | None:
    """The value object if it is one, None if it says null (JSON-LD 1.1 API §5.1.2, 14)."""
    content = value["@value"]
    kind = value.get("@type")
    if not value.keys() <= _VALUE_OBJECT:
        raise BadRequestData("An object with @value has members other than @type, @language, @direction and @index.")
    if kind == _LITERAL:
        return value
    if content is None:
        return None
    if content.__class__ not in _SCALARS:
        raise BadRequestData("@value holds an object or an array, and @type is not @json.")
    if kind is not None and (not isinstance(kind, str) or "@language" in value or "@direction" in value):
        raise BadRequestData("An object with @value has several types, or a type and a language.")
    if "@language" in value and not (isinstance(content, str) and isinstance(value["@language"], str)):
        raise BadRequestData("An object with @language has a @value or a @language that is no text.")
    return value


def _compact_object(value: Mapping[str, Any], names: Names) -> dict[str, Any]:
    if "@value" in value:
        return _compact_value_object(value, names)
    compact = names.compact
    coercions = names.coercions
    compacted: dict[str, Any] = {}
    for iri, item in value.items():
        if iri[:1] == "@":
            _compact_keyword(compacted, iri, item, names)
            continue
        name = compact(iri)
        if item.__class__ in _SCALARS:
            compacted[name] = item
        elif name in coercions:
            compacted[name] = _uncoerce(coercions[name], item, names)
        else:
            compacted[name] = compact_value(item, names)
    return compacted


def _compact_keyword(compacted: dict[str, Any], keyword: str, item: Any, names: Names) -> None:
    if keyword == "@type":
        compacted["type"] = _compact_types(item, names)
    elif keyword == "@id":
        compacted["id"] = item
    else:
        compacted[keyword] = compact_value(item, names) if keyword in _NESTED else item


def _compact_types(types: Any, names: Names) -> Any:
    return names.compact(types) if isinstance(types, str) else [names.compact(each) for each in types]


def _compact_value_object(value: Mapping[str, Any], names: Names) -> dict[str, Any]:
    kind = value.get("@type")
    return dict(value) if kind is None or kind == _LITERAL else {**value, "@type": names.compact(kind)}


def _uncoerce(coercion: str, item: Any, names: Names) -> Any:
    """The inverse of `_coerce`, for a term of the request's context."""
    if item.__class__ is not dict:
        return compact_value(item, names)
    if coercion == "json":
        return item["@value"] if item.get("@type") == _LITERAL else _compact_object(item, names)
    return {key: each if coercion == "language" else compact_value(each, names) for key, each in item.items()}
