"""Who subscribes to the city's life: systems that watch a district, people who watch one place; and who is notified.

The numbers are of a city of 1.49 million entities: 500 of systems (wide: a type, a threshold, a district) and 10 000
of people (one entity, one threshold). A smaller city has as large a part of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from random import Random
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.users.panels import View
from broker.cli.city.domains import FLEETS
from broker.cli.city.fleet import SIZES, Fleet
from broker.cli.city.generate import City
from broker.cli.city.moment import instant, signals
from broker.cli.city.town import Town

SYSTEMS: Final = 500
PEOPLE: Final = 10_000
WHOLE: Final = SIZES["city"]
WATCHED: Final = {
    "room": "co2",
    "reading": "numValue",
    "thermometer": "temperature",
    "pv": "activePower",
    "traffic": "intensity",
    "bin": "fillingLevel",
}
"""Fleet to the number that one watches; things that stay where they are."""
RARE: Final = 0.9
"""Part of the values below a system's threshold; a person's is the median."""
DISTRICT: Final = 0.02
"""Part of the city that a system watches."""
SLOW_SHARE: Final = 0.01
DEAD_SHARE: Final = 0.01
"""Receivers that take five seconds, and that aren't there."""
SAMPLED: Final = 500

FLEET_OF: Final = {fleet.code: fleet for fleet in FLEETS}


class Watch(NamedTuple):
    """A subscription: of a place (`entity`) or of a district (`box`: west, south, east, north)."""

    number: int
    code: str
    threshold: float
    entity: int | None
    box: tuple[float, float, float, float] | None
    sink: str
    """`fast`, `slow` or `dead`."""

    def document(self, endpoint: str) -> dict[str, Any]:
        """As it is sent; in the terms of its fleet's @context."""
        fleet, attribute = FLEET_OF[self.code], WATCHED[self.code]
        selector = {"type": fleet.type} | ({} if self.entity is None else {"id": f"{fleet.prefix}{self.entity:06d}"})
        document: dict[str, Any] = {
            "id": f"urn:ngsi-ld:Subscription:bench-{self.number}",
            "type": "Subscription",
            "entities": [selector],
            "watchedAttributes": [attribute],
            "q": f"{attribute}>{self.threshold}",
            "notification": {"attributes": [attribute], "endpoint": {"uri": endpoint, "accept": "application/json"}},
        }
        if self.box is not None:
            west, south, east, north = self.box
            ring = [[[west, south], [east, south], [east, north], [west, north], [west, south]]]
            document["geoQ"] = {"georel": "within", "geometry": "Polygon", "coordinates": ring}
        return document


class Written(NamedTuple):
    """The acknowledged updates of a fleet, one element each: number of the entity, instant, the watched value."""

    numbers: NDArray[np.uint32]
    t: NDArray[np.float64]
    value: NDArray[np.float64]


def watches(city: City, entities: int, t: float, times: float = 1.0) -> list[Watch]:
    """The subscriptions of a city of so many entities; `times` as many as it would have."""
    random = Random(f"{city.seed}/watches")
    view = View(city, Town(entities), random)
    levels = {code: _levels(city, FLEET_OF[code], t) for code in WATCHED}
    part = times * entities / WHOLE
    found: list[Watch] = []
    for number in range(max(1, round(SYSTEMS * part)) + max(1, round(PEOPLE * part))):
        is_system = number < max(1, round(SYSTEMS * part))
        code = random.choice(list(WATCHED))
        threshold = levels[code][int(len(levels[code]) * (RARE if is_system else 0.5))]
        index = None if is_system else random.randrange(city.counts[code])
        box = view.corners(DISTRICT) if is_system else None
        found.append(Watch(number, code, threshold, index, box, _sink(random)))
    return found


def _sink(random: Random) -> str:
    drawn = random.random()
    return "slow" if drawn < SLOW_SHARE else "dead" if drawn < SLOW_SHARE + DEAD_SHARE else "fast"


def _levels(city: City, fleet: Fleet, t: float) -> list[float]:
    """Values that a fleet reports, sorted."""
    random, moment = Random(f"{city.seed}/levels"), signals(city.seed, t)
    drawn = (random.randrange(city.counts[fleet.code]) for _ in range(SAMPLED))
    return sorted(float(city.update(fleet, index, t, moment, random)[WATCHED[fleet.code]]["value"]) for index in drawn)


def places(city: City) -> dict[str, NDArray[np.float64]]:
    """Fleet to the corners of each of its entities, longitude and latitude: of points, one."""
    return {code: np.array([_corners(entity) for entity in city.entities(FLEET_OF[code])]) for code in WATCHED}


def _corners(entity: Mapping[str, Any]) -> list[list[float]]:
    place = entity["location"]["value"]
    corners: list[list[float]] = [place["coordinates"]] if place["type"] == "Point" else place["coordinates"]
    return corners


def expected(
    watched: Sequence[Watch], written: Mapping[str, Written], where: Mapping[str, NDArray[np.float64]]
) -> Iterator[tuple[Watch, set[int]]]:
    """Each subscription and the keys of the updates that it has to be notified of."""
    for watch in watched:
        updates = written.get(watch.code)
        if updates is None:
            continue
        hit = updates.value > watch.threshold
        if watch.entity is not None:
            hit &= updates.numbers == watch.entity
        if watch.box is not None:
            hit &= inside(where[watch.code], watch.box)[updates.numbers]
        found = zip(updates.numbers[hit].tolist(), updates.t[hit].tolist(), strict=True)
        yield watch, {report_key(watch.code, index, t) for index, t in found}


def inside(corners: NDArray[np.float64], box: tuple[float, float, float, float]) -> NDArray[np.bool_]:
    """Which entities are within a box: with all of their corners."""
    west, south, east, north = box
    x, y = corners[:, :, 0], corners[:, :, 1]
    within: NDArray[np.bool_] = (x > west) & (x < east) & (y > south) & (y < north)
    found: NDArray[np.bool_] = np.all(within, axis=1)
    return found


def report_key(code: str, index: int, t: float) -> int:
    """The key of what an entity of a fleet reports at `t`."""
    return key(f"{FLEET_OF[code].prefix}{index:06d}", instant(t))


def key(entity_id: str, observed_at: str) -> int:
    """A number that stands for a report of an entity."""
    return int.from_bytes(blake2b(f"{entity_id} {observed_at}".encode(), digest_size=8).digest(), "little")
