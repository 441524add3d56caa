"""What clients send, and what is kept of it: every kind, normalized and concise (GS CIM 009 §4.5, §4.6)."""

from typing import Any

import pytest

from broker.model.entity import Entity, decode, encode
from broker.model.parse import parse_entity, parse_fragment
from broker.names import NGSI_LD
from tests.model.context import CITY, LOCATION, NAMES, SPEED

DEFAULT = NGSI_LD + "default-context/"
POINT = {"type": "Point", "coordinates": [8.5, 41.2]}


def parsed(name: str, content: Any) -> list[dict[str, Any]]:
    """The canonical instances of one attribute."""
    entity = parse_entity({"id": "urn:x:1", "type": "Vehicle", name: content}, NAMES)
    (instances,) = entity.attributes.values()
    return instances


def test_an_entity() -> None:
    payload = {
        "id": "urn:ngsi-ld:Vehicle:1",
        "type": ["Vehicle", "https://other.example/Car", "Boat", "Vehicle"],
        "scope": ["/Madrid/Gardens", "Madrid", "Madrid"],
        "expiresAt": "2030-01-01T00:00:00,5Z",
        "createdAt": "1999-01-01T00:00:00Z",
        "modifiedAt": "nonsense",
        "deletedAt": None,
        "speed": 55,
    }
    assert parse_entity(payload, NAMES) == Entity(
        id="urn:ngsi-ld:Vehicle:1",
        types=(CITY + "Vehicle", "https://other.example/Car", DEFAULT + "Boat"),
        attributes={SPEED: [{"type": "Property", "value": 55}]},
        created_at="",
        modified_at="",
        scopes=("/Madrid/Gardens", "Madrid"),
        expires_at="2030-01-01T00:00:00.5Z",
    )


def test_at_id_and_at_type() -> None:
    entity = parse_entity({"@id": "urn:x:1", "@type": "Vehicle", "speed": {"@type": "Property", "value": 1}}, NAMES)
    assert (entity.id, entity.types) == ("urn:x:1", (CITY + "Vehicle",))
    assert entity.attributes == {SPEED: [{"type": "Property", "value": 1}]}


@pytest.mark.parametrize(
    ("name", "iri"),
    [
        ("speed", SPEED),
        ("location", LOCATION),
        ("unknown", DEFAULT + "unknown"),
        ("straße", CITY + "straße"),
        ("výška_1", DEFAULT + "výška_1"),
        ("https://a.example/b#c", "https://a.example/b#c"),
        ("xsd:thing", "http://www.w3.org/2001/XMLSchema#thing"),
        ("value", NGSI_LD + "hasValue"),
        ("description", "http://purl.org/dc/terms/description"),
    ],
)
def test_names_are_expanded(name: str, iri: str) -> None:
    content = {"type": "GeoProperty", "value": POINT}
    assert list(parse_entity({"id": "urn:x:1", "type": "T", name: content}, NAMES).attributes) == [iri]


