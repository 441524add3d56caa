"""What systems of one domain are told by those of others: the subscriptions of the city's use cases, on its data.

Each story subscribes, writes what must not be told, then what must, and finds in the notification what is needed.
"""

from collections.abc import Iterator
from time import monotonic, sleep
from typing import Any, Final, NamedTuple
from uuid import uuid4

import pytest

from broker.cli.transfer import link
from tests.receiver import Received, Receiver, receiving
from tests.stories.conftest import Entity, SampleCity

pytestmark = pytest.mark.http


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def path() -> str:
    return f"/{uuid4().hex}"


def subscribe(
    city: SampleCity, code: str, uri: str, notification: Any = None, endpoint: Any = None, **more: Any
) -> str:
    """Subscribe to the type of a fleet; the path of the subscription."""
    fleet = city.fleets[code]
    document = {
        "type": "Subscription",
        "entities": [{"type": fleet.type, **more.pop("which", {})}],
        "notification": {
            "format": "simplified",
            "endpoint": {"uri": uri, **(endpoint or {})},
            **(notification or {}),
        },
        **more,
    }
    answer = city.client.post("/subscriptions", json=document, headers={"Link": link(fleet.context)})
    assert answer.status_code == 201, answer.text
    return answer.headers["location"].removeprefix("/ngsi-ld/v1")


def write(city: SampleCity, code: str, entity_id: str, **values: Any) -> None:
    """Set Properties, as the domain's system does."""
    attributes = {name: {"type": "Property", "value": value} for name, value in values.items()}
    headers = {"Link": link(city.fleets[code].context)}
    answer = city.client.patch(f"/entities/{entity_id}/attrs", json=attributes, headers=headers)
    assert answer.status_code == 204, answer.text


class Threshold(NamedTuple):
    """A story of one subscription: what is written and must be silent, and what is written and must be told."""

    code: str
    q: str
    silent: dict[str, Any]
    told: dict[str, Any]
    more: dict[str, Any] = {}  # noqa: RUF012  never changed


THRESHOLDS: Final = {
    "U1 a street without people may be dimmed": Threshold(
        "crowd", "peopleCount<2", {"peopleCount": 7}, {"peopleCount": 0}, {"watchedAttributes": ["peopleCount"]}
    ),
    "U1 light comes back with the people": Threshold(
        "crowd", "peopleCount>=2", {"peopleCount": 1}, {"peopleCount": 3}, {"watchedAttributes": ["peopleCount"]}
    ),
    "U1 a street without traffic may be dimmed": Threshold(
        "traffic", "intensity<5", {"intensity": 80}, {"intensity": 2}, {"watchedAttributes": ["intensity"]}
    ),
    "U2 a full or burning container": Threshold(
        "bin",
        "fillingLevel>0.8|temperature>60",
        {"fillingLevel": 0.3, "temperature": 20},
        {"temperature": 75},
        {"watchedAttributes": ["fillingLevel", "temperature"]},
    ),
    "U3 a phase of a substation near its limit": Threshold(
        "substation",
        "activePower[L1]>120000|activePower[L2]>120000|activePower[L3]>120000",
        {"activePower": {"L1": 90_000, "L2": 91_000, "L3": 92_000}},
        {"activePower": {"L1": 90_000, "L2": 125_000, "L3": 92_000}},
    ),
    "U4 a hot day is forecast": Threshold(
        "forecast",
        "dayMaximum[temperature]>35",
        {"dayMaximum": {"temperature": 31, "feelsLikeTemperature": 33}},
        {"dayMaximum": {"temperature": 37, "feelsLikeTemperature": 39}},
    ),
    "U4 a room in care is hot": Threshold(
        "careroom", "temperature>=29", {"temperature": 24}, {"temperature": 30.5}, {"scopeQ": "/care/#"}
    ),
    "U5 a river is in danger": Threshold(
        "flood",
        'floodLevelStatus=="Danger"',
        {"currentLevel": 2.0, "floodLevelStatus": "Normal"},
        {"currentLevel": 5.1, "floodLevelStatus": "Danger"},
        {"watchedAttributes": ["currentLevel"]},
    ),
    "U6 an indicator has become bad": Threshold(
        "kpi", 'currentStanding=="bad"', {"currentStanding": "fair"}, {"currentStanding": "bad"}
    ),
}


@pytest.mark.parametrize("story", THRESHOLDS.values(), ids=THRESHOLDS)
def test_what_passes_a_threshold_is_told(own_city: SampleCity, receiver: Receiver, path: str, story: Threshold) -> None:
    entity_id = own_city.fleet(story.code)[0]["id"]
    subscription = subscribe(own_city, story.code, receiver.url(path), q=story.q, **story.more)
    write(own_city, story.code, entity_id, **story.silent)
    write(own_city, story.code, entity_id, **story.told)
    (received,) = receiver.wait(1, path)
    (entity,) = received.data
    assert entity["id"] == entity_id
    assert story.told.items() <= entity.items()
    assert own_city.client.delete(subscription).status_code == 204
    assert len(receiver.all(path)) == 1


