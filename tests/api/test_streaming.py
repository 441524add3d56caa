"""Pages that are too large to hold, over HTTP: they are what small pages are (GS CIM 009 §5.5.9, §6.3.13)."""

import gzip
from typing import Any

import httpx2
import pytest

NUMBER = 12
LIMIT = 10
ASKED = {"type": "Volume", "limit": str(LIMIT)}


@pytest.fixture(scope="module")
def volumes(api: httpx2.Client) -> list[str]:
    """Ids of entities of 0.9 MB each."""
    ids = [f"urn:ngsi-ld:Volume:{number:02}" for number in range(NUMBER)]
    for number, each in enumerate(ids):
        entity = {
            "id": each,
            "type": "Volume",
            "number": {"type": "Property", "value": NUMBER - number},
            "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [number, 1]}},
            "text": {"type": "Property", "value": chr(97 + number) * 900_000},
        }
        assert api.post("/entities", json=entity).status_code == 201
    return ids


def singly(api: httpx2.Client, ids: list[str], **headers: str) -> list[Any]:
    return [api.get(f"/entities/{each}", headers=headers).json() for each in ids]


def test_a_large_page_is_whole_and_tells_where_the_next_begins(api: httpx2.Client, volumes: list[str]) -> None:
    answer = api.get("/entities", params={**ASKED, "count": "true"})
    assert answer.status_code == 200
    assert "content-length" not in answer.headers
    assert answer.headers["ngsild-results-count"] == str(NUMBER)
    assert answer.json() == singly(api, volumes[:LIMIT])
    following = answer.links["next"]["url"].partition("/ngsi-ld/v1")[2]
    rest = api.get(following)
    assert [entity["id"] for entity in rest.json()] == volumes[LIMIT:]
    assert "next" not in rest.links
    back = api.get(rest.links["prev"]["url"].partition("/ngsi-ld/v1")[2])
    assert [entity["id"] for entity in back.json()] == volumes[:LIMIT]


def test_it_comes_in_gzip(api: httpx2.Client, volumes: list[str]) -> None:
    with api.stream("GET", "/entities", params=ASKED, headers={"Accept-Encoding": "gzip"}) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == "gzip"
    assert len(raw) < 100_000
    assert [entity["id"] for entity in httpx2.Response(200, content=gzip.decompress(raw)).json()] == volumes[:LIMIT]


def test_it_comes_as_json_ld(api: httpx2.Client, volumes: list[str]) -> None:
    accept = {"Accept": "application/ld+json"}
    assert api.get("/entities", params=ASKED, headers=accept).json() == singly(api, volumes[:LIMIT], **accept)


@pytest.mark.parametrize("prefer", ["body=ld+json", "body=json"])
def test_it_comes_as_geojson(api: httpx2.Client, volumes: list[str], prefer: str) -> None:
    headers = {"Accept": "application/geo+json", "Prefer": prefer}
    large = api.get("/entities", params=ASKED, headers=headers)
    small = api.get("/entities", params={**ASKED, "limit": "2"}, headers=headers)
    assert large.json().keys() == small.json().keys()
    assert large.json()["type"] == "FeatureCollection"
    assert large.json()["features"][:2] == small.json()["features"]
    assert [feature["id"] for feature in large.json()["features"]] == volumes[:LIMIT]
    assert ("json-ld#context" in large.headers.get("link", "")) is (prefer == "body=json")


def test_it_comes_in_the_order_that_is_asked_for(api: httpx2.Client, volumes: list[str]) -> None:
    found = api.get("/entities", params={**ASKED, "orderBy": "number", "limit": str(NUMBER)}).json()
    assert [entity["id"] for entity in found] == volumes[::-1]


def test_what_is_picked_of_it_alone_is_shown(api: httpx2.Client, volumes: list[str]) -> None:
    found = api.get("/entities", params={**ASKED, "pick": "id,number"}).json()
    assert [entity["id"] for entity in found] == volumes[:LIMIT]
    assert all(entity.keys() == {"id", "number"} for entity in found)
    assert api.get("/entities", params={**ASKED, "pick": "nothing"}).json() == []


@pytest.mark.parametrize(("parameters", "headers"), [({"join": "flat"}, {}), ({}, {"Prefer": "ngsi-ld=1.6"})])
def test_what_needs_the_whole_page_is_refused(
    api: httpx2.Client, volumes: list[str], parameters: dict[str, str], headers: dict[str, str]
) -> None:
    refused = api.get("/entities", params=ASKED | parameters, headers=headers)
    assert refused.status_code == 403
    assert refused.json()["type"].endswith("TooManyResults")
    assert "limit" in refused.json()["detail"]
