"""A dashboard's load on the sample city: panels and maps, in an open loop at a part of what the broker can do."""

import asyncio
import random
from collections.abc import Callable, Sequence
from statistics import mean, quantiles
from time import perf_counter
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from pymongo import MongoClient

from benchmarks import open_loop
from benchmarks.open_loop import Connection
from benchmarks.systems import DATABASE, Served
from broker.model.entity import decode
from broker.names import API_ROOT, CONTEXT_REL
from broker.store.indexes import ENTITIES

CONTEXT: Final = "https://raw.githubusercontent.com/smart-data-models/dataModel.Streetlighting/master/context.jsonld"
MAP: Final = 1000
CLIENTS: Final = 16
"""In the closed loop that finds the capacity."""
PART: Final = 0.7
OK: Final = 200
GOALS: Final = {"map": 300.0, "panel": 100.0}
"""Milliseconds, p95."""


class Lamp(NamedTuple):
    """A streetlight of the city."""

    id: str
    longitude: float
    latitude: float
    cabinet: str


class Lamps:
    """Those of the city, and how much of it holds a map of them."""

    def __init__(self, lamps: Sequence[Lamp]) -> None:
        self.all = lamps
        part = (MAP / len(lamps)) ** 0.5 / 2
        self.width = part * (max(lamp.longitude for lamp in lamps) - min(lamp.longitude for lamp in lamps))
        self.height = part * (max(lamp.latitude for lamp in lamps) - min(lamp.latitude for lamp in lamps))


def lamps(uri: str) -> Lamps:
    """Read the streetlights from the database."""
    found = []
    with MongoClient[dict[str, Any]](uri) as client:
        for document in client[DATABASE][ENTITIES].find({"_id": {"$regex": "^urn:ngsi-ld:Streetlight:"}}, {"j": 1}):
            values = {name.rpartition("/")[2]: each for name, each in decode(document["j"]).attributes.items()}
            place = values["location"][0]["value"]["coordinates"]
            cabinet = values["refStreetlightControlCabinet"][0]["object"]
            found.append(Lamp(document["_id"], place[0], place[1], cabinet))
    return Lamps(found)


def _map(city: Lamps, lamp: Lamp) -> str:
    west, east = lamp.longitude - city.width, lamp.longitude + city.width
    south, north = lamp.latitude - city.height, lamp.latitude + city.height
    ring = f"[[[{west},{south}],[{east},{south}],[{east},{north}],[{west},{north}],[{west},{south}]]]"
    place = f"georel=within&geometry=Polygon&coordinates={ring}"
    return f"entities?type=Streetlight&{place}&limit={MAP}&format=simplified"


def _condition(_: Lamps, lamp: Lamp) -> str:
    condition = quote(f'streetPoleNum=="P{lamp.id.rpartition("-")[2]}"|powerConsumption>99.9', safe="")
    return f"entities?type=Streetlight&q={condition}&format=simplified"


def _related(_: Lamps, lamp: Lamp) -> str:
    condition = quote(f'refStreetlightControlCabinet=="{lamp.cabinet}"', safe="")
    return f"entities?type=Streetlight&q={condition}&format=simplified"


def _count(_: Lamps, lamp: Lamp) -> str:
    kind = ("Streetlight", "Device", "ParkingSpot", "Building")[int(lamp.id[-1]) % 4]
    return f"entities?type={kind}&count=true&limit=0"


def _near(_: Lamps, lamp: Lamp) -> str:
    place = f"georel=near;maxDistance==150&geometry=Point&coordinates=[{lamp.longitude},{lamp.latitude}]"
    return f"entities?type=Streetlight&{place}&format=simplified"


def _one(_: Lamps, lamp: Lamp) -> str:
    return f"entities/{lamp.id}"


Ask = Callable[[Lamps, Lamp], str]
MIX: Final[tuple[tuple[str, int, Ask], ...]] = (
    ("map", 40, _map),
    ("type and q", 25, _condition),
    ("relationship", 10, _related),
    ("count", 10, _count),
    ("near", 10, _near),
    ("by id", 5, _one),
)
"""What a dashboard asks for, in percent."""


class Panel(NamedTuple):
    """What one kind of requests came to; milliseconds."""

    name: str
    requests: int
    p50: float
    p95: float
    hits: float


class Load(NamedTuple):
    """A run of the dashboard: requests a second that the broker can do and that were sent."""

    capacity: float
    sent: float
    panels: list[Panel]
    errors: int


async def measure(broker: Served, city: Lamps, seconds: float, seed: int) -> Load:
    """Find what the broker can do, then send a part of that."""
    randomness = random.Random(seed)

    def ask() -> tuple[str, bytes]:
        return _request(broker.address, city, randomness)

    capacity = await _closed_loop(broker, ask, seconds / 2)
    rate = capacity * PART
    took: dict[str, list[tuple[float, int]]] = {name: [] for name, _, _ in MIX}
    errors = 0
    for timed in await open_loop.send(broker.address, ask, rate, seconds, randomness):
        if timed.answer.status == OK:
            took[timed.kind].append((timed.seconds * 1000, timed.answer.body.count(b'"id":')))
        else:
            errors += 1
    return Load(capacity, rate, [_panel(name, each) for name, each in took.items()], errors)


async def _closed_loop(broker: Served, ask: Callable[[], tuple[str, bytes]], seconds: float) -> float:
    """Requests a second with CLIENTS that never pause. Raises RuntimeError if one is refused."""
    done = 0
    over = perf_counter() + seconds

    async def client() -> None:
        nonlocal done
        connection = Connection(broker.address)
        while perf_counter() < over:
            name, request = ask()
            answer = await connection.send(request)
            if answer.status != OK:
                raise RuntimeError(f"The broker answers {answer.status} to {name}: {answer.body[:300]!r}")
            done += 1
        connection.close()

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return done / seconds


def _request(address: str, city: Lamps, randomness: random.Random) -> tuple[str, bytes]:
    name, _, ask = randomness.choices(MIX, [weight for _, weight, _ in MIX])[0]
    path = ask(city, randomness.choice(city.all))
    link = f'<{CONTEXT}>; rel="{CONTEXT_REL}"; type="application/ld+json"'
    head = f"GET {API_ROOT}/{path} HTTP/1.1\r\nHost: {address}\r\nAccept: application/json\r\nLink: {link}"
    return name, f"{head}\r\n\r\n".encode()


def _panel(name: str, took: Sequence[tuple[float, int]]) -> Panel:
    if len(took) < 2:
        return Panel(name, len(took), 0.0, 0.0, 0.0)
    cuts = quantiles([latency for latency, _ in took], n=20, method="inclusive")
    return Panel(name, len(took), cuts[9], cuts[18], mean(hits for _, hits in took))


def goal(name: str) -> float:
    """Milliseconds within which 95 of 100 answers of a kind shall come."""
    return GOALS.get(name, GOALS["panel"])
