"""Operations on entities over HTTP: GS CIM 009 §5.6.1, §5.6.2, §5.6.6, §5.7.1, §5.7.2; §6.4–§6.6."""

from typing import Any
from uuid import uuid4

import httpx2
import pytest

from broker.names import CORE_CONTEXT

pytestmark = pytest.mark.http

Json = dict[str, Any]

SPEED: Json = {"type": "Property", "value": 5, "unitCode": "KMH", "observedAt": "2024-05-01T12:00:00Z"}
ATTRIBUTES: Json = {
    "speed": SPEED,
    "isParked": {
        "type": "Relationship",
        "object": "urn:ngsi-ld:OffStreetParking:1",
        "providedBy": {"type": "Relationship", "object": "urn:ngsi-ld:Person:1"},
    },
    "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [13.4, 52.5]}},
    "name": {"type": "LanguageProperty", "languageMap": {"de": "Wagen", "fr": ["voiture", "auto"]}},
    "reading": {
        "type": "Property",
        "value": {"deep": [1, {"x": "y"}]},
        "accuracy": {"type": "Property", "value": 0.1},
    },
}
ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"


def create(api: httpx2.Client, entity_id: str, **members: Any) -> httpx2.Response:
    return api.post("/entities", json={"id": entity_id, "type": "Vehicle", **members})


