"""What writes do to an entity: a row per rule of GS CIM 009 §5.5.8, §5.6."""

from typing import Any

import pytest

from broker.errors import BadRequestData, ResourceNotFound
from broker.model import merge
from broker.model.merge import SCOPE, UpdateResult
from broker.model.parse import as_fragment, parse_attribute, parse_attribute_fragment, parse_entity
from broker.names import NULL
from tests.model.context import NAMES, SPEED, T0, T1, TEMPERATURE
from tests.model.forms import D1, INSTANCES, POINT, entity, fragment, shown

WRITES: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    # what, before, fragment, after an append, after an update
    (
        "an attribute that is missing",
        {"temperature": 1},
        {"speed": 2},
        {"temperature": 1, "speed": 2},
        {"temperature": 1, "speed": 2},
    ),
    ("a value", {"speed": 1}, {"speed": 2}, {"speed": 2}, {"speed": 2}),
    (
        "a whole instance: what is not sent vanishes",
        {"speed": {"value": 1, "unitCode": "KMH", "accuracy": 3}},
        {"speed": {"value": 2, "source": "a"}},
        {"speed": {"value": 2, "source": "a"}},
        {"speed": {"value": 2, "source": "a"}},
    ),
    (
        "another kind",
        {"speed": 1},
        {"speed": {"object": "urn:x:2"}},
        {"speed": {"object": "urn:x:2"}},
        {"speed": {"object": "urn:x:2"}},
    ),
    (
        "the instance of the same datasetId only",
        {"speed": [{"value": 1}, {"value": 2, "datasetId": D1}]},
        {"speed": {"value": 3, "datasetId": D1}},
        {"speed": [{"value": 1}, {"value": 3, "datasetId": D1}]},
        {"speed": [{"value": 1}, {"value": 3, "datasetId": D1}]},
    ),
    (
        "the default instance",
        {"speed": [{"value": 1}, {"value": 2, "datasetId": D1}]},
        {"speed": {"value": 3, "datasetId": "@none"}},
        {"speed": [{"value": 3}, {"value": 2, "datasetId": D1}]},
        {"speed": [{"value": 3}, {"value": 2, "datasetId": D1}]},
    ),
    (
        "a new instance; the default one comes first",
        {"speed": {"value": 2, "datasetId": D1}},
        {"speed": 1},
        {"speed": [{"value": 1}, {"value": 2, "datasetId": D1}]},
        {"speed": [{"value": 1}, {"value": 2, "datasetId": D1}]},
    ),
    ("nothing", {"speed": 1}, {}, {"speed": 1}, {"speed": 1}),
    ("types add up", {}, {"type": ["Boat", "Vehicle"]}, {"type": ["Vehicle", "Boat"]}, {"type": ["Vehicle", "Boat"]}),
    ("a scope where there is one", {"scope": "/a"}, {"scope": "/b"}, {"scope": "/b"}, {"scope": "/b"}),
    ("a scope where there is none", {}, {"scope": "/b"}, {"scope": "/b"}, {}),
]


@pytest.mark.parametrize(("what", "before", "change", "appended", "updated"), WRITES, ids=[row[0] for row in WRITES])
def test_append_and_update(
    what: str, before: dict[str, Any], change: dict[str, Any], appended: dict[str, Any], updated: dict[str, Any]
) -> None:
    assert shown(merge.append(entity(**before), fragment(change), T1)[0]) == appended
    assert shown(merge.update(entity(**before), fragment(change), T1)[0]) == updated


def test_append_without_overwriting() -> None:
    before = entity(speed=[{"value": 1}, {"value": 2, "datasetId": D1}], temperature=3, scope="/a")
    change = {
        "speed": [{"value": 9}, {"value": 4, "datasetId": "urn:d:2"}],
        "temperature": 9,
        "street": "x",
        "scope": ["/b", "/a"],
    }
    after, result = merge.append(before, fragment(change), T1, overwrite=False)
    assert shown(after) == {
        "scope": ["/a", "/b"],
        "speed": [{"value": 1}, {"value": 2, "datasetId": D1}, {"value": 4, "datasetId": "urn:d:2"}],
        "temperature": 3,
        "street": "x",
    }
    assert set(result.updated) == {SPEED, "https://city.example/terms/street"}
    assert [name for name, _ in result.not_updated] == [SPEED, TEMPERATURE]


