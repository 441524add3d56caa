"""The forms of the NGSI-LD Null (GS CIM 009 §4.5.0, §4.6.5, §5.5.4), and what fragments keep of them."""

from typing import Any

import pytest

from broker.errors import BadRequestData
from broker.model.parse import as_entity, parse_attribute_fragment, parse_fragment
from broker.names import NULL
from tests.model.context import CITY, NAMES, SPEED

DELETIONS: list[Any] = [
    NULL,
    {"value": NULL},
    {"type": "Property", "value": NULL, "observedAt": "2024-05-01T10:00:00Z", "accuracy": 1},
    {"type": "GeoProperty", "value": NULL},
    {"type": "Relationship", "object": NULL},
    {"object": NULL},
    {"type": "LanguageProperty", "languageMap": {"@none": NULL}},
    {"languageMap": {"@none": NULL}},
    {"languageMap": NULL},
    {"type": "VocabProperty", "vocab": NULL},
    {"type": "JsonProperty", "json": NULL},
    {"type": "ListProperty", "valueList": [NULL]},
    {"valueList": NULL},
    {"type": "ListRelationship", "objectList": [NULL]},
]


@pytest.mark.parametrize("content", DELETIONS, ids=str)
def test_every_kind_can_be_deleted(content: Any) -> None:
    assert parse_fragment({"speed": content}, NAMES, nulls=True).attributes == {SPEED: [{"type": NULL}]}
    assert parse_fragment({"speed": content}, NAMES, merging=True).attributes == {SPEED: [{"type": NULL}]}


@pytest.mark.parametrize("content", [content for content in DELETIONS if isinstance(content, dict)], ids=str)
def test_an_instance_can_be_deleted(content: dict[str, Any]) -> None:
    fragment = parse_fragment({"speed": {**content, "datasetId": "urn:d:1"}}, NAMES, nulls=True)
    assert fragment.attributes == {SPEED: [{"type": NULL, "datasetId": "urn:d:1"}]}


def test_a_sub_attribute_can_be_deleted() -> None:
    _, instance = parse_attribute_fragment({"accuracy": NULL, "source": {"object": NULL}}, "speed", NAMES)
    assert instance == {"attributes": {CITY + "accuracy": [{"type": NULL}], CITY + "source": [{"type": NULL}]}}


def test_an_annotation_can_be_removed() -> None:
    removed = dict.fromkeys(("observedAt", "unitCode", "expiresAt", "valueType", "objectType"), NULL)
    assert parse_attribute_fragment(removed, "speed", NAMES) == (SPEED, removed)


def test_scope_and_expiry_can_be_removed() -> None:
    fragment = parse_fragment({"scope": NULL, "expiresAt": NULL}, NAMES, nulls=True)
    assert (fragment.scopes, fragment.expires_at) == ((), NULL)


@pytest.mark.parametrize(
    ("content", "instance"),
    [
        (
            {"value": {"a": NULL}},
            {"type": "Property", "value": {"https://uri.etsi.org/ngsi-ld/default-context/a": NULL}},
        ),
        (
            {"languageMap": {"fr": NULL, "en": "a"}},
            {"type": "LanguageProperty", "languageMap": {"fr": NULL, "en": "a"}},
        ),
        ({"json": {"a": {"b": NULL}}}, {"type": "JsonProperty", "json": {"a": {"b": NULL}}}),
        ({"type": "Property", "unitCode": NULL}, {"type": "Property", "unitCode": NULL}),
        ({"observedAt": "2024-05-01T10:00:00Z"}, {"observedAt": "2024-05-01T10:00:00Z"}),
        (
            {"accuracy": {"type": "Property", "value": 1}},
            {"attributes": {CITY + "accuracy": [{"type": "Property", "value": 1}]}},
        ),
        (
            {"type": "Property", "accuracy": {"value": NULL}},
            {"type": "Property", "attributes": {CITY + "accuracy": [{"type": NULL}]}},
        ),
        ({"street": 5}, {"type": "Property", "value": {CITY + "street": 5}}),
    ],
    ids=str,
)
def test_merges_take_parts_and_nulls_inside(content: Any, instance: dict[str, Any]) -> None:
    assert parse_fragment({"speed": content}, NAMES, merging=True).attributes == {SPEED: [instance]}


@pytest.mark.parametrize(
    ("content", "instances"),
    [
        (5, [{"type": "Property", "value": 5}]),
        ("urn:x:2", [{"type": "Property", "value": "urn:x:2"}]),
        (
            {"type": "Boat"},
            [{"type": "Property", "value": {"@type": "https://uri.etsi.org/ngsi-ld/default-context/Boat"}}],
        ),
        ({"languageMap": {"fr": "a"}}, [{"type": "LanguageProperty", "languageMap": {"fr": "a"}}]),
        ({"vocab": "electric"}, [{"type": "VocabProperty", "vocab": CITY + "electric"}]),
        ({"json": [1]}, [{"type": "JsonProperty", "json": [1]}]),
        (NULL, [{"type": NULL}]),
        ([NULL], [{"type": NULL}]),
        (
            {"dataset": {"urn:d:1": 2, "@none": 1}},
            [{"type": "Property", "value": 1}, {"type": "Property", "value": 2, "datasetId": "urn:d:1"}],
        ),
        ({"dataset": {"urn:d:1": NULL}}, [{"type": NULL, "datasetId": "urn:d:1"}]),
    ],
    ids=str,
)
def test_the_simplified_form(content: Any, instances: list[dict[str, Any]]) -> None:
    assert parse_fragment({"speed": content}, NAMES, merging=True, simplified=True).attributes == {SPEED: instances}


@pytest.mark.parametrize(
    "content",
    [{"dataset": {"x": 1}}, {"dataset": {"": 1}}, {"languageMap": 5}, {"vocab": 1}, None, [None, NULL]],
    ids=str,
)
def test_what_is_no_simplified_form(content: Any) -> None:
    with pytest.raises(BadRequestData, match=r"^Attribute speed"):
        parse_fragment({"speed": content}, NAMES, merging=True, simplified=True)


@pytest.mark.parametrize("fragment", [{"speed": NULL}, {"expiresAt": NULL}], ids=str)
def test_a_fragment_with_deletions_is_no_entity(fragment: dict[str, Any]) -> None:
    with pytest.raises(BadRequestData, match="there is no entity urn:x:1 to delete it from"):
        as_entity(parse_fragment({"id": "urn:x:1", "type": "T", **fragment}, NAMES, nulls=True))
