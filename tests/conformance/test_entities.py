"""Rows EN of docs/conformance.md: operations on entities and their attributes (GS CIM 009 §5.6, §6.4–§6.7)."""

from typing import Any

import httpx2
import pytest

from tests.conformance.exchange import (
    BAD_REQUEST_DATA,
    CAR,
    GPS,
    INVALID_REQUEST,
    NOT_FOUND,
    NULL,
    RADAR,
    SPEED,
    THREE,
    TYPE,
    VOCABULARY,
    Json,
    content,
    create,
    done,
    entity,
    offer,
    path,
    refusal,
    values,
)

pytestmark = pytest.mark.http

# EN-01 – EN-03


def test_an_entity_is_created_where_its_location_says(api: httpx2.Client, new_id: str) -> None:
    """EN-01, §5.6.1, §6.4.3.1: 201 without a body; a second time 409, and nothing changes."""
    answer = offer(api, new_id, speed=SPEED)
    assert (answer.status_code, answer.content) == (201, b"")
    assert answer.headers["location"] == f"/ngsi-ld/v1/entities/{new_id}"
    assert refusal(offer(api, new_id, speed=6)) == (409, "AlreadyExists")
    assert content(api, new_id) == {"speed": SPEED}


def test_an_entity_is_retrieved_until_it_is_deleted(api: httpx2.Client, new_id: str) -> None:
    """EN-02, EN-03, §5.7.1, §5.6.6."""
    assert refusal(api.delete(path(new_id))) == NOT_FOUND
    create(api, new_id, speed=SPEED)
    assert entity(api, new_id) == {"id": new_id, "type": TYPE, "speed": SPEED}
    done(api.delete(path(new_id)))
    assert refusal(api.get(path(new_id))) == NOT_FOUND
    assert refusal(api.delete(path(new_id))) == NOT_FOUND


@pytest.mark.parametrize(
    ("method", "more", "body"),
    [
        ("GET", [], None),
        ("PUT", [], {"type": TYPE}),
        ("PATCH", [], {"speed": 1}),
        ("DELETE", [], None),
        ("POST", ["attrs"], {"speed": 1}),
        ("PATCH", ["attrs"], {"speed": 1}),
        ("PATCH", ["attrs", "speed"], {"value": 1}),
        ("PUT", ["attrs", "speed"], {"value": 1}),
        ("DELETE", ["attrs", "speed"], None),
        ("GET", ["attrs", "speed"], None),
        ("GET", ["attrs", "speed", "value"], None),
    ],
)
def test_each_operation_needs_its_entity(
    api: httpx2.Client, new_id: str, method: str, more: list[str], body: Any
) -> None:
    """EN-02, §5.6, §6.5–§6.7: 404 for an unknown entity, 400 for an id that is no URI."""
    create(api, f"{new_id}:other")
    assert refusal(api.request(method, path(new_id, *more), json=body)) == NOT_FOUND
    assert refusal(api.request(method, path("nouri", *more), json=body)) == BAD_REQUEST_DATA


# EN-04


def test_append_adds_and_replaces(api: httpx2.Client, new_id: str) -> None:
    """EN-04, §5.6.3: what is there is replaced whole."""
    create(api, new_id, speed=SPEED, other=1)
    done(api.post(path(new_id, "attrs"), json={"speed": {"type": "Property", "value": 6}, "colour": "red"}))
    assert content(api, new_id)["speed"] == {"type": "Property", "value": 6}
    assert values(api, new_id) == {"speed": 6, "other": 1, "colour": "red"}


def test_append_keeps_when_an_attribute_was_created(api: httpx2.Client, new_id: str) -> None:
    """EN-04, §5.6.3, §4.8."""
    create(api, new_id, speed=1)
    before = entity(api, new_id, "options=sysAttrs")
    done(api.post(path(new_id, "attrs"), json={"speed": 2}))
    after = entity(api, new_id, "options=sysAttrs")
    assert after["createdAt"] == before["createdAt"]
    assert after["speed"]["createdAt"] == before["speed"]["createdAt"]
    assert after["speed"]["modifiedAt"] > before["speed"]["modifiedAt"]


