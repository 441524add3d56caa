"""Linked entities over HTTP: GS CIM 009 §4.5.23, §4.21; §6.4.3.2, §6.5.3.1."""

from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from broker.settings import load

pytestmark = pytest.mark.http

Json = dict[str, Any]

STOP, LINE, TOWN, LOST = (f"urn:ngsi-ld:{name}" for name in ("Stop:1", "Line:1", "Town:1", "Lost:1"))
HERE: Json = {"type": "Point", "coordinates": [13.4, 52.5]}
GEO_JSON = {"Accept": "application/geo+json"}
LD_JSON = {"Accept": "application/ld+json"}

TOWN_BODY: Json = {"id": TOWN, "type": "Town", "name": "Ulm"}
LINE_BODY: Json = {"id": LINE, "type": "Line", "name": "M1", "runsIn": {"object": TOWN}}
STOP_BODY: Json = {"id": STOP, "type": "Stop", "name": "Hof", "ofLine": {"object": LINE}, "next": {"object": LOST}}


@pytest.fixture(scope="module", autouse=True)
def network(api: httpx2.Client) -> None:
    """A stop of a line that runs in a town, and a relationship to nowhere."""
    for body in (TOWN_BODY, LINE_BODY | {"location": HERE}, STOP_BODY | {"location": HERE}):
        assert api.post("/entities", json=body).status_code == 201


