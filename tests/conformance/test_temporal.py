"""Rows TE of docs/conformance.md: history, and what is written into it (GS CIM 009 §5.6.11–§5.6.16)."""

from typing import Any

import httpx2
import pytest

from tests.conformance.exchange import BAD_REQUEST_DATA, NOT_FOUND, NULL, Json, create, done, refusal

pytestmark = pytest.mark.http

SPEED: Json = {
    "speed": [
        {"type": "Property", "value": 120, "observedAt": "2026-03-01T12:00:00Z"},
        {"type": "Property", "value": 80, "observedAt": "2026-03-01T12:10:00Z"},
        {"type": "Property", "value": 60, "observedAt": "2026-03-01T12:10:00Z", "datasetId": "urn:x:gps"},
    ]
}


def evolve(api: httpx2.Client, entity_id: str, **members: Any) -> httpx2.Response:
    """The answer to a temporal create or update of a Vehicle."""
    return api.post("/temporal/entities", json={"id": entity_id, "type": "Vehicle", **members})


def evolution(api: httpx2.Client, entity_id: str, query: str = "") -> Json:
    """The evolution of an entity."""
    answer = api.get(f"/temporal/entities/{entity_id}?{query}")
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def values(instances: list[Json], member: str = "value") -> list[Any]:
    """What the instances hold."""
    return [each[member] for each in instances]


@pytest.fixture
def vehicle(api: httpx2.Client, new_id: str) -> str:
    """A Vehicle with a history of its speed."""
    assert evolve(api, new_id, **SPEED).status_code == 201
    return new_id


def test_what_is_new_is_created(api: httpx2.Client, new_id: str) -> None:
    """TE-01, §5.6.11, §6.18.3.1: 201 and Location; with more instances 204."""
    answer = evolve(api, new_id, **SPEED)
    assert (answer.status_code, answer.headers["location"]) == (201, f"/ngsi-ld/v1/temporal/entities/{new_id}")
    more = [{"type": "Property", "value": 90, "observedAt": "2026-03-01T12:20:00Z"}]
    done(evolve(api, new_id, speed=more))
    assert sorted(values(evolution(api, new_id)["speed"])) == [60, 80, 90, 120]


def test_it_exists_in_the_current_state_too(api: httpx2.Client, vehicle: str) -> None:
    """TE-01: as the newest instances have it (a reading: conformance suite 020_17)."""
    found = api.get(f"/entities/{vehicle}?format=simplified").json()
    assert found["speed"] == {"dataset": {"@none": 80, "urn:x:gps": 60}}


def test_an_instance_at_a_known_time_replaces_the_one_that_was_there(api: httpx2.Client, vehicle: str) -> None:
    """TE-01: with the same datasetId and observedAt (a reading: conformance suite 008_01)."""
    before = evolution(api, vehicle)["speed"]
    done(evolve(api, vehicle, speed=[{"type": "Property", "value": 81, "observedAt": "2026-03-01T12:10:00Z"}]))
    after = evolution(api, vehicle)["speed"]
    assert sorted(values(after)) == [60, 81, 120]
    assert sorted(values(after, "instanceId")) == sorted(values(before, "instanceId"))


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"id": "nothing"}, BAD_REQUEST_DATA),
        ({"type": []}, BAD_REQUEST_DATA),
        ({"speed": [{"type": "Property"}]}, BAD_REQUEST_DATA),
        ({"speed": [{"type": "Property", "value": 1, "observedAt": "2026-03-01T02:00:00+03:00"}]}, BAD_REQUEST_DATA),
        ({"speed": [{"type": "Property", "value": 1}, 2]}, BAD_REQUEST_DATA),
        ({"scope": [{"type": "Property", "value": "/1"}]}, BAD_REQUEST_DATA),
        ({"scope": [{"type": "Relationship", "object": "urn:x:1"}]}, BAD_REQUEST_DATA),
    ],
)
def test_a_body_that_is_no_evolution(api: httpx2.Client, new_id: str, members: Json, expected: tuple[int, str]) -> None:
    """TE-01, §5.6.11: nothing is written."""
    body = {"id": new_id, "type": "Vehicle", **SPEED, **members}
    assert refusal(api.post("/temporal/entities", json=body)) == expected
    assert api.get(f"/temporal/entities/{new_id}").status_code == 404


def test_attributes_are_added(api: httpx2.Client, vehicle: str) -> None:
    """TE-02, §5.6.12: instances of attributes that are there, and of new ones."""
    added = {
        "speed": {"type": "Property", "value": 70, "observedAt": "2026-03-01T11:00:00Z"},
        "owner": [{"type": "Relationship", "object": "urn:x:1", "observedAt": "2026-03-01T11:00:00Z"}],
    }
    done(api.post(f"/temporal/entities/{vehicle}/attrs", json=added))
    found = evolution(api, vehicle, "datasetId=@none")
    assert values(found["speed"]) == [70, 120, 80]
    assert values(found["owner"], "object") == ["urn:x:1"]
    assert refusal(api.post("/temporal/entities/urn:x:none/attrs", json=added)) == NOT_FOUND


