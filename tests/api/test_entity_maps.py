"""Entity maps over HTTP: GS CIM 009 §5.5.9.3, §5.14, §6.3.21, §6.4.3.2, §6.32, §6.34."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from broker.model.instants import format_instant
from tests.conftest import RunningBroker, new_tenant, tenant_client

pytestmark = pytest.mark.http

HEADER = "NGSILD-EntityMap"


def lamp(number: int) -> str:
    return f"urn:ngsi-ld:Lamp:{number}"


@pytest.fixture
def lamps(running_broker: RunningBroker) -> Iterator[httpx2.Client]:
    """A client of a tenant with six lamps, which are numbered by `n`."""
    with tenant_client(running_broker, new_tenant()) as client:
        payloads = [{"id": lamp(number), "type": "Lamp", "n": number} for number in range(6)]
        assert client.post("/entityOperations/create", json=payloads).status_code == 201
        yield client


def made(client: httpx2.Client, query: str = "type=Lamp") -> tuple[str, dict[str, list[str]]]:
    """A new map: its resource, and what is in it."""
    answer = client.get(f"/entityMaps?{query}")
    assert answer.status_code == 201, answer.text
    return answer.headers[HEADER], answer.json()["entityMap"]


def page(client: httpx2.Client, resource: str, query: str = "type=Lamp") -> httpx2.Response:
    answer = client.get(f"/entities?{query}", headers={HEADER: resource})
    assert answer.status_code in (200, 201), answer.text
    return answer


def numbers(answer: httpx2.Response) -> list[int]:
    return [int(entity["id"].rpartition(":")[2]) for entity in answer.json()]


def kept(client: httpx2.Client, resource: str) -> list[str]:
    return list(client.get(resource.removeprefix("/ngsi-ld/v1")).json()["entityMap"])


def problem(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition("/")[2]


def test_a_map_holds_who_matches_and_where_they_come_from(lamps: httpx2.Client) -> None:
    answer = lamps.get("/entityMaps?type=Lamp&q=n>3")
    body = answer.json()
    assert (answer.status_code, body["type"]) == (201, "EntityMap")
    assert body["entityMap"] == {lamp(4): ["@none"], lamp(5): ["@none"]}
    assert answer.headers[HEADER] == f"/ngsi-ld/v1/entityMaps/{body['id']}"
    assert lamps.get(f"/entityMaps/{quote(body['id'], safe='')}").json() == body


def test_a_body_asks_for_a_map_as_parameters_do(lamps: httpx2.Client) -> None:
    query = {"type": "Query", "entities": [{"type": "Lamp"}], "q": "n<2", "entityMapLifetime": "PT1M"}
    answer = lamps.post("/entityMaps", json=query)
    assert (answer.status_code, list(answer.json()["entityMap"])) == (201, [lamp(0), lamp(1)])


def test_a_map_has_the_order_that_is_asked_for(lamps: httpx2.Client) -> None:
    answer = lamps.get("/entityMaps?type=Lamp&q=n<3&orderBy=n%3Bdesc")
    assert list(answer.json()["entityMap"]) == [lamp(2), lamp(1), lamp(0)]


def test_a_query_makes_a_map_and_answers_its_first_page(lamps: httpx2.Client) -> None:
    answer = lamps.get("/entities?type=Lamp&entityMap=true&limit=2&orderBy=n%3Bdesc&count=true")
    assert (answer.status_code, numbers(answer), answer.headers["ngsild-results-count"]) == (201, [5, 4], "6")
    assert "offset=2" in answer.links["next"]["url"]
    assert kept(lamps, answer.headers[HEADER]) == [lamp(number) for number in (5, 4, 3, 2, 1, 0)]


def test_a_body_makes_a_map_too(lamps: httpx2.Client) -> None:
    query = {"type": "Query", "entities": [{"type": "Lamp"}], "entityMap": True, "splitEntities": False}
    answer = lamps.post("/entityOperations/query?limit=1", json=query)
    assert (answer.status_code, numbers(answer), len(kept(lamps, answer.headers[HEADER]))) == (201, [0], 6)


def test_the_pages_of_a_map_are_of_what_was_there_then(lamps: httpx2.Client) -> None:
    resource, _ = made(lamps)
    lamps.post("/entities", json={"id": lamp(7), "type": "Lamp", "n": 7})
    first = page(lamps, resource, "type=Lamp&limit=4")
    assert (first.status_code, numbers(first), first.headers[HEADER]) == (200, [0, 1, 2, 3], resource)
    last = page(lamps, resource, first.links["next"]["url"].partition("?")[2])
    assert numbers(last) == [4, 5]
    assert "next" not in last.links
    assert "offset=0" in last.links["prev"]["url"]


def test_who_does_not_match_any_more_leaves_the_map_and_pages_are_filled(lamps: httpx2.Client) -> None:
    resource, _ = made(lamps)
    assert lamps.delete(f"/entities/{lamp(1)}").status_code == 204
    assert lamps.patch(f"/entities/{lamp(2)}", json={"n": -1}).status_code == 204
    answer = page(lamps, resource, "type=Lamp&q=n>=0&limit=2&count=true")
    assert (numbers(answer), answer.headers["ngsild-results-count"]) == ([0, 3], "4")
    assert numbers(page(lamps, resource, answer.links["next"]["url"].partition("?")[2])) == [4, 5]
    assert kept(lamps, resource) == [lamp(number) for number in (0, 3, 4, 5)]


def test_a_map_is_named_by_its_id_alone_too(lamps: httpx2.Client) -> None:
    resource, _ = made(lamps, "type=Lamp&q=n<1")
    answer = page(lamps, resource.rpartition("/")[2])
    assert (answer.status_code, numbers(answer)) == (200, [0])


@pytest.mark.parametrize("gone", ["urn:ngsi-ld:EntityMap:none", "/ngsi-ld/v1/entityMaps/urn:ngsi-ld:EntityMap:none"])
def test_a_query_with_a_map_that_is_gone_makes_a_new_one(lamps: httpx2.Client, gone: str) -> None:
    answer = page(lamps, gone)
    assert (answer.status_code, len(answer.json())) == (201, 6)
    assert len(kept(lamps, answer.headers[HEADER])) == 6


def test_an_expired_map_is_gone(lamps: httpx2.Client) -> None:
    resource, _ = made(lamps)
    path = resource.removeprefix("/ngsi-ld/v1")
    assert lamps.patch(path, json={"expiresAt": "2000-01-01T00:00:00Z"}).status_code == 204
    for answer in (lamps.get(path), lamps.delete(path), lamps.patch(path, json={})):
        assert problem(answer) == (404, "ResourceNotFound")


def test_of_a_map_only_the_expiry_can_be_changed(lamps: httpx2.Client) -> None:
    resource, _ = made(lamps, "type=Lamp&q=n<1")
    path = resource.removeprefix("/ngsi-ld/v1")
    in_an_hour = format_instant(datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1))
    changed = {"expiresAt": in_an_hour, "entityMap": {lamp(9): ["@none"]}, "type": "EntityMap"}
    assert lamps.patch(path, json=changed).status_code == 204
    shown = lamps.get(path).json()
    assert (shown["expiresAt"], list(shown["entityMap"])) == (in_an_hour, [lamp(0)])


def test_the_broker_bounds_how_long_a_map_lives(lamps: httpx2.Client) -> None:
    latest = format_instant(datetime.now(UTC) + timedelta(days=1, minutes=1))
    asked = lamps.get("/entityMaps?type=Lamp&entityMapLifetime=P10Y").json()["expiresAt"]
    resource, _ = made(lamps)
    path = resource.removeprefix("/ngsi-ld/v1")
    assert lamps.patch(path, json={"expiresAt": "2999-01-01T00:00:00Z"}).status_code == 204
    assert max(asked, lamps.get(path).json()["expiresAt"]) < latest


def test_a_map_is_deleted_once(lamps: httpx2.Client) -> None:
    path = made(lamps)[0].removeprefix("/ngsi-ld/v1")
    assert lamps.delete(path).status_code == 204
    assert problem(lamps.delete(path)) == (404, "ResourceNotFound")


def test_another_tenant_has_no_part_in_a_map(lamps: httpx2.Client, running_broker: RunningBroker) -> None:
    resource, _ = made(lamps)
    path = resource.removeprefix("/ngsi-ld/v1")
    with tenant_client(running_broker, new_tenant()) as other:
        assert other.post("/entities", json={"id": lamp(0), "type": "Lamp"}).status_code == 201
        for answer in (other.get(path), other.delete(path), other.patch(path, json={})):
            assert problem(answer) == (404, "ResourceNotFound")
        assert page(other, resource).status_code == 201
    assert len(kept(lamps, resource)) == 6


def test_a_retrieved_entity_has_a_map_of_itself(lamps: httpx2.Client) -> None:
    answer = lamps.get(f"/entities/{lamp(1)}?entityMap=true")
    assert answer.status_code == 200
    assert kept(lamps, answer.headers[HEADER]) == [lamp(1)]
    assert HEADER not in lamps.get(f"/entities/{lamp(1)}").headers


def test_a_purge_with_a_map_leaves_the_others_alone(lamps: httpx2.Client) -> None:
    resource, _ = made(lamps, "type=Lamp&q=n<2")
    assert lamps.delete("/entities?type=Lamp", headers={HEADER: resource}).status_code == 204
    assert numbers(lamps.get("/entities?type=Lamp")) == [2, 3, 4, 5]
    gone = lamps.delete("/entities?type=Lamp", headers={HEADER: "urn:ngsi-ld:EntityMap:none"})
    assert problem(gone) == (404, "ResourceNotFound")


def test_a_map_can_be_of_linked_entities(lamps: httpx2.Client) -> None:
    lamps.post("/entities", json={"id": "urn:ngsi-ld:Post:1", "type": "Post", "holds": {"object": lamp(3)}})
    resource, found = made(lamps, f"type=Post&join=flat&q={quote('holds{n}==3')}")
    assert list(found) == ["urn:ngsi-ld:Post:1"]
    answer = page(lamps, resource, "type=Post&join=flat")
    assert [each["id"] for each in answer.json()] == ["urn:ngsi-ld:Post:1", lamp(3)]


@pytest.mark.parametrize(
    ("method", "path", "body", "header", "status"),
    [
        ("GET", "/entityMaps?id=urn:x:1", None, "", 400),
        ("GET", "/entityMaps?type=Lamp&entityMapLifetime=1hour", None, "", 400),
        ("GET", "/entityMaps?type=Lamp&entityMapLifetime=PT0S", None, "", 400),
        ("GET", "/entities?type=Lamp&entityMap=yes", None, "", 400),
        ("GET", "/entities?type=Lamp", None, "nouri", 400),
        ("GET", "/entities?type=Lamp&after=dXJuOng6MQ&entityMap=true", None, "", 400),
        ("GET", "/entityMaps/nouri", None, "", 400),
        ("GET", "/entityMaps?type=L&orderBy=n%3Bup", None, "", 400),
        ("GET", "/entityMaps?type=L&orderGeometry=Circle", None, "", 400),
        ("DELETE", "/entityMaps/nouri", None, "", 400),
        ("PATCH", "/entityMaps/urn:x:1", {"expiresAt": "tomorrow"}, "", 400),
        ("PATCH", "/entityMaps/urn:x:1", {"expiresAt": "urn:ngsi-ld:null"}, "", 400),
        ("PATCH", "/entityMaps/urn:x:1", [], "", 400),
        ("POST", "/entityMaps", {"type": "Query", "entities": [{"type": "L"}], "entityMap": "true"}, "", 400),
        ("POST", "/entityMaps", {"type": "Query", "entities": [{"type": "L"}], "entityMapLifetime": 5}, "", 400),
        ("GET", "/entityMaps/urn:x:1", None, "", 404),
    ],
)
def test_mistakes_are_refused(
    lamps: httpx2.Client, method: str, path: str, body: Any, header: str, status: int
) -> None:
    headers = {HEADER: header} if header else {}
    answer = lamps.request(method, path, headers=headers, **({} if body is None else {"json": body}))
    assert answer.status_code == status, answer.text
