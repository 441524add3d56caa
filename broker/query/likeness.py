"""Which queries are alike, as far as it matters to how they are best answered.

mongod keeps the plan of a query for all that have its form: the same fields and operators. All attributes are keys of
one index here, so to mongod `state=="ok"`, which half of the entities meet, has the form of `name=="x"`: it follows the
plan of the one for the other, looks at ten times as much as it should, and then tries all plans anew. The mark tells it
what it would see if each attribute were a field of its own, and how wide ranges and places are, roughly.
"""

from collections.abc import Iterator
from math import frexp
from typing import Any, Final, assert_never
from zlib import crc32

from broker.query.ast import (
    AllScopes,
    AllTypes,
    And,
    AnyScope,
    AnyType,
    Comparison,
    Condition,
    Date,
    DateTime,
    Exists,
    GeoCondition,
    HasType,
    InScope,
    LinksTo,
    Literal,
    Matches,
    Number,
    Or,
    Path,
    Range,
    ScopeCondition,
    TypeSelection,
)
from broker.query.plan import Query

MARKS: Final = 4096
"""How many marks there are: mongod keeps plans for each. Two queries that share one by chance share their plans."""


def mark(query: Query) -> str:
    """A short text that alike queries have in common; empty for those of types and ids alone."""
    if query.q is None and query.scopes is None and query.geo is None and not query.attributes:
        return ""
    parts = [*_types(query), *sorted(query.attributes)]
    if query.q is not None:
        parts.extend(_condition(query.q))
    if query.scopes is not None:
        parts.extend(_scopes(query.scopes))
    if query.geo is not None:
        parts.append(_place(query.geo))
    return f"{crc32(' '.join(parts).encode('utf-8', 'surrogatepass')) % MARKS:x}"


def _types(query: Query) -> Iterator[str]:
    for selector in query.selectors:
        yield "ids" if selector.ids else "pattern" if selector.id_pattern is not None else ""
        if selector.types is not None:
            yield from _selection(selector.types)


def _selection(selection: TypeSelection) -> Iterator[str]:
    match selection:
        case HasType(name):
            yield name
        case AnyType(operands) | AllTypes(operands):
            for operand in operands:
                yield from _selection(operand)
        case _:
            assert_never(selection)


def _condition(node: Condition) -> Iterator[str]:
    match node:
        case And(operands) | Or(operands):
            for operand in operands:
                yield from _condition(operand)
        case Comparison(path, operator, operands):
            yield f"{_path(path)}{operator}{','.join(map(_operand, operands[:2]))}"
        case Exists(path) | Matches(path):
            yield _path(path)
        case LinksTo(names):
            yield ".".join(names)
        case _:
            assert_never(node)


def _path(path: Path) -> str:
    inside = "" if path.inside is None else f"[{'.'.join(path.inside.keys)}]"
    return f"{'.'.join(path.names)}.{path.member or ''}{inside}{'{' if path.link else ''}"


def _operand(operand: Literal | Range) -> str:
    match operand:
        case Range(Number(low), Number(high)):
            return f"n{_magnitude(high - low)}"
        case Range(DateTime(low) | Date(low), DateTime(high) | Date(high)):
            return f"t{_shared(low, high)}"
        case Range():
            return "range"
        case _:
            return ""


def _scopes(condition: ScopeCondition) -> Iterator[str]:
    match condition:
        case InScope(levels, below):
            yield "/".join("+" if level is None else "a" for level in levels) + ("/#" if below else "")
        case AllScopes(operands) | AnyScope(operands):
            for operand in operands:
                yield from _scopes(operand)
        case _:
            assert_never(condition)


def _place(condition: GeoCondition) -> str:
    longitudes, latitudes = zip(*_positions(condition.coordinates), strict=True)
    extent = max(max(longitudes) - min(longitudes), max(latitudes) - min(latitudes))
    return f"{condition.name} {condition.relation} {_magnitude(extent)} {_magnitude(condition.metres)}"


def _positions(coordinates: Any) -> Iterator[tuple[float, float]]:
    if isinstance(coordinates[0], tuple):
        for each in coordinates:
            yield from _positions(each)
    else:
        yield coordinates


def _magnitude(number: float) -> int:
    """The power of two just above a width: so far as the plans go, ranges of one power are of one width."""
    return frexp(number)[1]


def _shared(low: str, high: str) -> int:
    """How many characters two texts begin with alike: those of years, months, days …"""
    return next((place for place, (one, other) in enumerate(zip(low, high, strict=False)) if one != other), len(low))