@pytest.mark.parametrize(
    ("query", "left"),
    [("", [60]), ("datasetId=urn:x:gps", [120, 80]), ("datasetId=@none", [60]), ("deleteAll=true", None)],
)
def test_an_attribute_is_deleted(api: httpx2.Client, vehicle: str, query: str, left: list[int] | None) -> None:
    """TE-03, §5.6.13: its default instance, one by datasetId, or all; no trace stays, and the current state does."""
    done(api.delete(f"/temporal/entities/{vehicle}/attrs/speed?{query}"))
    found = evolution(api, vehicle)
    assert (values(found["speed"]) if "speed" in found else None) == left
    assert "speed" in api.get(f"/entities/{vehicle}").json()
    assert refusal(api.delete(f"/temporal/entities/{vehicle}/attrs/weight")) == NOT_FOUND
    assert refusal(api.delete("/temporal/entities/urn:x:none/attrs/speed")) == NOT_FOUND
    assert refusal(api.delete(f"/temporal/entities/{vehicle}/attrs/in(valid")) == BAD_REQUEST_DATA


def test_an_instance_is_replaced(api: httpx2.Client, vehicle: str) -> None:
    """TE-04, §5.6.14: as a whole; createdAt, datasetId and instanceId stay, modifiedAt moves."""
    before = evolution(api, vehicle, "datasetId=urn:x:gps&options=sysAttrs")["speed"][0]
    path = f"/temporal/entities/{vehicle}/attrs/speed/{before['instanceId']}"
    done(api.patch(path, json={"type": "Property", "value": 61, "observedAt": "2026-03-01T12:11:00Z"}))
    (after,) = evolution(api, vehicle, "datasetId=urn:x:gps&options=sysAttrs")["speed"]
    assert after.pop("modifiedAt") > before.pop("modifiedAt")
    assert after == {**before, "value": 61, "observedAt": "2026-03-01T12:11:00Z"}


def test_an_instance_is_deleted(api: httpx2.Client, vehicle: str) -> None:
    """TE-05, §5.6.15."""
    instances = evolution(api, vehicle, "datasetId=@none")["speed"]
    done(api.delete(f"/temporal/entities/{vehicle}/attrs/speed/{instances[0]['instanceId']}"))
    assert values(evolution(api, vehicle, "datasetId=@none")["speed"]) == [80]


def test_without_an_instance_id_nothing_is_deleted(api: httpx2.Client, vehicle: str) -> None:
    """TE-05, §6.22.3.2: an empty id is no URI, and the attribute is not meant."""
    before = evolution(api, vehicle)
    assert api.delete(f"/temporal/entities/{vehicle}/attrs/speed/").status_code == 400
    assert evolution(api, vehicle) == before


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_an_instance_that_is_not_there(api: httpx2.Client, vehicle: str, method: str) -> None:
    """TE-04, TE-05, §5.6.14, §5.6.15: 404; 400 for what is no id or no name."""
    known = evolution(api, vehicle)["speed"][0]["instanceId"]
    body = {"type": "Property", "value": 1} if method == "PATCH" else None
    paths = {
        f"{vehicle}/attrs/speed/urn:x:none": NOT_FOUND,
        f"{vehicle}/attrs/weight/{known}": NOT_FOUND,
        f"urn:x:none/attrs/speed/{known}": NOT_FOUND,
        f"{vehicle}/attrs/speed/none": BAD_REQUEST_DATA,
        f"{vehicle}/attrs/in(valid/{known}": BAD_REQUEST_DATA,
        f"none/attrs/speed/{known}": BAD_REQUEST_DATA,
    }
    for path, expected in paths.items():
        assert refusal(api.request(method, f"/temporal/entities/{path}", json=body)) == expected, path


def test_an_evolution_is_deleted(api: httpx2.Client, vehicle: str) -> None:
    """TE-06, §5.6.16: the history is gone, the entity stays; a new history can begin."""
    done(api.delete(f"/temporal/entities/{vehicle}"))
    assert refusal(api.get(f"/temporal/entities/{vehicle}")) == NOT_FOUND
    assert refusal(api.delete(f"/temporal/entities/{vehicle}")) == NOT_FOUND
    assert api.get(f"/entities/{vehicle}").status_code == 200
    assert evolve(api, vehicle, **SPEED).status_code == 201


