"""The representations of every kind (GS CIM 009 §4.5.2–§4.5.4, §4.5.24, §6.3.11)."""

from typing import Any

import pytest

from broker.errors import ResourceNotFound
from broker.model.kinds import KINDS
from broker.model.merge import create
from broker.model.parse import parse_entity, parse_value
from broker.model.render import Format, Representation, attribute_renderer, bare_value, renderer
from tests.model.context import NAMES, SPEED, T0, TEMPERATURE

POINT = {"type": "Point", "coordinates": [8.5, 41.2]}


def shown(content: Any, format: Format, name: str = "speed") -> Any:
    """An attribute as it is shown, of what came in."""
    entity = create(parse_entity({"id": "urn:x:1", "type": "Vehicle", name: content}, NAMES), T0)
    return renderer(NAMES, Representation(format))(entity)[name]


FORMS: list[tuple[str, dict[str, Any], Any, Any]] = [
    # what it is, normalized, concise, simplified
    ("a Property", {"type": "Property", "value": 1}, 1, 1),
    ("an array", {"type": "Property", "value": [1, "a"]}, [1, "a"], [1, "a"]),
    ("an object", {"type": "Property", "value": {"street": 1}}, {"street": 1}, {"street": 1}),
    (
        "an object with a type",
        {"type": "Property", "value": {"type": "Boat", "a": 1}},
        {"value": {"type": "Boat", "a": 1}},
        {"type": "Boat", "a": 1},
    ),
    (
        "an object that reads as an attribute",
        {"type": "Property", "value": {"unitCode": 1}},
        {"value": {"unitCode": 1}},
        {"unitCode": 1},
    ),
    (
        "an array that reads as instances",
        {"type": "Property", "value": [{"value": 1}]},
        {"value": [{"value": 1}]},
        [{"value": 1}],
    ),
    (
        "a geometry in a Property",
        {"type": "Property", "value": POINT},
        {"type": "Property", "value": POINT},
        POINT,
    ),
    (
        "a typed value",
        {"type": "Property", "value": {"@type": "Date", "@value": "2024-05-01"}},
        {"@type": "Date", "@value": "2024-05-01"},
        {"@type": "Date", "@value": "2024-05-01"},
    ),
    (
        "an annotated Property",
        {"type": "Property", "value": 1, "unitCode": "CEL", "observedAt": "2024-05-01T10:00:00.000Z"},
        {"value": 1, "unitCode": "CEL", "observedAt": "2024-05-01T10:00:00.000Z"},
        1,
    ),
    (
        "a valueType",
        {"type": "Property", "value": 1, "valueType": "xsd:double"},
        {"value": 1, "valueType": "xsd:double"},
        1,
    ),
    (
        "sub-attributes",
        {
            "type": "Property",
            "value": 1,
            "accuracy": {"type": "Property", "value": 2, "source": {"type": "Property", "value": "s"}},
            "providedBy": {"type": "Relationship", "object": "urn:x:2"},
        },
        {"value": 1, "accuracy": {"value": 2, "source": "s"}, "providedBy": {"object": "urn:x:2"}},
        1,
    ),
    ("a GeoProperty", {"type": "GeoProperty", "value": POINT}, POINT, POINT),
    (
        "an annotated GeoProperty",
        {"type": "GeoProperty", "value": POINT, "accuracy": {"type": "Property", "value": 2}},
        {"value": POINT, "accuracy": 2},
        POINT,
    ),
    ("a Relationship", {"type": "Relationship", "object": "urn:x:2"}, {"object": "urn:x:2"}, "urn:x:2"),
    (
        "several objects",
        {"type": "Relationship", "object": ["urn:x:2", "urn:x:3"], "objectType": ["Building", "Vehicle"]},
        {"object": ["urn:x:2", "urn:x:3"], "objectType": ["Building", "Vehicle"]},
        ["urn:x:2", "urn:x:3"],
    ),
    (
        "a LanguageProperty",
        {"type": "LanguageProperty", "languageMap": {"en": "a", "fr": ["b", "c"]}},
        {"languageMap": {"en": "a", "fr": ["b", "c"]}},
        {"languageMap": {"en": "a", "fr": ["b", "c"]}},
    ),
    ("a VocabProperty", {"type": "VocabProperty", "vocab": "electric"}, {"vocab": "electric"}, {"vocab": "electric"}),
    (
        "several terms",
        {"type": "VocabProperty", "vocab": ["electric", "other"]},
        {"vocab": ["electric", "other"]},
        {"vocab": ["electric", "other"]},
    ),
    (
        "a JsonProperty",
        {"type": "JsonProperty", "json": {"type": "x", "n": None, "speed": 1}},
        {"json": {"type": "x", "n": None, "speed": 1}},
        {"json": {"type": "x", "n": None, "speed": 1}},
    ),
    (
        "a ListProperty",
        {"type": "ListProperty", "valueList": [1, {"street": 1}]},
        {"valueList": [1, {"street": 1}]},
        [1, {"street": 1}],
    ),
    (
        "a ListRelationship",
        {"type": "ListRelationship", "objectList": [{"object": "urn:x:2"}, {"object": "urn:x:3"}]},
        {"objectList": ["urn:x:2", "urn:x:3"]},
        ["urn:x:2", "urn:x:3"],
    ),
    (
        "an instance with a datasetId",
        {"type": "Property", "value": 1, "datasetId": "urn:d:1"},
        {"value": 1, "datasetId": "urn:d:1"},
        {"dataset": {"urn:d:1": 1}},
    ),
    (
        "a term of another vocabulary",
        {"type": "Property", "value": {"https://other.example/x": 1}},
        {"https://other.example/x": 1},
        {"https://other.example/x": 1},
    ),
]


