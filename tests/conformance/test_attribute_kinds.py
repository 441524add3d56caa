"""Rows DM of docs/conformance.md: the kinds of attributes, and their values (GS CIM 009 §4.5, §4.7)."""

from typing import Any

import httpx2
import pytest

from tests.conformance.exchange import (
    BAD_REQUEST_DATA,
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

SQUARE = [[[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]]]
GEOMETRIES: list[Json] = [
    POINT,
    {"type": "MultiPoint", "coordinates": [[1, 2], [3, 4]]},
    {"type": "LineString", "coordinates": [[1, 2], [3, 4]]},
    {"type": "MultiLineString", "coordinates": [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]},
    {"type": "Polygon", "coordinates": SQUARE},
    {"type": "MultiPolygon", "coordinates": [SQUARE]},
]
CAR, DRIVER = "urn:ngsi-ld:Vehicle:9", "urn:ngsi-ld:Person:7"


# DM-01


@pytest.mark.parametrize("value", [0, -2.5, "x", "", True, False, [], [1, "a", [2]], {}, {"a": {"b": [1]}}, "é\u4e2d"])
def test_a_property_keeps_any_json_value(api: httpx2.Client, new_id: str, value: Any) -> None:
    """DM-01, §4.5.2: the value of a Property is any JSON value but null."""
    create(api, new_id, speed={"type": "Property", "value": value})
    assert content(api, new_id) == {"speed": {"type": "Property", "value": value}}


def test_properties_and_relationships_nest(api: httpx2.Client, new_id: str) -> None:
    """DM-01, §4.5.2, §4.5.3: Properties and Relationships have Properties and Relationships, at any depth."""
    deep: Json = {"type": "Property", "value": 1}
    for level in range(8):
        deep = (
            {"type": "Property", "value": level, "inner": deep}
            if level % 2
            else {
                "type": "Relationship",
                "object": CAR,
                "inner": deep,
                "by": {"type": "Relationship", "object": DRIVER},
            }
        )
    create(api, new_id, isParked=deep)
    assert content(api, new_id) == {"isParked": deep}


# DM-02, DM-03


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=lambda each: str(each["type"]))
def test_a_geo_property_holds_each_geometry(api: httpx2.Client, new_id: str, geometry: Json) -> None:
    """DM-02, §4.7.1."""
    create(api, new_id, location={"type": "GeoProperty", "value": geometry}, area=geometry)
    expected = {"type": "GeoProperty", "value": geometry}
    assert content(api, new_id) == {"location": expected, "area": expected}


@pytest.mark.parametrize(
    "geometry",
    [
        {"type": "GeometryCollection", "geometries": [POINT]},
        {"type": "Point"},
        {"type": "Point", "coordinates": []},
        {"type": "Point", "coordinates": "1,2"},
        {"type": "LineString", "coordinates": [[1, 2]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [4, 0], [4, 4], [0, 4]]]},
        {"type": "Circle", "coordinates": [1, 2]},
        "somewhere",
        5,
    ],
)
def test_what_is_no_geometry_is_refused(api: httpx2.Client, new_id: str, geometry: Any) -> None:
    """DM-02, §4.7.1: GeoJSON geometries (RFC 7946 §3.1), GeometryCollection excluded."""
    assert refusal(offer(api, new_id, location={"type": "GeoProperty", "value": geometry})) == BAD_REQUEST_DATA


def test_a_geometry_may_be_a_string_of_json(api: httpx2.Client, new_id: str) -> None:
    """DM-03, §4.7.1: the string is the geometry, encoded."""
    create(api, new_id, location={"type": "GeoProperty", "value": '{"type": "Point", "coordinates": [13.4, 52.5]}'})
    shown = content(api, new_id)["location"]["value"]
    assert shown == POINT
    feature = entity(api, new_id, Accept="application/geo+json")
    assert feature["geometry"] == POINT


# DM-08


def test_a_language_property_has_a_text_for_each_language(api: httpx2.Client, new_id: str) -> None:
    """DM-08, §4.5.18: language tags or @none, strings or arrays of strings."""
    street = {"type": "LanguageProperty", "languageMap": {"fr": "Grand Place", "de-AT": ["a", "b"], "@none": "x"}}
    create(api, new_id, street=street)
    assert content(api, new_id) == {"street": street}


@pytest.mark.parametrize("language_map", [{"fr": 5}, {"not a tag!": "x"}, "x", ["x"], {"fr": {"x": "y"}}, {"fr": [5]}])
def test_what_is_no_language_map_is_refused(api: httpx2.Client, new_id: str, language_map: Any) -> None:
    """DM-08, §4.5.18, RFC 5646."""
    street = {"type": "LanguageProperty", "languageMap": language_map}
    assert refusal(offer(api, new_id, street=street)) == BAD_REQUEST_DATA


