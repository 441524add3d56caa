"""Row TE-16 of docs/conformance.md: answers that are a part in time of what was asked for (GS CIM 009 §6.3.10)."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.conftest import serving, wait_for

pytestmark = pytest.mark.http

LIMIT = 10
ONE, TWO = "urn:ngsi-ld:Vehicle:1", "urn:ngsi-ld:Vehicle:2"


def at(minute: int) -> str:
    """A minute of the hour that all is about."""
    return f"2026-03-01T12:{minute:02}:00Z"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    """A client of a broker that shows ten instances at once; one Vehicle has thirty, the other one."""
    with (
        serving(tmp_path_factory.mktemp("pages"), temporal_limit=str(LIMIT)) as broker,
        httpx2.Client(base_url=f"{broker.url}/ngsi-ld/v1") as client,
    ):
        wait_for(broker, "/ready")
        attributes = {
            name: [{"type": "Property", "value": i, "observedAt": at(i + offset)} for i in range(15)]
            for name, offset in (("a", 0), ("b", 15))
        }
        for body in (
            {"id": ONE, "type": "Vehicle", **attributes},
            {"id": TWO, "type": "Vehicle", "a": {"type": "Property", "value": 99, "observedAt": at(20)}},
        ):
            assert client.post("/temporal/entities", json=body).status_code == 201
        yield client


def minutes(body: Any, name: str) -> list[int]:
    """At which minutes the instances of an attribute are."""
    return [int(each["observedAt"][14:16]) for each in body[name]]


@pytest.mark.parametrize(
    ("query", "start", "end", "size"),
    [
        ("", 0, 9, "*"),
        (f"timerel=after&timeAt={at(3)}", 3, 12, "*"),
        (f"timerel=before&timeAt={at(28)}", 0, 9, "*"),
        (f"timerel=between&timeAt={at(3)}&endTimeAt={at(28)}", 3, 12, "*"),
        ("lastN=20", 29, 20, "20"),
        (f"timerel=before&timeAt={at(28)}&lastN=15", 28, 18, "15"),
        (f"timerel=between&timeAt={at(3)}&endTimeAt={at(28)}&lastN=15", 28, 18, "15"),
        (f"timerel=after&timeAt={at(3)}&lastN=15", 29, 20, "15"),
    ],
)
@pytest.mark.parametrize("form", ["normalized", "temporalValues"])
def test_a_part_says_from_when_to_when(
    client: httpx2.Client, query: str, start: int, end: int, size: str, form: str
) -> None:
    """TE-16, §6.3.10: forwards from the start that was asked for; backwards with lastN; `*` or lastN in all."""
    answer = client.get(f"/temporal/entities/{ONE}?{query}&format={form}")
    assert answer.status_code == 206
    assert answer.headers["content-range"] == f"date-time {at(start)}-{at(end)}/{size}"


def test_an_attribute_of_another_part_is_empty(client: httpx2.Client) -> None:
    """TE-16: it is there, and has no instances here."""
    body = client.get(f"/temporal/entities/{ONE}").json()
    assert (minutes(body, "a"), body["b"]) == (list(range(10)), [])
    body = client.get(f"/temporal/entities/{ONE}?format=temporalValues").json()
    assert body["b"] == {"type": "Property", "values": []}


@pytest.mark.parametrize("query", [f"timerel=after&timeAt={at(20)}", "lastN=5", f"timerel=before&timeAt={at(5)}"])
def test_what_fits_is_whole(client: httpx2.Client, query: str) -> None:
    """TE-16: 200, and no Content-Range."""
    answer = client.get(f"/temporal/entities/{ONE}?{query}")
    assert (answer.status_code, "content-range" in answer.headers) == (200, False)


def test_all_parts_make_the_whole(client: httpx2.Client) -> None:
    """TE-16: the next part begins where one ends."""
    found: dict[str, set[int]] = {"a": set(), "b": set()}
    since = at(0)
    while True:
        answer = client.get(f"/temporal/entities/{ONE}?timerel=after&timeAt={since}")
        for name in found:
            found[name] |= set(minutes(answer.json(), name)) if name in answer.json() else set()
        if answer.status_code == 200:
            break
        since = answer.headers["content-range"].partition("/")[0][-20:]
    assert found == {"a": set(range(15)), "b": set(range(15, 30))}


def test_a_query_is_cut_over_all_entities(client: httpx2.Client) -> None:
    """TE-16, §5.7.4: one range of time for the page; by a body, too."""
    answer = client.get(f"/temporal/entities?type=Vehicle&timerel=after&timeAt={at(18)}")
    assert answer.status_code == 206
    assert answer.headers["content-range"] == f"date-time {at(18)}-{at(26)}/*"
    first, second = answer.json()
    assert (minutes(first, "b"), minutes(second, "a")) == (list(range(18, 27)), [20])
    query = {"type": "Query", "entities": [{"type": "Vehicle"}], "temporalQ": {"timerel": "after", "timeAt": at(18)}}
    assert client.post("/temporal/entityOperations/query", json=query).status_code == 206


def test_points_without_observed_at_are_cut_too(client: httpx2.Client) -> None:
    """TE-16: without a time that is asked for, by their modifiedAt."""
    entity_id = "urn:ngsi-ld:Bus:1"
    assert client.post("/entities", json={"id": entity_id, "type": "Bus", "a": 0}).status_code == 201
    for value in range(1, 15):
        assert client.patch(f"/entities/{entity_id}/attrs", json={"a": value}).status_code == 204
    answer = client.get(f"/temporal/entities/{entity_id}?options=sysAttrs")
    assert answer.status_code == 206
    shown = answer.json()["a"]
    assert [each["value"] for each in shown] == list(range(10))
    first, last = (shown[place]["modifiedAt"] for place in (0, -1))
    assert answer.headers["content-range"] == f"date-time {first}-{last}/*"
