"""Short ways to say what the tests of conformance send and get."""

from typing import Any, TypeAlias

import httpx2

Json: TypeAlias = dict[str, Any]

ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"
NULL = "urn:ngsi-ld:null"
TYPE = "Vehicle"
CAR = "urn:ngsi-ld:Vehicle:9"
GPS, RADAR = "urn:ngsi-ld:Dataset:gps", "urn:ngsi-ld:Dataset:radar"
VOCABULARY = "https://uri.etsi.org/ngsi-ld/default-context/"
SPEED: Json = {"type": "Property", "value": 5, "unitCode": "KMH", "accuracy": {"type": "Property", "value": 1}}
THREE: list[Json] = [
    {"type": "Property", "value": 1},
    {"type": "Property", "value": 2, "datasetId": GPS},
    {"type": "Property", "value": 3, "datasetId": RADAR},
]
POINT: Json = {"type": "Point", "coordinates": [13.4, 52.5]}


def create(api: httpx2.Client, entity_id: str, **members: Any) -> None:
    """Create an entity of these members; it is a Vehicle unless they say otherwise."""
    answer = offer(api, entity_id, **members)
    assert answer.status_code == 201, answer.text


def offer(api: httpx2.Client, entity_id: str, **members: Any) -> httpx2.Response:
    """The answer to the create of a Vehicle of these members."""
    return api.post("/entities", json={"id": entity_id, "type": TYPE, **members})


def entity(api: httpx2.Client, entity_id: str, query: str = "", **headers: str) -> Json:
    """The entity, as a query string and headers ask for it."""
    answer = api.get(f"/entities/{entity_id}?{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def content(api: httpx2.Client, entity_id: str, query: str = "") -> Json:
    """The entity without its id and type."""
    return {name: value for name, value in entity(api, entity_id, query).items() if name not in {"id", "type"}}


def values(api: httpx2.Client, entity_id: str) -> Json:
    """The entity, simplified, without its id and type."""
    return content(api, entity_id, "format=simplified")


def path(entity_id: str, *more: str) -> str:
    """The path of an entity, or of something below it."""
    return "/".join(["/entities", entity_id, *more])


def done(answer: httpx2.Response) -> None:
    """The answer is 204, and says nothing more."""
    assert (answer.status_code, answer.content) == (204, b""), answer.text


def refusal(answer: httpx2.Response) -> tuple[int, str]:
    """The status and the error type of a problem document."""
    assert answer.headers["content-type"] == "application/json", answer.text
    problem = answer.json()
    assert problem["type"].startswith(ERRORS), problem
    assert problem["title"], problem
    assert problem["detail"], problem
    return answer.status_code, problem["type"].removeprefix(ERRORS)


BAD_REQUEST_DATA = (400, "BadRequestData")
INVALID_REQUEST = (400, "InvalidRequest")
NOT_FOUND = (404, "ResourceNotFound")


def context_link(url: str) -> dict[str, str]:
    """The header that names an @context (GS CIM 009 §6.3.5)."""
    return {"Link": f'<{url}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'}