def test_an_entity_that_is_deleted_keeps_its_history(api: httpx2.Client, vehicle: str) -> None:
    """TE-06, TE-19, §5.6.6: each attribute ends with an NGSI-LD Null and deletedAt."""
    done(api.delete(f"/entities/{vehicle}"))
    found = evolution(api, vehicle, "options=sysAttrs")
    assert [each["value"] for each in found["speed"] if "deletedAt" in each] == [NULL, NULL]
    assert {each["deletedAt"] for each in found["speed"] if "deletedAt" in each} == {found["deletedAt"]}
    assert sorted(each["value"] for each in found["speed"] if "deletedAt" not in each) == [60, 80, 120]


def test_every_write_of_the_current_state_is_recorded(api: httpx2.Client, new_id: str) -> None:
    """TE-18, §4.5.6: created, updated, merged, replaced, and equal values that come again; each a step of its own."""
    create(api, new_id, speed={"type": "Property", "value": 1}, other={"type": "Property", "value": 0})
    done(api.patch(f"/entities/{new_id}/attrs", json={"speed": {"type": "Property", "value": 2}}))
    done(api.patch(f"/entities/{new_id}/attrs/speed", json={"value": 3}))
    done(api.patch(f"/entities/{new_id}", json={"speed": {"value": 4}}))
    done(api.put(f"/entities/{new_id}/attrs/speed", json={"type": "Property", "value": 4}))
    batch = [{"id": new_id, "type": "Vehicle", "speed": {"type": "Property", "value": value}} for value in (5, 6)]
    done(api.post("/entityOperations/update", json=batch))
    found = evolution(api, new_id, "timeproperty=modifiedAt")
    assert values(found["speed"]) == [1, 2, 3, 4, 4, 5, 6]
    assert values(found["other"]) == [0]
    assert len({each["instanceId"] for each in found["speed"]}) == 7


KINDS: Json = {
    "Property": ({"value": 1}, "value", NULL, "values", NULL),
    "GeoProperty": ({"value": {"type": "Point", "coordinates": [1, 2]}}, "value", NULL, "values", NULL),
    "Relationship": ({"object": "urn:x:1"}, "object", NULL, "objects", NULL),
    "LanguageProperty": (
        {"languageMap": {"en": "a"}},
        "languageMap",
        {"@none": NULL},
        "languageMaps",
        {"languageMap": {"@none": NULL}},
    ),
    "VocabProperty": ({"vocab": "Vehicle"}, "vocab", NULL, "vocabs", {"vocab": NULL}),
    "JsonProperty": ({"json": {"a": 1}}, "json", NULL, "jsons", {"json": NULL}),
    "ListProperty": ({"valueList": [1, 2]}, "valueList", [NULL], "valueLists", [NULL]),
    "ListRelationship": ({"objectList": [{"object": "urn:x:1"}]}, "objectList", [NULL], "objectLists", [NULL]),
}
"""By kind: an instance, the value member, its null form, the member of temporalValues, the null form there."""


@pytest.mark.parametrize("kind", KINDS)
def test_a_deleted_attribute_ends_with_a_null(api: httpx2.Client, new_id: str, kind: str) -> None:
    """TE-19, TE-11, §4.5.0, §5.7.3: in each kind's own form; `timeproperty=deletedAt` asks for just that."""
    content, member, null, plural, simplified = KINDS[kind]
    create(api, new_id, a={"type": kind, **content})
    done(api.delete(f"/entities/{new_id}/attrs/a"))
    (found,) = evolution(api, new_id, "timeproperty=deletedAt")["a"]
    assert (found["type"], found[member]) == (kind, null)
    pairs = evolution(api, new_id, "timeproperty=deletedAt&format=temporalValues")["a"]
    assert pairs == {"type": kind, plural: [[simplified, found["deletedAt"]]]}


@pytest.mark.parametrize("kind", KINDS)
def test_deletions_are_brought_as_they_are_shown(api: httpx2.Client, new_id: str, kind: str) -> None:
    """TE-19, §4.5.7, §5.5.4: what one evolution shows makes another; what is deleted is not in the current state."""
    create(api, new_id, a={"type": kind, **KINDS[kind][0]}, scope="/A")
    done(api.delete(f"/entities/{new_id}/attrs/a"))
    done(api.delete(f"/entities/{new_id}/attrs/scope"))
    shown = evolution(api, new_id)
    assert api.post("/temporal/entities", json=shown | {"id": f"{new_id}:copy"}).status_code == 201
    copy = evolution(api, f"{new_id}:copy")
    for name in ("a", "scope"):
        assert [_timeless(each) for each in copy[name]] == [_timeless(each) for each in shown[name]]
        assert copy[name][-1]["deletedAt"] == shown[name][-1]["deletedAt"]
    current = api.get(f"/entities/{new_id}:copy").json()
    assert current.keys() - {"@context"} == {"id", "type"}


