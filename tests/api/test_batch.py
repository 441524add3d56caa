"""Batches over HTTP: GS CIM 009 §5.6.8, §5.2.16, §6.15.3.1."""

from typing import Any
from uuid import uuid4

import httpx2
import pytest

from broker.names import CORE_CONTEXT

pytestmark = pytest.mark.http

ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"
URL = "/entityOperations/upsert"


@pytest.fixture
def ids() -> list[str]:
    start = uuid4().hex
    return [f"urn:ngsi-ld:Lamp:{start}:{i}" for i in range(3)]


def lamp(entity_id: str, **attributes: Any) -> dict[str, Any]:
    return {"id": entity_id, "type": "Lamp", **attributes}


def values(api: httpx2.Client, entity_id: str) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"/entities/{entity_id}?format=keyValues").json()
    return {name: value for name, value in found.items() if name not in ("id", "type")}


def test_new_entities_are_created_and_their_ids_told(api: httpx2.Client, ids: list[str]) -> None:
    answer = api.post(URL, json=[lamp(each, power=i) for i, each in enumerate(ids)])
    assert (answer.status_code, answer.json()) == (201, ids)
    assert answer.headers["content-type"] == "application/json"
    assert [values(api, each) for each in ids] == [{"power": 0}, {"power": 1}, {"power": 2}]


def test_only_those_created_are_told(api: httpx2.Client, ids: list[str]) -> None:
    api.post(URL, json=[lamp(ids[1])])
    answer = api.post(URL, json=[lamp(each) for each in ids])
    assert (answer.status_code, answer.json()) == (201, [ids[0], ids[2]])


def test_when_all_existed_there_is_nothing_to_tell(api: httpx2.Client, ids: list[str]) -> None:
    api.post(URL, json=[lamp(each) for each in ids])
    answer = api.post(URL, json=[lamp(each) for each in ids])
    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize(
    ("query", "expected"),
    [("", {"power": 2}), ("?options=replace", {"power": 2}), ("?options=update", {"power": 2, "state": "on"})],
)
def test_what_exists_is_replaced_or_updated(
    api: httpx2.Client, ids: list[str], query: str, expected: dict[str, Any]
) -> None:
    api.post(URL, json=[lamp(ids[0], power=1, state="on")])
    api.post(URL + query, json=[lamp(ids[0], power=2)])
    assert values(api, ids[0]) == expected


def test_an_entity_that_is_in_a_batch_twice_is_written_twice(api: httpx2.Client, ids: list[str]) -> None:
    batch = [lamp(ids[0], power=1), lamp(ids[1]), lamp(ids[0], state="on")]
    answer = api.post(f"{URL}?options=update", json=batch)
    assert (answer.status_code, answer.json()) == (201, [ids[0], ids[1]])
    assert values(api, ids[0]) == {"power": 1, "state": "on"}


def test_bad_entities_are_told_and_good_ones_committed(api: httpx2.Client, ids: list[str]) -> None:
    batch = [lamp(ids[0], power=1), {"id": ids[1]}, lamp(ids[2], power={"type": "Property"}), {"type": "Lamp"}]
    answer = api.post(URL, json=batch)
    assert answer.status_code == 207
    assert answer.headers["content-type"] == "application/json"
    assert "link" not in answer.headers
    result = answer.json()
    assert result["success"] == [ids[0]]
    assert [error["entityId"] for error in result["errors"]] == [ids[1], ids[2], ""]
    assert {error["error"]["type"] for error in result["errors"]} == {ERRORS + "BadRequestData"}
    assert "power" in result["errors"][1]["error"]["detail"]
    assert values(api, ids[0]) == {"power": 1}


@pytest.mark.parametrize("body", [b"[]", b"{}", b"null", b'"x"', b'{"id": "urn:a:b", "type": "T"}'])
def test_a_body_that_is_no_batch_is_refused(api: httpx2.Client, body: bytes) -> None:
    answer = api.post(URL, content=body)
    assert (answer.status_code, answer.json()["type"]) == (400, ERRORS + "BadRequestData")


@pytest.mark.parametrize("element", [None, 5, "x", []])
def test_an_element_that_is_no_object_fails_the_batch(api: httpx2.Client, ids: list[str], element: Any) -> None:
    answer = api.post(URL, json=[lamp(ids[0]), element])
    assert (answer.status_code, answer.json()["type"]) == (400, ERRORS + "BadRequestData")
    assert api.get(f"/entities/{ids[0]}").status_code == 404


def test_a_batch_beyond_the_limit_is_refused(api: httpx2.Client) -> None:
    answer = api.post(URL, json=[lamp(f"urn:ngsi-ld:Lamp:{i}") for i in range(5001)])
    assert (answer.status_code, answer.json()["type"]) == (403, ERRORS + "TooManyResults")


def test_two_options_that_exclude_each_other_are_refused(api: httpx2.Client, ids: list[str]) -> None:
    answer = api.post(f"{URL}?options=replace,update", json=[lamp(ids[0])])
    assert (answer.status_code, answer.json()["type"]) == (400, ERRORS + "InvalidRequest")


def test_each_element_of_json_ld_brings_its_context(api: httpx2.Client, ids: list[str]) -> None:
    batch = [
        lamp(ids[0], power=1) | {"@context": [{"power": "https://example.org/power"}, CORE_CONTEXT]},
        lamp(ids[1], power=2) | {"@context": CORE_CONTEXT},
        lamp(ids[2], power=3),
    ]
    answer = api.post(URL, json=batch, headers={"Content-Type": "application/ld+json"})
    assert answer.status_code == 207
    assert answer.json()["success"] == ids[:2]
    assert "@context" in answer.json()["errors"][0]["error"]["detail"]
    assert values(api, ids[0]) == {"https://example.org/power": 1}
    assert values(api, ids[1]) == {"power": 2}


def test_an_element_of_json_has_no_context(api: httpx2.Client, ids: list[str]) -> None:
    answer = api.post(URL, json=[lamp(ids[0]), lamp(ids[1]) | {"@context": CORE_CONTEXT}])
    assert answer.status_code == 207
    assert [error["entityId"] for error in answer.json()["errors"]] == [ids[1]]


def test_a_context_out_of_reach_fails_its_element(api: httpx2.Client, ids: list[str]) -> None:
    batch = [lamp(ids[0]) | {"@context": "http://127.0.0.1:9/no.jsonld"}, lamp(ids[1]) | {"@context": CORE_CONTEXT}]
    answer = api.post(URL, json=batch, headers={"Content-Type": "application/ld+json"})
    assert answer.status_code == 207
    (error,) = answer.json()["errors"]
    assert (error["entityId"], error["error"]["type"]) == (ids[0], ERRORS + "LdContextNotAvailable")
    assert error["error"]["status"] == 504


def test_a_big_batch_is_whole(api: httpx2.Client) -> None:
    name = f"Big{uuid4().hex}"
    batch = [{"id": f"urn:ngsi-ld:{name}:{i}", "type": name, "number": i} for i in range(1000)]
    assert api.post(URL, json=batch).status_code == 201
    assert api.get(f"/entities?type={name}&limit=0&count=true").headers["ngsild-results-count"] == "1000"
