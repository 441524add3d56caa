"""Rows RP of docs/conformance.md: entities as they are shown (GS CIM 009 §4.5, §4.15, §6.3.7, §6.3.15)."""

from typing import Any

import httpx2
import pytest

from broker.names import CORE_CONTEXT
from tests.conformance.exchange import (
    BAD_REQUEST_DATA,
    INVALID_REQUEST,
    POINT,
    Json,
    content,
    create,
    entity,
    refusal,
)

pytestmark = pytest.mark.http

CAR = "urn:ngsi-ld:Vehicle:9"
GPS = "urn:ngsi-ld:Dataset:gps"
GEO_JSON = "application/geo+json"
AT = "2024-05-01T12:00:00Z"

FORMS: dict[str, tuple[Any, Any, Any]] = {
    "Property": ({"type": "Property", "value": 5}, 5, 5),
    "Property with a unit": (
        {"type": "Property", "value": 5, "unitCode": "KMH"},
        {"value": 5, "unitCode": "KMH"},
        5,
    ),
    "Property with sub-attributes": (
        {
            "type": "Property",
            "value": 5,
            "accuracy": {"type": "Property", "value": 1},
            "by": {"type": "Relationship", "object": CAR},
        },
        {"value": 5, "accuracy": 1, "by": {"object": CAR}},
        5,
    ),
    "Property that looks normalized": (
        {"type": "Property", "value": {"type": "Property", "value": 1}},
        {"value": {"type": "Property", "value": 1}},
        {"type": "Property", "value": 1},
    ),
    "compound Property": (
        {"type": "Property", "value": {"a": [1, {"b": 2}]}},
        {"a": [1, {"b": 2}]},
        {"a": [1, {"b": 2}]},
    ),
    "GeoProperty": ({"type": "GeoProperty", "value": POINT}, POINT, POINT),
    "GeoProperty with a time": (
        {"type": "GeoProperty", "value": POINT, "observedAt": AT},
        {"value": POINT, "observedAt": AT},
        POINT,
    ),
    "Relationship": ({"type": "Relationship", "object": CAR}, {"object": CAR}, CAR),
    "Relationship to two": ({"type": "Relationship", "object": [CAR, GPS]}, {"object": [CAR, GPS]}, [CAR, GPS]),
    "LanguageProperty": (
        {"type": "LanguageProperty", "languageMap": {"fr": "x", "de": ["y"]}},
        {"languageMap": {"fr": "x", "de": ["y"]}},
        {"languageMap": {"fr": "x", "de": ["y"]}},
    ),
    "VocabProperty": ({"type": "VocabProperty", "vocab": "electric"}, {"vocab": "electric"}, {"vocab": "electric"}),
    "JsonProperty": ({"type": "JsonProperty", "json": {"a": None}}, {"json": {"a": None}}, {"json": {"a": None}}),
    "ListProperty": ({"type": "ListProperty", "valueList": [2, 1]}, {"valueList": [2, 1]}, [2, 1]),
    "ListRelationship": (
        {"type": "ListRelationship", "objectList": [{"object": CAR}, {"object": GPS}]},
        {"objectList": [CAR, GPS]},
        [CAR, GPS],
    ),
}
"""What an attribute is normalized, concise and simplified: §4.5.2–§4.5.4, §4.5.18, §4.5.20–§4.5.24."""

NORMALIZED = {kind: forms[0] for kind, forms in FORMS.items()}
KINDS = pytest.mark.parametrize("kind", FORMS)


@KINDS
def test_normalized_is_the_default(api: httpx2.Client, new_id: str, kind: str) -> None:
    """RP-01, §4.5.1: every attribute an object with its type."""
    create(api, new_id, thing=NORMALIZED[kind])
    for query in ("", "format=normalized", "options=normalized"):
        assert content(api, new_id, query) == {"thing": NORMALIZED[kind]}, query


@KINDS
def test_simplified_is_the_value_of_each_kind(api: httpx2.Client, new_id: str, kind: str) -> None:
    """RP-02, §4.5.4: and its like for each kind; languages, terms and JSON stay wrapped."""
    create(api, new_id, thing=NORMALIZED[kind])
    for query in ("format=simplified", "format=keyValues", "options=keyValues", "options=simplified"):
        assert content(api, new_id, query) == {"thing": FORMS[kind][2]}, query


@KINDS
def test_concise_is_short_and_loses_nothing(api: httpx2.Client, new_id: str, kind: str) -> None:
    """RP-03, §4.5.2.3 and its like: no type; the bare value where nothing else is there, unless it misleads."""
    create(api, new_id, thing=NORMALIZED[kind])
    for query in ("format=concise", "options=concise"):
        assert content(api, new_id, query) == {"thing": FORMS[kind][1]}, query


