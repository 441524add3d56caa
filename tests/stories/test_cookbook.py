"""Each query of docs/cookbook.md, run as it stands there, finds what the city holds, by day and by night.

What is expected is computed from the entities as they were generated. Distances and areas are those of a plane, which a
city is small enough for: whatever lies too close to a limit to tell is refused by the tests.
"""

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from math import cos, radians
from pathlib import Path
from typing import Any, Final, TypeAlias

import orjson
import pytest
import shapely
from shapely import LineString, Point, Polygon
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from broker.cli.city.generate import NOON
from tests.conftest import RunningBroker
from tests.stories.conftest import Entity, SampleCity, loaded

pytestmark = pytest.mark.http

PAGE: Final = Path(__file__).parents[2] / "docs" / "cookbook.md"
BLOCKS: Final = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
FUNCTIONS: Final[str] = BLOCKS[0]
QUERIES: Final = {block[2:].partition(":")[0]: block for block in BLOCKS[1:]}
NIGHT: Final = NOON + 11 * 3600
CLOSE: Final = 0.002
"""A part of a distance within which the plane does not decide."""

Expected: TypeAlias = Callable[[SampleCity], Any]


@pytest.fixture(scope="module")
def night(running_broker: RunningBroker) -> Iterator[SampleCity]:
    with loaded(running_broker, 3_000, NIGHT) as city:
        yield city


def run(broker: RunningBroker, city: SampleCity, query: str) -> str:
    """What a query of the page prints."""
    script = FUNCTIONS.replace("http://localhost:1026", broker.url) + query
    environment = {"PATH": os.environ["PATH"], "TENANT": city.tenant}
    done = subprocess.run(["bash", "-euc", script], env=environment, capture_output=True, check=True, timeout=60)
    return done.stdout.decode()


# What the city holds.


def value(entity: Entity, name: str) -> Any:
    attribute = entity.get(name, {})
    return attribute.get("value", attribute.get("object", attribute.get("languageMap")))


def those(city: SampleCity, *codes: str, having: Callable[[Entity], bool] = lambda _: True) -> list[Entity]:
    return [entity for code in codes for entity in city.fleet(code) if having(entity)]


def ids(city: SampleCity, *codes: str, having: Callable[[Entity], bool] = lambda _: True) -> list[str]:
    return sorted(entity["id"] for entity in those(city, *codes, having=having))


def number(city: SampleCity, *codes: str, having: Callable[[Entity], bool] = lambda _: True) -> int:
    return len(those(city, *codes, having=having))


def metres(geometry: BaseGeometry) -> BaseGeometry:
    """The plane that touches the city: metres per degree."""
    scale = (111_195 * cos(radians(52.45)), 111_195)
    return shapely.transform(geometry, lambda positions: positions * scale)


def place(entity: Entity) -> BaseGeometry:
    return metres(shape(value(entity, "location")))


def distance(entity: Entity, lon: float, lat: float) -> float:
    found: float = place(entity).distance(metres(Point(lon, lat)))
    return found


def near(limit: float, lon: float, lat: float) -> Callable[[Entity], bool]:
    def holds(entity: Entity) -> bool:
        found = distance(entity, lon, lat)
        assert abs(found - limit) > CLOSE * limit, "choose another limit: this one is too close to tell"
        return found < limit

    return holds


def area(*corners: tuple[float, float]) -> BaseGeometry:
    return metres(Polygon(corners))


def box(west: float, south: float, east: float, north: float) -> BaseGeometry:
    return area((west, south), (east, south), (east, north), (west, north))


def touches(where: BaseGeometry) -> Callable[[Entity], bool]:
    def holds(entity: Entity) -> bool:
        assert LineString(where.exterior.coords).distance(place(entity)) > 0.2 or not isinstance(place(entity), Point)
        return bool(where.intersects(place(entity)))

    return holds


def both(*conditions: Callable[[Entity], bool]) -> Callable[[Entity], bool]:
    return lambda entity: all(condition(entity) for condition in conditions)


