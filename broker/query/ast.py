"""The one abstract syntax tree of the query languages. Nodes carry no back end's words.

A back end is a `match` over the nodes that ends in `assert_never`: a new node is a type error until every back end
knows it. Names in the tree are expanded.
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


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression that is searched for in a text; it compiles (`broker.query.patterns`)."""

    text: str


# Paths: where in an entity a condition looks.


@dataclass(frozen=True, slots=True)
class Inside:
    """What stands in brackets: members within a JSON value, or one language of a LanguageProperty.

    `names` as expanded values have them, `keys` as they were written: for JSON that is kept as sent, and languages.
    """

    names: tuple[str, ...]
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """The way on through a Relationship: `path` in the entities it points to, of one of `types` unless empty."""

    types: tuple[str, ...]
    path: "Path"


@dataclass(frozen=True, slots=True)
class Path:
    """An attribute, then sub-attributes; then a non-reified member such as `observedAt`, or brackets, or a link.

    No `names`: the member is the entity's own.
    """

    names: tuple[str, ...]
    member: str | None = None
    inside: Inside | None = None
    link: Link | None = None


# Literals: what a condition compares with.


@dataclass(frozen=True, slots=True)
class Number:
    """A JSON number."""

    value: int | float


@dataclass(frozen=True, slots=True)
class Boolean:
    """true or false."""

    value: bool


@dataclass(frozen=True, slots=True)
class Text:
    """A string, a URI or a vocabulary term; expanded if the query asks for that."""

    value: str


@dataclass(frozen=True, slots=True)
class DateTime:
    """An instant: `YYYY-MM-DDThh:mm:ss[.f]Z`."""

    value: str


@dataclass(frozen=True, slots=True)
class Date:
    """A day: `YYYY-MM-DD`."""

    value: str


@dataclass(frozen=True, slots=True)
class Time:
    """A time of the day: `hh:mm:ss[.f]Z`."""

    value: str


Comparable: TypeAlias = Number | Text | DateTime | Date | Time
Literal: TypeAlias = Comparable | Boolean


@dataclass(frozen=True, slots=True)
class Range:
    """From `low` to `high`, both included and of one type."""

    low: Comparable
    high: Comparable


# Conditions.


class Operator(StrEnum):
    """How a target is compared."""

    EQUAL = "=="
    UNEQUAL = "!="
    GREATER = ">"
    GREATER_EQUAL = ">="
    LESS = "<"
    LESS_EQUAL = "<="


@dataclass(frozen=True, slots=True)
class Exists:
    """The path leads to something."""

    path: Path


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the path leads to, compared with one of the operands: several and ranges for == and != only."""

    path: Path
    operator: Operator
    operands: tuple[Literal | Range, ...]


@dataclass(frozen=True, slots=True)
class Matches:
    """The strings that the path leads to match the pattern, or none of them does."""

    path: Path
    pattern: Pattern
    negated: bool


@dataclass(frozen=True, slots=True)
class And:
    """All of the conditions hold."""

    operands: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """One of the conditions holds."""

    operands: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class LinksTo:
    """A relationship at the end of the path of names points to one of these entities.

    No query language says this: it is what remains of a condition on linked entities once those are found.
    """

    names: tuple[str, ...]
    ids: frozenset[str]


Condition: TypeAlias = Exists | Comparison | Matches | And | Or | LinksTo
"""GS CIM 009 §4.9."""


@dataclass(frozen=True, slots=True)
class InScope:
    """A scope has these levels, None standing for any one; `below`: and maybe more levels after them."""

    levels: tuple[str | None, ...]
    below: bool


@dataclass(frozen=True, slots=True)
class AllScopes:
    """All of the scope conditions hold, of one scope or of several."""

    operands: tuple["ScopeCondition", ...]


@dataclass(frozen=True, slots=True)
class AnyScope:
    """One of the scope conditions holds."""

    operands: tuple["ScopeCondition", ...]


ScopeCondition: TypeAlias = InScope | AllScopes | AnyScope
"""GS CIM 009 §4.19."""


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


# Order.


@dataclass(frozen=True, slots=True)
class Distance:
    """How far the GeoProperty that the path leads to is from a geometry: the nearest first, or the farthest.

    `kind` and `coordinates` as in GeoJSON. What has no distance comes last.
    """

    path: Path
    kind: str
    coordinates: Coordinates
    farthest_first: bool


@dataclass(frozen=True, slots=True)
class OrderKey:
    """What results are ordered by: what the path leads to, how far that is, or `id` or `type` of the entity."""

    by: Path | Distance | str
    descending: bool