@pytest.mark.parametrize(("what", "normalized", "concise", "simplified"), FORMS, ids=[form[0] for form in FORMS])
def test_every_form(what: str, normalized: dict[str, Any], concise: Any, simplified: Any) -> None:
    assert shown(normalized, "normalized") == normalized
    assert shown(normalized, "concise") == concise
    assert shown(normalized, "simplified") == simplified


@pytest.mark.parametrize(("what", "normalized", "concise", "simplified"), FORMS, ids=[form[0] for form in FORMS])
def test_the_concise_form_loses_nothing(what: str, normalized: Any, concise: Any, simplified: Any) -> None:
    assert shown(concise, "normalized") == normalized


INSTANCES = [
    {"type": "LanguageProperty", "languageMap": {"en": "a"}, "datasetId": "urn:d:1"},
    {"type": "Property", "value": 55},
    {"type": "GeoProperty", "value": POINT, "datasetId": "urn:d:2"},
]


def test_several_instances() -> None:
    default, *others = INSTANCES[1], INSTANCES[0], INSTANCES[2]
    assert shown(INSTANCES, "normalized") == [default, *others]
    assert shown(INSTANCES, "concise") == [
        {"value": 55},
        {"languageMap": {"en": "a"}, "datasetId": "urn:d:1"},
        {"value": POINT, "datasetId": "urn:d:2"},
    ]
    assert shown(INSTANCES, "simplified") == {
        "dataset": {"@none": 55, "urn:d:1": {"languageMap": {"en": "a"}}, "urn:d:2": POINT}
    }


PROOF = {"type": "DataIntegrityProof", "@type": 1, "created": "2025-01-27T21:02:24Z", "speed": {"@context": None}}
SEALED = {"type": "Property", "value": PROOF, "entityIdSealed": "urn:x:1", "entityTypeSealed": "Vehicle"}


def test_a_proof_is_shown_as_it_came() -> None:
    concise = {member: content for member, content in SEALED.items() if member != "type"}
    assert shown(SEALED, "normalized", "ngsildproof") == SEALED
    assert shown(SEALED, "concise", "ngsildproof") == concise
    assert shown(SEALED, "simplified", "ngsildproof") == PROOF
    assert shown(concise, "normalized", "ngsildproof") == SEALED


def test_a_proof_of_an_attribute() -> None:
    proven = {"type": "Property", "value": 1, "ngsildproof": {"type": "Property", "value": PROOF}}
    assert shown(proven, "normalized") == proven
    assert shown(proven, "concise") == {"value": 1, "ngsildproof": {"value": PROOF}}


@pytest.mark.parametrize("format", ["normalized", "concise", "simplified"])
def test_id_and_type_come_first(format: Format) -> None:
    entity = parse_entity({"speed": 1, "scope": "/a", "type": ["Vehicle", "Boat"], "id": "urn:x:1"}, NAMES)
    out = renderer(NAMES, Representation(format))(entity)
    assert list(out) == ["id", "type", "scope", "speed"]
    assert out["type"] == ["Vehicle", "Boat"]
    assert out["scope"] == "/a"


