"""Rows EN of docs/conformance.md: Merge Entity (GS CIM 009 §5.6.17, §5.5.12, §6.5.3.4)."""

import httpx2
import pytest

from tests.conformance.exchange import (
    BAD_REQUEST_DATA,
    CAR,
    GPS,
    NULL,
    POINT,
    RADAR,
    SPEED,
    THREE,
    Json,
    content,
    create,
    done,
    path,
    refusal,
    values,
)

pytestmark = pytest.mark.http

# EN-08, EN-09


@pytest.mark.parametrize(
    ("stored", "fragment", "merged"),
    [
        ({"a": SPEED}, {"a": {"value": 6}}, {"a": SPEED | {"value": 6}}),
        (
            {"a": SPEED},
            {"a": {"type": "Property", "accuracy": NULL}},
            {"a": {"type": "Property", "value": 5, "unitCode": "KMH"}},
        ),
        (
            {"a": SPEED},
            {"a": {"type": "Property", "accuracy": {"type": "Property", "by": {"object": CAR}}}},
            {"a": SPEED | {"accuracy": SPEED["accuracy"] | {"by": {"type": "Relationship", "object": CAR}}}},
        ),
        ({"a": SPEED}, {"a": {"type": "Property", "value": NULL}}, {}),
        ({"a": SPEED, "b": 1}, {"a": NULL}, {"b": {"type": "Property", "value": 1}}),
        ({"a": SPEED}, {"b": 1}, {"a": SPEED, "b": {"type": "Property", "value": 1}}),
        (
            {"a": {"x": {"p": 1, "q": 2}, "y": 3}},
            {"a": {"value": {"x": {"p": NULL, "r": [1]}, "z": 4}}},
            {"a": {"type": "Property", "value": {"x": {"q": 2, "r": [1]}, "y": 3, "z": 4}}},
        ),
        ({"a": [1, 2, 3]}, {"a": [4]}, {"a": {"type": "Property", "value": [4]}}),
        (
            {"a": {"languageMap": {"fr": "x", "de": "y"}}},
            {"a": {"languageMap": {"de": NULL, "en": "z"}}},
            {"a": {"type": "LanguageProperty", "languageMap": {"fr": "x", "en": "z"}}},
        ),
        (
            {"a": {"json": {"x": 1, "y": {"z": 2}}}},
            {"a": {"json": {"x": NULL, "y": {"w": 3}}}},
            {"a": {"type": "JsonProperty", "json": {"y": {"z": 2, "w": 3}}}},
        ),
        ({"scope": "/A"}, {"scope": ["/B", "/C"]}, {"scope": ["/B", "/C"]}),
        ({}, {"scope": "/A"}, {"scope": "/A"}),
        ({"scope": "/A", "a": SPEED}, {"scope": NULL}, {"a": SPEED}),
    ],
)
def test_a_merge_is_deep(api: httpx2.Client, new_id: str, stored: Json, fragment: Json, merged: Json) -> None:
    """EN-08, §5.6.17, §5.5.12, RFC 7396: members at any depth, NGSI-LD Null in the place of null."""
    create(api, new_id, **stored)
    done(api.patch(path(new_id), json=fragment))
    assert content(api, new_id) == merged


def test_a_merge_touches_the_instance_of_its_dataset(api: httpx2.Client, new_id: str) -> None:
    """EN-08, §4.5.5, §5.6.17."""
    create(api, new_id, speed=THREE)
    fragment = [{"value": 9, "datasetId": GPS}, {"value": NULL, "datasetId": RADAR}]
    done(api.patch(path(new_id), json={"speed": fragment}))
    assert values(api, new_id) == {"speed": {"dataset": {"@none": 1, GPS: 9}}}