@KINDS
def test_concise_is_read_as_what_it_was(api: httpx2.Client, new_id: str, kind: str) -> None:
    """RP-03, §4.5.1: the concise representation is lossless."""
    create(api, new_id, thing=FORMS[kind][1])
    assert content(api, new_id) == {"thing": NORMALIZED[kind]}


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("format=simplified&options=concise", 2),
        ("format=concise&options=keyValues", 1),
        ("format=normalized&options=keyValues", 0),
        ("format=simplified&options=normalized,sysAttrs", 2),
    ],
)
def test_format_wins_over_options(api: httpx2.Client, new_id: str, query: str, shown: int) -> None:
    """RP-04, §6.3.7: options is the deprecated way to say it; format prevails."""
    create(api, new_id, thing=NORMALIZED["Property with a unit"])
    assert entity(api, new_id, query)["thing"] == FORMS["Property with a unit"][shown]


@pytest.mark.parametrize("query", ["format=xml", "options=xml", "format=", "options=keyValues,xml"])
def test_another_format_is_an_invalid_request(api: httpx2.Client, new_id: str, query: str) -> None:
    """RP-04, §6.3.7, §6.3.20."""
    create(api, new_id)
    assert refusal(api.get(f"/entities/{new_id}?{query}")) == INVALID_REQUEST


def test_simplified_instances_are_a_map_by_dataset(api: httpx2.Client, new_id: str) -> None:
    """RP-05, §4.5.5: `dataset`, the default instance as @none."""
    speed = [{"type": "Property", "value": 1}, {"type": "Property", "value": 2, "datasetId": GPS}]
    create(api, new_id, speed=speed, street=[{"languageMap": {"fr": "x"}}, {"object": CAR, "datasetId": GPS}])
    shown = content(api, new_id, "format=simplified")
    assert shown["speed"] == {"dataset": {"@none": 1, GPS: 2}}
    assert shown["street"] == {"dataset": {"@none": {"languageMap": {"fr": "x"}}, GPS: CAR}}


def test_system_attributes_are_shown_on_demand(api: httpx2.Client, new_id: str) -> None:
    """RP-06, §4.8, §6.3.11: of the entity, its attributes and theirs, in both forms that can hold them."""
    create(api, new_id, speed={"type": "Property", "value": 1, "by": {"type": "Property", "value": 2}})
    for form in ("normalized", "concise"):
        plain = entity(api, new_id, f"format={form}")
        full = entity(api, new_id, f"format={form}&options=sysAttrs")
        for each in (full, full["speed"], full["speed"]["by"]):
            assert {"createdAt", "modifiedAt"} <= each.keys(), form
        assert "createdAt" not in str(plain)
    listed = api.get(f"/entities?type=Vehicle&id={new_id}&options=sysAttrs").json()
    assert listed == [entity(api, new_id, "options=sysAttrs")]


# GeoJSON


def feature(api: httpx2.Client, entity_id: str, query: str = "", **headers: str) -> Json:
    return entity(api, entity_id, query, **{"Accept": GEO_JSON} | headers)


def test_an_entity_is_a_feature(api: httpx2.Client, new_id: str) -> None:
    """RP-07, §4.5.16: id, the geometry of location, and everything else in properties."""
    location = {"type": "GeoProperty", "value": POINT}
    create(api, new_id, location=location, speed={"type": "Property", "value": 5})
    assert feature(api, new_id) == {
        "id": new_id,
        "type": "Feature",
        "geometry": POINT,
        "properties": {"type": "Vehicle", "location": location, "speed": {"type": "Property", "value": 5}},
        "@context": CORE_CONTEXT,
    }


def test_entities_are_a_feature_collection(api: httpx2.Client, new_id: str) -> None:
    """RP-07, §4.5.16: an array of entities is a FeatureCollection."""
    create(api, new_id, location={"type": "GeoProperty", "value": POINT})
    answer = api.get(f"/entities?type=Vehicle&id={new_id}", headers={"Accept": GEO_JSON})
    assert answer.headers["content-type"] == GEO_JSON
    found = answer.json()
    single = feature(api, new_id)
    del single["@context"]
    assert (found["type"], found["features"]) == ("FeatureCollection", [single])
    none = api.get(f"/entities?type=Vehicle&id={new_id}:x", headers={"Accept": GEO_JSON}).json()
    assert (none["type"], none["features"]) == ("FeatureCollection", [])


def test_a_feature_may_be_simplified(api: httpx2.Client, new_id: str) -> None:
    """RP-08, §4.5.17."""
    create(api, new_id, location=POINT, speed=5)
    for query in ("format=simplified", "options=keyValues"):
        assert feature(api, new_id, query)["properties"] == {"type": "Vehicle", "location": POINT, "speed": 5}


def test_another_geo_property_may_be_the_geometry(api: httpx2.Client, new_id: str) -> None:
    """RP-09, §4.5.16, §6.3.15: geometryProperty, expanded by the @context of the request."""
    other = {"type": "Point", "coordinates": [1, 2]}
    create(api, new_id, location=POINT, entrance=other)
    assert feature(api, new_id, "geometryProperty=entrance")["geometry"] == other
    iri = "https://uri.etsi.org/ngsi-ld/default-context/entrance"
    assert feature(api, new_id, f"geometryProperty={iri}")["geometry"] == other


