"""Live feeds over HTTP: what a query matches, as it changes, for one worker and for two."""

import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import httpx2
import pytest

from broker.feed.feeds import READ
from tests.conftest import RunningBroker, new_tenant, tenant_client
from tests.sse import Feed, ready

pytestmark = pytest.mark.http

GARAGES = {"type": "Garage", "q": "free>3", "format": "simplified"}


def garage(number: int, free: int = 9, **members: Any) -> dict[str, Any]:
    """An entity that `GARAGES` matches if `free` is more than 3."""
    return {
        "id": f"urn:ngsi-ld:Garage:{number}",
        "type": "Garage",
        "free": {"type": "Property", "value": free},
        **members,
    }


def made(api: httpx2.Client, *entities: dict[str, Any]) -> None:
    for entity in entities:
        assert api.post("/entities", json=entity).status_code == 201


def free(api: httpx2.Client, number: int, value: int) -> None:
    fragment = {"free": {"type": "Property", "value": value}}
    assert api.patch(f"/entities/urn:ngsi-ld:Garage:{number}", json=fragment).status_code == 204


def simplified(number: int, free: int) -> dict[str, Any]:
    return {"id": f"urn:ngsi-ld:Garage:{number}", "type": "Garage", "free": free}


def test_what_matches_and_changes_is_told(fresh: httpx2.Client) -> None:
    made(fresh, garage(1), garage(2, free=0), garage(3), {**garage(4), "type": "Depot"})
    with ready(Feed(fresh, **GARAGES)) as feed:
        free(fresh, 1, 8)
        free(fresh, 2, 4)
        free(fresh, 2, 3)
        free(fresh, 2, 2)
        free(fresh, 1, 1)
        made(fresh, garage(5), garage(6, free=0))
        for number in (6, 4, 3, 2):
            assert fresh.delete(f"/entities/urn:ngsi-ld:Garage:{number}").status_code == 204
        free(fresh, 1, 7)
        assert feed.told(7) == [
            ("entity", simplified(1, 8)),
            ("entity", simplified(2, 4)),
            ("left", "urn:ngsi-ld:Garage:2"),
            ("left", "urn:ngsi-ld:Garage:1"),
            ("entity", simplified(5, 9)),
            ("deleted", "urn:ngsi-ld:Garage:3"),
            ("entity", simplified(1, 7)),
        ]


def test_it_is_an_answer_of_its_own_type(fresh: httpx2.Client) -> None:
    made(fresh, garage(1))
    with ready(Feed(fresh, **GARAGES)) as feed:
        headers = feed.response.headers
        assert headers["content-type"] == "text/event-stream"
        assert headers["cache-control"] == "no-store"
        assert headers["ngsild-tenant"] == fresh.headers["ngsild-tenant"]
        assert "content-encoding" not in headers
        assert "json-ld#context" in headers["link"]
        assert 1000 <= feed.retry <= 5000


def test_what_expires_is_deleted(fresh: httpx2.Client) -> None:
    made(fresh, garage(1))
    with ready(Feed(fresh, **GARAGES)) as feed:
        soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
        made(fresh, garage(2, expiresAt=soon))
        assert [kind for kind, _ in feed.told(2)] == ["entity", "deleted"]


def test_a_batch_is_told_entity_by_entity(fresh: httpx2.Client) -> None:
    made(fresh, garage(0, free=0))
    with ready(Feed(fresh, **GARAGES)) as feed:
        batch = [garage(number, free=number) for number in range(300)]
        assert fresh.post("/entityOperations/upsert", json=batch).is_success
        found = feed.told(296)
        assert {data["free"] for _, data in found} == set(range(4, 300))


def test_of_many_it_is_known_which_match(fresh: httpx2.Client) -> None:
    batch = [garage(number, free=number % 2 * 9) for number in range(READ + 1000)]
    for start in range(0, len(batch), 2500):
        assert fresh.post("/entityOperations/upsert", json=batch[start : start + 2500]).is_success
    every = {"type": "Garage", "q": "free>=0", "format": "simplified"}
    with ready(Feed(fresh, **GARAGES)) as some, ready(Feed(fresh, **every)) as feed:
        gone = [0, 1, READ - 1, READ, READ + 1, READ + 999]
        for number in gone:
            assert fresh.delete(f"/entities/urn:ngsi-ld:Garage:{number}").status_code == 204
        assert feed.told(6) == [("deleted", f"urn:ngsi-ld:Garage:{number}") for number in gone]
        odd = [number for number in gone if number % 2]
        assert some.told(len(odd)) == [("deleted", f"urn:ngsi-ld:Garage:{number}") for number in odd]


