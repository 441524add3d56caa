"""Geo-queries (GS CIM 009 §4.10): `georel`, `geometry`, `coordinates` and `geoproperty`.

georel      := "near;maxDistance==" metres | "near;minDistance==" metres
               | "within" | "contains" | "intersects" | "equals" | "disjoint" | "overlaps"
geometry    := a GeoJSON geometry but GeometryCollection
coordinates := a GeoJSON array; in a URL, and perhaps in a body, as text
geoproperty := a name, `location` unless given; ignored without the others
"""

import re
from typing import Any, Final

import orjson

from broker.errors import BadRequestData
from broker.model.entity import Names
from broker.model.geometry import check_geometry
from broker.model.grammar import shown
from broker.model.kinds import GEOMETRIES
from broker.model.parse import parse_attribute_name
from broker.query.ast import Coordinates, GeoCondition, Relation

DEFAULT_PROPERTY: Final = "location"

_NEAR = re.compile(r"(near;(?:max|min)Distance)==((?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)")
_DISTANCES: Final = frozenset({Relation.NEARER, Relation.FARTHER})
_PLAIN: Final = {relation.value: relation for relation in Relation if relation not in _DISTANCES}
_EXPECTED: Final = ", ".join(
    [f"{relation}==<metres>" if relation in _DISTANCES else relation for relation in Relation],
)
FARTHEST: Final = 1e9
"""Longest distance in metres: more than any on Earth, and a number that all back ends hold."""


def parse(georel: Any, geometry: Any, coordinates: Any, geoproperty: Any, context: Names) -> GeoCondition | None:
    """The condition that the four say, None for what is not given; None if the first three are not given at all.

    Raises BadRequestData naming the one that is missing or malformed.
    """
    given = {"georel": georel, "geometry": geometry, "coordinates": coordinates}
    missing = [name for name, value in given.items() if value is None]
    if len(missing) == len(given):
        return None
    if missing:
        raise BadRequestData(f"{' and '.join(missing)}: missing; georel, geometry and coordinates go together.")
    name = parse_attribute_name(_text(geoproperty or DEFAULT_PROPERTY, "geoproperty"), context)
    return expanded(georel, geometry, coordinates, name)


def expanded(georel: Any, geometry: Any, coordinates: Any, name: str) -> GeoCondition:
    """The condition on the GeoProperty of this expanded name. Raises BadRequestData naming what is malformed."""
    relation, metres = _relation(georel)
    kind, array = reference(geometry, coordinates, ("geometry", "coordinates"))
    return GeoCondition(relation, kind, array, name, metres)


def reference(kind: Any, coordinates: Any, names: tuple[str, str]) -> tuple[str, Coordinates]:
    """A geometry given as its type and its coordinates; `names` are those of the two in errors.

    Raises BadRequestData.
    """
    if kind not in GEOMETRIES if isinstance(kind, str) else True:
        raise BadRequestData(f"{names[0]}: expected one of {', '.join(sorted(GEOMETRIES))}, found {shown(kind)}.")
    if isinstance(coordinates, str):
        try:
            coordinates = orjson.loads(coordinates)
        except orjson.JSONDecodeError:
            raise BadRequestData(f"{names[1]}: expected a JSON array, found {shown(coordinates)}.") from None
    try:
        checked = check_geometry({"type": kind, "coordinates": coordinates}, names[1])
    except BadRequestData as error:
        raise BadRequestData(error.detail.replace(": coordinates:", ":", 1)) from None
    return kind, _frozen(checked["coordinates"])


def _relation(georel: Any) -> tuple[Relation, float]:
    text = _text(georel, "georel")
    near = _NEAR.fullmatch(text)
    if near is not None and 0 < float(near[2]) <= FARTHEST:
        return Relation(near[1]), float(near[2])
    if text in _PLAIN:
        return _PLAIN[text], 0.0
    raise BadRequestData(f"georel: expected one of {_EXPECTED} with metres above 0, found {shown(text)}.")


def _frozen(coordinates: Any) -> Coordinates:
    """Coordinates without altitudes, as tuples."""
    if isinstance(coordinates[0], int | float):
        return float(coordinates[0]), float(coordinates[1])
    return tuple(_frozen(inner) for inner in coordinates)


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise BadRequestData(f"{name}: expected a string, found {shown(value)}.")
    return value