LAMP = near(150, 5.5975, 52.4463)
CHARGING = near(540, 5.6, 52.449)
ROUND = box(5.598, 52.444, 5.61, 52.456)
FLOODED = box(5.59955, 52.44655, 5.606, 52.4505)
SCREEN = box(5.59405, 52.4462, 5.599, 52.4492)
CLINIC = (5.5975, 52.4472)
LAMP_0 = "urn:ngsi-ld:Streetlight:lamp-000000"
CABINET_0 = "urn:ngsi-ld:StreetlightControlCabinet:cabinet-000000"


def linked(city: SampleCity, entity_id: str, name: str) -> Entity:
    """The entity that a relationship of an entity names."""
    found: Entity = city.entities[value(city.entities[entity_id], name)]
    return found


def loaded_phase(entity: Entity) -> bool:
    return bool(max(value(entity, "activePower").values()) > 35_000)


def in_order(entities: list[Entity], key: Callable[[Entity], float]) -> list[str]:
    """The ids by a key, equals by id."""
    return [entity["id"] for entity in sorted(entities, key=lambda entity: (key(entity), entity["id"]))]


EXPECTED: Final[dict[str, Expected]] = {
    "U1 traffic": lambda city: number(city, "traffic", having=both(lambda e: value(e, "intensity") >= 5, LAMP)),
    "U1 people": lambda city: number(
        city, "crowd", having=both(lambda e: value(e, "peopleCount") >= 2, near(400, 5.5995, 52.4475))
    ),
    "U1 lamps": lambda city: {
        lamp["id"]: value(lamp, "refStreetlightGroup")
        for lamp in those(
            city, "lamp", having=both(lambda e: (value(e, "powerState"), value(e, "status")) == ("on", "ok"), LAMP)
        )
    },
    "U2 containers": lambda city: [
        (each["id"], value(city.entities[value(each, "refWasteContainerModel")], "cargoVolume"))
        for each in sorted(
            those(
                city,
                "bin",
                having=lambda e: (
                    value(e, "fillingLevel") > 0.6 and value(e, "status") == "ok" and e["scope"] == "/district/north"
                ),
            ),
            key=lambda e: (-value(e, "fillingLevel"), e["id"]),
        )
    ],
    "U2 jams": lambda city: ids(city, "traffic", having=both(lambda e: value(e, "congested"), touches(ROUND))),
    "U2 works": lambda city: ids(
        city, "citywork", having=both(lambda e: value(e, "workState") in ("approved", "authorized"), touches(ROUND))
    ),
    "U3 grid": lambda city: in_order(
        those(city, "substation", having=loaded_phase), lambda e: -value(e, "totalActivePower")
    ),
    "U3 stations": lambda city: ids(city, "ev", having=both(lambda e: value(e, "availableCapacity") > 0, CHARGING)),
    "U3 parking": lambda city: ids(
        city, "offstreet", having=both(lambda e: value(e, "availableSpotNumber") > 10, CHARGING)
    ),
    "U3 both": lambda city: ids(city, "ev", "offstreet", having=CHARGING),
    "U3 sun": lambda city: number(city, "pv", having=lambda e: value(e, "activePower") > 1000),
    "U4 air": lambda city: ids(
        city,
        "air",
        having=both(lambda e: value(e, "o3") > 180 or value(e, "pm25") > 25, near(1000, 5.597, 52.447)),
    ),
    "U4 hot": lambda city: number(city, "careroom", having=lambda e: value(e, "temperature") >= 29),
    "U4 still": lambda city: ids(
        city, "presence", having=lambda e: e["scope"] == "/care/west" and value(e, "movement") is False
    ),
    "U5 danger": lambda city: ids(city, "flood", having=lambda e: value(e, "floodLevelStatus") == "Danger"),
    "U5 map": lambda city: ids(city, "stop", "lamp", "ev", having=touches(FLOODED)),
    "U5 lines": lambda city: ids(city, "route", having=touches(FLOODED)),
    "U6 lamps": lambda city: number(
        city, "lamp", having=lambda e: value(e, "status") != "ok" and e["scope"] == "/district/west"
    ),
    "U6 types": lambda city: len({(fleet.type, fleet.context) for fleet in city.fleets.values()}),
    "U6 indicators": lambda city: ids(city, "kpi", having=lambda e: value(e, "currentStanding") in ("bad", "veryBad")),
    "U6 box": lambda city: ids(city, "lamp", having=touches(SCREEN)),
    "U7 place": lambda city: {
        each["id"]: value(each, "name")["de"]
        for each in those(city, "poi", having=lambda e: "pharmacy" in value(e, "category"))
    },
    "U7 spots": lambda city: in_order(
        those(city, "spot", having=both(lambda e: value(e, "status") == "free", near(620, *CLINIC))),
        lambda e: distance(e, *CLINIC),
    ),
    "U7 zones": lambda city: ids(city, "onstreet", having=lambda e: "forDisabled" in value(e, "category")),
    "U7 queue": lambda city: ids(city, "queue", having=lambda e: value(e, "officeName").startswith("Clinic")),
    "Cables up": lambda city: {
        "id": LAMP_0,
        "refStreetlightModel": linked(city, LAMP_0, "refStreetlightModel")["id"],
        "refStreetlightGroup": {
            "id": (group := linked(city, LAMP_0, "refStreetlightGroup"))["id"],
            "refStreetlightControlCabinet": {
                "id": (cabinet := linked(city, group["id"], "refStreetlightControlCabinet"))["id"],
                "serialNumber": value(cabinet, "serialNumber"),
            },
        },
    },
    "Cables down": lambda city: sorted(
        {
            each
            for lamp in those(city, "lamp", having=lambda e: value(e, "refStreetlightControlCabinet") == CABINET_0)
            for each in (lamp["id"], value(lamp, "refStreetlightGroup"), value(lamp, "refStreetlightModel"))
        }
    ),
    "Cables along": lambda city: ids(
        city,
        "lamp",
        having=lambda e: (
            value(linked(city, e["id"], "refStreetlightGroup"), "refStreetlightControlCabinet") == CABINET_0
        ),
    ),
    "Cables nearest": lambda city: in_order(those(city, "cabinet"), lambda e: distance(e, 5.5975, 52.4463)),
}
"""Query to what it finds, in the shape of `FOUND`."""

