"""The one abstract syntax tree of the query languages. Nodes carry no back end's words.

A back end is a `match` over the nodes that ends in `assert_never`: a new node is a type error until every back end
knows it.
"""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class HasType:
    """The entity has this type (expanded)."""

    name: str


@dataclass(frozen=True, slots=True)
class AllTypes:
    """Both types selections hold."""

    operands: tuple["TypeSelection", ...]


@dataclass(frozen=True, slots=True)
class AnyType:
    """One of the type selections holds."""

    operands: tuple["TypeSelection", ...]


TypeSelection: TypeAlias = HasType | AllTypes | AnyType
"""GS CIM 009 §4.17."""