SHAPES: list[tuple[dict[str, str], Callable[[Any], bool]]] = [
    ({}, lambda body: body["free"] == {"type": "Property", "value": 9}),
    ({"options": "sysAttrs"}, lambda body: "createdAt" in body and "modifiedAt" in body["free"]),
    ({"options": "concise"}, lambda body: body["free"] == 9),
    ({"format": "keyValues"}, lambda body: body["name"] == {"languageMap": {"en": "North", "fi": "Pohjoinen"}}),
    ({"format": "simplified", "lang": "fi"}, lambda body: body["name"] == "Pohjoinen"),
    ({"pick": "id,free"}, lambda body: body.keys() == {"id", "free"}),
    ({"omit": "free,location"}, lambda body: body.keys() == {"id", "type", "name"}),
    ({"attrs": "free"}, lambda body: body.keys() == {"id", "type", "free"}),
    ({"geometryProperty": "location", "format": "simplified"}, lambda body: body["geometry"]["coordinates"] == [1, 2]),
    ({"limit": "1", "offset": "5", "orderBy": "free", "count": "true"}, lambda body: body["free"]["value"] == 9),
    ({"georel": "near;maxDistance==10", "geometry": "Point", "coordinates": "[1,2]"}, lambda body: True),
    ({"scopeQ": "/north/#"}, lambda body: body["scope"] == "/north/one"),
    ({"idPattern": "Garage:1$"}, lambda body: True),
]


@pytest.fixture(scope="module")
def city(running_broker: RunningBroker) -> Any:
    with tenant_client(running_broker, new_tenant()) as client:
        made(client, garage(0))
        yield client


@pytest.mark.parametrize(("parameters", "holds"), SHAPES, ids=[",".join(parameters) for parameters, _ in SHAPES])
def test_entities_are_as_the_query_shows_them(
    city: httpx2.Client, parameters: dict[str, str], holds: Callable[[Any], bool]
) -> None:
    entity = garage(
        1,
        name={"type": "LanguageProperty", "languageMap": {"en": "North", "fi": "Pohjoinen"}},
        location={"type": "GeoProperty", "value": {"type": "Point", "coordinates": [1, 2]}},
    )
    if "scopeQ" in parameters:
        entity["scope"] = "/north/one"
    far = garage(2, location={"type": "GeoProperty", "value": {"type": "Point", "coordinates": [50, 2]}})
    with ready(Feed(city, **{"type": "Garage", **parameters})) as feed:
        if "georel" in parameters or "idPattern" in parameters:
            assert city.post("/entityOperations/upsert", json=[far]).is_success
        assert city.post("/entityOperations/upsert", json=[entity]).is_success
        ((kind, body),) = feed.told(1)
    assert kind == "entity"
    assert holds(body), body
    if "orderBy" not in parameters:
        headers = {"Accept": "application/geo+json", "Prefer": "body=json"} if "geometryProperty" in parameters else {}
        page = city.get(
            "/entities", params={"type": "Garage", "id": entity["id"], **parameters}, headers=headers
        ).json()
        assert (page["features"] if headers else page) == [body]


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"type": "Garage", "join": "inline"}, "join"),
        ({"type": "Garage", "entityMap": "true"}, "entityMap"),
        ({"type": "Garage", "q": "owner{name}==1"}, "q"),
        ({"type": "Garage", "q": "free>"}, "q"),
        ({"id": "urn:x"}, "too wide"),
        ({"type": "Garage", "nonsense": "1"}, "nonsense"),
    ],
)
def test_what_cannot_be_told_live_is_refused(city: httpx2.Client, parameters: dict[str, str], named: str) -> None:
    refused = city.get("/entities", params=parameters, headers={"Accept": "text/event-stream"})
    assert refused.status_code == 400
    assert refused.headers["content-type"] == "application/json"
    assert named in refused.json()["detail"]


def test_a_tenant_that_does_not_exist_has_no_feed(fresh: httpx2.Client) -> None:
    refused = fresh.get("/entities", params=GARAGES, headers={"Accept": "text/event-stream"})
    assert refused.status_code == 404
    assert refused.json()["title"] == "Nonexistent tenant"


def test_tenants_are_told_of_their_own_entities_alone(running_broker: RunningBroker) -> None:
    with ExitStack() as stack:
        first, second = (stack.enter_context(tenant_client(running_broker, new_tenant())) for _ in range(2))
        for api in (first, second):
            made(api, garage(0))
        feeds = [stack.enter_context(Feed(api, **GARAGES)) for api in (first, second)]
        for feed in feeds:
            ready(feed)
        for number in range(1, 10):
            made(first if number % 2 else second, garage(number, free=10 + number))
        assert [data["free"] for _, data in feeds[0].told(5)] == [11, 13, 15, 17, 19]
        assert [data["free"] for _, data in feeds[1].told(4)] == [12, 14, 16, 18]
        foreign = feeds[0].id
        with Feed(second, foreign, **GARAGES) as feed:
            made(second, garage(20, free=20))
            while (event := feed.event()) is not None and event.data.get("free") != 20:
                assert event.kind != "entity" or event.data["free"] % 2 == 0


def test_whoever_looks_is_told_whichever_worker_serves(fresh: httpx2.Client) -> None:
    made(fresh, garage(0))
    with ExitStack() as stack:
        feeds = [ready(stack.enter_context(Feed(fresh, **GARAGES))) for _ in range(8)]
        for number in range(1, 30):
            made(fresh, garage(number, free=number + 3))
        for feed in feeds:
            assert [data["free"] for _, data in feed.told(29)] == list(range(4, 33))


