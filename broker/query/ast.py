"""The one abstract syntax tree of the query languages. Nodes carry no back end's words.

A back end is a `match` over the nodes that ends in `assert_never`: a new node is a type error until every back end
knows it.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias


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


# Places.

Coordinates: TypeAlias = tuple[float, float] | tuple["Coordinates", ...]
"""Coordinates of GeoJSON without altitudes, at any depth."""


class Relation(StrEnum):
    """How a geometry of the entity stands to that of the query."""

    NEARER = "near;maxDistance"
    FARTHER = "near;minDistance"
    WITHIN = "within"
    CONTAINS = "contains"
    INTERSECTS = "intersects"
    EQUALS = "equals"
    DISJOINT = "disjoint"
    OVERLAPS = "overlaps"


@dataclass(frozen=True, slots=True)
class GeoCondition:
    """An instance of the GeoProperty `name` stands in the relation to the geometry (GS CIM 009 §4.10).

    `kind` and `coordinates` as in GeoJSON; `metres` for NEARER and FARTHER, both of which include it.
    """

    relation: Relation
    kind: str
    coordinates: Coordinates
    name: str
    metres: float = 0.0

    @property
    def geometry(self) -> dict[str, Any]:
        """The geometry as GeoJSON; its arrays are tuples."""
        return {"type": self.kind, "coordinates": self.coordinates}