def test_several_scopes_are_an_array() -> None:
    entity = parse_entity({"id": "urn:x:1", "type": "T", "scope": ["/a", "/b"]}, NAMES)
    assert renderer(NAMES, Representation())(entity)["scope"] == ["/a", "/b"]


TRANSIENT = {
    "id": "urn:x:1",
    "type": "Vehicle",
    "expiresAt": "2100-01-01T00:00:00Z",
    "speed": {"type": "Property", "value": 1, "expiresAt": "2100-01-01T00:00:00Z"},
    "isParked": {"type": "Relationship", "object": "urn:x:2", "accuracy": {"type": "Property", "value": 3}},
}


def test_system_times_are_shown_when_asked_for() -> None:
    entity = create(parse_entity(TRANSIENT, NAMES), T0)
    times = {"createdAt": T0, "modifiedAt": T0}
    expected = {
        **TRANSIENT,
        **times,
        "speed": {**TRANSIENT["speed"], **times},  # type: ignore[dict-item]
        "isParked": {
            "type": "Relationship",
            "object": "urn:x:2",
            "accuracy": {"type": "Property", "value": 3, **times},
            **times,
        },
    }
    assert renderer(NAMES, Representation(sys_attrs=True))(entity) == expected


def test_expires_at_is_a_system_attribute() -> None:
    entity = create(parse_entity(TRANSIENT, NAMES), T0)
    for format in ("normalized", "concise", "simplified"):
        assert "expiresAt" not in str(renderer(NAMES, Representation(format))(entity))


def test_system_times_keep_a_concise_attribute_open() -> None:
    entity = create(parse_entity({"id": "urn:x:1", "type": "T", "speed": 1}, NAMES), T0)
    out = renderer(NAMES, Representation("concise", sys_attrs=True))(entity)
    assert out["speed"] == {"value": 1, "createdAt": T0, "modifiedAt": T0}


def test_rendering_leaves_the_entity_alone() -> None:
    payload = {
        "id": "urn:x:1",
        "type": "T",
        **{f"a{n}": form[1] for n, form in enumerate(FORMS)},
        "ngsildproof": SEALED,
    }
    entity = parse_entity(payload, NAMES)
    before = repr(entity)
    for format in ("normalized", "concise", "simplified"):
        renderer(NAMES, Representation(format, sys_attrs=True, languages=("en",)))(entity)
    assert repr(entity) == before


@pytest.mark.parametrize(("what", "normalized", "concise", "simplified"), FORMS, ids=[form[0] for form in FORMS])
def test_an_attribute_alone(what: str, normalized: dict[str, Any], concise: Any, simplified: Any) -> None:
    entity = parse_entity({"id": "urn:x:1", "type": "Vehicle", "speed": normalized}, NAMES)
    forms: dict[Format, Any] = {"normalized": normalized, "concise": concise, "simplified": simplified}
    for format, expected in forms.items():
        assert attribute_renderer(NAMES, Representation(format))(entity, SPEED) == expected


def test_an_attribute_alone_must_be_there() -> None:
    entity = parse_entity({"id": "urn:x:1", "type": "Vehicle", "speed": {"value": 1, "datasetId": "urn:d:1"}}, NAMES)
    for name, representation in (
        (TEMPERATURE, Representation()),
        (SPEED, Representation(dataset_ids=frozenset({"@none"}))),
    ):
        with pytest.raises(ResourceNotFound, match="has no attribute"):
            attribute_renderer(NAMES, representation)(entity, name)


@pytest.mark.parametrize(("what", "normalized", "concise", "simplified"), FORMS, ids=[form[0] for form in FORMS])
def test_a_bare_value_goes_out_and_comes_in(what: str, normalized: Any, concise: Any, simplified: Any) -> None:
    entity = create(parse_entity({"id": "urn:x:1", "type": "Vehicle", "speed": normalized}, NAMES), T0)
    (instance,) = entity.attributes[SPEED]
    member = KINDS[normalized["type"]].member
    bare = bare_value(SPEED, instance, NAMES)
    assert bare == normalized[member]
    fragment = {"type": instance["type"], member: instance[member]}
    assert parse_value(bare, normalized["type"], "speed", NAMES) == (SPEED, fragment)
