"""Entities for clients of older versions: the tables of GS CIM 009 §4.3.6.8."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.model.entity import Attributes, Instance
from broker.model.merge import create
from broker.model.parse import parse_entity
from broker.model.render import Format, Representation, renderer
from broker.model.versions import CURRENT, KINDS_SINCE, MEMBERS_SINCE, Version, amendment, conformed
from tests.model.context import NAMES, T0
from tests.model.strategies import LAW, entities

TIME = "2031-01-01T00:00:00Z"


def shown(
    payload: dict[str, Any], version: Version | None, format: Format = "normalized", **asked: Any
) -> dict[str, Any]:
    """An entity that came in as it is shown to a client of this version, without its id and its type."""
    entity = create(parse_entity({"id": "urn:x:1", "type": "Vehicle", **payload}, NAMES), T0)
    out = renderer(NAMES, Representation(format, version=version, **asked))(entity)
    del out["id"], out["type"]
    return out


def attribute(content: Any, version: Version | None, format: Format = "normalized", **asked: Any) -> Any:
    return shown({"speed": content}, version, format, **asked)["speed"]


RAW = {"street": {"type": "Boat", "@id": 1, "https://uri.etsi.org/ngsi-ld/default-context/x": None}}
KINDS: list[tuple[dict[str, Any], Version, dict[str, Any]]] = [
    # as it is, the version that introduced its kind, what it is to older ones
    ({"type": "LanguageProperty", "languageMap": {"en": "a"}}, (1, 4), {"type": "Property", "value": {"en": "a"}}),
    ({"type": "VocabProperty", "vocab": "electric"}, (1, 8), {"type": "Property", "value": "electric"}),
    (
        {"type": "VocabProperty", "vocab": ["electric", "diesel"]},
        (1, 8),
        {"type": "Property", "value": ["electric", "diesel"]},
    ),
    ({"type": "JsonProperty", "json": RAW}, (1, 8), {"type": "Property", "value": RAW}),
    ({"type": "JsonProperty", "json": [RAW, {}]}, (1, 8), {"type": "Property", "value": [RAW, {}]}),
    ({"type": "ListProperty", "valueList": [1, [2]]}, (1, 8), {"type": "Property", "value": [1, [2]]}),
    (
        {"type": "ListRelationship", "objectList": [{"object": "urn:x:2"}, {"object": "urn:x:3"}]},
        (1, 8),
        {"type": "Relationship", "object": ["urn:x:2", "urn:x:3"]},
    ),
]


def before(version: Version) -> Version:
    major, minor = version
    return major, minor - 1


@pytest.mark.parametrize(("normalized", "since", "older"), KINDS, ids=[str(kind[0]["type"]) for kind in KINDS])
def test_a_kind_is_another_to_versions_before_it(
    normalized: dict[str, Any], since: Version, older: dict[str, Any]
) -> None:
    assert attribute(normalized, since) == normalized
    assert attribute(normalized, before(since)) == older
    assert attribute({"type": "Property", "value": 1, "accuracy": normalized}, before(since))["accuracy"] == older


@pytest.mark.parametrize("kind", [{"type": "Property", "value": 1}, {"type": "Relationship", "object": "urn:x:2"}])
def test_the_first_kinds_are_known_to_every_version(kind: dict[str, Any]) -> None:
    assert attribute(kind, (1, 0)) == kind


MEMBERS: list[tuple[str, Any, Version]] = [
    ("observedAt", TIME, (1, 3)),
    ("unitCode", "KMH", (1, 3)),
    ("datasetId", "urn:d:1", (1, 3)),
    ("valueType", "xsd:double", (1, 9)),
]


@pytest.mark.parametrize(("member", "content", "since"), MEMBERS)
def test_a_member_of_a_property_is_unknown_to_versions_before_it(member: str, content: Any, since: Version) -> None:
    instance = {"type": "Property", "value": 1, member: content}
    assert attribute(instance, since) == instance
    assert attribute(instance, before(since)) == {"type": "Property", "value": 1}


def test_the_type_of_a_target_is_unknown_before_1_8() -> None:
    instance = {"type": "Relationship", "object": "urn:x:2", "objectType": "Building"}
    assert attribute(instance, (1, 8)) == instance
    assert attribute(instance, (1, 7)) == {"type": "Relationship", "object": "urn:x:2"}


def test_expiry_is_unknown_before_1_9() -> None:
    payload = {"expiresAt": TIME, "speed": {"type": "Property", "value": 1, "expiresAt": TIME}}
    now, earlier = (shown(payload, version, sys_attrs=True) for version in ((1, 9), (1, 8)))
    assert (now["expiresAt"], now["speed"]["expiresAt"]) == (TIME, TIME)
    assert "expiresAt" not in earlier.keys() | earlier["speed"].keys()


def test_a_scope_is_unknown_before_1_4() -> None:
    assert shown({"scope": "/a/b"}, (1, 4)) == {"scope": "/a/b"}
    assert shown({"scope": "/a/b"}, (1, 3)) == {}


def test_before_1_3_an_entity_has_its_first_type_alone() -> None:
    entity = parse_entity({"id": "urn:x:1", "type": ["Vehicle", "Building"]}, NAMES)
    for version, expected in (((1, 3), ["Vehicle", "Building"]), ((1, 2), "Vehicle")):
        assert renderer(NAMES, Representation(version=version))(entity)["type"] == expected


def test_before_1_3_an_attribute_has_one_instance_the_default_one_if_there_is_one() -> None:
    default, other = {"type": "Property", "value": 1}, {"type": "Property", "value": 2, "datasetId": "urn:d:1"}
    assert attribute([other, default], (1, 3)) == [default, other]
    assert attribute([other, default], (1, 2)) == default
    third = {**other, "datasetId": "urn:d:2"}
    assert attribute([other, third], (1, 2)) == {"type": "Property", "value": 2}


def test_what_a_client_selects_is_selected_before_it_is_amended() -> None:
    several = [{"type": "Property", "value": 1}, {"type": "Property", "value": 2, "datasetId": "urn:d:1"}]
    chosen = attribute(several, (1, 2), dataset_ids=frozenset({"urn:d:1"}))
    assert chosen == {"type": "Property", "value": 2}
    texts = {"type": "LanguageProperty", "languageMap": {"en": "a", "fr": "b"}}
    assert attribute(texts, (1, 4), languages=("fr",)) == {"type": "Property", "value": "b", "lang": "fr"}
    assert attribute(texts, (1, 3), languages=("fr",)) == {"type": "Property", "value": "b"}


SIMPLIFIED: list[tuple[dict[str, Any], Any]] = [
    (KINDS[0][0], {"en": "a"}),
    (KINDS[1][0], "electric"),
    (KINDS[3][0], RAW),
    (KINDS[5][0], [1, [2]]),
    (KINDS[6][0], ["urn:x:2", "urn:x:3"]),
]


@pytest.mark.parametrize(("normalized", "value"), SIMPLIFIED)
def test_simplified_values_of_later_kinds_are_bare(normalized: dict[str, Any], value: Any) -> None:
    assert attribute(normalized, (1, 3), "simplified") == value


def test_a_concise_attribute_is_no_bare_object_that_would_be_read_otherwise() -> None:
    typed = {"type": "JsonProperty", "json": {"type": "Boat"}}
    assert attribute(typed, (1, 7), "concise") == {"value": {"type": "Boat"}}


def instances_of(attributes: Attributes) -> Iterator[Instance]:
    """All instances, at any depth."""
    for instances in attributes.values():
        for instance in instances:
            yield instance
            yield from instances_of(instance.get("attributes", {}))


@LAW
@given(entities(), st.integers(0, 9))
def test_nothing_is_left_of_what_came_later(payload: dict[str, Any], minor: int) -> None:
    version = (1, minor)
    amended = amendment(NAMES, version)(parse_entity(payload, NAMES))
    for instance in instances_of(amended.attributes):
        assert KINDS_SINCE.get(instance["type"], (version, ""))[0] <= version
        assert all(MEMBERS_SINCE.get(member, version) <= version for member in instance)


def test_a_list_of_no_relationships_has_no_older_form() -> None:
    assert shown({"speed": {"type": "ListRelationship", "objectList": []}}, (1, 7)) == {}


@LAW
@given(entities())
def test_the_current_version_changes_nothing(payload: dict[str, Any]) -> None:
    entity = create(parse_entity(payload, NAMES), T0)
    amended = renderer(NAMES, Representation(version=CURRENT, sys_attrs=True))(entity)
    assert amended == renderer(NAMES, Representation(sys_attrs=True))(entity)


@pytest.mark.parametrize(
    ("asked", "conforms"),
    [((1, 5), (1, 5)), ((1, 9), (1, 9)), ((1, 10), (1, 9)), ((2, 0), (1, 9)), ((0, 9), (1, 0)), ((1, 0), (1, 0))],
)
def test_an_answer_conforms_to_the_nearest_version(asked: Version, conforms: Version) -> None:
    assert conformed(asked) == conforms
