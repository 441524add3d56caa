"""Geo-queries over HTTP (GS CIM 009 §4.10, §6.4.3.2), purges by place, and the order of distances (§4.23)."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx2
import orjson
import pytest

from tests.api.test_entities import assert_problem
from tests.conftest import RunningBroker, new_tenant, tenant_client

pytestmark = pytest.mark.http


def place(kind: str, coordinates: Any) -> dict[str, Any]:
    return {"type": "GeoProperty", "value": {"type": kind, "coordinates": coordinates}}


BERLIN = [13.3986, 52.5547]
BOW_TIE = [[[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]]]
ENTITIES: dict[str, dict[str, Any]] = {
    "berlin": {"type": "Town", "location": place("Point", BERLIN)},
    "potsdam": {"type": "Town", "location": place("Point", [13.0645, 52.3906])},
    "paris": {"type": "Town", "location": place("Point", [2.3522, 48.8566])},
    "nowhere": {"type": "Town"},
    "fiji": {
        "type": "Town",
        "location": place("Point", [179.999, -16.5]),
        "harbour": place("Point", [-179.999, -16.5]),
    },
    "district": {
        "type": "District",
        "location": place("Polygon", [[[13.3, 52.5], [13.5, 52.5], [13.5, 52.6], [13.3, 52.6], [13.3, 52.5]]]),
    },
    "crossed": {"type": ["District", "Sign"], "location": place("Polygon", BOW_TIE)},
    "two": {
        "type": "Fair",
        "location": [place("Point", [100, 10]), {**place("Point", [-100, 10]), "datasetId": "urn:d:winter"}],
    },
}


@pytest.fixture(scope="module")
def towns(running_broker: RunningBroker) -> Iterator[httpx2.Client]:
    with tenant_client(running_broker, new_tenant()) as client:
        payload = [{"id": f"urn:x:{key}", **content} for key, content in ENTITIES.items()]
        assert client.post("/entityOperations/create", json=payload).status_code == 201
        yield client


def asked(georel: str, geometry: str, coordinates: Any, geoproperty: str | None = None) -> dict[str, Any]:
    text = orjson.dumps(coordinates).decode()
    query = {"georel": georel, "geometry": geometry, "coordinates": text}
    return query if geoproperty is None else {**query, "geoproperty": geoproperty}


def url(parameters: dict[str, Any]) -> str:
    return "/entities?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in parameters.items())


def names(answer: httpx2.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [entity["id"].removeprefix("urn:x:") for entity in answer.json()]


BRANDENBURG = [[[12.5, 52], [14, 52], [14, 53], [12.5, 53], [12.5, 52]]]
CASES = {
    "near": (asked("near;maxDistance==1000", "Point", BERLIN), "berlin district"),
    "near, farther": (asked("near;maxDistance==40000", "Point", BERLIN), "berlin district potsdam"),
    "not near": (asked("near;minDistance==40000", "Point", BERLIN), "crossed fiji paris two"),
    "near, over the antimeridian": (asked("near;maxDistance==500", "Point", [-179.999, -16.5]), "fiji"),
    "near, all of the Earth": (
        asked("near;maxDistance==21000000", "Point", BERLIN),
        "berlin crossed district fiji paris potsdam two",
    ),
    "within": (asked("within", "Polygon", BRANDENBURG), "berlin district potsdam"),
    "contains": (asked("contains", "Point", BERLIN), "berlin district"),
    "intersects": (asked("intersects", "LineString", [[13.4, 52], [13.4, 53]]), "district"),
    "equals": (asked("equals", "Point", BERLIN), "berlin"),
    "disjoint": (asked("disjoint", "Polygon", BRANDENBURG), "crossed fiji paris two"),
    "overlaps": (
        asked("overlaps", "Polygon", [[[13.4, 52.55], [13.6, 52.55], [13.6, 52.7], [13.4, 52.7], [13.4, 52.55]]]),
        "district",
    ),
    "another property": (asked("near;maxDistance==500", "Point", [-179.999, -16.5], "harbour"), "fiji"),
    "a property that none has": (asked("near;maxDistance==500", "Point", BERLIN, "harbour"), ""),
    "a stored geometry that crosses itself": (asked("contains", "Point", [0.5, 1]), "crossed"),
    "beside what crosses itself": (asked("intersects", "Point", [1, 0.5]), ""),
    "a reference that crosses itself": (asked("intersects", "Polygon", BOW_TIE), "crossed"),
    "any instance": (asked("near;maxDistance==5", "Point", [-100, 10]), "two"),
}


@pytest.mark.parametrize(("query", "expected"), CASES.values(), ids=CASES)
def test_a_geo_query_finds_what_it_should(towns: httpx2.Client, query: dict[str, Any], expected: str) -> None:
    answer = towns.get(url({**query, "count": "true"}))
    assert sorted(names(answer)) == sorted(expected.split())
    assert answer.headers["ngsild-results-count"] == str(len(expected.split()))


@pytest.mark.parametrize(("query", "expected"), CASES.values(), ids=CASES)
def test_types_and_places_are_asked_together(towns: httpx2.Client, query: dict[str, Any], expected: str) -> None:
    for selection, types in (("Town", {"Town"}), ("Town|Fair", {"Town", "Fair"}), ("(District;Sign)", {"Sign"})):
        found = [key for key in expected.split() if types & set(_types(ENTITIES[key]))]
        assert sorted(names(towns.get(url({**query, "type": selection})))) == sorted(found)


def _types(entity: dict[str, Any]) -> list[str]:
    return [entity["type"]] if isinstance(entity["type"], str) else entity["type"]


@pytest.mark.parametrize(("query", "expected"), CASES.values(), ids=CASES)
def test_a_body_asks_as_parameters_do(towns: httpx2.Client, query: dict[str, Any], expected: str) -> None:
    as_array = {**query, "coordinates": orjson.loads(query["coordinates"])}
    for geo_query in (query, as_array):
        answer = towns.post("/entityOperations/query", json={"type": "Query", "geoQ": geo_query})
        assert sorted(names(answer)) == sorted(expected.split())


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ("georel=within", "geometry and coordinates"),
        ("geometry=Point&coordinates=[1,2]", "georel"),
        ("georel=within&geometry=Point", "coordinates"),
        ("georel=near&geometry=Point&coordinates=[1,2]", "georel"),
        ("georel=within&geometry=Circle&coordinates=[1,2]", "geometry"),
        ("georel=within&geometry=Point&coordinates=[1,2", "coordinates"),
        ("georel=within&geometry=Polygon&coordinates=[[[0,0],[1,0],[1,1]]]", "coordinates"),
        ("type=Town&orderBy=location;dist-asc", "orderFrom"),
        ("type=Town&orderBy=location;dist-asc&orderFrom=[1]", "orderFrom"),
        ("type=Town&orderBy=location;dist-asc&orderFrom=[1,2]&orderGeometry=Circle", "orderGeometry"),
        ("type=Town&orderBy=location;dist-up&orderFrom=[1,2]", "orderBy"),
        ("type=Town&orderGeometry=Point&orderBy=location", "orderFrom"),
    ],
)
def test_what_is_missing_or_malformed_is_named(towns: httpx2.Client, parameters: str, says: str) -> None:
    answer = towns.get(f"/entities?{parameters}")
    assert_problem(answer, 400, "BadRequestData")
    assert says in answer.json()["detail"]


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({}, "coordinates in ordering"),
        ({"geometry": "Point"}, "ordering: coordinates"),
        ({"coordinates": [500, 0]}, "ordering: coordinates"),
        ({"coordinates": {}}, "ordering: coordinates"),
        ({"coordinates": [2, 48], "geometry": "Circle"}, "ordering: geometry"),
        ({"coordinates": [2, 48], "geometry": []}, "ordering: geometry"),
        ({"coordinates": [2, 48], "geometry": ""}, "ordering: geometry"),
    ],
)
def test_in_a_body_too_what_distances_need_is_named(towns: httpx2.Client, members: Any, says: str) -> None:
    ordering = {"orderBy": ["location;dist-asc"], **members}
    body = {"type": "Query", "entities": [{"type": "Town"}], "ordering": ordering}
    answer = towns.post("/entityOperations/query", json=body)
    assert_problem(answer, 400, "BadRequestData")
    assert says in answer.json()["detail"]


@pytest.mark.parametrize(
    "geo_query",
    [
        None,
        "near",
        {},
        {"georel": "within", "geometry": "Point"},
        {"georel": None, "geometry": None, "coordinates": None},
        {"georel": "within", "geometry": "Point", "coordinates": [1, 2], "radius": 5},
        {"georel": "within", "geometry": "Point", "coordinates": {"x": 1}},
        {"georel": "within", "geometry": "Point", "coordinates": [1, 2], "geoproperty": 5},
    ],
)
def test_a_malformed_geo_query_in_a_body_is_refused(towns: httpx2.Client, geo_query: Any) -> None:
    answer = towns.post("/entityOperations/query", json={"type": "Query", "geoQ": geo_query})
    assert_problem(answer, 400, "BadRequestData")


def test_distances_order(towns: httpx2.Client) -> None:
    query = "/entities?type=Town&orderFrom=[13.4,52.5]&orderBy=location;dist-"
    near, far = towns.get(f"{query}asc"), towns.get(f"{query}desc")
    assert names(near) == ["berlin", "potsdam", "paris", "fiji", "nowhere"]
    assert names(far) == ["fiji", "paris", "potsdam", "berlin", "nowhere"]


def test_distances_order_from_a_line(towns: httpx2.Client) -> None:
    query = "type=Town&orderBy=location;dist-asc&orderFrom=[[2,48],[3,49]]&orderGeometry=LineString"
    assert names(towns.get(f"/entities?{query}"))[0] == "paris"


def test_distances_order_in_a_body(towns: httpx2.Client) -> None:
    ordering = {"orderBy": ["location;dist-asc"], "geometry": "Point", "coordinates": [2.3, 48.8]}
    body = {"type": "Query", "entities": [{"type": "Town"}], "ordering": ordering}
    assert names(towns.post("/entityOperations/query", json=body))[:2] == ["paris", "potsdam"]


def test_a_purge_by_place(running_broker: RunningBroker) -> None:
    with tenant_client(running_broker, new_tenant()) as client:
        payload = [{"id": f"urn:x:{key}", **content} for key, content in ENTITIES.items()]
        assert client.post("/entityOperations/create", json=payload).status_code == 201
        query = url({"type": "Town", **asked("near;maxDistance==40000", "Point", BERLIN)})
        assert client.delete(query).status_code == 204
        left = "crossed district fiji nowhere paris two"
        assert sorted(names(client.get("/entities?local=true"))) == left.split()


def test_a_moved_entity_is_found_where_it_is(running_broker: RunningBroker) -> None:
    with tenant_client(running_broker, new_tenant()) as client:
        body = {"id": "urn:x:bus", "type": "Bus", "location": place("Point", [10, 50])}
        assert client.post("/entities", json=body).status_code == 201
        there = url(asked("near;maxDistance==100", "Point", [11, 51]))
        assert names(client.get(there)) == []
        moved = {"location": place("Polygon", [[[11, 51], [11.1, 51.1], [11.1, 51], [11, 51.1], [11, 51]]])}
        assert client.patch("/entities/urn:x:bus", json=moved).status_code == 204
        assert names(client.get(there)) == ["bus"]
        assert client.post("/entities/urn:x:bus/attrs", json={"type": "Tram"}).status_code == 204
        assert names(client.get(there + "&type=Tram")) == ["bus"]
