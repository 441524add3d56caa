"""A slow evaluator of queries that is obviously right: it reads what clients send, and knows nothing of the broker.

A query is a value of this module, written as text for the broker by `text`. Entities are normalized, their names short.
The rules are those of GS CIM 009 §4.9, and the readings in docs/queries.md.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

JSON = dict[str, Any]
VALUES = {
    "Property": "value",
    "GeoProperty": "value",
    "Relationship": "object",
    "LanguageProperty": "languageMap",
    "VocabProperty": "vocab",
    "JsonProperty": "json",
    "ListProperty": "valueList",
    "ListRelationship": "objectList",
}


@dataclass(frozen=True)
class Moment:
    """A DateTime, Date or Time, written without quotes."""

    text: str


@dataclass(frozen=True)
class Term:
    """`names` an attribute and sub-attributes, the last maybe a member; `operator` empty for existence."""

    names: tuple[str, ...]
    inside: tuple[str, ...] = ()
    operator: str = ""
    values: tuple[Any, ...] = ()
    range: bool = False


@dataclass(frozen=True)
class Linked:
    """`rel{types:term}`: what relationships at the end of `names` point to, of one of `types` if there are any."""

    names: tuple[str, ...]
    types: tuple[str, ...]
    term: "Term | Linked"


@dataclass(frozen=True)
class Every:
    parts: tuple["Query", ...]


@dataclass(frozen=True)
class Some:
    parts: tuple["Query", ...]


Query = Term | Linked | Every | Some


def text(query: Query) -> str:
    """The query as the language writes it."""
    if isinstance(query, Every):
        return ";".join(f"({text(part)})" for part in query.parts)
    if isinstance(query, Some):
        return "|".join(f"({text(part)})" for part in query.parts)
    return path(query) + comparison(query)


def path(query: Term | Linked) -> str:
    """The path of a term, as the language writes it."""
    if isinstance(query, Linked):
        types = ",".join(query.types) + ":" if query.types else ""
        return ".".join(query.names) + "{" + types + path(query.term) + "}"
    return ".".join(query.names) + (f"[{'.'.join(query.inside)}]" if query.inside else "")


def comparison(query: Term | Linked) -> str:
    """The operator and the values of a term."""
    if isinstance(query, Linked):
        return comparison(query.term)
    values = [value.text if isinstance(value, Moment) else json.dumps(value) for value in query.values]
    return query.operator + (".." if query.range else ",").join(values)


def matches(entity: JSON, query: Query, others: Sequence[JSON] = ()) -> bool:
    """Whether the entity meets the query; links lead to the `others`."""
    if isinstance(query, Every):
        return all(matches(entity, part, others) for part in query.parts)
    if isinstance(query, Some):
        return any(matches(entity, part, others) for part in query.parts)
    if isinstance(query, Linked):
        uris = [uri for target in targets(entity, Term(query.names)) if target.relationship for uri in target.elements]
        found = [other for other in others if other["id"] in uris and (not query.types or other["type"] in query.types)]
        return any(matches(other, query.term, others) for other in found)
    return any(meets(target, query) for target in targets(entity, query))


@dataclass(frozen=True)
class Target:
    """What a path leads to in one instance."""

    elements: list[Any]
    relationship: bool = False


def targets(entity: JSON, term: Term) -> list[Target]:
    """One for each attribute instance at the end of the path."""
    places = [entity]
    for position, name in enumerate(term.names):
        last = position == len(term.names) - 1
        if last and name in ("observedAt", "unitCode", "datasetId") and position:
            return [Target([place[name]]) for place in places if name in place]
        places = [instance for place in places for instance in instances(place, name)]
    found = [target(instance, term.inside) for instance in places]
    return [each for each in found if each is not None]


def instances(place: JSON, name: str) -> list[JSON]:
    content = place.get(name, [])
    return content if isinstance(content, list) else [content]


def target(instance: JSON, inside: tuple[str, ...]) -> Target | None:
    kind = instance["type"]
    value = instance[VALUES[kind]]
    if kind == "LanguageProperty":
        tags = list(value) if inside in ((), ("*",)) else [tag for tag in value if (tag,) == inside]
        texts = [text for tag in tags for text in listed(value[tag])]
        return Target(texts) if tags else None
    if kind in ("Property", "JsonProperty", "ListProperty"):
        return member(value, inside, raw=kind == "JsonProperty")
    if inside:
        return None
    if kind in ("Relationship", "ListRelationship"):
        return Target([uri(each) for each in listed(value)], relationship=True)
    if kind == "VocabProperty":
        return Target(["https://uri.etsi.org/ngsi-ld/default-context/" + each for each in listed(value)])
    return Target([value])


def member(value: Any, inside: tuple[str, ...], *, raw: bool) -> Target | None:
    """What is at the end of a path in a JSON value, `raw` if it stays as it was sent."""
    for name in inside:
        if not raw and isinstance(value, dict) and "@value" in value:
            if value.get("@type") != "@json":
                return None
            value, raw = value["@value"], True
        if not isinstance(value, dict) or name not in value:
            return None
        value = value[name]
    if raw:
        return Target(listed(value))
    if isinstance(value, dict) and value.get("@type") == "@json":
        return Target(listed(value["@value"]))
    return Target([each["@value"] if isinstance(each, dict) and "@value" in each else each for each in listed(value)])


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def uri(target: Any) -> Any:
    return target["object"] if isinstance(target, dict) else target


def meets(target: Target, term: Term) -> bool:
    if term.operator == "":
        return True
    if term.operator in ("==", "!="):
        return any(equals(element, term) for element in target.elements) == (term.operator == "==")
    if target.relationship:
        return False
    if term.operator in ("~=", "!~="):
        texts = [element for element in target.elements if isinstance(element, str)]
        found = [text for text in texts if re.search(term.values[0], text)]
        return bool(found) if term.operator == "~=" else bool(texts) and not found
    return any(beyond(element, term.operator, term.values[0]) for element in target.elements)


def equals(element: Any, term: Term) -> bool:
    if term.range:
        low, high = term.values
        return beyond(element, ">=", low) and beyond(element, "<=", high)
    return any(beyond(element, "==", value) for value in term.values)


def beyond(element: Any, operator: str, value: Any) -> bool:
    """Compare an element with a value of the query, if they are of one type."""
    left, right = typed(element), typed(value.text if isinstance(value, Moment) else value)
    if right[0] == "string" and isinstance(element, str):
        left = "string", element
    if left[0] != right[0] or left[0] == "other":
        return False
    a, b = left[1], right[1]
    return bool({"==": a == b, ">": a > b, ">=": a >= b, "<": a < b, "<=": a <= b}[operator])


def typed(value: Any) -> tuple[str, Any]:
    """The type of a value, and the value as that type."""
    if isinstance(value, bool):
        return "boolean", value
    if isinstance(value, int | float):
        return "number", value
    if not isinstance(value, str):
        return "other", None
    if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", value):
        return "datetime", datetime.fromisoformat(value)
    if re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        return "date", date.fromisoformat(value)
    if re.fullmatch(r"\d\d:\d\d:\d\d(\.\d{1,6})?Z", value):
        return "time", time.fromisoformat(value)
    return "string", value


def in_scopes(scopes: list[str], pattern: str) -> bool:
    """Whether one of the scopes is what one term of a scope query says."""
    below = pattern.endswith("/#")
    wanted = [level for level in pattern.removesuffix("/#").split("/") if level]
    for scope in scopes:
        levels = [level for level in scope.split("/") if level]
        if below:
            levels = levels[: len(wanted)]
        if len(levels) == len(wanted) and all(a in ("+", b) for a, b in zip(wanted, levels, strict=True)):
            return True
    return False