def test_what_append_and_update_report() -> None:
    change = fragment({"speed": 1, "temperature": 2})
    assert merge.append(entity(speed=5), change, T1)[1] == UpdateResult((SPEED, TEMPERATURE), ())
    assert merge.update(entity(speed=5), change, T1)[1] == UpdateResult((SPEED, TEMPERATURE), ())


def test_update_reports_a_scope_that_is_not_there_to_be_updated() -> None:
    before = entity(speed=1)
    after, result = merge.update(before, fragment({"scope": "/b"}), T1)
    assert after is before
    assert [name for name, _ in result.not_updated] == [SCOPE]


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        ({"speed": 1, "temperature": 2}, {"speed": NULL}, {"temperature": 2}),
        ({"speed": 1}, {"speed": {"type": "Property", "value": NULL}}, {}),
        (
            {"speed": [{"value": 1}, {"value": 2, "datasetId": D1}]},
            {"speed": NULL},
            {"speed": {"value": 2, "datasetId": D1}},
        ),
        (
            {"speed": [{"value": 1}, {"value": 2, "datasetId": D1}]},
            {"speed": {"value": NULL, "datasetId": D1}},
            {"speed": 1},
        ),
        ({"speed": 1}, {"temperature": NULL}, {"speed": 1}),
        ({"speed": 1}, {"speed": {"value": NULL, "datasetId": D1}}, {"speed": 1}),
        ({"scope": "/a"}, {"scope": NULL}, {}),
        (
            {"speed": {"value": 1, "unitCode": "KMH"}},
            {"speed": {"value": 2, "unitCode": NULL, "observedAt": NULL, "expiresAt": NULL}},
            {"speed": 2},
        ),
        ({}, {"speed": {"value": 2, "unitCode": NULL}}, {"speed": 2}),
        ({"speed": {"value": 1, "accuracy": 2}}, {"speed": {"value": 2, "accuracy": NULL}}, {"speed": 2}),
        (
            {"speed": 1},
            {"speed": {"value": 2, "accuracy": {"value": 3, "unitCode": NULL, "source": NULL}, "source": "a"}},
            {"speed": {"value": 2, "accuracy": 3, "source": "a"}},
        ),
    ],
)
def test_nulls_in_updates_and_merges(before: dict[str, Any], change: dict[str, Any], after: dict[str, Any]) -> None:
    assert shown(merge.update(entity(**before), fragment(change, nulls=True), T1)[0]) == after
    assert shown(merge.merge(entity(**before), fragment(change, merging=True), T1)) == after


PARTIAL: list[tuple[Any, dict[str, Any], Any]] = [
    # before, fragment, after; None: the attribute is gone
    ({"value": 1, "unitCode": "CEL"}, {"value": 2}, {"value": 2, "unitCode": "CEL"}),
    ({"value": 1, "unitCode": "CEL"}, {"type": "Property", "unitCode": "FAH"}, {"value": 1, "unitCode": "FAH"}),
    ({"value": 1, "unitCode": "CEL"}, {"unitCode": NULL}, 1),
    ({"value": 1, "observedAt": T0}, {"observedAt": T1}, {"value": 1, "observedAt": T1}),
    ({"value": {"a": 1, "b": 2}}, {"value": {"a": 3}}, {"a": 3}),
    ({"value": {"a": 1}}, {"value": {}}, {}),
    ({"value": 1, "accuracy": 2, "source": "a"}, {"accuracy": 3}, {"value": 1, "accuracy": 3, "source": "a"}),
    (
        {"value": 1, "accuracy": {"value": 2, "source": "a"}},
        {"accuracy": {"value": 3}},
        {"value": 1, "accuracy": 3},
    ),
    ({"value": 1, "accuracy": 2, "source": "a"}, {"accuracy": NULL}, {"value": 1, "source": "a"}),
    ({"value": 1, "accuracy": 2}, {"accuracy": {"type": "Property", "value": NULL}}, 1),
    (1, {"accuracy": {"value": 3, "unitCode": NULL, "expiresAt": NULL, "source": NULL}}, {"value": 1, "accuracy": 3}),
    ({"value": 1}, {"providedBy": {"object": "urn:x:2"}}, {"value": 1, "providedBy": {"object": "urn:x:2"}}),
    ({"languageMap": {"en": "a", "fr": "b"}}, {"languageMap": {"en": "c"}}, {"languageMap": {"en": "c"}}),
    ({"object": "urn:x:2"}, {"object": ["urn:x:3"]}, {"object": ["urn:x:3"]}),
    ({"json": {"a": 1}}, {"json": {"b": None}}, {"json": {"b": None}}),
    (
        [{"value": 1}, {"value": 2, "datasetId": D1}],
        {"value": 3, "datasetId": D1},
        [{"value": 1}, {"value": 3, "datasetId": D1}],
    ),
    ([{"value": 1}, {"value": 2, "datasetId": D1}], {"value": 3}, [{"value": 3}, {"value": 2, "datasetId": D1}]),
    ({"value": 1}, {"type": "Property", "value": NULL}, None),
    ([{"value": 1}, {"value": 2, "datasetId": D1}], {"value": NULL, "datasetId": D1}, 1),
    (
        {"type": "GeoProperty", "value": POINT, "accuracy": 1},
        {"value": {**POINT, "coordinates": [0, 0]}},
        {
            "value": {**POINT, "coordinates": [0, 0]},
            "accuracy": 1,
        },
    ),
]


