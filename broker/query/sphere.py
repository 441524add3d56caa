"""Geometries on the sphere: edges are geodesics, distances great circles, as mongod has them (S2 geometry).

Between GeoJSON and S2 stand some facts: an altitude does not count; a pole has no longitude; 180 and -180 are one, and
repeated positions, too; of the two areas that a ring bounds the smaller one is meant; polygons that overlap are united;
what crosses itself is what remains when it is repaired.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import reduce
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import shapely
import spherely
from shapely.geometry import mapping, shape

Geometry: TypeAlias = dict[str, Any]
"""A GeoJSON geometry that `broker.model.geometry` has accepted."""
Geography: TypeAlias = spherely.Geography
"""A geometry as S2 has it."""
Geographies: TypeAlias = npt.NDArray[np.object_]
Operand: TypeAlias = Geography | Geographies
Truth: TypeAlias = Any
"""np.bool_, or an array of them."""
Metres: TypeAlias = Any
"""np.float64, or an array of them."""
Position: TypeAlias = tuple[float, float]

EARTH_RADIUS: Final = 6_378_100.0
"""Metres; mongod's own."""
MAX_CROSSINGS: Final = 1_000
"""A repair takes time that grows with the crossings; what crosses itself more often is taken as its convex hull."""
MAX_UNITED: Final = 64
"""Most polygons that are united one by one, as S2 does; more are united in the plane."""
_MAX_NEAR: Final = 1_000_000
"""Pairs of edges looked at for crossings; what has more is taken as its convex hull."""
_CHUNK: Final = 256


def geography(geometry: Geometry) -> Geography:
    """The geometry as S2 has it, repaired if need be; its convex hull where there is no repair."""
    try:
        return _built(geometry)
    except ValueError:
        return _repaired(geometry)


def plain(geometry: Geometry) -> Geometry:
    """The geometry without altitudes, without longitudes of poles, and without any member that GeoJSON may add."""
    return {"type": geometry["type"], "coordinates": _flat(geometry["coordinates"])}


def sound(geometry: Geometry) -> Geometry | None:
    """The GeoJSON of what `geography` builds: the geometry, or its repaired copy; None if it is a convex hull."""
    bare = plain(geometry)
    with suppress(ValueError):
        _built(bare)
        return bare
    with suppress(ValueError):
        mended = repaired(bare)
        _built(mended)
        return mended
    return None


def positions(geometry: Geometry) -> Iterator[Position]:
    """The positions of a geometry, ring by ring, line by line."""
    return _positions(geometry["coordinates"])


def paths(geometry: Geometry) -> list[list[Position]]:
    """The lines and rings of a geometry; each of its points as a line of one position."""
    if geometry["type"] in ("Point", "MultiPoint"):
        return [[point] for point in positions(geometry)]
    return [list(_positions(part)) for part in _parts(geometry["coordinates"])]


# Relations (OGC 06-103r4 §6.1.15.3), of one geography to another, or of an array of them, one by one. What is a border
# counts to the geometry; S2 decides on the last few nanometres.

TOUCHING: Final = 1e-6
"""Metres between a point and what it touches: about the error of a computed position."""


def geographies(geometries: Sequence[Geometry]) -> Geographies:
    """Many at once: S2 needs a fraction of the time for each."""
    if all(geometry["type"] == "Point" for geometry in geometries):
        longitudes, latitudes = places([geometry["coordinates"] for geometry in geometries]).T
        points: Geographies = spherely.points(longitudes, latitudes)
        return points
    return np.array([geography(geometry) for geometry in geometries], dtype=object)


def places(positions: Sequence[Any]) -> npt.NDArray[np.float64]:
    """Rows of longitude and latitude in degrees."""
    return np.array([_place(position) for position in positions])


def distance(one: Operand, other: Operand) -> Metres:
    """The shortest great-circle distance in metres; 0 if they intersect."""
    return spherely.distance(one, other, radius=EARTH_RADIUS)


def intersects(one: Operand, other: Operand) -> Truth:
    """Whether they have a point in common, be it on their borders."""
    found = np.logical_or(spherely.intersects(one, other), spherely.touches(one, other))
    pointed = np.logical_or(spherely.get_dimension(one) == 0, spherely.get_dimension(other) == 0)
    if not np.any(pointed > found):
        return found
    return found | (pointed & (distance(one, other) <= TOUCHING))


def within(one: Operand, other: Operand) -> Truth:
    """Whether the first is part of the second, and not of its border alone."""
    return np.logical_and(spherely.covers(other, one), np.logical_not(spherely.touches(one, other)))


def equals(one: Operand, other: Operand) -> Truth:
    """Whether they are the same points."""
    return spherely.equals(one, other)


def overlaps(one: Operand, other: Operand) -> Truth:
    """Whether they share some but not all of each other, in their own dimension."""
    return _overlapping(one, other)


def _overlap(one: Geography, other: Geography) -> bool:
    dimension = spherely.get_dimension(one)
    if dimension != spherely.get_dimension(other) or not spherely.intersects(one, other):
        return False
    if spherely.covers(one, other) or spherely.covers(other, one):
        return False
    return bool(spherely.get_dimension(spherely.intersection(one, other)) == dimension)


_overlapping: Final = np.vectorize(_overlap, otypes=[bool])


# Repair.


def repaired(geometry: Geometry) -> Geometry:
    """A geometry of its own kind or a simpler one over the same area, that does not cross itself.

    Rings that cross themselves are split, overlapping parts united; a ring without an area is a line, a line without a
    length a point. The repair is planar: it changes what is wrong to begin with, and is near it on a city's scale.
    Raises ValueError for what crosses itself too often.
    """
    flat = _flat(geometry["coordinates"])
    wraps = _wraps(flat)
    planar = shape({"type": geometry["type"], "coordinates": _turned(flat) if wraps else flat})
    result: Geometry = mapping(_valid(planar))
    coordinates = _turned_back(result["coordinates"]) if wraps else _listed(result["coordinates"])
    return {"type": result["type"], "coordinates": coordinates}


