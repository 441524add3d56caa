"""Counts that go no further than a client asks for: `countLimit` (beside GS CIM 009 §6.3.13)."""

from collections.abc import Iterator
from urllib.parse import quote

import httpx2
import pytest

from tests.conftest import RunningBroker, new_tenant, tenant_client

pytestmark = pytest.mark.http

QUERIES = [
    "",
    "q=n>=0",
    f"q={quote('n!=7')}",
    "idPattern=:c:",
    "georel=near%3BmaxDistance==1000&geometry=Point&coordinates=[8,50]",
]


@pytest.fixture(scope="module")
def three(running_broker: RunningBroker) -> Iterator[httpx2.Client]:
    """A client of a tenant with three entities at one place."""
    with tenant_client(running_broker, new_tenant()) as client:
        here = {"type": "Point", "coordinates": [8, 50]}
        payloads = [{"id": f"urn:x:c:{number}", "type": "C", "n": number, "location": here} for number in range(3)]
        assert client.post("/entityOperations/create", json=payloads).status_code == 201
        yield client


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize(
    ("limit", "told", "more"), [(1, "1", "true"), (2, "2", "true"), (3, "3", None), (9, "3", None)]
)
def test_it_is_counted_no_further_than_is_asked_for(
    three: httpx2.Client, query: str, limit: int, told: str, more: str | None
) -> None:
    headers = three.get(f"/entities?type=C&{query}&limit=1&count=true&countLimit={limit}").headers
    assert (headers["ngsild-results-count"], headers.get("ngsild-results-count-limited")) == (told, more)


def test_without_a_count_there_is_nothing_to_limit(three: httpx2.Client) -> None:
    assert "ngsild-results-count" not in three.get("/entities?type=C&countLimit=1").headers
    assert three.get("/entities?type=C&count=true&countLimit=0").status_code == 400
