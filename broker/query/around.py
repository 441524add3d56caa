"""What lies within a distance of a geometry, as polygons that mongod can look up: they contain it, and little else.

A circle becomes the polygon around it whose sides touch it. A line or border becomes circles along it: with centres
`step` apart on the line, each of its points is within half a step of a centre.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import atan, atan2, ceil, cos, degrees, hypot, pi, radians, sin, sqrt, tan
from typing import Final, TypeAlias

from broker.query.sphere import EARTH_RADIUS, Geometry, Position, paths

CORNERS: Final = 32
MAX_CIRCLES: Final = 64
MAX_OUTLINED: Final = 256
"""Most positions of a geometry that has an outline of polygons."""
WIDEST: Final = radians(80)
"""Greatest radius of a circle. mongod takes a polygon for the smaller of its two sides: the limit is at 90°."""
SLACK: Final = 0.01
"""Metres, and MARGIN per metre, by which circles are wider: far more than the errors of either computation."""
MARGIN: Final = 1e-8

Vector: TypeAlias = tuple[float, float, float]


def around(geometry: Geometry, metres: float) -> Geometry | None:
    """Polygons that contain all points within a distance of the points, lines and rings of a geometry.

    None where that is more than mongod takes for a polygon.
    """
    lines = _lines(geometry)
    circles = list(_circles(lines, metres))
    if any(radius > WIDEST for _, radius in circles):
        return None
    polygons = [[_polygon(centre, radius)] for centre, radius in circles]
    if len(polygons) == 1:
        return {"type": "Polygon", "coordinates": polygons[0]}
    return {"type": "MultiPolygon", "coordinates": polygons}


def antipodal(geometry: Geometry) -> bool:
    """Whether an edge joins opposite ends of the Earth: nobody knows which way."""
    return any(_angle(*edge) > pi - MARGIN for line in _lines(geometry) for edge in pairwise(line))


def outline(geometry: Geometry) -> Geometry:
    """What lies within SLACK of the positions, lines and rings of a geometry, as polygons that contain it.

    Of a geometry with many positions only these, as points.
    """
    lines = _lines(geometry)
    if sum(map(len, lines)) > MAX_OUTLINED:
        return {"type": "MultiPoint", "coordinates": [list(position) for path in paths(geometry) for position in path]}
    reach = SLACK / EARTH_RADIUS
    corners = dict.fromkeys(vector for line in lines for vector in line)
    polygons = [[_polygon(vector, reach, 4)] for vector in corners]
    polygons += [[_strip(*edge, reach)] for line in lines for edge in pairwise(line) if _angle(*edge) > _SAME]
    return {"type": "MultiPolygon", "coordinates": polygons}


def _lines(geometry: Geometry) -> list[list[Vector]]:
    return [[_vector(position) for position in path] for path in paths(geometry)]


def _strip(start: Vector, end: Vector, reach: float) -> list[list[float]]:
    """The ring around an edge, `reach` to either side; in the middle it is wider."""
    across = _unit(*_cross(start, end))
    sides = [_moved(start, across, -reach), _moved(end, across, -reach)]
    sides += [_moved(end, across, reach), _moved(start, across, reach)]
    return [*sides, sides[0]]


def _circles(lines: Sequence[Sequence[Vector]], metres: float) -> Iterator[tuple[Vector, float]]:
    """Centres and radii, as angles, of circles that contain everything within the distance of the lines."""
    reach = (metres * (1 + MARGIN) + SLACK) / EARTH_RADIUS
    lengths = [sum(map(_angle, line, line[1:])) for line in lines]
    step = max(2 * reach, 2 * sum(lengths) / MAX_CIRCLES)
    if sum(_pieces(length, step) for length in lengths) > MAX_CIRCLES:
        yield _enclosing(lines, reach)
        return
    for line, length in zip(lines, lengths, strict=True):
        piece = length / _pieces(length, step)
        for centre in _middles(line, piece):
            yield centre, reach + piece / 2


def _pieces(length: float, step: float) -> int:
    return max(ceil(length / step), 1)


def _middles(line: Sequence[Vector], piece: float) -> Iterator[Vector]:
    """The middles of the pieces of equal length that a line is cut into."""
    if piece == 0:
        yield line[0]
        return
    wanted = piece / 2
    passed = 0.0
    for start, end in pairwise(line):
        length = _angle(start, end)
        while length and wanted <= passed + length:
            yield _between(start, end, (wanted - passed) / length)
            wanted += piece
        passed += length


def _enclosing(lines: Sequence[Sequence[Vector]], reach: float) -> tuple[Vector, float]:
    """One circle around everything; if it is smaller than a hemisphere, no edge leaves it."""
    vectors = [vector for line in lines for vector in line]
    centre = _unit(*(sum(vector[axis] for vector in vectors) for axis in range(3)))
    return centre, max(_angle(centre, vector) for vector in vectors) + reach


def _polygon(centre: Vector, radius: float, corners: int = CORNERS) -> list[list[float]]:
    """The ring around a circle whose sides touch it: its corners are where tan R = tan r / cos(π / corners)."""
    corner = atan(tan(radius) / cos(pi / corners))
    first = _unit(*_cross(centre, min(_AXES, key=lambda axis: abs(_dot(axis, centre)))))
    second = _cross(centre, first)
    ring = []
    for number in range(corners):
        turn = 2 * pi * number / corners
        aside = _sum(cos(turn), first, sin(turn), second)
        ring.append(_moved(centre, aside, corner))
    return [*ring, ring[0]]


def _moved(vector: Vector, aside: Vector, angle: float) -> list[float]:
    """The position at an angle from a vector, in a direction at right angles to it."""
    x, y, z = _sum(cos(angle), vector, sin(angle), aside)
    return [degrees(atan2(y, x)), degrees(atan2(z, hypot(x, y)))]


# Vectors of length 1: no place on the sphere is special to them.

_AXES: Final[tuple[Vector, ...]] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))

_SAME: Final = 1e-12
"""An angle of some micrometres, and a vector of no direction."""


def _vector(position: Position) -> Vector:
    longitude, latitude = radians(position[0]), radians(position[1])
    return cos(latitude) * cos(longitude), cos(latitude) * sin(longitude), sin(latitude)


def _unit(x: float, y: float, z: float) -> Vector:
    length = sqrt(x * x + y * y + z * z)
    return (x / length, y / length, z / length) if length > _SAME else _AXES[0]


def _sum(one: float, vector: Vector, two: float, other: Vector) -> Vector:
    """one · vector + two · other"""
    return (
        one * vector[0] + two * other[0],
        one * vector[1] + two * other[1],
        one * vector[2] + two * other[2],
    )


def _dot(one: Vector, other: Vector) -> float:
    return one[0] * other[0] + one[1] * other[1] + one[2] * other[2]


def _cross(one: Vector, other: Vector) -> Vector:
    return (
        one[1] * other[2] - one[2] * other[1],
        one[2] * other[0] - one[0] * other[2],
        one[0] * other[1] - one[1] * other[0],
    )


def _angle(one: Vector, other: Vector) -> float:
    return atan2(hypot(*_cross(one, other)), _dot(one, other))


def _between(start: Vector, end: Vector, part: float) -> Vector:
    """The point on the edge from start to end, `part` of the way."""
    angle = _angle(start, end)
    if angle < _SAME:
        return start
    return _unit(*_sum(sin((1 - part) * angle), start, sin(part * angle), end))