def _repaired(geometry: Geometry) -> Geography:
    try:
        return _built(repaired(geometry))
    except ValueError:
        return spherely.convex_hull(spherely.create_multipoint(list(positions(geometry))))


def _valid(planar: Any) -> Any:
    if _tangled(planar):
        raise ValueError(f"more than {MAX_CROSSINGS} crossings")
    for keep_collapsed in (False, True):
        valid = shapely.make_valid(planar, method="structure", keep_collapsed=keep_collapsed)
        if not valid.is_empty and valid.geom_type != "GeometryCollection":
            return valid
    raise ValueError("nothing of one kind remains")


def _tangled(planar: Any) -> bool:
    """Whether there are too many crossings to repair. It looks at a bounded number of pairs of edges."""
    ends = shapely.get_coordinates(planar)
    edges = shapely.linestrings([(ends[i], ends[i + 1]) for i in range(len(ends) - 1)])
    tree = shapely.STRtree(edges)
    near = crossings = 0
    for start in range(0, len(edges), _CHUNK):
        near_here, _ = tree.query(edges[start : start + _CHUNK])
        near += len(near_here)
        if near > _MAX_NEAR:
            return True
        crossing_here, _ = tree.query(edges[start : start + _CHUNK], predicate="intersects")
        crossings += len(crossing_here) - 3 * min(_CHUNK, len(edges) - start)  # itself and its neighbours
        if crossings > 2 * MAX_CROSSINGS:
            return True
    return False


def _wraps(flat: Any) -> bool:
    """Whether the geometry goes over the antimeridian, as far as its positions tell."""
    longitudes = [longitude for longitude, _ in _positions(flat)]
    return max(longitudes) - min(longitudes) > 180


def _turned(coordinates: Any) -> Any:
    """Coordinates in a plane where the antimeridian is no border: longitudes from 0 to 360."""
    return _mapped(coordinates, lambda longitude: longitude + 360 if longitude < 0 else longitude)


def _turned_back(coordinates: Any) -> Any:
    return _mapped(coordinates, lambda longitude: longitude - 360 if longitude > 180 else longitude)


def _mapped(coordinates: Any, turn: Callable[[float], float]) -> Any:
    if isinstance(coordinates[0], int | float):
        return [turn(coordinates[0]), coordinates[1]]
    return [_mapped(inner, turn) for inner in coordinates]


# From GeoJSON to S2.


def _built(geometry: Geometry) -> Geography:
    """The geometry as S2 has it. Raises ValueError if S2 refuses it."""
    return _BUILDERS[geometry["type"]](geometry["coordinates"])


def _points(positions: Iterable[Any]) -> list[Position]:
    """Places, without repetitions in a row."""
    points: list[Position] = []
    for position in positions:
        point = _place(position)
        if not points or points[-1] != point:
            points.append(point)
    return points


def _place(position: Any) -> Position:
    longitude, latitude = float(position[0]), float(position[1])
    if not -90 < latitude < 90:
        longitude = 0.0
    return (180.0 if longitude == -180 else longitude), latitude


def _point(position: Any) -> Geography:
    return spherely.create_point(*_place(position))


def _line(positions: Any) -> Geography:
    return spherely.create_linestring(_line_points(positions))


def _line_points(positions: Any) -> list[Position]:
    points = _points(positions)
    if len(points) < 2:
        raise ValueError("a line has two positions that differ")
    return points


def _polygon(rings: Any) -> Geography:
    shell, *holes = [_ring(ring) for ring in rings]
    if holes:
        whole = spherely.create_polygon(shell)
        if not all(spherely.covers(whole, spherely.create_polygon(hole)) for hole in holes):
            raise ValueError("a hole is outside of its polygon")
    return spherely.create_polygon(shell, holes or None)


def _ring(positions: Any) -> list[Position]:
    points = _points(positions)
    return points[:-1] if len(points) > 1 and points[0] == points[-1] else points


def _polygons(polygons: Any) -> Geography:
    parts = [_polygon(rings) for rings in polygons]
    try:
        return spherely.create_multipolygon(parts)
    except ValueError:
        if len(parts) > MAX_UNITED:
            raise
        return reduce(spherely.union, parts)


_BUILDERS: Final[dict[str, Callable[[Any], Geography]]] = {
    "Point": _point,
    "MultiPoint": lambda positions: spherely.create_multipoint(list(map(_place, positions))),
    "LineString": _line,
    "MultiLineString": lambda lines: spherely.create_multilinestring([_line_points(line) for line in lines]),
    "Polygon": _polygon,
    "MultiPolygon": _polygons,
}


# Coordinates of any depth.


def _positions(coordinates: Any) -> Iterator[Position]:
    if isinstance(coordinates[0], int | float):
        yield _place(coordinates)
    else:
        for inner in coordinates:
            yield from _positions(inner)


def _parts(coordinates: Any) -> Iterator[Any]:
    """The arrays of positions in coordinates."""
    if isinstance(coordinates[0][0], int | float):
        yield coordinates
    else:
        for inner in coordinates:
            yield from _parts(inner)


def _flat(coordinates: Any) -> Any:
    """Coordinates as pairs of numbers."""
    if isinstance(coordinates[0], int | float):
        return list(_place(coordinates))
    return [_flat(inner) for inner in coordinates]


def _listed(coordinates: Any) -> Any:
    """Tuples as the lists that JSON has."""
    return [_listed(inner) for inner in coordinates] if isinstance(coordinates, tuple | list) else coordinates
