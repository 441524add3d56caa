"""A broker whose database is away: GS CIM 009 §6.3.2 (InternalError), RFC 9110 §10.2.3 (Retry-After)."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from tests.conftest import free_port, serving, wait_for

pytestmark = pytest.mark.http

ENTITY = {"id": "urn:ngsi-ld:Nothing:1", "type": "Nothing"}
REQUESTS: dict[str, tuple[str, str, Any, str]] = {
    "retrieve": ("GET", "/entities/urn:ngsi-ld:Nothing:1", None, ""),
    "retrieve of a tenant": ("GET", "/entities/urn:ngsi-ld:Nothing:1", None, "other"),
    "query": ("GET", "/entities?type=Nothing&count=true", None, ""),
    "create": ("POST", "/entities", ENTITY, ""),
    "create of a tenant": ("POST", "/entities", ENTITY, "other"),
    "update": ("PATCH", "/entities/urn:ngsi-ld:Nothing:1/attrs", {"a": {"type": "Property", "value": 1}}, ""),
    "delete": ("DELETE", "/entities/urn:ngsi-ld:Nothing:1", None, ""),
    "upsert": ("POST", "/entityOperations/upsert", [ENTITY], ""),
}
"""Method, path, body, tenant."""


@pytest.fixture(scope="module")
def lonely(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    """A client of a broker whose database does not answer."""
    uri = f"mongodb://127.0.0.1:{free_port()}/?replicaSet=away"
    with serving(tmp_path_factory.mktemp("lonely"), mongodb_uri=uri) as broker:
        wait_for(broker, "/health")
        with httpx2.Client(base_url=broker.url, timeout=20) as client:
            yield client


@pytest.fixture(scope="module")
def answers(lonely: httpx2.Client) -> dict[str, httpx2.Response]:
    """An answer for each request of the table; asked for at once, for each waits for the database."""

    def ask(request: tuple[str, str, Any, str]) -> httpx2.Response:
        method, path, body, tenant = request
        return lonely.request(method, f"/ngsi-ld/v1{path}", json=body, headers={"NGSILD-Tenant": tenant})

    with ThreadPoolExecutor(len(REQUESTS)) as pool:
        return dict(zip(REQUESTS, pool.map(ask, REQUESTS.values()), strict=True))


@pytest.mark.parametrize("name", REQUESTS)
def test_what_needs_the_database_is_503_for_now(answers: dict[str, httpx2.Response], name: str) -> None:
    answer = answers[name]
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["type"] == "https://uri.etsi.org/ngsi-ld/errors/InternalError"


def test_what_is_wrong_with_the_request_is_told_all_the_same(lonely: httpx2.Client) -> None:
    assert lonely.get("/ngsi-ld/v1/entities/nouri").status_code == 400


def test_the_broker_is_alive_and_not_ready(lonely: httpx2.Client) -> None:
    health, ready = lonely.get("/health"), lonely.get("/ready")
    assert (health.status_code, health.json()["status"]) == (200, "degraded")
    assert health.json()["checks"]["database"]["status"] == "failed"
    assert ready.status_code == 503
    assert int(ready.headers["retry-after"]) > 0