@pytest.mark.parametrize(("before", "change", "after"), PARTIAL, ids=str)
def test_partial_update(before: Any, change: dict[str, Any], after: Any) -> None:
    name, instance = parse_attribute_fragment(change, "speed", NAMES)
    updated = merge.partial_update(entity(speed=before), name, instance, T1)
    assert shown(updated).get("speed") == after


@pytest.mark.parametrize(
    ("before", "change"),
    [
        ({"temperature": 1}, {"value": 2}),
        ({"speed": {"value": 1, "datasetId": D1}}, {"value": 2}),
        ({"speed": 1}, {"value": 2, "datasetId": D1}),
        ({"speed": 1}, {"value": NULL, "datasetId": D1}),
    ],
)
def test_a_partial_update_needs_its_instance(before: dict[str, Any], change: dict[str, Any]) -> None:
    name, instance = parse_attribute_fragment(change, "speed", NAMES)
    with pytest.raises(ResourceNotFound):
        merge.partial_update(entity(**before), name, instance, T1)


def test_a_partial_update_cannot_change_the_kind() -> None:
    name, instance = parse_attribute_fragment({"type": "Relationship", "object": "urn:x:2"}, "speed", NAMES)
    with pytest.raises(BadRequestData, match="is a Property and cannot become a Relationship"):
        merge.partial_update(entity(speed=1), name, instance, T1)


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        ({"value": 1, "unitCode": "CEL", "accuracy": 2}, {"type": "Property", "value": 3}, 3),
        (1, {"type": "Relationship", "object": "urn:x:2"}, {"object": "urn:x:2"}),
        ([{"value": 1}, {"value": 2, "datasetId": D1}], {"value": 3}, [{"value": 3}, {"value": 2, "datasetId": D1}]),
        (
            [{"value": 1}, {"value": 2, "datasetId": D1}],
            {"value": 3, "datasetId": D1},
            [{"value": 1}, {"value": 3, "datasetId": D1}],
        ),
    ],
)
def test_replace_attribute(before: Any, change: dict[str, Any], after: Any) -> None:
    name, instance = parse_attribute(change, "speed", NAMES)
    assert shown(merge.replace_attribute(entity(speed=before), name, instance, T1)) == {"speed": after}


@pytest.mark.parametrize("change", [{"value": 3, "datasetId": "urn:d:9"}, {"value": 3}])
def test_replace_attribute_needs_its_instance(change: dict[str, Any]) -> None:
    name, instance = parse_attribute(change, "speed", NAMES)
    with pytest.raises(ResourceNotFound):
        merge.replace_attribute(entity(speed={"value": 1, "datasetId": D1}), name, instance, T1)


@pytest.mark.parametrize(
    ("name", "dataset_id", "delete_all", "after"),
    [
        (SPEED, None, False, {"scope": "/a", "speed": INSTANCES[1:]}),
        (SPEED, D1, False, {"scope": "/a", "speed": [INSTANCES[0], INSTANCES[2]]}),
        (SPEED, None, True, {"scope": "/a"}),
        (SPEED, D1, True, {"scope": "/a"}),
        (SCOPE, None, False, {"speed": INSTANCES}),
    ],
)
def test_delete_attribute(name: str, dataset_id: str | None, delete_all: bool, after: dict[str, Any]) -> None:
    before = entity(speed=INSTANCES, scope="/a")
    assert shown(merge.delete_attribute(before, name, dataset_id, delete_all, T1)) == after


