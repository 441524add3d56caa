"""Rows TN and ER of docs/conformance.md: tenants, problem documents (GS CIM 009 §4.14, §5.5.2, §5.5.10, §6.3.2)."""

from typing import Any

import httpx2
import pytest

from tests.conformance.exchange import ERRORS, Json, create, done, entity, offer, refusal
from tests.conftest import RunningBroker, new_tenant, tenant_client

pytestmark = pytest.mark.http


# TN


def test_tenants_share_nothing(running_broker: RunningBroker, new_id: str) -> None:
    """TN-01, §4.14: the same id in two tenants is two entities; each sees and changes its own."""
    with (
        tenant_client(running_broker, new_tenant()) as first,
        tenant_client(running_broker, new_tenant()) as second,
    ):
        for number, client in enumerate((first, second)):
            create(client, new_id, number=number)
        done(first.patch(f"/entities/{new_id}/attrs", json={"number": 9}))
        assert entity(second, new_id, "format=simplified")["number"] == 1
        done(second.delete("/entities?type=Vehicle"))
        assert entity(first, new_id, "format=simplified")["number"] == 9
        assert [each["id"] for each in first.get("/entities?type=Vehicle").json()] == [new_id]
        assert second.get("/entities?type=Vehicle").json() == []


@pytest.mark.parametrize("operation", ["/entities", "/entityOperations/create"])
def test_a_create_makes_its_tenant(fresh: httpx2.Client, new_id: str, operation: str) -> None:
    """TN-01, §4.14, §5.5.10: implicit creation."""
    body: Any = {"id": new_id, "type": "Vehicle"}
    answer = fresh.post(operation, json=[body] if "Operations" in operation else body)
    assert answer.status_code == 201
    assert entity(fresh, new_id)["id"] == new_id


def test_a_tenant_is_echoed(api: httpx2.Client, new_id: str) -> None:
    """TN-02, §6.3.14: with successes and errors."""
    tenant = api.headers["NGSILD-Tenant"]
    answers = [offer(api, new_id), api.get(f"/entities/{new_id}"), offer(api, new_id), api.get("/entities?x=1")]
    assert [answer.status_code for answer in answers] == [201, 200, 409, 400]
    assert {answer.headers["NGSILD-Tenant"] for answer in answers} == {tenant}


# ER


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "name"),
    [
        ("POST", "/entities", b"{", 400, "InvalidRequest"),
        ("GET", "/entities?type=A&limit=x", None, 400, "InvalidRequest"),
        ("POST", "/entities", b'{"id": "no uri", "type": "A"}', 400, "BadRequestData"),
        ("GET", "/entities", None, 400, "BadRequestData"),
        ("GET", "/entities/urn:ngsi-ld:A:none", None, 404, "ResourceNotFound"),
        ("POST", "/entities", b'{"id": "urn:ngsi-ld:A:there", "type": "A"}', 409, "AlreadyExists"),
        ("GET", "/entities?type=A&limit=100000", None, 403, "TooManyResults"),
    ],
)
def test_an_error_is_a_problem_document(
    api: httpx2.Client, method: str, path: str, body: bytes | None, status: int, name: str
) -> None:
    """ER-01, ER-02, §5.5.2, §6.3.2, RFC 7807: type, title, detail; the type is an https URI of ETSI's."""
    api.post("/entities", content=b'{"id": "urn:ngsi-ld:A:there", "type": "A"}')
    answer = api.request(method, path, content=body)
    assert refusal(answer) == (status, name)
    problem: Json = answer.json()
    assert problem["type"] == f"{ERRORS}{name}"
    assert problem.get("status", status) == status
    assert all(isinstance(problem[member], str) for member in ("type", "title", "detail"))


@pytest.mark.parametrize(
    ("payload", "member"),
    [
        ({"type": "Vehicle"}, "id"),
        ({"id": "urn:a:b"}, "type"),
        ({"id": "urn:a:b", "type": "Vehicle", "speed": {"type": "Property"}}, "speed"),
        ({"id": "urn:a:b", "type": "Vehicle", "speed": {"value": 1, "observedAt": "x"}}, "observedAt"),
        ({"id": "urn:a:b", "type": "Vehicle", "speed": {"value": 1, "by": {"object": 5}}}, "by"),
        ({"id": "urn:a:b", "type": "Vehicle", "scope": 5}, "scope"),
    ],
)
def test_the_detail_names_the_member_at_fault(api: httpx2.Client, payload: Json, member: str) -> None:
    """ER-01, §5.5.2: detail explains this occurrence."""
    assert member in api.post("/entities", json=payload).json()["detail"]
