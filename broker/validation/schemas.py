"""JSON Schemas as trees: references followed, names and attributes collected.

What validates is `broker.validation.engine`.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias
from urllib.parse import unquote, urldefrag, urljoin

from broker.errors import BadRequestData
from broker.model.grammar import shown

Retrieve: TypeAlias = Callable[[str], Any]
"""The schema at a URL; raises BadRequestData if there is none at hand. Nothing is ever fetched."""

MAX_STEPS: Final = 20_000
"""Subschemas that are looked at: references may multiply them."""
_ALTERNATIVES: Final = ("allOf", "anyOf", "oneOf")
_WITHIN: Final = ("items", "additionalProperties", "contains", "not", "if", "then", "else", "additionalItems")


class _Node:
    """A subschema and the document that it stands in, which its references are relative to."""

    __slots__ = ("base", "root", "schema")

    def __init__(self, schema: Any, root: Any, base: str) -> None:
        self.schema = schema
        self.root = root
        self.base = base

    def at(self, schema: Any) -> "_Node":
        return _Node(schema, self.root, self.base)


def attributes(schema: Any, retrieve: Retrieve) -> dict[str, dict[str, Any]]:
    """Attribute to what the schema says of it, all its parts laid over each other, references followed."""
    found: dict[str, dict[str, Any]] = {}
    for node in _parts(_Node(schema, schema, _id(schema)), retrieve):
        properties = node.schema.get("properties")
        if isinstance(properties, dict):
            for name, said in properties.items():
                merged = found.setdefault(name, {})
                for part in _parts(node.at(said), retrieve, alternatives=("allOf",)):
                    merged |= {key: each for key, each in part.schema.items() if key not in merged or key != "$ref"}
    return found


def required(schema: Any, retrieve: Retrieve) -> set[str]:
    """The attributes that every entity must have."""
    found: set[str] = set()
    for node in _parts(_Node(schema, schema, _id(schema)), retrieve, alternatives=("allOf",)):
        wanted = node.schema.get("required")
        if isinstance(wanted, list):
            found.update(each for each in wanted if isinstance(each, str))
    return found


def words(schema: Any, retrieve: Retrieve) -> Iterator[str]:
    """All the names in a schema: members of objects, at any depth, then terms of enumerations."""
    terms: list[str] = []
    seen: set[int] = set()
    pending = [_Node(schema, schema, _id(schema))]
    while pending:
        node = pending.pop(0)
        content = node.schema
        if not isinstance(content, dict) or id(content) in seen:
            continue
        seen.add(id(content))
        if len(seen) > MAX_STEPS:
            raise BadRequestData(f"The schema has more than {MAX_STEPS} parts.")
        if isinstance(content.get("$ref"), str):
            pending.append(_referred(node, content["$ref"], retrieve))
        properties = content.get("properties")
        if isinstance(properties, dict):
            yield from properties
            pending.extend(node.at(each) for each in properties.values())
        for key in _ALTERNATIVES:
            parts = content.get(key)
            pending.extend(node.at(each) for each in parts if isinstance(parts, list)) if parts else None
        for key in _WITHIN:
            parts = content.get(key)
            pending.extend(node.at(each) for each in (parts if isinstance(parts, list) else [parts]))
        terms.extend(each for each in _listed(content) if isinstance(each, str))
    yield from terms


def _listed(content: Mapping[str, Any]) -> list[Any]:
    listed = content.get("enum")
    return listed if isinstance(listed, list) else [content["const"]] if "const" in content else []


def _parts(node: _Node, retrieve: Retrieve, alternatives: tuple[str, ...] = _ALTERNATIVES) -> Iterator[_Node]:
    """A subschema and those that apply to the same value: what it refers to, and its alternatives."""
    pending, steps = [node], 0
    while pending:
        node = pending.pop(0)
        steps += 1
        if steps > MAX_STEPS:
            raise BadRequestData("The schema refers to itself without end.")
        if not isinstance(node.schema, dict):
            continue
        yield node
        if isinstance(node.schema.get("$ref"), str):
            pending.append(_referred(node, node.schema["$ref"], retrieve))
        for key in alternatives:
            parts = node.schema.get(key)
            if isinstance(parts, list):
                pending.extend(node.at(each) for each in parts)


def _referred(node: _Node, reference: str, retrieve: Retrieve) -> _Node:
    url, fragment = urldefrag(urljoin(node.base, reference))
    root = node.root if url in {"", node.base} else retrieve(url)
    found = root
    for step in filter(None, unquote(fragment).split("/")):
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(found, list) and key.isdigit() and int(key) < len(found):
            found = found[int(key)]
        elif isinstance(found, dict) and key in found:
            found = found[key]
        else:
            raise BadRequestData(f"The schema refers to {shown(reference)}, where nothing is.")
    return _Node(found, root, url)


def _id(schema: Any) -> str:
    id_ = schema.get("$id", schema.get("id")) if isinstance(schema, dict) else None
    return urldefrag(id_)[0] if isinstance(id_, str) else ""