# DM-12


@pytest.mark.parametrize(
    ("concise", "normalized"),
    [
        (5, {"type": "Property", "value": 5}),
        ({"a": 1}, {"type": "Property", "value": {"a": 1}}),
        ([1, 2], {"type": "Property", "value": [1, 2]}),
        ({"value": 5, "unitCode": "KMH"}, {"type": "Property", "value": 5, "unitCode": "KMH"}),
        (POINT, {"type": "GeoProperty", "value": POINT}),
        ({"value": POINT}, {"type": "GeoProperty", "value": POINT}),
        ({"object": CAR}, {"type": "Relationship", "object": CAR}),
        ({"languageMap": {"fr": "x"}}, {"type": "LanguageProperty", "languageMap": {"fr": "x"}}),
        ({"vocab": "electric"}, {"type": "VocabProperty", "vocab": "electric"}),
        ({"json": {"a": None}}, {"type": "JsonProperty", "json": {"a": None}}),
        ({"valueList": [1, 2]}, {"type": "ListProperty", "valueList": [1, 2]}),
        ({"objectList": [CAR]}, {"type": "ListRelationship", "objectList": [{"object": CAR}]}),
        (
            {"value": 5, "by": {"object": CAR}, "accuracy": 0.5},
            {
                "type": "Property",
                "value": 5,
                "by": {"type": "Relationship", "object": CAR},
                "accuracy": {"type": "Property", "value": 0.5},
            },
        ),
    ],
)
def test_the_kind_of_a_concise_attribute_is_inferred(
    api: httpx2.Client, new_id: str, concise: Any, normalized: Json
) -> None:
    """DM-12, §4.5.1, §4.5.2.3 and its like for each kind."""
    create(api, new_id, thing=concise)
    assert content(api, new_id) == {"thing": normalized}


# DM-14 – DM-20


@pytest.mark.parametrize("vocab", ["electric", ["electric", "https://example.org/diesel"]])
def test_a_vocab_property_holds_terms(api: httpx2.Client, new_id: str, vocab: Any) -> None:
    """DM-14, §4.5.20: the terms expand as types do, and compact again."""
    create(api, new_id, fuel={"type": "VocabProperty", "vocab": vocab})
    assert content(api, new_id) == {"fuel": {"type": "VocabProperty", "vocab": vocab}}


@pytest.mark.parametrize("vocab", [5, {}, [5], None, True])
def test_what_is_no_term_is_refused(api: httpx2.Client, new_id: str, vocab: Any) -> None:
    """DM-14, §4.5.20: a string, or an array of strings."""
    assert refusal(offer(api, new_id, fuel={"type": "VocabProperty", "vocab": vocab})) == BAD_REQUEST_DATA


@pytest.mark.parametrize(
    "raw",
    [{"id": 1, "@id": "x", "type": "Property", "a b": None, "@context": {"x": "y"}}, [{"a": None}, {"b": []}], {}],
)
def test_a_json_property_keeps_its_json(api: httpx2.Client, new_id: str, raw: Any) -> None:
    """DM-15, §4.5.24: never expanded nor compacted, whatever its members mean elsewhere."""
    create(api, new_id, status={"type": "JsonProperty", "json": raw})
    assert content(api, new_id) == {"status": {"type": "JsonProperty", "json": raw}}


@pytest.mark.parametrize("values", [[3, 1, 2], ["a", True, 1.5], [[1, 2], [3]], [{"a": 1}], [], [1, 1]])
def test_a_list_property_keeps_its_order(api: httpx2.Client, new_id: str, values: list[Any]) -> None:
    """DM-16, §4.5.21: an ordered array."""
    create(api, new_id, curve={"type": "ListProperty", "valueList": values})
    assert content(api, new_id) == {"curve": {"type": "ListProperty", "valueList": values}}


@pytest.mark.parametrize("objects", [[{"object": CAR}, {"object": DRIVER}, {"object": CAR}], [CAR, DRIVER, CAR]])
def test_a_list_relationship_has_two_forms(api: httpx2.Client, new_id: str, objects: list[Any]) -> None:
    """DM-17, §4.5.22: objects, or concise the bare URIs; the order and duplicates stay."""
    create(api, new_id, route={"type": "ListRelationship", "objectList": objects})
    expected = [{"object": CAR}, {"object": DRIVER}, {"object": CAR}]
    assert content(api, new_id) == {"route": {"type": "ListRelationship", "objectList": expected}}


def test_a_relationship_has_several_objects(api: httpx2.Client, new_id: str) -> None:
    """DM-18, §4.5.3: an array of URIs."""
    create(api, new_id, parts={"type": "Relationship", "object": [CAR, DRIVER]})
    assert content(api, new_id) == {"parts": {"type": "Relationship", "object": [CAR, DRIVER]}}