KINDS: Json = {
    "number": {"type": "Property", "value": 1, "unitCode": "KMH"},
    "place": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [1, 2]}},
    "near": {"type": "Relationship", "object": CAR},
    "street": {"type": "LanguageProperty", "languageMap": {"fr": "x"}},
    "fuel": {"type": "VocabProperty", "vocab": "electric"},
    "raw": {"type": "JsonProperty", "json": {"a": 1}},
    "curve": {"type": "ListProperty", "valueList": [1]},
    "route": {"type": "ListRelationship", "objectList": [{"object": CAR}]},
}
SIMPLE: Json = {
    "number": 2,
    "place": POINT,
    "near": GPS,
    "street": {"languageMap": {"fr": "y"}},
    "fuel": {"vocab": "diesel"},
    "raw": {"json": {"a": 2}},
    "curve": [2, 3],
    "route": [GPS, CAR],
}
MERGED: Json = {
    "number": KINDS["number"] | {"value": 2},
    "place": {"type": "GeoProperty", "value": POINT},
    "near": {"type": "Relationship", "object": GPS},
    "street": {"type": "LanguageProperty", "languageMap": {"fr": "y"}},
    "fuel": {"type": "VocabProperty", "vocab": "diesel"},
    "raw": {"type": "JsonProperty", "json": {"a": 2}},
    "curve": {"type": "ListProperty", "valueList": [2, 3]},
    "route": {"type": "ListRelationship", "objectList": [{"object": GPS}, {"object": CAR}]},
}


@pytest.mark.parametrize("query", ["format=simplified", "format=keyValues", "options=keyValues"])
def test_a_simplified_merge_keeps_the_kinds(api: httpx2.Client, new_id: str, query: str) -> None:
    """EN-09, §5.6.17, §6.5.3.4: each value is one of the kind that is there."""
    create(api, new_id, **KINDS)
    done(api.patch(f"{path(new_id)}?{query}", json=SIMPLE))
    assert content(api, new_id) == MERGED


@pytest.mark.parametrize("fragment", [{"near": 5}, {"route": "x"}, {"place": 5}, {"curve": 5}])
def test_a_simplified_merge_changes_no_kind(api: httpx2.Client, new_id: str, fragment: Json) -> None:
    """EN-09, §5.6.17: BadRequestData."""
    create(api, new_id, **KINDS)
    assert refusal(api.patch(f"{path(new_id)}?format=simplified", json=fragment)) == BAD_REQUEST_DATA
    assert content(api, new_id) == KINDS


def test_a_text_is_merged_into_its_language(api: httpx2.Client, new_id: str) -> None:
    """EN-09, §5.6.17: with `lang`, a string for a LanguageProperty goes to that key only."""
    create(api, new_id, street={"languageMap": {"fr": "x", "de": "y"}})
    done(api.patch(f"{path(new_id)}?format=simplified&lang=de", json={"street": "z"}))
    assert content(api, new_id)["street"]["languageMap"] == {"fr": "x", "de": "z"}


def test_observed_at_is_merged_where_there_was_one(api: httpx2.Client, new_id: str) -> None:
    """EN-09, §5.6.17: applied where the attribute had one, and the body gives none."""
    first, second, third = (f"2024-05-0{day}T12:00:00Z" for day in (1, 2, 3))
    create(api, new_id, a={"value": 1, "observedAt": first}, b=1, c={"value": 1, "observedAt": first})
    body = {"a": {"value": 2}, "b": {"value": 2}, "c": {"value": 2, "observedAt": third}}
    done(api.patch(f"{path(new_id)}?observedAt={second}", json=body))
    found = content(api, new_id)
    assert [found[name].get("observedAt") for name in "abc"] == [second, None, third]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (SPEED, {"type": "Property", "value": 5, "unitCode": "KMH"}),
        (
            {"type": "Relationship", "object": CAR, "accuracy": {"type": "Property", "value": 1}},
            {"type": "Relationship", "object": CAR},
        ),
        (
            {"type": "Property", "value": {"accuracy": 2, "more": 3}, "accuracy": {"type": "Property", "value": 1}},
            {"type": "Property", "value": {"more": 3}, "accuracy": {"type": "Property", "value": 1}},
        ),
    ],
)
def test_a_null_without_a_type_removes_a_part(api: httpx2.Client, new_id: str, before: Json, after: Json) -> None:
    """EN-08, §5.5.12: a member of the value, if that is an object, otherwise a sub-attribute."""
    create(api, new_id, speed=before)
    done(api.patch(path(new_id), json={"speed": {"accuracy": NULL}}))
    assert content(api, new_id) == {"speed": after}
