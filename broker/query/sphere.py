"""Geometries on the sphere: edges are geodesics, distances great circles, as mongod has them (S2 geometry).

Between GeoJSON and S2 stand three facts: an altitude does not count; repeated positions are one; a polygon that crosses
itself, or a multipolygon whose parts overlap, is what remains when it is repaired.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias

import shapely
import spherely
from shapely.geometry import mapping, shape

Geometry: TypeAlias = dict[str, Any]
"""A GeoJSON geometry that `broker.model.geometry` has accepted."""
Position: TypeAlias = tuple[float, float]

EARTH_RADIUS: Final = 6_378_100.0
"""Metres; mongod's own."""


def geography(geometry: Geometry) -> spherely.Geography:
    """The geometry as S2 has it, repaired if need be. Raises ValueError if nothing remains of it."""
    try:
        return _built(geometry)
    except ValueError:
        return _built(repaired(geometry))


def repaired(geometry: Geometry) -> Geometry:
    """A valid geometry over the same area: rings that cross themselves are split, overlapping parts united.

    The repair is planar: it changes shapes that are wrong to begin with, and is near them on a city's scale.
    Raises ValueError if nothing with an area remains.
    """
    flat = {"type": geometry["type"], "coordinates": _flat(geometry["coordinates"])}
    valid = shapely.make_valid(shape(flat), method="structure", keep_collapsed=False)
    if valid.is_empty:
        raise ValueError("nothing remains of the geometry")
    result: Geometry = mapping(shapely.orient_polygons(valid))
    return {"type": result["type"], "coordinates": _listed(result["coordinates"])}


def distance(one: spherely.Geography, other: spherely.Geography) -> float:
    """The shortest great-circle distance in metres."""
    return float(spherely.distance(one, other, radius=EARTH_RADIUS))


def overlaps(one: spherely.Geography, other: spherely.Geography) -> bool:
    """Whether they share some but not all of each other, in their own dimension (OGC 06-103r4 §6.1.15.3)."""
    dimension = spherely.get_dimension(one)
    if dimension != spherely.get_dimension(other) or not spherely.intersects(one, other):
        return False
    if spherely.covers(one, other) or spherely.covers(other, one):
        return False
    return spherely.get_dimension(spherely.intersection(one, other)) == dimension


def _built(geometry: Geometry) -> spherely.Geography:
    return _BUILDERS[geometry["type"]](geometry["coordinates"])


def _points(positions: Iterable[Any]) -> list[Position]:
    """Positions without altitude and without repetitions in a row."""
    points: list[Position] = []
    for longitude, latitude, *_ in positions:
        point = (float(longitude), float(latitude))
        if not points or points[-1] != point:
            points.append(point)
    return points


def _point(position: Any) -> spherely.Geography:
    return spherely.create_point(float(position[0]), float(position[1]))


def _line(positions: Any) -> spherely.Geography:
    points = _points(positions)
    return spherely.create_linestring(points) if len(points) > 1 else spherely.create_point(*points[0])


def _polygon(rings: Any) -> spherely.Geography:
    shell, *holes = [_ring(ring) for ring in rings]
    return spherely.create_polygon(shell, holes or None)


def _ring(positions: Any) -> list[Position]:
    points = _points(positions)
    return points[:-1] if len(points) > 1 and points[0] == points[-1] else points


_BUILDERS: Final[dict[str, Callable[[Any], spherely.Geography]]] = {
    "Point": _point,
    "MultiPoint": lambda positions: spherely.create_multipoint([(float(p[0]), float(p[1])) for p in positions]),
    "LineString": _line,
    "MultiLineString": lambda lines: spherely.create_multilinestring([_points(line) for line in lines]),
    "Polygon": _polygon,
    "MultiPolygon": lambda polygons: spherely.create_multipolygon([_polygon(rings) for rings in polygons]),
}


def _flat(coordinates: Any) -> Any:
    """Coordinates without altitudes."""
    if isinstance(coordinates[0], int | float):
        return coordinates[:2]
    return [_flat(inner) for inner in coordinates]


def _listed(coordinates: Any) -> Any:
    """Tuples as the lists that JSON has."""
    return [_listed(inner) for inner in coordinates] if isinstance(coordinates, tuple | list) else coordinates