NORMALIZED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    *(
        ({"type": "Property", "value": value}, {"type": "Property", "value": value})
        for value in (
            0,
            -1.5,
            2**64 - 1,
            1e300,
            True,
            False,
            "",
            "a\x00b",
            "<script>'\"=;()",
            "urn:x:1",
            [],
            [1, "a", [2]],
        )
    ),
    (
        {"type": "Property", "value": {"street": "Gran Vía", "nr": 1, "b": None}},
        {"type": "Property", "value": {CITY + "street": "Gran Vía", DEFAULT + "nr": 1}},
    ),
    (
        {"type": "Property", "value": {"@type": "DateTime", "@value": "2024-05-01T10:00:00,5Z"}},
        {"type": "Property", "value": {"@type": NGSI_LD + "DateTime", "@value": "2024-05-01T10:00:00.5Z"}},
    ),
    (
        {"type": "Property", "value": {"@type": "@json", "@value": None}},
        {"type": "Property", "value": {"@type": "@json", "@value": None}},
    ),
    (
        {"type": "Property", "value": 1, "valueType": "xsd:double"},
        {"type": "Property", "value": 1, "valueType": "http://www.w3.org/2001/XMLSchema#double"},
    ),
    ({"type": "GeoProperty", "value": POINT}, {"type": "GeoProperty", "value": POINT}),
    (
        {"type": "GeoProperty", "value": '{"type": "Point", "coordinates": [8.5, 41.2]}'},
        {"type": "GeoProperty", "value": POINT},
    ),
    ({"type": "Relationship", "object": "urn:x:2"}, {"type": "Relationship", "object": "urn:x:2"}),
    (
        {"type": "Relationship", "object": ["urn:x:2", "urn:x:3"], "objectType": ["Building", "Boat"]},
        {"type": "Relationship", "object": ["urn:x:2", "urn:x:3"], "objectType": [CITY + "Building", DEFAULT + "Boat"]},
    ),
    (
        {"type": "LanguageProperty", "languageMap": {"sk": "škola", "en": ["school", "academy"], "@none": "x"}},
        {"type": "LanguageProperty", "languageMap": {"sk": "škola", "en": ["school", "academy"], "@none": "x"}},
    ),
    ({"type": "VocabProperty", "vocab": "electric"}, {"type": "VocabProperty", "vocab": CITY + "electric"}),
    (
        {"type": "VocabProperty", "vocab": ["electric", "non-commercial"]},
        {"type": "VocabProperty", "vocab": [CITY + "electric", DEFAULT + "non-commercial"]},
    ),
    *(
        ({"type": "JsonProperty", "json": json}, {"type": "JsonProperty", "json": json})
        for json in ({"id": "a", "type": "b", "n": None, "speed": {"@type": "DateTime", "@value": "x"}}, [{"a": 1}], {})
    ),
    (
        {"type": "ListProperty", "valueList": [1, "a", {"street": 1}, [2]]},
        {"type": "ListProperty", "valueList": [1, "a", {CITY + "street": 1}, [2]]},
    ),
    (
        {"type": "ListRelationship", "objectList": [{"object": "urn:x:2"}, {"object": "urn:x:2"}]},
        {"type": "ListRelationship", "objectList": ["urn:x:2", "urn:x:2"]},
    ),
    (
        {"type": "ListRelationship", "objectList": ["urn:x:2", "urn:x:3"]},
        {"type": "ListRelationship", "objectList": ["urn:x:2", "urn:x:3"]},
    ),
    (
        {"type": "Property", "value": 1, "unitCode": "CEL", "observedAt": "2024-05-01T10:00:00,25Z"},
        {"type": "Property", "value": 1, "unitCode": "CEL", "observedAt": "2024-05-01T10:00:00.25Z"},
    ),
    (
        {"type": "Property", "value": 1, "expiresAt": "2034-05-01T10:00:00Z", "datasetId": "urn:d:1"},
        {"type": "Property", "value": 1, "expiresAt": "2034-05-01T10:00:00Z", "datasetId": "urn:d:1"},
    ),
    (
        {"type": "Property", "value": 1, "createdAt": 5, "modifiedAt": None, "deletedAt": {}, "instanceId": "x"},
        {"type": "Property", "value": 1},
    ),
    ({"type": "ngsi-ld:Property", "value": 1}, {"type": "Property", "value": 1}),
    ({"type": NGSI_LD + "Relationship", "object": "urn:x:2"}, {"type": "Relationship", "object": "urn:x:2"}),
    (
        {"value": 1, "type": "Property", "accuracy": {"value": 2, "type": "Property", "source": "s"}, "area": POINT},
        {
            "type": "Property",
            "value": 1,
            "attributes": {
                CITY + "accuracy": [
                    {
                        "type": "Property",
                        "value": 2,
                        "attributes": {CITY + "source": [{"type": "Property", "value": "s"}]},
                    }
                ],
                CITY + "area": [{"type": "GeoProperty", "value": POINT}],
            },
        },
    ),
]


@pytest.mark.parametrize(("content", "instance"), NORMALIZED, ids=lambda value: str(value)[:70])
def test_normalized(content: dict[str, Any], instance: dict[str, Any]) -> None:
    assert parsed("speed", content) == [instance]


