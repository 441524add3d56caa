"""The ground plan: a grid of streets in one bounding box, and one walk through all of it.

Everything has its place by a fraction of that walk. So entities of two fleets with equal fractions are neighbours,
and a relationship by equal fractions (lamp to group to cabinet) joins what lies together.
"""

from collections.abc import Sequence
from math import cos, radians, sin, sqrt
from typing import Any, Final, NamedTuple

NAME: Final = "Polderstad"
COUNTRY: Final = "NL"
CENTRE: Final = (5.6, 52.45)
"""Longitude and latitude, degrees."""
BLOCK: Final = 110.0
"""Distance of two parallel streets, metres."""
TURN: Final = radians(11)
"""The grid against the meridian."""
DISTRICTS: Final = {"centre": (0, 0), "north": (0, 1), "east": (1, 0), "south": (0, -1), "west": (-1, 0)}
"""District to its direction from the centre, eastwards and northwards."""

_METRE: Final = 1 / 111_320
_LON_X, _LON_Y = cos(TURN) * _METRE / cos(radians(CENTRE[1])), sin(TURN) * _METRE / cos(radians(CENTRE[1]))
_LAT_X, _LAT_Y = -sin(TURN) * _METRE, cos(TURN) * _METRE

_STREETS: Final = (
    "Market Street", "Harbour Street", "Lindenstraße", "Rue de la Paix", "Calle Mayor", "Via Roma", "Kerkstraat",
    "Ulica Długa", "Óðinsgata", "Rua Augusta", "Οδός Ερμού", "улица Мира", "Strada Păcii", "Vörösmarty utca",
    "青山通り", "Çiçek Sokağı", "Mill Lane", "Schoolstraat", "Mannerheimintie", "Vilniaus gatvė",
)  # fmt: skip
_AVENUES: Final = (
    "First Avenue", "Park Avenue", "Avenue du Lac", "Avenida del Río", "Dijkweg", "Bahnhofsallee", "Stationsweg",
    "Aleja Róż", "Λεωφόρος Αθηνών", "проспект Науки", "Bulevardul Unirii", "شارع النيل", "Havneallé", "River Walk",
)  # fmt: skip

Position = list[float]
Geometry = dict[str, Any]


class Cell(NamedTuple):
    """A corner of the grid, and the street and the avenue that leave it. Metres from the centre."""

    x: float
    y: float
    district: str
    street: str
    avenue: str
    postcode: str


class Place(NamedTuple):
    """A point on the middle line of a street. `east`: the street runs from west to east, else from south to north."""

    x: float
    y: float
    east: bool
    number: int
    cell: Cell


class Loop(NamedTuple):
    """A rectangle of streets on which a vehicle goes round. Metres."""

    x: float
    y: float
    width: float
    height: float


