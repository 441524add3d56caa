"""Single attributes and their values over HTTP: the draft of NGSI-LD 2.0 (TS 104 175 §10.2.6, §10.4.3, §10.4.4)."""

from typing import Any

import httpx2
import pytest

from tests.api.test_entities import assert_problem, create

pytestmark = pytest.mark.http

POINT = {"type": "Point", "coordinates": [13.4, 52.5]}
OTHER_POINT = {"type": "Point", "coordinates": [2.3, 48.8]}
OBJECTS = [{"object": "urn:x:1"}, {"object": "urn:x:2"}]
VALUES: list[tuple[str, str, Any, Any]] = [
    # kind, value member, a value, another
    ("Property", "value", 5, 0.5),
    ("Property", "value", {"street": "x"}, ["a", {"b": False}]),
    ("Property", "value", "text", {"@type": "DateTime", "@value": "2026-01-01T00:00:00Z"}),
    ("GeoProperty", "value", POINT, OTHER_POINT),
    ("Relationship", "object", "urn:x:1", ["urn:x:1", "urn:x:2"]),
    ("LanguageProperty", "languageMap", {"de": "Wagen"}, {"fr": ["voiture", "auto"]}),
    ("VocabProperty", "vocab", "electric", ["electric", "diesel"]),
    ("JsonProperty", "json", {"type": 1, "null": None}, [{"a": {}}]),
    ("ListProperty", "valueList", [1, [2]], []),
    ("ListRelationship", "objectList", OBJECTS, OBJECTS[:1]),
]


@pytest.mark.parametrize(("kind", "member", "value", "other"), VALUES)
def test_a_value_is_shown_and_replaced_in_any_kind(
    api: httpx2.Client, new_id: str, kind: str, member: str, value: Any, other: Any
) -> None:
    create(api, new_id, it={"type": kind, member: value})
    url = f"/entities/{new_id}/attrs/it/value"
    shown = api.get(url)
    assert (shown.status_code, shown.headers["content-type"], shown.json()) == (200, "application/json", value)
    assert "link" not in shown.headers
    answer = api.put(url, json=other)
    assert (answer.status_code, answer.content) == (204, b"")
    assert api.get(url).json() == other
    assert api.get(f"/entities/{new_id}").json()["it"] == {"type": kind, member: other}


def test_what_stands_beside_a_value_stays(api: httpx2.Client, new_id: str) -> None:
    beside = {"unitCode": "KMH", "accuracy": {"type": "Property", "value": 0.1}}
    time = {"observedAt": "2024-05-01T12:00:00Z"}
    create(api, new_id, speed={"type": "Property", "value": 5, **beside, **time})
    url = f"/entities/{new_id}/attrs/speed"
    before = api.get(f"{url}?options=sysAttrs").json()
    assert api.put(f"{url}/value", json=6).status_code == 204
    assert api.get(url).json() == {"type": "Property", "value": 6, **beside, **time}
    after = api.get(f"{url}?options=sysAttrs").json()
    assert after["createdAt"] == before["createdAt"]
    assert after["modifiedAt"] >= before["modifiedAt"]
    assert after["accuracy"] == before["accuracy"]
    assert api.put(f"{url}/value?observedAt=2025-01-01T00:00:00Z", json=7).status_code == 204
    assert api.get(url).json() == {"type": "Property", "value": 7, **beside, "observedAt": "2025-01-01T00:00:00Z"}


def test_a_dataset_id_chooses_an_instance(api: httpx2.Client, new_id: str) -> None:
    other = {"type": "Property", "value": 2, "datasetId": "urn:d:1"}
    create(api, new_id, speed=[{"type": "Property", "value": 1}, other])
    url = f"/entities/{new_id}/attrs/speed/value"
    assert api.put(f"{url}?datasetId=urn:d:1", json=3).status_code == 204
    assert [api.get(f"{url}{query}").json() for query in ("", "?datasetId=@none", "?datasetId=urn:d:1")] == [1, 1, 3]
    for method in ("GET", "PUT"):
        missing = api.request(method, f"{url}?datasetId=urn:d:2", json=1 if method == "PUT" else None)
        assert "urn:d:2" in assert_problem(missing, 404, "ResourceNotFound")
        several = api.request(method, f"{url}?datasetId=urn:d:1,@none", json=1 if method == "PUT" else None)
        assert "datasetId" in assert_problem(several, 400, "BadRequestData")