@pytest.mark.parametrize(
    ("members", "query"),
    [
        ({}, ""),
        ({"location": POINT}, "geometryProperty=entrance"),
        ({"speed": 5}, "geometryProperty=speed"),
        ({"location": {"value": POINT, "datasetId": GPS}}, ""),
    ],
)
def test_without_a_geometry_it_is_null(api: httpx2.Client, new_id: str, members: Json, query: str) -> None:
    """RP-09, §4.5.16: absent, no GeoProperty, or only instances of datasets that are not chosen."""
    create(api, new_id, **members)
    assert feature(api, new_id, query)["geometry"] is None


def test_the_geometry_may_be_of_a_dataset(api: httpx2.Client, new_id: str) -> None:
    """RP-09, §4.5.16, §4.5.5: datasetId chooses."""
    create(api, new_id, location={"value": POINT, "datasetId": GPS})
    assert feature(api, new_id, f"datasetId={GPS}")["geometry"] == POINT


def test_a_geometry_property_is_for_geojson(api: httpx2.Client, new_id: str) -> None:
    """RP-09, §6.3.15: 400 with another media type."""
    create(api, new_id, location=POINT)
    assert refusal(api.get(f"/entities/{new_id}?geometryProperty=location")) == BAD_REQUEST_DATA


@pytest.mark.parametrize(
    ("prefer", "in_body"),
    [("body=json", False), ("body=ld+json", True), ("other, body=json", False), ('body="json"', False), ("x=y", True)],
)
def test_a_feature_has_its_context_where_it_is_preferred(
    api: httpx2.Client, new_id: str, prefer: str, in_body: bool
) -> None:
    """RP-10, §6.3.6, §6.3.15, RFC 7240: `body=json` moves the @context of GeoJSON to a Link header."""
    create(api, new_id, location=POINT)
    answer = api.get(f"/entities/{new_id}", headers={"Accept": GEO_JSON, "Prefer": prefer})
    assert ("@context" in answer.json(), "link" in answer.headers) == (in_body, not in_body)


# Languages

TEXTS: Json = {"en": "Square", "fr": "Place", "fr-CH": "Place suisse", "@none": "X", "de": ["Platz", "Markt"]}


@pytest.mark.parametrize(
    ("lang", "value", "tag"),
    [
        ("fr", "Place", "fr"),
        ("FR", "Place", "fr"),
        ("fr-CH", "Place suisse", "fr-CH"),
        ("fr-CH,fr;q=0.9,en;q=0.8", "Place suisse", "fr-CH"),
        ("it,en;q=0.5,de;q=0.9", ["Platz", "Markt"], "de"),
        ("en;q=0.1,fr;q=0.2", "Place", "fr"),
        ("it;q=0.9,en;q=0.3", "Square", "en"),
    ],
)
def test_a_text_is_shown_in_the_best_language(api: httpx2.Client, new_id: str, lang: str, value: Any, tag: str) -> None:
    """RP-11, §4.15, RFC 3282: the LanguageProperty becomes a Property with `lang`."""
    create(api, new_id, street={"type": "LanguageProperty", "languageMap": TEXTS})
    expected: dict[str, Any] = {"street": {"type": "Property", "value": value, "lang": tag}}
    assert content(api, new_id, f"lang={lang.replace(';', '%3B')}") == expected
    assert content(api, new_id, f"format=simplified&lang={lang.replace(';', '%3B')}") == {"street": value}


def test_without_the_language_it_is_the_default_text(api: httpx2.Client, new_id: str) -> None:
    """RP-11, §4.15: @none if there is one, else any."""
    create(api, new_id, a={"languageMap": TEXTS}, b={"languageMap": {"de": "Platz"}})
    (found,) = api.get(f"/entities?type=Vehicle&id={new_id}&lang=it").json()
    assert found["a"]["value"] == "X"
    assert (found["b"]["value"], found["b"]["lang"]) == ("Platz", "de")
    starred = content(api, new_id, "lang=*")
    assert (starred["a"]["type"], starred["b"]["value"]) == ("Property", "Platz")


def test_a_text_of_a_sub_attribute_is_reduced_too(api: httpx2.Client, new_id: str) -> None:
    """RP-11, §4.15."""
    create(api, new_id, speed={"value": 1, "label": {"languageMap": TEXTS}})
    assert content(api, new_id, "lang=en")["speed"]["label"] == {"type": "Property", "value": "Square", "lang": "en"}


@pytest.mark.parametrize("lang", ["", "not a range!", "fr;q=x", "fr;q=2"])
def test_what_is_no_language_range_is_refused(api: httpx2.Client, new_id: str, lang: str) -> None:
    """RP-11, §4.15, RFC 3282."""
    create(api, new_id, street={"languageMap": TEXTS})
    assert api.get(f"/entities/{new_id}", params={"lang": lang}).status_code == 400
