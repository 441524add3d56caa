"""Rows DM of docs/conformance.md: ids, names, times, types, scopes, instances, Nulls.

GS CIM 009 §4.5, §4.6, §4.8, §4.16, §4.18, §4.22.
"""

import time
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from tests.conformance.exchange import (
    BAD_REQUEST_DATA,
    NULL,
    POINT,
    TYPE,
    Json,
    content,
    create,
    done,
    entity,
    offer,
    refusal,
)

pytestmark = pytest.mark.http

CAR, DRIVER = "urn:ngsi-ld:Vehicle:9", "urn:ngsi-ld:Person:7"


# DM-04, DM-05


def test_attributes_have_a_time_of_observation_and_a_unit(api: httpx2.Client, new_id: str) -> None:
    """DM-04, §4.5.2, §4.8: observedAt and unitCode are plain members; relationships have observedAt, too."""
    attributes = {
        "speed": {"type": "Property", "value": 5, "unitCode": "KMH", "observedAt": "2024-05-01T12:00:00Z"},
        "isParked": {"type": "Relationship", "object": CAR, "observedAt": "2024-05-01T12:00:00.123456Z"},
    }
    create(api, new_id, **attributes)
    assert content(api, new_id) == attributes


@pytest.mark.parametrize(
    "kind", [{"type": "Relationship", "object": CAR}, {"type": "ListRelationship", "objectList": [CAR]}]
)
def test_a_relationship_has_no_unit(api: httpx2.Client, new_id: str, kind: Json) -> None:
    """DM-04, §4.5.3: unitCode is for properties."""
    assert refusal(offer(api, new_id, isParked=kind | {"unitCode": "KMH"})) == BAD_REQUEST_DATA


def test_system_times_are_the_brokers(api: httpx2.Client, new_id: str) -> None:
    """DM-05, §4.8: createdAt and modifiedAt are the system's; what a client sends is ignored."""
    sent = {"createdAt": "1999-01-01T00:00:00Z", "modifiedAt": "1999-01-01T00:00:00Z"}
    before = datetime.now(UTC) - timedelta(seconds=5)
    create(api, new_id, **sent, speed={"type": "Property", "value": 1} | sent)
    done(api.patch(f"/entities/{new_id}/attrs", json={"speed": {"type": "Property", "value": 2} | sent}))
    found = entity(api, new_id, "options=sysAttrs")
    for each in (found, found["speed"]):
        created, modified = (datetime.fromisoformat(each[name]) for name in ("createdAt", "modifiedAt"))
        assert before < created <= modified < before + timedelta(minutes=1)
    assert not {"createdAt", "modifiedAt"} & entity(api, new_id).keys()


# DM-06

INSTANCES: list[Json] = [
    {"type": "Property", "value": 1},
    {"type": "Property", "value": 2, "datasetId": "urn:ngsi-ld:Dataset:gps"},
    {"type": "Property", "value": 3, "datasetId": "urn:ngsi-ld:Dataset:radar"},
]


def test_an_attribute_has_an_instance_for_each_dataset(api: httpx2.Client, new_id: str) -> None:
    """DM-06, §4.5.5."""
    create(api, new_id, speed=INSTANCES)
    found = content(api, new_id)["speed"]
    assert sorted(found, key=lambda each: each["value"]) == INSTANCES


def test_at_none_is_the_default_instance(api: httpx2.Client, new_id: str) -> None:
    """DM-06, §4.5.5: @none names the default instance, and is never shown."""
    create(api, new_id, speed=[{"type": "Property", "value": 1, "datasetId": "@none"}, INSTANCES[1]])
    done(api.patch(f"/entities/{new_id}/attrs", json={"speed": {"type": "Property", "value": 9}}))
    found = content(api, new_id)["speed"]
    assert sorted(found, key=lambda each: each["value"]) == [INSTANCES[1], {"type": "Property", "value": 9}]


@pytest.mark.parametrize(
    "instances",
    [[INSTANCES[0], INSTANCES[0]], [INSTANCES[1], INSTANCES[1]], [INSTANCES[0] | {"datasetId": "no uri"}]],
)
def test_a_dataset_has_one_instance(api: httpx2.Client, new_id: str, instances: list[Json]) -> None:
    """DM-06, §4.5.5: one default instance, one of each datasetId, which is a URI."""
    assert refusal(offer(api, new_id, speed=instances)) == BAD_REQUEST_DATA


# DM-07


@pytest.mark.parametrize("entity_id", ["urn:ngsi-ld:Straße:Köln:", "https://example.org/日本?x=1#", "urn:x:%20"])
def test_an_id_is_an_iri(api: httpx2.Client, new_id: str, entity_id: str) -> None:
    """DM-07, §4.6.2."""
    unique = entity_id + new_id[-32:]
    create(api, unique)
    assert entity(api, quote(unique, safe=""))["id"] == unique