def _timeless(instance: Json) -> Json:
    return {member: content for member, content in instance.items() if member != "instanceId"}


@pytest.mark.parametrize(
    ("deletion", "time"),
    [
        ({"type": "Property", "value": NULL, "observedAt": "2026-03-02T00:00:00Z"}, None),
        ({"type": "Property", "value": NULL, "deletedAt": "2026-03-02T00:00:00Z"}, "2026-03-02T00:00:00Z"),
        ({"type": "Property", "deletedAt": "2026-03-02T00:00:00.50Z"}, "2026-03-02T00:00:00.5Z"),
        ({"value": NULL}, None),
    ],
)
def test_a_deletion_is_brought(api: httpx2.Client, vehicle: str, deletion: Json, time: str | None) -> None:
    """TE-19, §4.5.7, §5.5.4: the Null is allowed over time; a time that was not sent is that of the request."""
    done(api.post(f"/temporal/entities/{vehicle}/attrs", json={"speed": [deletion]}))
    (found,) = (each for each in evolution(api, vehicle)["speed"] if "deletedAt" in each)
    assert found["value"] == NULL
    assert found.get("observedAt") == deletion.get("observedAt")
    assert time is None or found["deletedAt"] == time


@pytest.mark.parametrize(
    "members",
    [
        {"speed": [{"type": "Property", "value": NULL, "deletedAt": "yesterday"}]},
        {"speed": [{"type": "Property", "value": NULL, "observedAt": "yesterday"}]},
        {"speed": [{"type": "Property", "value": NULL, "datasetId": "no URI"}]},
        {"speed": [{"type": "Nothing", "value": NULL}]},
        {"speed": [{"type": "Property", "value": None, "deletedAt": "2026-03-02T00:00:00Z"}]},
        {"speed": [{"type": "Property", "value": 1, "unit": {"type": "Property", "value": NULL}}]},
        {"location": [{"type": "Property", "value": NULL}]},
        {"expiresAt": NULL},
        {"scope": NULL},
    ],
)
def test_what_is_no_deletion_is_refused(api: httpx2.Client, new_id: str, members: Json) -> None:
    """TE-19, §5.5.4: nothing is written."""
    assert refusal(evolve(api, new_id, **members)) == BAD_REQUEST_DATA
    assert api.get(f"/temporal/entities/{new_id}").status_code == 404


@pytest.mark.parametrize("kind", KINDS)
def test_temporal_values_of_every_kind(api: httpx2.Client, new_id: str, kind: str) -> None:
    """TE-13, §4.5.9: pairs of value and time; languages, vocabulary and JSON stay wrapped, lists are bare."""
    content, member, _, plural, wrapped = KINDS[kind]
    time = "2026-03-01T12:00:00Z"
    assert evolve(api, new_id, a=[{"type": kind, **content, "observedAt": time}]).status_code == 201
    value = content[member] if kind != "ListRelationship" else ["urn:x:1"]
    value = {member: value} if isinstance(wrapped, dict) else value
    for query in ("format=temporalValues", "options=temporalValues", "format=temporalValues&options=aggregatedValues"):
        assert evolution(api, new_id, query)["a"] == {"type": kind, plural: [[value, time]]}


def test_the_history_of_the_scope(api: httpx2.Client, new_id: str) -> None:
    """TE-20, §4.5.6, §4.18: a Property; changed by the current state, its observedAt is its modifiedAt."""
    create(api, new_id, scope="/A")
    done(api.patch(f"/entities/{new_id}", json={"scope": ["/A/B", "/C"]}))
    done(api.delete(f"/entities/{new_id}/attrs/scope"))
    *scopes, deleted = evolution(api, new_id, "timeproperty=modifiedAt&options=sysAttrs")["scope"]
    assert values(scopes) == [["/A"], ["/A/B", "/C"]]
    assert [each["observedAt"] for each in scopes] == [each["modifiedAt"] for each in scopes]
    assert {each["type"] for each in scopes} == {"Property"}
    assert (deleted["value"], "deletedAt" in deleted) == ([], True)


def test_a_history_of_the_scope_is_written(api: httpx2.Client, new_id: str) -> None:
    """TE-20, §4.5.6: reified in the body, as it is in the answer."""
    scope = [{"type": "Property", "value": each, "observedAt": f"2026-03-0{day}T00:00:00Z"} for day, each in
             ((1, "/A"), (2, ["/B", "/C"]))]  # fmt: skip
    assert evolve(api, new_id, scope=scope).status_code == 201
    found = evolution(api, new_id)["scope"]
    assert [(each["value"], each["observedAt"]) for each in found] == [
        (["/A"], "2026-03-01T00:00:00Z"),
        (["/B", "/C"], "2026-03-02T00:00:00Z"),
    ]