def get(api: httpx2.Client, query: str, entity_id: str = STOP, **headers: str) -> Any:
    answer = api.get(f"/entities/{entity_id}?{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def pick(text: str) -> str:
    return f"pick={quote(text)}"


def test_inline_the_linked_entity_is_in_the_relationship(api: httpx2.Client) -> None:
    shown = get(api, "join=inline&format=concise&omit=location")
    assert shown == STOP_BODY | {"ofLine": {"object": LINE, "entity": LINE_BODY | {"location": HERE}}}


def test_inline_and_simplified_it_is_in_the_place_of_the_uri(api: httpx2.Client) -> None:
    shown = get(api, f"join=inline&joinLevel=2&format=simplified&{pick('next,ofLine{name,runsIn{name}}')}")
    assert shown == {"next": LOST, "ofLine": {"name": "M1", "runsIn": {"name": "Ulm"}}}


def test_flat_the_linked_entities_follow(api: httpx2.Client) -> None:
    shown = get(api, f"join=flat&joinLevel=2&format=simplified&{pick('id,ofLine{id,runsIn}')}")
    assert shown == [{"id": STOP, "ofLine": LINE}, {"id": LINE, "runsIn": TOWN}, TOWN_BODY]


@pytest.mark.parametrize("query", ["", "join=@none", "joinLevel=3", f"containedBy={LINE}"])
def test_nothing_is_linked_without_a_join(api: httpx2.Client, query: str) -> None:
    assert get(api, f"format=concise&{query}") == STOP_BODY | {"location": HERE}


def test_what_the_client_has_already_is_not_shown_again(api: httpx2.Client) -> None:
    flat = f"join=flat&joinLevel=2&pick=id,ofLine&containedBy={TOWN},{LOST}"
    assert [each["id"] for each in get(api, flat)] == [STOP, LINE]
    assert get(api, f"join=inline&pick=ofLine&format=simplified&containedBy={LINE}") == {"ofLine": LINE}


def test_flat_an_entity_without_linked_ones_comes_alone(api: httpx2.Client) -> None:
    """As ETSI's suite has it (018_14_02)."""
    assert get(api, "join=flat&format=concise", TOWN) == TOWN_BODY


def test_a_page_is_joined(api: httpx2.Client) -> None:
    inline = api.get("/entities?type=Stop,Line&join=inline&format=simplified&pick=id,ofLine,runsIn")
    assert inline.json() == [
        {"id": LINE, "runsIn": TOWN_BODY},
        {"id": STOP, "ofLine": {**LINE_BODY, "runsIn": TOWN, "location": HERE}},
    ]
    flat = api.get("/entities?type=Stop,Line&join=flat&format=simplified&pick=id&count=true")
    assert flat.json() == [{"id": LINE}, {"id": STOP}]
    flat = api.get("/entities?type=Stop,Line&join=flat&format=simplified&pick=id,ofLine,runsIn&count=true")
    assert [each["id"] for each in flat.json()] == [LINE, STOP, TOWN]
    assert flat.headers["ngsild-results-count"] == "2"


def test_linked_entities_are_no_part_of_the_page(api: httpx2.Client) -> None:
    first = api.get("/entities?type=Stop,Line&join=flat&limit=1")
    assert [each["id"] for each in first.json()] == [LINE, TOWN]
    assert 'rel="next"' in first.headers["link"]
    assert "join=flat" in first.headers["link"]


def test_flat_geojson_is_a_collection(api: httpx2.Client) -> None:
    shown = get(api, "join=flat&pick=id,type,ofLine&format=simplified", **GEO_JSON)
    assert shown["type"] == "FeatureCollection"
    assert [(each["id"], each["type"], each["geometry"]) for each in shown["features"]] == [
        (STOP, "Feature", HERE),
        (LINE, "Feature", HERE),
    ]


def test_inline_geojson_has_the_linked_entity_in_the_properties(api: httpx2.Client) -> None:
    shown = get(api, f"join=inline&format=simplified&{pick('id,ofLine{id,name}')}", **GEO_JSON)
    assert (shown["type"], shown["geometry"]) == ("Feature", HERE)
    assert shown["properties"] == {"ofLine": {"id": LINE, "name": "M1"}}


def test_a_context_stands_at_the_entities_and_not_within(api: httpx2.Client) -> None:
    inline = get(api, "join=inline", **LD_JSON)
    assert "@context" in inline
    assert "@context" not in inline["ofLine"]["entity"]
    assert all("@context" in each for each in get(api, "join=flat", **LD_JSON))


def test_system_times_are_those_of_linked_entities_too(api: httpx2.Client) -> None:
    assert "createdAt" in get(api, "join=inline&options=sysAttrs")["ofLine"]["entity"]
    assert all("createdAt" in each for each in get(api, "join=flat&options=sysAttrs"))


def test_an_older_version_knows_no_linked_entities(api: httpx2.Client) -> None:
    answer = api.get(f"/entities/{STOP}?join=inline&pick=ofLine", headers={"Prefer": "ngsi-ld=1.7"})
    assert (answer.status_code, answer.json()) == (203, {"ofLine": {"type": "Relationship", "object": LINE}})


REFUSALS = [
    ("join=all", 400, "InvalidRequest", "join"),
    ("join=inline&joinLevel=0", 400, "InvalidRequest", "joinLevel"),
    ("join=inline&joinLevel=x", 400, "InvalidRequest", "joinLevel"),
    ("join=inline&containedBy=x", 400, "BadRequestData", "containedBy"),
    ("pick=ofLine{name}", 400, "BadRequestData", "pick"),
    ("omit=ofLine{name}&join=@none", 400, "BadRequestData", "omit"),
    ("join=inline&pick=ofLine{runsIn{name}}", 400, "BadRequestData", "joinLevel"),
    ("join=inline&pick=ofLine{name}&omit=ofLine{name}", 400, "BadRequestData", "same member"),
    ("join=inline&pick=ofLine{{name}", 400, "BadRequestData", "position 7"),
    ("join=inline&pick=unknown", 404, "ResourceNotFound", "members"),
    (f"join=inline&joinLevel={load().max_join_level + 1}", 403, "TooComplexQuery", "joinLevel: at most"),
]


@pytest.mark.parametrize(("query", "status", "name", "says"), REFUSALS)
def test_what_cannot_be_joined_is_refused(api: httpx2.Client, query: str, status: int, name: str, says: str) -> None:
    answer = api.get(f"/entities/{STOP}?{query.replace('{', '%7B').replace('}', '%7D')}")
    problem = answer.json()
    assert (answer.status_code, problem["type"].rpartition("/")[2]) == (status, name)
    assert says in problem["detail"]


def test_the_number_of_linked_entities_is_bounded(api: httpx2.Client, new_id: str) -> None:
    most = load().max_linked
    targets = [f"urn:ngsi-ld:None:{number}" for number in range(most + 1)]
    for entity_id, some in ((new_id, targets), (f"{new_id}-less", targets[1:])):
        body = {"id": entity_id, "type": "Hub", "to": {"type": "Relationship", "object": some}}
        assert api.post("/entities", json=body).status_code == 201
    refused = api.get(f"/entities/{new_id}?join=flat")
    assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (403, "TooComplexQuery")
    assert f"more than {most} linked" in refused.json()["detail"]
    assert api.get(f"/entities/{new_id}-less?join=flat").status_code == 200