@pytest.mark.parametrize("name", ["größe", "温度", "Ωmega_2", "https://example.org/names#a", "ngsi-ld:x", "a" * 200])
def test_a_name_may_be_of_any_script_or_an_iri(api: httpx2.Client, new_id: str, name: str) -> None:
    """DM-07, §4.6.2: a letter, then letters, digits and underscores; or a prefix and a name; or a URI."""
    create(api, new_id, **{name: {"type": "Property", "value": 1}})
    assert content(api, new_id) == {name: {"type": "Property", "value": 1}}


@pytest.mark.parametrize("name", ["1a", "_a", "a b", "a-b", "a.b", "", "a<b", "a(b)", "@x", "a'b", "a;b", "a=b"])
def test_other_names_are_refused(api: httpx2.Client, new_id: str, name: str) -> None:
    """DM-07, §4.6.2: BadRequestData for other characters."""
    assert refusal(offer(api, new_id, **{name: {"type": "Property", "value": 1}})) == BAD_REQUEST_DATA
    assert refusal(offer(api, new_id, type=name)) == BAD_REQUEST_DATA


# DM-09


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("2024-02-29T23:59:59Z", "2024-02-29T23:59:59Z"),
        ("2024-05-01T12:00:00.5Z", "2024-05-01T12:00:00.5Z"),
        ("2024-05-01T12:00:00,123456Z", "2024-05-01T12:00:00.123456Z"),
    ],
)
def test_a_date_time_has_up_to_six_digits_and_maybe_a_comma(
    api: httpx2.Client, new_id: str, sent: str, shown: str
) -> None:
    """DM-09, §4.6.3: a comma is accepted in requests; content is answered unaltered but for it."""
    create(api, new_id, speed={"type": "Property", "value": 1, "observedAt": sent})
    assert content(api, new_id)["speed"]["observedAt"] == shown


@pytest.mark.parametrize(
    "instant",
    [
        "2024-05-01",
        "2024-05-01T12:00:00",
        "2024-05-01T12:00Z",
        "2024-05-01T12:00:00+00:00",
        "2024-05-01T12:00:00.1234567Z",
        "2024-05-01T12:00:00.Z",
        "2023-02-29T12:00:00Z",
        "2024-05-01T25:00:00Z",
        "20240501T120000Z",
        1714564800,
        "",
    ],
)
def test_other_instants_are_refused(api: httpx2.Client, new_id: str, instant: Any) -> None:
    """DM-09, §4.6.3: always Z, no reduced forms."""
    speed = {"type": "Property", "value": 1, "observedAt": instant}
    assert refusal(offer(api, new_id, speed=speed)) == BAD_REQUEST_DATA


@pytest.mark.parametrize(
    ("kind", "value", "status"),
    [
        ("DateTime", "2024-05-01T12:00:00Z", 201),
        ("DateTime", "2024-05-01 12:00", 400),
        ("Date", "2024-05-01", 201),
        ("Date", "2024-13-01", 400),
        ("Time", "12:00:00Z", 201),
        ("Time", "12:00:00", 400),
    ],
)
def test_typed_dates_and_times_are_checked(api: httpx2.Client, new_id: str, kind: str, value: str, status: int) -> None:
    """DM-09, §4.6.3: DateTime, Date and Time values, typed as JSON-LD does."""
    typed = {"@type": kind, "@value": value}
    answer = offer(api, new_id, start={"type": "Property", "value": typed})
    assert answer.status_code == status, answer.text
    if status == 201:
        assert content(api, new_id)["start"]["value"] == typed


# DM-10


def test_an_entity_has_several_types(api: httpx2.Client, new_id: str) -> None:
    """DM-10, §4.16: in any order; each of them selects it (§4.17)."""
    create(api, new_id, type=["Vehicle", "Bus"])
    assert set(entity(api, new_id)["type"]) == {"Vehicle", "Bus"}
    for selection in ("Vehicle", "Bus", "(Vehicle;Bus)"):
        assert entity(api, new_id, f"type={selection}")["id"] == new_id


@pytest.mark.parametrize(("method", "path"), [("POST", "/attrs"), ("PATCH", "/attrs"), ("PATCH", "")])
def test_types_accumulate(api: httpx2.Client, new_id: str, method: str, path: str) -> None:
    """DM-10, §4.16: an update adds types, and removes none."""
    create(api, new_id, speed={"type": "Property", "value": 1})
    fragment = {"type": "Bus", "speed": {"type": "Property", "value": 2}}
    done(api.request(method, f"/entities/{new_id}{path}", json=fragment))
    assert set(entity(api, new_id)["type"]) == {"Vehicle", "Bus"}


# DM-11


@pytest.mark.parametrize("scope", ["/Madrid/Gardens", "Madrid", "/Grün_1/Süd", ["/Madrid/Gardens", "/Company"]])
def test_an_entity_has_scopes(api: httpx2.Client, new_id: str, scope: Any) -> None:
    """DM-11, §4.18: a string, or an array of them."""
    create(api, new_id, scope=scope)
    assert entity(api, new_id)["scope"] == scope