class Town:
    """The streets of a city of about so many entities. A value: computed once, from the number alone."""

    def __init__(self, entities: int) -> None:
        self.blocks = max(8, min(130, round(110 * sqrt(entities / 1_490_000))))
        self._walk = self._cells()

    def _cells(self) -> Sequence[Cell]:
        """The cells in the order of the walk, forth and back; those of the centre count threefold: it is dense."""
        size = self.blocks
        cells = []
        for row in range(size):
            for step in range(size):
                column = step if row % 2 == 0 else size - 1 - step
                across, up = (column + 0.5) / size * 2 - 1, (row + 0.5) / size * 2 - 1
                cell = Cell(
                    round((column - size / 2) * BLOCK, 2),
                    round((row - size / 2) * BLOCK, 2),
                    _district(across, up),
                    _named(_STREETS, row),
                    _named(_AVENUES, column),
                    f"{8200 + row // 8} {chr(65 + row % 26)}{chr(65 + column % 26)}",
                )
                cells.extend([cell] * (3 if cell.district == "centre" else 1))
        return cells

    def place(self, fraction: float) -> Place:
        """Where the walk is after this fraction of it, 0 <= fraction < 1."""
        step = fraction * len(self._walk)
        cell = self._walk[int(step)]
        along = step % 1.0 * 2
        if along < 1:
            return Place(cell.x + along * BLOCK, cell.y, True, 1 + int(along * 110), cell)
        along -= 1
        return Place(cell.x, cell.y + along * BLOCK, False, 1 + int(along * 110), cell)

    def middle(self, district: str) -> Geometry:
        """The point in the middle of a district."""
        across, up = DISTRICTS[district]
        far = self.blocks * BLOCK / 3
        return {"type": "Point", "coordinates": position(across * far, up * far)}

    def loop(self, across: float, up: float, size: float) -> Loop:
        """A rectangle of streets; the arguments, 0–1, say where and how large."""
        largest = max(2, min(16, self.blocks // 2))
        width = 2 + int(size * (largest - 1))
        height = 2 + int((1 - size) * (largest - 1))
        column = int(across * (self.blocks - width))
        row = int(up * (self.blocks - height))
        half = self.blocks / 2
        return Loop((column - half) * BLOCK, (row - half) * BLOCK, width * BLOCK, height * BLOCK)


def _district(across: float, up: float) -> str:
    if max(abs(across), abs(up)) < 0.34:
        return "centre"
    if abs(up) > abs(across):
        return "north" if up > 0 else "south"
    return "east" if across > 0 else "west"


def _named(names: Sequence[str], number: int) -> str:
    """A name for the street with this number; round after round through the names, told apart by an ordinal."""
    lap, which = divmod(number, len(names))
    return names[which] if lap == 0 else f"{names[which]} {lap + 1}"


def position(x: float, y: float) -> Position:
    """Longitude and latitude of a point in metres from the centre."""
    return [round(CENTRE[0] + x * _LON_X + y * _LON_Y, 6), round(CENTRE[1] + x * _LAT_X + y * _LAT_Y, 6)]


def street(place: Place) -> str:
    """The name of the street or avenue."""
    return place.cell.street if place.east else place.cell.avenue


def point(place: Place, beside: float) -> Geometry:
    """A point so many metres beside the middle of the street."""
    if place.east:
        return {"type": "Point", "coordinates": position(place.x, place.y + beside)}
    return {"type": "Point", "coordinates": position(place.x - beside, place.y)}


def rectangle(place: Place, beside: float, length: float, depth: float) -> Geometry:
    """A polygon that begins so many metres beside the street and is so long along it (a ring, counter-clockwise)."""
    if place.east:
        west, south, east, north = place.x, place.y + beside, place.x + length, place.y + beside + depth
    else:
        west, south, east, north = place.x - beside - depth, place.y, place.x - beside, place.y + length
    first = position(west, south)
    ring = [first, position(east, south), position(east, north), position(west, north), first]
    return {"type": "Polygon", "coordinates": [ring]}


def line(place: Place, length: float) -> Geometry:
    """A line of three points along the street."""
    return {"type": "LineString", "coordinates": _along(place, length, 0.0)}


def end(place: Place, length: float) -> Geometry:
    """The point at which that line ends."""
    return {"type": "Point", "coordinates": _along(place, length, 0.0)[-1]}


def lines(place: Place, length: float, apart: float) -> Geometry:
    """Two parallel lines, one on each side of the street."""
    sides = [_along(place, length, apart / 2), _along(place, length, -apart / 2)]
    return {"type": "MultiLineString", "coordinates": sides}


def _along(place: Place, length: float, beside: float) -> list[Position]:
    steps = (0.0, length / 2, length)
    if place.east:
        return [position(place.x + step, place.y + beside) for step in steps]
    return [position(place.x - beside, place.y + step) for step in steps]


def around(loop: Loop, distance: float) -> tuple[Position, int]:
    """Position and heading (degrees from north) after so many metres on a loop, counter-clockwise."""
    x, y, width, height = loop
    rest = distance % (2 * (width + height))
    if rest < width:
        return position(x + rest, y), 101
    rest -= width
    if rest < height:
        return position(x + width, y + rest), 11
    rest -= height
    if rest < width:
        return position(x + width - rest, y + height), 281
    return position(x, y + height - (rest - width)), 191