def test_who_comes_back_is_told_what_it_has_missed(fresh: httpx2.Client) -> None:
    made(fresh, garage(1), garage(2), garage(3, free=0))
    with ready(Feed(fresh, **GARAGES)) as feed:
        free(fresh, 1, 5)
        assert feed.told(1) == [("entity", simplified(1, 5))]
        last = feed.id
    free(fresh, 1, 6)
    free(fresh, 2, 0)
    free(fresh, 3, 7)
    assert fresh.delete("/entities/urn:ngsi-ld:Garage:1").status_code == 204
    missed = [
        ("entity", simplified(1, 6)),
        ("left", "urn:ngsi-ld:Garage:2"),
        ("entity", simplified(3, 7)),
        ("deleted", "urn:ngsi-ld:Garage:1"),
    ]
    for _ in range(6):  # whichever worker serves
        with Feed(fresh, last, **GARAGES) as feed:
            assert feed.told(4) == missed
    with Feed(fresh, last, **GARAGES) as feed:
        made(fresh, garage(4))
        assert feed.told(5) == [*missed, ("entity", simplified(4, 9))]


def test_who_comes_back_from_any_event_misses_none_and_gets_none_twice(fresh: httpx2.Client) -> None:
    made(fresh, garage(0))
    with ready(Feed(fresh, **GARAGES)) as feed:
        ids = [feed.id]
        batch = [garage(number, free=number + 4) for number in range(1, 13)]
        for entities in (batch[:5], batch[5:6], batch[6:]):
            assert fresh.post("/entityOperations/upsert", json=entities).is_success
        events = []
        for _ in batch:
            events += feed.told(1)
            ids.append(feed.id)
    for number, last in enumerate(ids):
        made(fresh, garage(100 + number))
        with Feed(fresh, last, **GARAGES) as feed:
            expected = events[number:] + [("entity", simplified(100 + each, 9)) for each in range(number + 1)]
            assert feed.told(len(expected)) == expected


def test_a_long_absence_is_told_whole(fresh: httpx2.Client) -> None:
    made(fresh, garage(0))
    with ready(Feed(fresh, **GARAGES)) as feed:
        last = feed.id
    for start in range(0, 3000, 500):
        batch = [garage(number, free=number + 4) for number in range(start, start + 500)]
        assert fresh.post("/entityOperations/upsert", json=batch).is_success
    with Feed(fresh, last, **GARAGES) as feed:
        assert {data["free"] for _, data in feed.told(3000)} == set(range(4, 3004))


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        ("", "unknown"),
        ("nonsense", "unknown"),
        ("1.2.3.4", "unknown"),
        ("4000000000.1.1", "unknown"),
        ("99999999999999.1.1", "unknown"),
        ("1.1.1", "gone"),
        ("0.0.0", "gone"),
        ("x" * 20_000, "unknown"),
    ],
    ids=lambda text: text[:20],
)
def test_who_cannot_go_on_begins_anew(city: httpx2.Client, last: str, reason: str) -> None:
    with Feed(city, last, **GARAGES) as feed:
        event = feed.event()
        assert event is not None
        assert (event.kind, event.data["reason"]) == ("reset", reason)
        assert city.post("/entityOperations/upsert", json=[garage(7, free=77)]).is_success
        assert feed.told(1) == [("entity", simplified(7, 77))]


def test_a_head_is_answered_and_holds_nothing(city: httpx2.Client, admin: httpx2.Client) -> None:
    for _ in range(20):
        answer = city.head("/entities", params=GARAGES, headers={"Accept": "text/event-stream"})
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream"
    assert_nobody_looks(city)


def test_whoever_leaves_is_forgotten(city: httpx2.Client) -> None:
    with ExitStack() as stack:
        for _ in range(5):
            ready(stack.enter_context(Feed(city, **GARAGES)))
        assert viewers(city) == 5
    assert_nobody_looks(city)


def assert_nobody_looks(city: httpx2.Client) -> None:
    """Sooner or later: that a client has left shows when its connection ends."""
    deadline = time.monotonic() + 10
    while viewers(city) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert viewers(city) == 0


def viewers(api: httpx2.Client) -> int:
    root = str(api.base_url).partition("/ngsi-ld")[0]
    lines = httpx2.get(f"{root}/metrics").text.splitlines()
    return int(sum(float(line.split()[1]) for line in lines if line.startswith("ngsild_feed_viewers")))


def test_other_representations_are_answered_as_before(city: httpx2.Client) -> None:
    for accept in ("*/*", "application/json, text/event-stream;q=0.5", "application/ld+json"):
        page = city.get("/entities", params=GARAGES, headers={"Accept": accept})
        assert isinstance(page.json(), list)
    refused = city.post(
        "/entityOperations/query", content=json.dumps({"type": "Query"}), headers={"Accept": "text/event-stream"}
    )
    assert refused.status_code == 406