@pytest.mark.parametrize("scope", ["", "/", "//a", "/a/", "/1a", "/a b", "/a-b", "/#", "/+", 5, {}, [5], None])
def test_what_is_no_scope_is_refused(api: httpx2.Client, new_id: str, scope: Any) -> None:
    """DM-11, §4.18: levels of a letter, then letters, digits and underscores."""
    assert refusal(offer(api, new_id, scope=scope)) == BAD_REQUEST_DATA


# DM-13


@pytest.mark.parametrize(
    "attribute",
    [
        {"type": "Property", "value": NULL},
        {"type": "Relationship", "object": NULL},
        {"type": "LanguageProperty", "languageMap": {"@none": NULL}},
        {"type": "VocabProperty", "vocab": NULL},
        {"type": "ListProperty", "valueList": [NULL]},
        NULL,
        {"type": "Property", "value": 1, "accuracy": NULL},
    ],
)
def test_the_null_is_refused_where_nothing_can_be_removed(api: httpx2.Client, new_id: str, attribute: Any) -> None:
    """DM-13, §4.5.0: NGSI-LD Null is for fragments, notifications and temporal data only."""
    assert refusal(offer(api, new_id, thing=attribute)) == BAD_REQUEST_DATA
    create(api, new_id, thing=1)
    path = f"/entities/{new_id}"
    assert refusal(api.put(path, json={"id": new_id, "type": TYPE, "thing": attribute})) == BAD_REQUEST_DATA
    assert refusal(api.post(f"{path}/attrs", json={"thing": attribute})) == BAD_REQUEST_DATA


NULLED = [
    ({"type": "Property", "value": 1}, {"type": "Property", "value": NULL}),
    ({"type": "GeoProperty", "value": POINT}, {"type": "GeoProperty", "value": NULL}),
    ({"type": "Relationship", "object": CAR}, {"type": "Relationship", "object": NULL}),
    ({"type": "LanguageProperty", "languageMap": {"fr": "x"}}, {"languageMap": {"@none": NULL}}),
    ({"type": "VocabProperty", "vocab": "x"}, {"type": "VocabProperty", "vocab": NULL}),
    ({"type": "JsonProperty", "json": {"a": 1}}, {"type": "JsonProperty", "json": NULL}),
    ({"type": "ListProperty", "valueList": [1]}, {"type": "ListProperty", "valueList": [NULL]}),
    ({"type": "ListRelationship", "objectList": [CAR]}, {"type": "ListRelationship", "objectList": [NULL]}),
    ({"type": "Property", "value": 1}, NULL),
]


@pytest.mark.parametrize("path", ["", "/attrs"])
@pytest.mark.parametrize(("stored", "null"), NULLED)
def test_the_null_of_each_kind_removes(api: httpx2.Client, new_id: str, stored: Json, null: Any, path: str) -> None:
    """DM-13, EN-15, §4.5.0, §5.6.2, §5.6.17: each kind has its form of the NGSI-LD Null."""
    create(api, new_id, thing=stored, other=1)
    done(api.patch(f"/entities/{new_id}{path}", json={"thing": null}))
    assert content(api, new_id) == {"other": {"type": "Property", "value": 1}}


# DM-21


def in_seconds(seconds: float) -> str:
    instant = datetime.now(UTC) + timedelta(seconds=seconds)
    return instant.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def test_what_expires_is_gone(api: httpx2.Client, new_id: str) -> None:
    """DM-21, §4.22: an entity, an attribute and a sub-attribute beyond their expiresAt are invalid."""
    soon, far = in_seconds(1), "2100-01-01T00:00:00Z"
    lasting = f"{new_id}:lasting"
    create(api, new_id, expiresAt=soon, speed=1)
    speed = {"type": "Property", "value": 1, "expiresAt": soon}
    create(api, lasting, expiresAt=far, speed=speed, other={"type": "Property", "value": 2, "expiresAt": far})
    assert entity(api, new_id)["id"] == new_id
    shown = entity(api, lasting, "options=sysAttrs")
    assert (shown["expiresAt"], shown["speed"]["expiresAt"]) == (far, soon)
    time.sleep(1.1)
    assert api.get(f"/entities/{new_id}").status_code == 404
    assert set(content(api, lasting)) == {"other"}
    create(api, new_id, speed=2)


def test_an_expiry_is_a_date_time(api: httpx2.Client, new_id: str) -> None:
    """DM-21, §4.22, §4.6.3."""
    assert refusal(offer(api, new_id, expiresAt="soon")) == BAD_REQUEST_DATA
    assert refusal(offer(api, new_id, speed={"value": 1, "expiresAt": "2030-01-01"})) == BAD_REQUEST_DATA


# DM-25


def test_at_id_and_at_type_are_accepted(api: httpx2.Client, new_id: str) -> None:
    """DM-25, §4.5.1: in requests; answers have id and type."""
    body = {"@id": new_id, "@type": TYPE, "speed": {"@type": "Property", "value": 5}}
    assert api.post("/entities", json=body).status_code == 201
    assert entity(api, new_id) == {"id": new_id, "type": TYPE, "speed": {"type": "Property", "value": 5}}