def test_append_without_overwriting_tells_what_it_left(api: httpx2.Client, new_id: str) -> None:
    """EN-04, §5.6.3, §5.2.18, §6.6.3.1: 207 with an UpdateResult; 204 if there was nothing to leave."""
    create(api, new_id, speed=1)
    url = path(new_id, "attrs") + "?options=noOverwrite"
    answer = api.post(url, json={"speed": 2, "colour": "red"})
    assert answer.status_code == 207
    result = answer.json()
    assert result["updated"] == [f"{VOCABULARY}colour"]
    assert [each["attributeName"] for each in result["notUpdated"]] == [f"{VOCABULARY}speed"]
    assert all(each["reason"] for each in result["notUpdated"])
    assert values(api, new_id) == {"speed": 1, "colour": "red"}
    done(api.post(url, json={"weight": 3}))


def test_append_touches_the_instance_of_its_dataset(api: httpx2.Client, new_id: str) -> None:
    """EN-04, §4.5.5, §5.6.3."""
    create(api, new_id, speed=THREE[:2])
    done(api.post(path(new_id, "attrs"), json={"speed": [THREE[1] | {"value": 9}, THREE[2]]}))
    assert values(api, new_id) == {"speed": {"dataset": {"@none": 1, GPS: 9, RADAR: 3}}}


def test_append_writes_scopes(api: httpx2.Client, new_id: str) -> None:
    """EN-04, §5.6.3, §4.18: overwriting replaces them, otherwise new ones are added."""
    create(api, new_id, scope="/A")
    done(api.post(path(new_id, "attrs"), json={"scope": ["/B", "/C"]}))
    assert entity(api, new_id)["scope"] == ["/B", "/C"]
    assert api.post(path(new_id, "attrs") + "?options=noOverwrite", json={"scope": "/D"}).status_code in {204, 207}
    assert set(entity(api, new_id)["scope"]) == {"/B", "/C", "/D"}


# EN-05, EN-15


def test_update_replaces_whole_and_adds_what_is_missing(api: httpx2.Client, new_id: str) -> None:
    """EN-05, §5.6.2: sub-attributes that are not sent vanish; createdAt stays."""
    create(api, new_id, speed=SPEED, other=1)
    before = entity(api, new_id, "options=sysAttrs")
    done(api.patch(path(new_id, "attrs"), json={"speed": {"type": "Property", "value": 6}, "colour": "red"}))
    assert content(api, new_id)["speed"] == {"type": "Property", "value": 6}
    assert values(api, new_id) == {"speed": 6, "other": 1, "colour": "red"}
    after = entity(api, new_id, "options=sysAttrs")
    assert after["speed"]["createdAt"] == before["speed"]["createdAt"]


def test_update_writes_scopes_where_there_are_some(api: httpx2.Client, new_id: str) -> None:
    """EN-05, §5.6.2, §4.18: an entity without a scope gets none by an update."""
    create(api, new_id, scope="/A", speed=1)
    done(api.patch(path(new_id, "attrs"), json={"scope": "/B"}))
    assert entity(api, new_id)["scope"] == "/B"
    create(api, f"{new_id}:2", speed=1)
    api.patch(path(f"{new_id}:2", "attrs"), json={"scope": "/B", "speed": 2})
    assert entity(api, f"{new_id}:2", "format=simplified") == {"id": f"{new_id}:2", "type": TYPE, "speed": 2}


def test_a_null_removes_an_instance(api: httpx2.Client, new_id: str) -> None:
    """EN-15, §4.5.0, §5.6.2: the one of its datasetId, the default one without."""
    create(api, new_id, speed=THREE, other=1)
    null = {"type": "Property", "value": NULL}
    done(api.patch(path(new_id, "attrs"), json={"speed": null | {"datasetId": GPS}}))
    assert values(api, new_id)["speed"] == {"dataset": {"@none": 1, RADAR: 3}}
    done(api.patch(path(new_id, "attrs"), json={"speed": NULL}))
    assert values(api, new_id) == {"speed": {"dataset": {RADAR: 3}}, "other": 1}


# EN-06


def test_a_partial_update_overwrites_member_by_member(api: httpx2.Client, new_id: str) -> None:
    """EN-06, §5.6.4, §5.5.8: what is not sent stays; an NGSI-LD Null removes a sub-attribute."""
    create(api, new_id, speed=SPEED)
    fragment = {"value": 6, "observedAt": "2024-05-01T12:00:00Z", "by": {"type": "Relationship", "object": CAR}}
    done(api.patch(path(new_id, "attrs", "speed"), json=fragment))
    expected = SPEED | fragment
    assert content(api, new_id) == {"speed": expected}
    done(api.patch(path(new_id, "attrs", "speed"), json={"accuracy": NULL}))
    del expected["accuracy"]
    assert content(api, new_id) == {"speed": expected}


