"""Regions on the Earth in cells of a grid, so that what concerns a place is found by look-ups.

A level has cells of 360°/2^level. A region lies in the few cells that its box touches at the level where a cell is
about as large as it is; a place is looked up at each level that there is. Boxes are generous: they only narrow down.
"""

import math
from collections.abc import Iterator
from typing import Any, Final, Generic, NamedTuple, TypeAlias, assert_never

from broker.query.ast import Coordinates, GeoCondition, Relation
from broker.subscriptions.buckets import Buckets, V

MAX_LEVEL: Final = 18
MAX_CELLS: Final = 64
"""Cells of one level that are looked up for one geometry; beyond, the whole level is looked through."""
_METRES_PER_DEGREE: Final = 110_000.0
"""A little less than there are, for boxes that are a little wider."""
_MARGIN: Final = 1e-5
"""Degrees around each box."""
_WIDE: Final = 90.0
"""Degrees of longitude from which on a box is that of the whole Earth: its edges may go the other way round."""
_STEEP: Final = 85.0
"""Degrees of latitude from which on a distance may go over the pole."""

_Cell: TypeAlias = tuple[int, int, int]
"""Level, column, row."""


class Box(NamedTuple):
    """Longitudes and latitudes from and to."""

    west: float
    south: float
    east: float
    north: float


WORLD: Final = Box(-180.0, -90.0, 180.0, 90.0)


def region(condition: GeoCondition) -> Box | None:
    """Where every geometry that meets the condition has a part; None if that is anywhere."""
    match condition.relation:
        case Relation.FARTHER | Relation.DISJOINT:
            return None
        case Relation.NEARER:
            found = _around(box_of(condition.coordinates), condition.metres)
        case Relation.WITHIN | Relation.CONTAINS | Relation.INTERSECTS | Relation.EQUALS | Relation.OVERLAPS:
            found = box_of(condition.coordinates)
        case _:
            assert_never(condition.relation)
    return None if found == WORLD else found


def box_of(coordinates: Coordinates | list[Any]) -> Box:
    """The box of a geometry whose edges are the shortest lines on a sphere: they bulge towards the poles."""
    positions = list(_positions(coordinates))
    west = min(position[0] for position in positions)
    east = max(position[0] for position in positions)
    south = min(position[1] for position in positions)
    north = max(position[1] for position in positions)
    width = east - west
    if width >= _WIDE:
        return WORLD
    if width:
        north = _bulged(north, width) if north > 0 else north
        south = -_bulged(-south, width) if south < 0 else south
    return Box(west - _MARGIN, max(south - _MARGIN, -90.0), east + _MARGIN, min(north + _MARGIN, 90.0))


def _positions(coordinates: Any) -> Iterator[Any]:
    if isinstance(coordinates[0], int | float):
        yield coordinates
    else:
        for inner in coordinates:
            yield from _positions(inner)


def _bulged(latitude: float, width: float) -> float:
    """The highest latitude of a line between two positions at a latitude that are `width` apart."""
    return math.degrees(math.atan(math.tan(math.radians(latitude)) / math.cos(math.radians(width / 2))))


def _around(box: Box, metres: float) -> Box:
    degrees = metres / _METRES_PER_DEGREE
    south, north = box.south - degrees, box.north + degrees
    farthest = max(abs(south), abs(north))
    if farthest >= _STEEP:
        return WORLD
    sideways = degrees / math.cos(math.radians(farthest))
    if box.east - box.west + 2 * sideways >= _WIDE:
        return WORLD
    return Box(box.west - sideways, south, box.east + sideways, north)


class Grid(Generic[V]):
    """Entries by the cells of their boxes."""

    __slots__ = ("_cells", "_levels")

    def __init__(self) -> None:
        self._cells: Buckets[_Cell, V] = Buckets()
        self._levels: dict[int, int] = {}
        """How many entries each level has."""

    def __bool__(self) -> bool:
        return bool(self._levels)

    def add(self, box: Box, entry: V) -> None:
        """Put an entry."""
        level = _level(box)
        self._levels[level] = self._levels.get(level, 0) + 1
        for cell in _cells(box, level):
            self._cells.add(cell, entry)

    def remove(self, box: Box, entry: V) -> None:
        """Take an entry away that was put with this box."""
        level = _level(box)
        self._levels[level] -= 1
        if not self._levels[level]:
            del self._levels[level]
        for cell in _cells(box, level):
            self._cells.remove(cell, entry)

    def collect(self, geometry: dict[str, Any], found: set[V]) -> None:
        """Add the entries whose boxes may touch a geometry."""
        coordinates = geometry["coordinates"]
        if geometry["type"] == "Point":
            across, up = (coordinates[0] + 180.0) / 360.0, (coordinates[1] + 90.0) / 360.0
            for level in self._levels:
                cells = 1 << level
                self._cells.collect((level, int(across * cells) % cells, int(up * cells)), found)
        else:
            box = box_of(coordinates)
            for level in self._levels:
                self._touching(box, level, found)

    def _touching(self, box: Box, level: int, found: set[V]) -> None:
        size = 360.0 / (1 << level)
        if ((box.east - box.west) / size + 2) * ((box.north - box.south) / size + 2) > MAX_CELLS:
            for (each, _, _), entries in self._cells.all():
                if each == level:
                    found.update(entries)
            return
        for cell in _cells(box, level):
            self._cells.collect(cell, found)


def _level(box: Box) -> int:
    extent = max(box.east - box.west, box.north - box.south)
    return max(0, min(MAX_LEVEL, math.floor(math.log2(360.0 / extent))))


def _cells(box: Box, level: int) -> set[_Cell]:
    """The cells that a box touches; east of 180° comes the west again."""
    cells = 1 << level
    columns = range(math.floor((box.west + 180.0) / 360.0 * cells), math.floor((box.east + 180.0) / 360.0 * cells) + 1)
    rows = range(math.floor((box.south + 90.0) / 360.0 * cells), math.floor((box.north + 90.0) / 360.0 * cells) + 1)
    return {(level, column % cells, row) for column in columns for row in rows}
