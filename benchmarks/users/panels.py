"""The panels of a city dashboard, as a table: what one looks at, and how often."""

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final, NamedTuple, TypeAlias
from urllib.parse import quote, urlencode

from benchmarks.users.asked import Asked
from broker.cli.city.domains import FLEETS
from broker.cli.city.fleet import Fleet
from broker.cli.city.generate import City
from broker.cli.city.town import BLOCK, Town, position

MAP_SIZE: Final = 1000
"""Entities that a map shows."""
DAY: Final = timedelta(days=1)
_BY_CODE: Final = {fleet.code: fleet for fleet in FLEETS}


class View(NamedTuple):
    """The city that the panels show."""

    city: City
    town: Town
    random: Random

    def fleet(self, codes: Sequence[str]) -> Fleet:
        """One of these fleets."""
        return _BY_CODE[self.random.choice(codes)]

    def entity_id(self, fleet: Fleet) -> str:
        """One of its entities."""
        return f"{fleet.prefix}{self.random.randrange(self.city.counts[fleet.code]):06d}"

    def box(self, hits: int, count: int) -> str:
        """A rectangle with about `hits` of `count` entities that lie all over the city: GeoJSON coordinates."""
        west, south, east, north = self.corners(min(1.0, hits / count))
        return f"[[[{west},{south}],[{east},{south}],[{east},{north}],[{west},{north}],[{west},{south}]]]"

    def corners(self, part: float) -> tuple[float, float, float, float]:
        """West, south, east, north of a square that is such a part of the city."""
        side = self.town.blocks * BLOCK * math.sqrt(part)
        place = self.town.place(self.random.random())
        west, south = position(place.x - side / 2, place.y - side / 2)
        east, north = position(place.x + side / 2, place.y + side / 2)
        return west, south, east, north

    def point(self) -> str:
        """A place in the city: GeoJSON coordinates."""
        place = self.town.place(self.random.random())
        x, y = position(place.x, place.y)
        return f"[{x},{y}]"


Draw: TypeAlias = Callable[[View], Asked]

MAPPED: Final = ("meter", "watermeter", "device", "lamp", "spot", "bin", "room")
FILTERS: Final = {
    "lamp": 'powerState=="on"',
    "spot": 'status=="free"',
    "bin": "fillingLevel>0.9",
    "room": "co2>1200",
    "traffic": "congested==true",
    "device": "batteryLevel<0.1",
}
"""Fleet to what one filters it by."""
RELATED: Final = {
    "lamp": ("refStreetlightControlCabinet", "cabinet"),
    "reading": ("refDevice", "device"),
    "arrival": ("hasStop", "stop"),
    "spot": ("refParkingSite", "onstreet"),
}
"""Fleet to its relationship, and the fleet that this leads to."""
DRAWN: Final = {"meter": "totalConsumption", "room": "temperature", "traffic": "intensity", "bin": "fillingLevel"}
"""Fleet to the attribute whose history one draws."""


def _query(name: str, fleet: Fleet, **parameters: str | int) -> Asked:
    given = {"type": fleet.type, "format": "simplified"} | parameters
    return Asked(name, "GET", f"/entities?{urlencode(given)}", fleet.context)


def _map(view: View) -> Asked:
    fleet = view.fleet(MAPPED)
    box = view.box(MAP_SIZE, view.city.counts[fleet.code])
    return _query("map", fleet, georel="within", geometry="Polygon", coordinates=box, limit=MAP_SIZE)


def _filter(view: View) -> Asked:
    fleet = view.fleet(tuple(FILTERS))
    return _query("type and q", fleet, q=FILTERS[fleet.code], limit=20)


def _relationship(view: View) -> Asked:
    fleet = view.fleet(tuple(RELATED))
    name, target = RELATED[fleet.code]
    return _query("relationship", fleet, q=f'{name}=="{view.entity_id(_BY_CODE[target])}"', limit=100)


def _count(view: View) -> Asked:
    return _query("count", view.fleet(MAPPED), count="true", limit=0)


def _near(view: View) -> Asked:
    fleet = view.fleet(MAPPED)
    near = {"georel": "near;maxDistance==300", "geometry": "Point", "coordinates": view.point()}
    return _query("near", fleet, limit=100, **near)


def _latest(view: View) -> Asked:
    return _history("last 100", view, lastN="100", format="temporalValues")


def _hourly(view: View) -> Asked:
    since = (datetime.now(UTC) - DAY).strftime("%Y-%m-%dT%H:%M:%SZ")
    wanted = {"timerel": "after", "timeAt": since, "aggrMethods": "avg,max", "aggrPeriodDuration": "PT1H"}
    return _history("hourly aggregates", view, format="aggregatedValues", **wanted)


def _history(name: str, view: View, **parameters: str) -> Asked:
    fleet = view.fleet(tuple(DRAWN))
    given = {"attrs": DRAWN[fleet.code], "timeproperty": "observedAt"} | parameters
    path = f"/temporal/entities/{quote(view.entity_id(fleet), safe=':')}?{urlencode(given)}"
    return Asked(name, "GET", path, fleet.context)


def _by_id(view: View) -> Asked:
    fleet = view.fleet(MAPPED)
    return Asked("by id", "GET", f"/entities/{view.entity_id(fleet)}", fleet.context)


PANELS: Final[Sequence[tuple[float, Draw]]] = (
    (0.40, _map),
    (0.25, _filter),
    (0.10, _relationship),
    (0.10, _count),
    (0.05, _latest),
    (0.05, _hourly),
    (0.05, _by_id),
)
"""The dashboard of the load: share of the requests, and what is asked."""
GEO_PANELS: Final[Sequence[tuple[float, Draw]]] = (
    (0.40, _map),
    (0.25, _filter),
    (0.10, _relationship),
    (0.10, _count),
    (0.10, _near),
    (0.05, _by_id),
)
"""The same without history: near instead."""


def drawn(view: View, panels: Sequence[tuple[float, Draw]] = PANELS) -> Asked:
    """One request of a dashboard."""
    draw = view.random.choices([each for _, each in panels], [share for share, _ in panels])[0]
    return draw(view)