def test_a_partial_update_is_of_one_instance(api: httpx2.Client, new_id: str) -> None:
    """EN-06, §5.6.4, §4.5.5."""
    create(api, new_id, speed=THREE)
    done(api.patch(path(new_id, "attrs", "speed"), json={"value": 9, "datasetId": GPS}))
    assert values(api, new_id) == {"speed": {"dataset": {"@none": 1, GPS: 9, RADAR: 3}}}


@pytest.mark.parametrize(
    ("name", "fragment", "expected"),
    [
        ("speed", {"type": "Relationship", "object": CAR}, BAD_REQUEST_DATA),
        ("speed", {"object": CAR}, BAD_REQUEST_DATA),
        ("speed", {"value": 1, "datasetId": GPS}, NOT_FOUND),
        ("colour", {"value": 1}, NOT_FOUND),
        ("scope", {"value": "/A"}, BAD_REQUEST_DATA),
        ("1a", {"value": 1}, BAD_REQUEST_DATA),
        ("speed", {}, BAD_REQUEST_DATA),
    ],
)
def test_a_partial_update_that_cannot_be(
    api: httpx2.Client, new_id: str, name: str, fragment: Json, expected: tuple[int, str]
) -> None:
    """EN-06, §5.6.4: the type may not change; instance and attribute must exist; the scope is no attribute."""
    create(api, new_id, speed=SPEED, scope="/A")
    assert refusal(api.patch(path(new_id, "attrs", name), json=fragment)) == expected
    assert content(api, new_id) == {"speed": SPEED, "scope": "/A"}


# EN-07


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("", {GPS: 2, RADAR: 3}),
        ("?datasetId=@none", {GPS: 2, RADAR: 3}),
        (f"?datasetId={GPS}", {"@none": 1, RADAR: 3}),
        ("?deleteAll=true", None),
    ],
)
def test_a_deletion_is_of_an_instance_or_all(api: httpx2.Client, new_id: str, query: str, left: Json | None) -> None:
    """EN-07, §5.6.5, §6.7.3.2."""
    create(api, new_id, speed=THREE, other=1)
    done(api.delete(path(new_id, "attrs", "speed") + query))
    assert values(api, new_id) == ({"other": 1} if left is None else {"other": 1, "speed": {"dataset": left}})


@pytest.mark.parametrize("more", ["colour", "speed?datasetId=urn:x:none", "colour?deleteAll=true", "scope"])
def test_what_is_not_there_is_not_deleted(api: httpx2.Client, new_id: str, more: str) -> None:
    """EN-07, §5.6.5."""
    create(api, new_id, speed=1)
    assert refusal(api.delete(path(new_id, "attrs", more))) == NOT_FOUND


def test_the_scope_is_deleted_as_an_attribute_is(api: httpx2.Client, new_id: str) -> None:
    """EN-07, §5.6.5, §4.18."""
    create(api, new_id, scope=["/A", "/B"], speed=1)
    done(api.delete(path(new_id, "attrs", "scope")))
    assert values(api, new_id) == {"speed": 1}


# EN-10, EN-11


def test_a_replaced_entity_is_what_was_sent(api: httpx2.Client, new_id: str) -> None:
    """EN-10, §5.6.18: what is not sent is gone; createdAt stays."""
    create(api, new_id, speed=SPEED, other=1, scope="/A")
    before = entity(api, new_id, "options=sysAttrs")
    done(api.put(path(new_id), json={"id": new_id, "type": "Bus", "colour": "red"}))
    assert entity(api, new_id, "format=simplified") == {"id": new_id, "type": "Bus", "colour": "red"}
    assert entity(api, new_id, "options=sysAttrs")["createdAt"] == before["createdAt"]


def test_a_replaced_attribute_is_what_was_sent(api: httpx2.Client, new_id: str) -> None:
    """EN-11, §5.6.19: whole, maybe of another kind; createdAt stays; other instances and attributes, too."""
    create(api, new_id, speed=THREE, other=1)
    before = entity(api, new_id, f"options=sysAttrs&datasetId={GPS}")["speed"]
    done(api.put(path(new_id, "attrs", "speed"), json={"type": "Relationship", "object": CAR, "datasetId": GPS}))
    assert values(api, new_id) == {"speed": {"dataset": {"@none": 1, GPS: CAR, RADAR: 3}}, "other": 1}
    after = entity(api, new_id, f"options=sysAttrs&datasetId={GPS}")["speed"]
    assert after["createdAt"] == before["createdAt"]