@pytest.mark.parametrize(
    ("name", "dataset_id", "delete_all"),
    [
        (TEMPERATURE, None, False),
        (TEMPERATURE, None, True),
        (SPEED, None, False),
        (SPEED, "urn:d:9", False),
        (SCOPE, None, False),
    ],
)
def test_delete_attribute_needs_what_it_deletes(name: str, dataset_id: str | None, delete_all: bool) -> None:
    with pytest.raises(ResourceNotFound):
        merge.delete_attribute(entity(speed={"value": 1, "datasetId": D1}), name, dataset_id, delete_all, T1)


def test_replace() -> None:
    before = entity(speed={"value": 1, "unitCode": "KMH"}, temperature=2, scope="/a", expiresAt="2100-01-01T00:00:00Z")
    change = parse_entity({"id": "urn:x:1", "type": "Boat", "scope": ["/b"], "speed": 3}, NAMES)
    assert shown(merge.replace(before, change, T1)) == {"type": "Boat", "scope": "/b", "speed": 3}


def test_replace_without_types_keeps_them() -> None:
    after = merge.replace(entity(speed=1, scope="/a"), fragment({"temperature": 2}), T1)
    assert shown(after) == {"temperature": 2}


@pytest.mark.parametrize(
    ("keep", "drop", "after"),
    [
        (None, {SPEED}, {"scope": "/a", "temperature": 2}),
        (None, {SPEED, SCOPE}, {"temperature": 2}),
        ({SPEED}, (), {"speed": 1}),
        ({SPEED, SCOPE}, (), {"scope": "/a", "speed": 1}),
        (None, {"unknown"}, {"scope": "/a", "speed": 1, "temperature": 2}),
    ],
)
def test_purge_attributes(keep: set[str] | None, drop: set[str], after: dict[str, Any]) -> None:
    before = entity(speed=1, temperature=2, scope="/a")
    kept = None if keep is None else frozenset(keep)
    assert shown(merge.purge_attributes(before, T1, keep=kept, drop=frozenset(drop))) == after


def test_expiry_is_set_kept_and_removed() -> None:
    before = entity(expiresAt="2100-01-01T00:00:00Z")
    assert merge.update(before, fragment({}), T1)[0].expires_at == "2100-01-01T00:00:00Z"
    assert merge.append(before, fragment({"expiresAt": "2200-01-01T00:00:00Z"}), T1)[0].expires_at[:4] == "2200"  # type: ignore[index]
    assert merge.merge(before, fragment({"expiresAt": NULL}, merging=True), T1).expires_at is None
    assert merge.update(before, fragment({"expiresAt": NULL}, nulls=True), T1)[0].expires_at is None


def test_an_entity_as_a_fragment_leaves_a_scope_alone() -> None:
    after, _ = merge.update(entity(scope="/a", speed=1), as_fragment(entity(speed=2)), T1)
    assert shown(after) == {"scope": "/a", "speed": 2}


def test_what_is_not_touched_is_the_same() -> None:
    before = entity(speed=INSTANCES, temperature={"value": 1, "accuracy": 2})
    name, instance = parse_attribute_fragment({"value": 9}, "speed", NAMES)
    for after in (
        merge.append(before, fragment({"speed": 9}), T1)[0],
        merge.update(before, fragment({"speed": 9}), T1)[0],
        merge.merge(before, fragment({"speed": 9}, merging=True), T1),
        merge.partial_update(before, name, instance, T1),
        merge.delete_attribute(before, SPEED, None, False, T1),
    ):
        assert after.attributes[TEMPERATURE] is before.attributes[TEMPERATURE]
        assert after.attributes[SPEED][-1] is before.attributes[SPEED][-1]
    for same in (
        merge.append(before, fragment({"speed": 9}), T1, overwrite=False)[0],
        merge.append(before, fragment({}), T1)[0],
        merge.update(before, fragment({"type": "Vehicle", "street": NULL}, nulls=True), T1)[0],
        merge.merge(before, fragment({"type": "Vehicle", "street": NULL}, merging=True), T1),
        merge.purge_attributes(before, T1, drop=frozenset({"unknown"})),
    ):
        assert same is before