def assert_problem(answer: httpx2.Response, status: int, name: str) -> str:
    """The answer is a problem document of this type; its detail."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert "link" not in answer.headers
    problem: dict[str, Any] = answer.json()
    assert problem["type"] == ERRORS + name
    assert problem["title"]
    detail: str = problem["detail"]
    return detail


# Create Entity


def test_a_created_entity_is_retrieved_as_it_was_sent(api: httpx2.Client, new_id: str) -> None:
    assert create(api, new_id, **ATTRIBUTES).status_code == 201
    answer = api.get(f"/entities/{new_id}")
    assert answer.status_code == 200
    assert answer.json() == {"id": new_id, "type": "Vehicle", **ATTRIBUTES}


def test_a_create_names_its_resource_and_has_no_body(api: httpx2.Client, new_id: str) -> None:
    answer = create(api, new_id)
    assert answer.headers["location"] == f"/ngsi-ld/v1/entities/{new_id}"
    assert answer.content == b""
    assert "link" not in answer.headers


@pytest.mark.parametrize("suffix", ["/a/b?c=d#e", "/ä ö".replace(" ", "%20"), "%2F", "/a+b&c"])
def test_an_id_that_needs_escapes_is_found_where_its_location_says(api: httpx2.Client, suffix: str) -> None:
    entity_id = f"http://example.org/{uuid4().hex}{suffix}"
    location = create(api, entity_id).headers["location"]
    assert location.isascii()
    found = httpx2.get(str(api.base_url.copy_with(raw_path=location.encode())), headers=api.headers)
    assert found.json()["id"] == entity_id


def test_an_entity_is_created_once(api: httpx2.Client, new_id: str) -> None:
    create(api, new_id)
    assert new_id in assert_problem(create(api, new_id), 409, "AlreadyExists")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"type": "Vehicle"},
        {"id": "urn:ngsi-ld:Vehicle:1"},
        {"id": "no uri", "type": "Vehicle"},
        {"id": 5, "type": "Vehicle"},
        {"id": "urn:ngsi-ld:null", "type": "Vehicle"},
        {"id": "urn:ngsi-ld:Vehicle:1", "type": []},
        {"id": "urn:ngsi-ld:Vehicle:1", "type": "Vehicle", "speed": {"type": "Property"}},
        {"id": "urn:ngsi-ld:Vehicle:1", "type": "Vehicle", "speed": {"type": "Property", "value": None}},
        {"id": "urn:ngsi-ld:Vehicle:1", "type": "Vehicle", "speed": {"type": "Property", "value": "urn:ngsi-ld:null"}},
        {"id": "urn:ngsi-ld:Vehicle:1", "type": "Vehicle", "near": {"type": "Relationship", "object": "no uri"}},
        {"id": "urn:ngsi-ld:Vehicle:1", "type": "Vehicle", "at": {"type": "GeoProperty", "value": {"type": "Point"}}},
        {"id": "urn:ngsi-ld:Vehicle:1", "type": "Vehicle", "speed": {**SPEED, "observedAt": "yesterday"}},
        [],
        "text",
        5,
        True,
    ],
)
def test_an_entity_that_breaks_a_rule_is_refused(api: httpx2.Client, body: Any) -> None:
    assert assert_problem(api.post("/entities", json=body), 400, "BadRequestData")


# Retrieve Entity


def test_simplified_is_values_alone(api: httpx2.Client, new_id: str) -> None:
    create(api, new_id, **ATTRIBUTES)
    expected = {
        "id": new_id,
        "type": "Vehicle",
        "speed": 5,
        "isParked": "urn:ngsi-ld:OffStreetParking:1",
        "location": {"type": "Point", "coordinates": [13.4, 52.5]},
        "name": {"languageMap": {"de": "Wagen", "fr": ["voiture", "auto"]}},
        "reading": {"deep": [1, {"x": "y"}]},
    }
    for query in ("format=simplified", "format=keyValues", "options=keyValues", "format=keyValues&options=normalized"):
        assert api.get(f"/entities/{new_id}?{query}").json() == expected, query


def test_system_attributes_come_when_asked_for(api: httpx2.Client, new_id: str) -> None:
    create(api, new_id, speed=SPEED)
    plain, full = api.get(f"/entities/{new_id}").json(), api.get(f"/entities/{new_id}?options=sysAttrs").json()
    assert not {"createdAt", "modifiedAt"} & set(plain) | {"createdAt"} & set(plain["speed"])
    assert {"createdAt", "modifiedAt"} <= set(full)
    assert {"createdAt", "modifiedAt"} <= set(full["speed"])
    assert full["createdAt"].endswith("Z")


def test_head_tells_what_get_tells(api: httpx2.Client, new_id: str) -> None:
    create(api, new_id, speed=SPEED)
    get, head = api.get(f"/entities/{new_id}"), api.head(f"/entities/{new_id}")
    assert (head.status_code, head.content) == (200, b"")
    assert {**head.headers, "x-request-id": "", "date": ""} == {**get.headers, "x-request-id": "", "date": ""}


def test_head_of_what_is_not_there_is_404(api: httpx2.Client, new_id: str) -> None:
    assert api.head(f"/entities/{new_id}").status_code == 404


@pytest.mark.parametrize(
    "types", ["Vehicle", "Car,Vehicle", "(Car|Vehicle)", "https://uri.etsi.org/ngsi-ld/default-context/Vehicle"]
)
def test_an_entity_is_retrieved_by_its_type(api: httpx2.Client, new_id: str, types: str) -> None:
    create(api, new_id)
    assert api.get(f"/entities/{new_id}", params={"type": types}).status_code == 200


@pytest.mark.parametrize("types", ["Car", "(Vehicle;Car)"])
def test_an_entity_of_another_type_is_not_found(api: httpx2.Client, new_id: str, types: str) -> None:
    create(api, new_id)
    assert_problem(api.get(f"/entities/{new_id}", params={"type": types}), 404, "ResourceNotFound")


@pytest.mark.parametrize("method", ["GET", "DELETE", "PATCH"])
def test_an_id_that_is_no_uri_is_refused(api: httpx2.Client, method: str) -> None:
    path, body = ("/entities/nouri/attrs", {"speed": SPEED}) if method == "PATCH" else ("/entities/nouri", None)
    assert "nouri" in assert_problem(api.request(method, path, json=body), 400, "BadRequestData")


@pytest.mark.parametrize("method", ["GET", "DELETE", "PATCH"])
def test_what_does_not_exist_is_not_found(api: httpx2.Client, new_id: str, method: str) -> None:
    create(api, f"{new_id}:other")  # its tenant exists
    path, body = (f"/entities/{new_id}/attrs", {"speed": SPEED}) if method == "PATCH" else (f"/entities/{new_id}", None)
    assert new_id in assert_problem(api.request(method, path, json=body), 404, "ResourceNotFound")


# Delete Entity


def test_a_deleted_entity_is_gone(api: httpx2.Client, new_id: str) -> None:
    create(api, new_id)
    answer = api.delete(f"/entities/{new_id}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert "content-length" not in answer.headers
    assert_problem(api.get(f"/entities/{new_id}"), 404, "ResourceNotFound")
    assert create(api, new_id).status_code == 201


def test_a_delete_by_another_type_deletes_nothing(api: httpx2.Client, new_id: str) -> None:
    create(api, new_id)
    assert_problem(api.delete(f"/entities/{new_id}?type=Car"), 404, "ResourceNotFound")
    assert api.get(f"/entities/{new_id}").status_code == 200


# Update Attributes


def test_an_update_replaces_adds_and_leaves_alone(api: httpx2.Client, new_id: str) -> None:
    create(api, new_id, speed=SPEED, name=ATTRIBUTES["name"])
    fragment = {"speed": {"type": "Property", "value": 7}, "colour": {"type": "Property", "value": "red"}}
    answer = api.patch(f"/entities/{new_id}/attrs", json=fragment)
    assert (answer.status_code, answer.content) == (204, b"")
    expected = {"id": new_id, "type": "Vehicle", "name": ATTRIBUTES["name"], **fragment}
    assert api.get(f"/entities/{new_id}").json() == expected


def test_an_update_keeps_when_an_attribute_was_created(api: httpx2.Client, new_id: str) -> None:
    create(api, new_id, speed=SPEED)
    before = api.get(f"/entities/{new_id}?options=sysAttrs").json()
    api.patch(f"/entities/{new_id}/attrs", json={"speed": {"type": "Property", "value": 7}})
    after = api.get(f"/entities/{new_id}?options=sysAttrs").json()
    assert after["createdAt"] == before["createdAt"]
    assert after["speed"]["createdAt"] == before["speed"]["createdAt"]
    assert after["speed"]["modifiedAt"] >= before["speed"]["modifiedAt"]


def test_the_ngsi_ld_null_deletes_an_attribute(api: httpx2.Client, new_id: str) -> None:
    create(api, new_id, speed=SPEED, name=ATTRIBUTES["name"])
    answer = api.patch(f"/entities/{new_id}/attrs", json={"speed": "urn:ngsi-ld:null"})
    assert answer.status_code == 204
    assert "speed" not in api.get(f"/entities/{new_id}").json()


def test_a_merge_patch_is_read_as_json(api: httpx2.Client, new_id: str) -> None:
    create(api, new_id, speed=SPEED)
    answer = api.patch(
        f"/entities/{new_id}/attrs",
        content=b'{"speed": {"type": "Property", "value": 8}}',
        headers={"Content-Type": "application/merge-patch+json"},
    )
    assert answer.status_code == 204
    assert api.get(f"/entities/{new_id}?format=keyValues").json()["speed"] == 8


# Query Entities


@pytest.fixture(scope="module")
def fleet(api: httpx2.Client) -> str:
    """A type with 25 entities, ids in alphabetical order."""
    name = f"Fleet{uuid4().hex}"
    entities = [{"id": f"urn:ngsi-ld:{name}:{i:02}", "type": name, "number": i} for i in range(25)]
    assert api.post("/entityOperations/upsert", json=entities).status_code == 201
    return name


def numbers(answer: httpx2.Response) -> list[int]:
    assert answer.status_code == 200, answer.text
    return [entity["number"]["value"] for entity in answer.json()]


def test_a_query_answers_the_entities_of_a_type(api: httpx2.Client, fleet: str) -> None:
    assert numbers(api.get(f"/entities?type={fleet}&limit=100")) == list(range(25))


def test_a_query_without_matches_answers_an_empty_array(api: httpx2.Client, fleet: str) -> None:
    answer = api.get(f"/entities?type={fleet}X")
    assert (answer.status_code, answer.json()) == (200, [])
    assert answer.headers["link"].startswith(f"<{CORE_CONTEXT}>")


def test_a_page_has_twenty_entities_by_default(api: httpx2.Client, fleet: str) -> None:
    assert numbers(api.get(f"/entities?type={fleet}")) == list(range(20))


@pytest.mark.parametrize("condition", ["", "&q=number!=-1", "&orderBy=number"])
def test_pages_lead_to_each_other_and_back(api: httpx2.Client, fleet: str, condition: str) -> None:
    def follow(url: str, rel: str) -> list[list[int]]:
        pages = []
        while url:
            answer = api.get(str(api.base_url.copy_with(raw_path=url.encode())))
            pages.append([entity["number"] for entity in answer.json()])
            last.append(url)
            url = answer.links.get(rel, {}).get("url", "")
        return pages

    last: list[str] = []
    pages = [list(range(10)), list(range(10, 20)), list(range(20, 25))]
    assert follow(f"/ngsi-ld/v1/entities?type={fleet}&limit=10&format=simplified{condition}", "next") == pages
    assert follow(last[-1], "prev") == pages[::-1]


def test_the_first_page_has_no_previous_one(api: httpx2.Client, fleet: str) -> None:
    links = api.get(f"/entities?type={fleet}&limit=10").links
    assert set(links) == {"next", "http://www.w3.org/ns/json-ld#context"}


def test_count_is_of_all_matches(api: httpx2.Client, fleet: str) -> None:
    answer = api.get(f"/entities?type={fleet}&limit=2&offset=3&count=true")
    assert (answer.headers["ngsild-results-count"], numbers(answer)) == ("25", [3, 4])
    assert "ngsild-results-count" not in api.get(f"/entities?type={fleet}").headers


def test_limit_zero_counts_alone(api: httpx2.Client, fleet: str) -> None:
    answer = api.get(f"/entities?type={fleet}&limit=0&count=true")
    assert (answer.headers["ngsild-results-count"], answer.json()) == ("25", [])
    assert_problem(api.get(f"/entities?type={fleet}&limit=0"), 400, "InvalidRequest")


@pytest.mark.parametrize(
    ("query", "status", "name"),
    [
        ("", 400, "BadRequestData"),
        ("limit=5", 400, "BadRequestData"),
        ("local=false", 400, "BadRequestData"),
        ("type=A&limit=-1", 400, "InvalidRequest"),
        ("type=A&offset=x", 400, "InvalidRequest"),
        ("type=A&count=yes", 400, "InvalidRequest"),
        ("type=A&foo=bar", 400, "InvalidRequest"),
        ("type=A&type=B", 400, "InvalidRequest"),
        ("type=A&options=foo", 400, "InvalidRequest"),
        ("type=A&format=temporalValues", 400, "InvalidRequest"),
        ("type=", 400, "InvalidRequest"),
        ("type=(A", 400, "BadRequestData"),
        ("type=A;;B", 400, "BadRequestData"),
        ("type=%3Cscript%3E", 400, "BadRequestData"),
        ("type=%ff", 400, "InvalidRequest"),
        ("type=A&limit=1001", 403, "TooManyResults"),
        ("type=A&offset=100001", 403, "TooManyResults"),
    ],
)
def test_a_query_that_cannot_be_answered_is_refused(api: httpx2.Client, query: str, status: int, name: str) -> None:
    assert_problem(api.get(f"/entities?{query}"), status, name)


def test_a_local_query_needs_no_type(fresh: httpx2.Client, new_id: str) -> None:
    create(fresh, new_id)
    assert [entity["id"] for entity in fresh.get("/entities?local=true").json()] == [new_id]