@pytest.mark.parametrize(
    ("name", "body", "expected"),
    [
        ("colour", {"value": 1}, NOT_FOUND),
        ("speed", {"value": 1, "datasetId": GPS}, NOT_FOUND),
        ("speed", {"type": "Property", "value": NULL}, BAD_REQUEST_DATA),
        ("scope", {"value": "/A"}, BAD_REQUEST_DATA),
        ("speed", {"type": "Property"}, BAD_REQUEST_DATA),
    ],
)
def test_a_replacement_that_cannot_be(
    api: httpx2.Client, new_id: str, name: str, body: Json, expected: tuple[int, str]
) -> None:
    """EN-11, §5.6.19: the attribute must exist; no NGSI-LD Null; the scope is no attribute."""
    create(api, new_id, speed=SPEED, scope="/A")
    assert refusal(api.put(path(new_id, "attrs", name), json=body)) == expected
    assert content(api, new_id) == {"speed": SPEED, "scope": "/A"}


# EN-14


@pytest.mark.parametrize(
    ("method", "more", "body"),
    [
        ("GET", [], None),
        ("PUT", [], {"type": "Bus"}),
        ("PATCH", [], {"speed": 2}),
        ("POST", ["attrs"], {"speed": 2}),
        ("PATCH", ["attrs"], {"speed": 2}),
        ("PATCH", ["attrs", "speed"], {"value": 2}),
        ("PUT", ["attrs", "speed"], {"value": 2}),
        ("DELETE", ["attrs", "speed"], None),
        ("DELETE", [], None),
    ],
)
def test_a_type_narrows_an_operation_on_an_entity(
    api: httpx2.Client, new_id: str, method: str, more: list[str], body: Any
) -> None:
    """EN-14, §4.17, §6.5–§6.7: an entity of another type is not found, and stays as it is."""
    create(api, new_id, type=["Vehicle", "Car"], speed=1)
    for other in ("Bus", "(Vehicle;Bus)"):
        assert refusal(api.request(method, path(new_id, *more), params={"type": other}, json=body)) == NOT_FOUND
    assert values(api, new_id) == {"speed": 1}
    answer = api.request(method, path(new_id, *more), params={"type": "Bus,(Vehicle;Car)"}, json=body)
    assert answer.status_code == (200 if method == "GET" else 204), answer.text


# EN-16


def test_an_attribute_is_retrieved_alone(api: httpx2.Client, new_id: str) -> None:
    """EN-16, draft of NGSI-LD 2.0 (TS 104 176): the attribute, and its bare value as application/json."""
    create(api, new_id, speed=SPEED, street={"languageMap": {"fr": "x"}})
    url = path(new_id, "attrs", "speed")
    assert api.get(url).json() == SPEED
    value = api.get(f"{url}/value", headers={"Accept": "application/json"})
    assert (value.json(), value.headers["content-type"]) == (5, "application/json")
    assert refusal(api.get(path(new_id, "attrs", "colour"))) == NOT_FOUND
    assert refusal(api.get(path(new_id, "attrs", "colour", "value"))) == NOT_FOUND


def test_a_value_is_set_alone(api: httpx2.Client, new_id: str) -> None:
    """EN-16, draft of NGSI-LD 2.0 (TS 104 176): PUT of a bare value; everything else of the attribute stays."""
    create(api, new_id, speed=SPEED, near={"object": CAR})
    done(api.put(path(new_id, "attrs", "speed", "value"), json=6))
    done(api.put(path(new_id, "attrs", "near", "value"), json=GPS))
    assert content(api, new_id) == {"speed": SPEED | {"value": 6}, "near": {"type": "Relationship", "object": GPS}}
    assert refusal(api.put(path(new_id, "attrs", "near", "value"), json=5)) == BAD_REQUEST_DATA
    assert refusal(api.put(path(new_id, "attrs", "colour", "value"), json=5)) == NOT_FOUND


# Parameters


@pytest.mark.parametrize("query", ["options=overwrite", "options=", "local=maybe", "foo=bar"])
def test_an_option_that_is_none_is_an_invalid_request(api: httpx2.Client, new_id: str, query: str) -> None:
    """EN-04, §6.3.20."""
    create(api, new_id)
    assert refusal(api.post(f"{path(new_id, 'attrs')}?{query}", json={"speed": 1})) == INVALID_REQUEST