FOUND: Final[dict[str, Callable[[Any], Any]]] = {
    "U1 lamps": lambda answer: {each["id"]: each["refStreetlightGroup"] for each in answer},
    "U2 containers": lambda answer: [
        (each["id"], each["refWasteContainerModel"]["entity"]["cargoVolume"]["value"]) for each in answer
    ],
    "U3 grid": lambda answer: [each["id"] for each in answer],
    "U5 map": lambda answer: sorted(feature["id"] for feature in answer["features"]),
    "U6 types": len,
    "U7 place": lambda answer: {each["id"]: each["name"] for each in answer},
    "U7 spots": lambda answer: [each["id"] for each in answer],
    "Cables up": lambda answer: answer,
    "Cables nearest": lambda answer: [each["id"] for each in answer],
}
"""Query to what of its answer is compared; of others the ids, or the number."""


def found(name: str, printed: str) -> Any:
    answer = orjson.loads(printed)
    if name in FOUND:
        return FOUND[name](answer)
    return answer if isinstance(answer, int) else sorted(each["id"] for each in answer)


def test_every_query_of_the_page_is_tried() -> None:
    assert QUERIES.keys() == EXPECTED.keys()


@pytest.mark.parametrize("name", EXPECTED)
def test_a_query_finds_what_the_city_holds(
    running_broker: RunningBroker, city: SampleCity, night: SampleCity, name: str
) -> None:
    outcomes = []
    for each in (city, night):
        expected = EXPECTED[name](each)
        assert found(name, run(running_broker, each, QUERIES[name])) == expected
        outcomes.append(expected)
    assert any(outcomes), "a query that never finds anything shows nothing"
