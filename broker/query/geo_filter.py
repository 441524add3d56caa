"""Geo-queries as a region that every match intersects, which mongod looks up in its index (GS CIM 009 §4.10).

mongod's own relations will not do: `$near` and several geometries in one array exclude each other, `$centerSphere` and
`$geoWithin` know no borders, and the others it does not have. So mongod finds by `$geoIntersects`, and
`broker.query.geo_predicate` decides. What only touches does not always intersect to mongod: the region is a little
wider than the geometry.
"""

from functools import lru_cache
from typing import Any, Final, TypeAlias, assert_never

from broker.query import sphere
from broker.query.around import antipodal, around, outline
from broker.query.ast import GeoCondition, Relation
from broker.query.sphere import Geometry

Mongo: TypeAlias = dict[str, Any]


ANYWHERE: Final = "@anywhere"
"""The name under which entities lie that any geo-query finds: no attribute can have it."""


def typed(type_name: str, name: str) -> str:
    """The name under which the geometries of a GeoProperty of entities of one type lie."""
    return f"{type_name} {name}"


@lru_cache(maxsize=256)
def region_filter(condition: GeoCondition, types: tuple[str, ...] = ()) -> Mongo | None:
    """The filter on the field `g` that every match passes; None if any entity that has the GeoProperty may match.

    `types`: each match is of one of them; empty for any. The filter is not to be changed.
    """
    region = _region(condition)
    if region is None:
        return None
    names = [typed(each, condition.name) for each in types] or [condition.name]
    place = {"k": {"$in": [*names, ANYWHERE]}, "v": {"$geoIntersects": {"$geometry": region}}}
    return {"g": {"$elemMatch": place}}


def _region(condition: GeoCondition) -> Geometry | None:
    reference = sphere.sound(condition.geometry)
    if reference is None or antipodal(reference):
        return None
    match condition.relation:
        case Relation.NEARER:
            circles = around(reference, condition.metres)
            return circles and _with_area(reference, circles)
        case Relation.FARTHER | Relation.DISJOINT:
            return None
        case Relation.INTERSECTS:
            return _with_area(reference, outline(reference))
        case Relation.WITHIN | Relation.CONTAINS | Relation.EQUALS | Relation.OVERLAPS:
            return reference if reference["type"] in _AREAS else outline(reference)
        case _:
            assert_never(condition.relation)


def _with_area(reference: Geometry, border: Geometry) -> Geometry:
    """What is along a border, and what is inside of it."""
    return {"type": "GeometryCollection", "geometries": [reference, border]} if reference["type"] in _AREAS else border


_AREAS: Final = frozenset({"Polygon", "MultiPolygon"})