@pytest.mark.parametrize("target", ["no uri", 5, {}, [CAR, 5], None, True])
@pytest.mark.parametrize("kind", ["object", "objectList"])
def test_what_is_no_uri_is_no_object(api: httpx2.Client, new_id: str, kind: str, target: Any) -> None:
    """DM-17, DM-18, §4.5.3, §4.5.22."""
    assert refusal(offer(api, new_id, parts={kind: target})) == BAD_REQUEST_DATA


@pytest.mark.parametrize("types", ["Vehicle", ["Vehicle", "https://example.org/Car"]])
def test_a_relationship_tells_the_type_of_its_object(api: httpx2.Client, new_id: str, types: Any) -> None:
    """DM-19, §4.5.3: objectType, names that expand as types do."""
    attributes = {
        "next": {"type": "Relationship", "object": CAR, "objectType": types},
        "route": {"type": "ListRelationship", "objectList": [{"object": CAR}], "objectType": types},
    }
    create(api, new_id, **attributes)
    assert content(api, new_id) == attributes


def test_a_property_tells_the_type_of_its_value(api: httpx2.Client, new_id: str) -> None:
    """DM-20, §4.5.2: valueType, a data type that expands as types do."""
    start = {"type": "Property", "value": "2024-05-01T12:00:00Z", "valueType": "DateTime"}
    create(api, new_id, start=start)
    assert content(api, new_id) == {"start": start}
    core = "https://uri.etsi.org/ngsi-ld/DateTime"
    done(api.put(f"/entities/{new_id}/attrs/start", json=start | {"valueType": core}))
    assert content(api, new_id) == {"start": start}


# DM-22


def test_a_proof_is_kept_intact(api: httpx2.Client, new_id: str) -> None:
    """DM-22, §4.5.2.2: ngsildproof is a Property; its value is a W3C data integrity proof, and stays as it is."""
    proof = {
        "type": "Property",
        "entityIdSealed": new_id,
        "entityTypeSealed": TYPE,
        "value": {
            "type": "DataIntegrityProof",
            "created": "2024-05-01T12:00:00Z",
            "verificationMethod": "did:example:city#key-1",
            "cryptosuite": "ecdsa-jcs-2022",
            "proofPurpose": "assertionMethod",
            "proofValue": "z58D",
        },
    }
    create(api, new_id, speed={"type": "Property", "value": 1, "ngsildproof": proof}, ngsildproof=proof)
    assert content(api, new_id) == {
        "speed": {"type": "Property", "value": 1, "ngsildproof": proof},
        "ngsildproof": proof,
    }


def test_only_a_proof_seals(api: httpx2.Client, new_id: str) -> None:
    """DM-22, §4.5.2.2: entityIdSealed and entityTypeSealed are for ngsildproof."""
    speed = {"type": "Property", "value": 1, "entityIdSealed": new_id}
    assert refusal(offer(api, new_id, speed=speed)) == BAD_REQUEST_DATA


# DM-23, DM-24


@pytest.mark.parametrize(
    "value",
    [
        {"@type": "https://example.org/Colour", "@value": "red"},
        {"@type": "@json", "@value": None},
        [1, {"@type": "Date", "@value": "2024-05-01"}],
        {"since": {"@type": "Date", "@value": "2024-05-01"}},
    ],
)
def test_a_value_may_be_typed_as_json_ld_does(api: httpx2.Client, new_id: str, value: Any) -> None:
    """DM-23, §4.5.2, §4.6.3: `@type` with `@value`; the JSON null as a literal."""
    create(api, new_id, thing={"type": "Property", "value": value})
    assert content(api, new_id) == {"thing": {"type": "Property", "value": value}}


def test_a_bare_null_is_no_value(api: httpx2.Client, new_id: str) -> None:
    """DM-23, §4.5.0, §4.5.2: any JSON value but null."""
    assert refusal(offer(api, new_id, thing={"type": "Property", "value": None})) == BAD_REQUEST_DATA


MEMBERS: Json = {
    "value": 1,
    "object": CAR,
    "languageMap": {"fr": "x"},
    "vocab": "x",
    "json": {},
    "valueList": [1],
    "objectList": [CAR],
}


@pytest.mark.parametrize("second", MEMBERS)
@pytest.mark.parametrize("first", MEMBERS)
def test_an_attribute_has_one_value_member(api: httpx2.Client, new_id: str, first: str, second: str) -> None:
    """DM-24, §4.5.1: the value members of two kinds are never together."""
    answer = offer(api, new_id, thing={first: MEMBERS[first], second: MEMBERS[second]})
    if first == second:
        assert answer.status_code == 201
    else:
        assert refusal(answer) == BAD_REQUEST_DATA