def test_u1_only_the_own_district_is_told(own_city: SampleCity, receiver: Receiver, path: str) -> None:
    crowds = own_city.fleet("crowd")
    inside, outside = crowds[0], next(each for each in crowds if _first(each) != _first(crowds[0]))
    x, y = _first(inside)
    near = {"geoproperty": "location", "georel": "near;maxDistance==1", "geometry": "Point", "coordinates": [x, y]}
    subscription = subscribe(own_city, "crowd", receiver.url(path), geoQ=near)
    for entity in (outside, inside):
        write(own_city, "crowd", entity["id"], peopleCount=1)
    (received,) = receiver.wait(1, path)
    assert received.data[0]["id"] == inside["id"]
    assert own_city.client.delete(subscription).status_code == 204


def test_u2_the_waste_round_is_not_disturbed_by_each_change(
    own_city: SampleCity, receiver: Receiver, path: str
) -> None:
    """Throttled, what has changed since the last notification comes together."""
    bins = [entity["id"] for entity in own_city.fleet("bin")[:4]]
    subscription = subscribe(own_city, "bin", receiver.url(path), q="fillingLevel>0.8", throttling=1.5)
    write(own_city, "bin", bins[0], fillingLevel=0.9)
    receiver.wait(1, path)
    for level in (0.85, 0.95):
        for each in bins:
            write(own_city, "bin", each, fillingLevel=level)
    _, together = receiver.wait(2, path)
    assert {entity["id"]: entity["fillingLevel"] for entity in together.data} == dict.fromkeys(bins, 0.95)
    assert own_city.client.delete(subscription).status_code == 204


def test_u4_the_care_service_looks_in_intervals_who_has_not_moved(
    own_city: SampleCity, receiver: Receiver, path: str
) -> None:
    still = {entity["id"] for entity in own_city.fleet("presence") if not entity["movement"]["value"]}
    assert still
    began = monotonic()
    subscription = subscribe(
        own_city, "presence", receiver.url(path), {"pick": ["id", "movement"]}, timeInterval=1, q="movement==false"
    )
    first, second = receiver.wait(2, path)
    assert {entity["id"] for entity in first.data} == {entity["id"] for entity in second.data} == still
    assert all(entity.keys() == {"id", "movement"} for entity in first.data)
    assert 0.8 < first.at - began < 1.9
    assert own_city.client.delete(subscription).status_code == 204


def test_u5_the_bus_operator_gets_alerts_on_its_line_for_the_map(
    own_city: SampleCity, receiver: Receiver, path: str
) -> None:
    context = own_city.fleets["alert"].context
    line = {"georel": "intersects", "geometry": "LineString", "coordinates": [[6.0, 52.0], [6.1, 52.0]]}
    subscription = subscribe(
        own_city, "alert", receiver.url(path), endpoint={"accept": "application/geo+json"}, geoQ=line
    )
    away, across = (_flooded(own_city, latitude) for latitude in (52.3, 52.0))
    for alert in (away, across):
        answer = own_city.client.post("/entities", json=alert, headers={"Link": link(context)})
        assert answer.status_code == 201, answer.text
    (received,) = receiver.wait(1, path)
    (feature,) = received.data
    assert (feature["id"], feature["geometry"]) == (across["id"], across["location"]["value"])
    assert feature["properties"]["severity"] == "high"
    assert own_city.client.delete(subscription).status_code == 204


def test_u7_the_driver_is_told_when_the_reserved_spot_is_taken(
    own_city: SampleCity, receiver: Receiver, path: str
) -> None:
    mine, other = (entity["id"] for entity in own_city.fleet("spot")[:2])
    write(own_city, "spot", mine, status="free")
    subscription = subscribe(own_city, "spot", receiver.url(path), which={"id": mine}, q='status=="occupied"')
    write(own_city, "spot", other, status="occupied")
    write(own_city, "spot", mine, status="occupied")
    (received,) = receiver.wait(1, path)
    assert _shown(received) == [(mine, "occupied")]
    assert own_city.client.delete(subscription).status_code == 204
    sleep(0.1)
    assert len(receiver.all(path)) == 1


def _shown(received: Received) -> list[tuple[str, str]]:
    return [(entity["id"], entity["status"]) for entity in received.data]


def _first(entity: Entity) -> tuple[float, float]:
    x, y = entity["location"]["value"]["coordinates"][0]
    return x, y


def _flooded(city: SampleCity, latitude: float) -> Entity:
    """A new alert whose area lies around a latitude."""
    south, north = latitude - 0.01, latitude + 0.01
    ring = [[6.04, south], [6.06, south], [6.06, north], [6.04, north], [6.04, south]]
    return {
        "id": f"{city.fleets['alert'].prefix}story-{latitude}",
        "type": "Alert",
        "severity": {"type": "Property", "value": "high"},
        "location": {"type": "GeoProperty", "value": {"type": "Polygon", "coordinates": [ring]}},
    }
