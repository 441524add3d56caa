"""A URL that is asked for again, and by many at once: each request gets the answer to its own question."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from tests.conftest import RunningBroker, new_tenant, tenant_client

pytestmark = pytest.mark.http

ASKED = "/entities?type=Lamp&limit=2"
LAMP = "https://example.org/names#Lamp"


@pytest.fixture(scope="module")
def lamps(running_broker: RunningBroker) -> Iterator[httpx2.Client]:
    """Of a tenant with three entities of the default vocabulary's Lamp, and two of another's."""
    with tenant_client(running_broker, new_tenant()) as client:
        payloads: list[dict[str, Any]] = [{"id": f"urn:x:l:{number}", "type": "Lamp", "n": 1} for number in range(3)]
        payloads += [{"id": f"urn:x:o:{number}", "type": LAMP, "n": 2} for number in range(2)]
        assert client.post("/entityOperations/create", json=payloads).status_code == 201
        yield client


@pytest.fixture(scope="module")
def other(lamps: httpx2.Client) -> str:
    """A Link header that names a vocabulary in which Lamp is another's."""
    made = lamps.post("/jsonldContexts", json={"@context": {"Lamp": LAMP}})
    assert made.status_code == 201
    url = lamps.base_url.join(made.headers["location"])
    return f'<{url}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'


def ids(response: httpx2.Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [each["id"] for each in response.json()]


def test_the_same_url_in_another_vocabulary_is_another_question(lamps: httpx2.Client, other: str) -> None:
    for _ in range(2):
        assert ids(lamps.get(ASKED)) == ["urn:x:l:0", "urn:x:l:1"]
        assert ids(lamps.get(ASKED, headers={"Link": other})) == ["urn:x:o:0", "urn:x:o:1"]


def test_the_same_body_less_url_with_bodies_is_another_question_each_time(lamps: httpx2.Client) -> None:
    for kind, number in (("Lamp", 3), (LAMP, 2), ("Lamp", 3)):
        asked = {"type": "Query", "entities": [{"type": kind}]}
        assert len(ids(lamps.post("/entityOperations/query", json=asked))) == number


def test_a_refused_url_is_refused_each_time(lamps: httpx2.Client) -> None:
    for _ in range(2):
        assert lamps.get(f"{ASKED}&q=(").status_code == 400
        assert lamps.get("/entities?type=Lamp&limit=0").status_code == 400


def test_those_who_ask_at_once_get_each_their_own_form(lamps: httpx2.Client, other: str) -> None:
    """As each is answered when it asks alone; but for its own request id."""
    forms: list[dict[str, str]] = [
        {},
        {"Accept": "application/ld+json"},
        {"Accept": "application/geo+json"},
        {"Accept": "application/geo+json", "Prefer": "body=json"},
        {"Link": other},
        {"Prefer": "ngsi-ld=1.3"},
    ]
    urls = [ASKED, f"{ASKED}&count=true", f"{ASKED}&options=keyValues", f"{ASKED}&pick=id", f"{ASKED}&offset=1"]
    questions = [(url, form) for url in urls for form in forms]

    def answer(question: tuple[str, dict[str, str]]) -> tuple[int, bytes, list[tuple[str, str]]]:
        response = lamps.get(question[0], headers=question[1])
        headers = [line for line in response.headers.multi_items() if line[0] not in ("date", "x-request-id")]
        return response.status_code, response.content, sorted(headers)

    alone = [*map(answer, questions)]
    assert len({body for _, body, _ in alone}) > len(urls)
    with ThreadPoolExecutor(16) as pool:
        for _ in range(6):
            assert [*pool.map(answer, questions)] == alone