CONCISE: list[tuple[Any, dict[str, Any]]] = [
    *((value, {"type": "Property", "value": value}) for value in (1, 1.5, True, "a", "urn:x:2", [], [1, 2])),
    ([{"a": 1}, 2], {"type": "Property", "value": [{DEFAULT + "a": 1}, 2]}),
    ({"street": "x"}, {"type": "Property", "value": {CITY + "street": "x"}}),
    ({}, {"type": "Property", "value": {}}),
    (
        {"@type": "Date", "@value": "2024-05-01"},
        {"type": "Property", "value": {"@type": NGSI_LD + "Date", "@value": "2024-05-01"}},
    ),
    ({"value": 1, "unitCode": "CEL"}, {"type": "Property", "value": 1, "unitCode": "CEL"}),
    (POINT, {"type": "GeoProperty", "value": POINT}),
    (
        {"value": POINT, "accuracy": 1},
        {
            "type": "GeoProperty",
            "value": POINT,
            "attributes": {CITY + "accuracy": [{"type": "Property", "value": 1}]},
        },
    ),
    ({"object": "urn:x:2"}, {"type": "Relationship", "object": "urn:x:2"}),
    ({"languageMap": {"en": "a"}}, {"type": "LanguageProperty", "languageMap": {"en": "a"}}),
    ({"vocab": "electric"}, {"type": "VocabProperty", "vocab": CITY + "electric"}),
    ({"json": {"a": None}}, {"type": "JsonProperty", "json": {"a": None}}),
    ({"valueList": [2, 1]}, {"type": "ListProperty", "valueList": [2, 1]}),
    ({"objectList": ["urn:x:2"]}, {"type": "ListRelationship", "objectList": ["urn:x:2"]}),
]


@pytest.mark.parametrize(("content", "instance"), CONCISE, ids=lambda value: str(value)[:70])
def test_concise(content: Any, instance: dict[str, Any]) -> None:
    assert parsed("speed", content) == [instance]


def test_a_property_that_says_so_may_hold_a_geometry() -> None:
    (instance,) = parsed("area", {"type": "Property", "value": POINT})
    assert instance["type"] == "Property"


def test_a_location_that_says_it_is_a_property_and_holds_a_geometry_is_kept_as_it_says() -> None:
    (instance,) = parsed("location", {"type": "Property", "value": POINT})
    assert instance["type"] == "Property"


def test_the_default_instance_comes_first() -> None:
    content = [
        {"value": 3, "datasetId": "urn:d:2"},
        {"value": 1, "datasetId": "@none"},
        {"value": 2, "datasetId": "urn:d:1"},
    ]
    assert parsed("speed", content) == [
        {"type": "Property", "value": 1},
        {"type": "Property", "value": 3, "datasetId": "urn:d:2"},
        {"type": "Property", "value": 2, "datasetId": "urn:d:1"},
    ]


def test_instances_may_be_of_several_kinds() -> None:
    content = [{"type": "Property", "value": 3}, {"object": "urn:x:2", "datasetId": "urn:d:1"}]
    assert [instance["type"] for instance in parsed("speed", content)] == ["Property", "Relationship"]


def test_sub_attributes_have_instances_too() -> None:
    (instance,) = parsed("speed", {"value": 1, "accuracy": [{"value": 2}, {"value": 3, "datasetId": "urn:d:1"}]})
    assert instance["attributes"] == {
        CITY + "accuracy": [{"type": "Property", "value": 2}, {"type": "Property", "value": 3, "datasetId": "urn:d:1"}]
    }


def test_a_proof_is_kept_as_it_came() -> None:
    proof = {"type": "DataIntegrityProof", "created": "2025-01-27T21:02:24Z", "@context": ["x"], "n": None}
    content = {"type": "Property", "value": proof, "entityIdSealed": "urn:x:1", "entityTypeSealed": "Vehicle"}
    assert parsed("ngsildproof", content) == [
        {"type": "Property", "value": proof, "entityIdSealed": "urn:x:1", "entityTypeSealed": CITY + "Vehicle"}
    ]


def test_the_payload_is_left_alone() -> None:
    payload = {
        "id": "urn:x:1",
        "type": "Vehicle",
        "speed": [
            {"type": "Property", "value": {"@type": "DateTime", "@value": "2024-05-01T10:00:00,5Z"}, "accuracy": 1}
        ],
    }
    before = repr(payload)
    parse_entity(payload, NAMES)
    assert repr(payload) == before


@pytest.mark.parametrize(("content", "instance"), NORMALIZED, ids=lambda value: str(value)[:70])
def test_what_is_kept_survives_its_bytes(content: dict[str, Any], instance: dict[str, Any]) -> None:
    entity = parse_entity({"id": "urn:x:1", "type": "Vehicle", "scope": "/a", "speed": content}, NAMES)
    assert decode(encode(entity)) == entity


def test_a_fragment_needs_neither_id_nor_type() -> None:
    fragment = parse_fragment({"speed": 1}, NAMES)
    assert fragment == (None, (), {SPEED: [{"type": "Property", "value": 1}]}, None, None)


def test_an_empty_fragment() -> None:
    assert parse_fragment({}, NAMES) == (None, (), {}, None, None)
