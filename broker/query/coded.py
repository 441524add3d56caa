"""Nodes of the AST as JSON and back, for conditions that are kept: what was parsed once is not parsed again.

A node is `[class, field, …]`, a tuple `{"of": […]}`; numbers that JSON libraries disagree about are texts.
"""

from collections.abc import Callable
from dataclasses import fields
from enum import StrEnum
from typing import Any, Final

from broker.query import ast

_NODES: Final = {
    node.__name__: node
    for node in (
        ast.Pattern,
        ast.Inside,
        ast.Link,
        ast.Path,
        ast.Number,
        ast.Boolean,
        ast.Text,
        ast.DateTime,
        ast.Date,
        ast.Time,
        ast.Range,
        ast.Exists,
        ast.Comparison,
        ast.Matches,
        ast.And,
        ast.Or,
    )
}
_SAFE: Final = 2**53


def encode(node: Any) -> Any:
    """JSON of a node of `q`, or of a part of one."""
    if isinstance(node, StrEnum):
        return {"operator": node.value}
    if isinstance(node, tuple):
        return {"of": [encode(each) for each in node]}
    if isinstance(node, float) or (type(node) is int and not -_SAFE < node < _SAFE):
        return {"float" if isinstance(node, float) else "int": repr(node)}
    if node is None or isinstance(node, str | int):
        return node
    return [type(node).__name__, *(encode(getattr(node, field.name)) for field in fields(node))]


def decode(coded: Any) -> Any:
    """The node of which this is the JSON."""
    if isinstance(coded, list):
        return _NODES[coded[0]](*map(decode, coded[1:]))
    if isinstance(coded, dict):
        ((kind, content),) = coded.items()
        return _KINDS[kind](content)
    return coded


_KINDS: Final[dict[str, Callable[[Any], Any]]] = {
    "operator": ast.Operator,
    "of": lambda content: tuple(map(decode, content)),
    "float": float,
    "int": int,
}