MISFITS: list[tuple[str, str, Any, Any]] = [
    ("GeoProperty", "value", POINT, 5),
    ("Relationship", "object", "urn:x:1", "no uri"),
    ("Relationship", "object", "urn:x:1", []),
    ("LanguageProperty", "languageMap", {"de": "Wagen"}, "Wagen"),
    ("VocabProperty", "vocab", "electric", 5),
    ("JsonProperty", "json", {}, "text"),
    ("ListProperty", "valueList", [], {}),
    ("ListRelationship", "objectList", [], "urn:x:1"),
    ("Property", "value", 1, {"deep": "urn:ngsi-ld:null"}),
]


@pytest.mark.parametrize(("kind", "member", "value", "misfit"), MISFITS)
def test_a_value_of_another_kind_is_refused(
    api: httpx2.Client, new_id: str, kind: str, member: str, value: Any, misfit: Any
) -> None:
    create(api, new_id, it={"type": kind, member: value})
    detail = assert_problem(api.put(f"/entities/{new_id}/attrs/it/value", json=misfit), 400, "BadRequestData")
    assert member in detail
    assert api.get(f"/entities/{new_id}/attrs/it/value").json() == value


@pytest.mark.parametrize("body", [b"null", b'"urn:ngsi-ld:null"', b"", b"{"])
def test_null_and_no_json_are_no_values(api: httpx2.Client, new_id: str, body: bytes) -> None:
    create(api, new_id, speed=1)
    assert_problem(api.put(f"/entities/{new_id}/attrs/speed/value", content=body), 400, "InvalidRequest")


def test_what_is_not_there_has_no_value(api: httpx2.Client, new_id: str) -> None:
    create(api, new_id, speed=1)
    for path in (f"{new_id}:other/attrs/speed", f"{new_id}/attrs/colour"):
        assert_problem(api.get(f"/entities/{path}"), 404, "ResourceNotFound")
        assert_problem(api.get(f"/entities/{path}/value"), 404, "ResourceNotFound")
        assert_problem(api.put(f"/entities/{path}/value", json=1), 404, "ResourceNotFound")
    assert_problem(api.put(f"/entities/{new_id}/attrs/speed/value?type=Car", json=1), 404, "ResourceNotFound")


def test_a_scope_is_no_attribute(api: httpx2.Client, new_id: str) -> None:
    create(api, new_id, scope="/a")
    assert_problem(api.put(f"/entities/{new_id}/attrs/scope/value", json="/b"), 400, "BadRequestData")


def test_a_value_is_json_and_nothing_else(api: httpx2.Client, new_id: str) -> None:
    create(api, new_id, speed=1)
    url = f"/entities/{new_id}/attrs/speed/value"
    assert api.put(url, content=b"1", headers={"Content-Type": "application/ld+json"}).status_code == 415
    assert api.get(url, headers={"Accept": "application/ld+json"}).status_code == 406


def test_a_language_is_chosen(api: httpx2.Client, new_id: str) -> None:
    create(api, new_id, name={"type": "LanguageProperty", "languageMap": {"de": "Wagen", "fr": ["voiture", "auto"]}})
    assert api.get(f"/entities/{new_id}/attrs/name/value?lang=fr").json() == ["voiture", "auto"]
    shown = api.get(f"/entities/{new_id}/attrs/name?lang=de").json()
    assert shown == {"type": "Property", "value": "Wagen", "lang": "de"}


def test_an_attribute_is_shown_as_it_is_in_its_entity(api: httpx2.Client, new_id: str) -> None:
    several = [{"type": "Property", "value": 1}, {"type": "Property", "value": 2, "datasetId": "urn:d:1"}]
    create(api, new_id, speed=several, colour={"type": "Property", "value": "red"})
    url = f"/entities/{new_id}/attrs"
    assert api.get(f"{url}/speed").json() == several
    assert api.get(f"{url}/speed?datasetId=urn:d:1").json() == several[1]
    assert api.get(f"{url}/colour?format=concise").json() == "red"
    jsonld = api.get(f"{url}/colour", headers={"Accept": "application/ld+json"}).json()
    assert jsonld.keys() == {"type", "value", "@context"}


@pytest.mark.parametrize("path", ["", "/attrs/speed", "/attrs/speed/value"])
def test_head_and_options_go_where_get_goes(api: httpx2.Client, new_id: str, path: str) -> None:
    create(api, new_id, speed=1)
    url = f"/entities/{new_id}{path}"
    get, head, options = api.get(url), api.head(url), api.options(url)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"]
    assert options.status_code == 204
    assert {"GET", "HEAD", "OPTIONS", "PUT"} <= set(options.headers["allow"].split(", "))
