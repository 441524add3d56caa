"""Merge Entity (GS CIM 009 §5.5.12, §5.6.17; RFC 7396)."""

import time
from typing import Any

import pytest

from broker.errors import BadRequestData
from broker.model import merge
from broker.model.patch import Extras
from broker.names import NULL
from tests.model.context import SPEED, T0, T1, T2
from tests.model.forms import D1, POINT, entity, fragment, shown


@pytest.mark.parametrize(
    ("extras", "before", "change", "after"),
    [
        (Extras(lang="fr"), {"languageMap": {"en": "a"}}, "b", {"languageMap": {"en": "a", "fr": "b"}}),
        (
            Extras(lang="fr"),
            {"languageMap": {"fr": "a"}},
            {"type": "Property", "value": ["b", "c"]},
            {"languageMap": {"fr": ["b", "c"]}},
        ),
        (
            Extras(lang="fr"),
            {"languageMap": {"en": "a"}},
            {"languageMap": {"nl": "b"}},
            {"languageMap": {"en": "a", "nl": "b"}},
        ),
        (Extras(lang="fr"), "a", "b", "b"),
        (Extras(lang="fr"), {"languageMap": {"en": "a"}}, 5, 5),
        (Extras(observed_at=T2), {"value": 1, "observedAt": T0}, 2, {"value": 2, "observedAt": T2}),
        (
            Extras(observed_at=T2),
            {"value": 1, "observedAt": T0},
            {"value": 2, "observedAt": T1},
            {"value": 2, "observedAt": T1},
        ),
        (Extras(observed_at=T2), 1, 2, 2),
    ],
)
def test_merge_with_lang_and_observed_at(extras: Extras, before: Any, change: Any, after: Any) -> None:
    merged = merge.merge(entity(speed=before), fragment({"speed": change}, merging=True), T1, extras)
    assert shown(merged) == {"speed": after}


SIMPLIFIED: list[tuple[Any, Any, Any]] = [
    (1, 2, 2),
    ({"value": 1, "unitCode": "CEL"}, 2, {"value": 2, "unitCode": "CEL"}),
    ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
    ({"object": "urn:x:2"}, "urn:x:3", {"object": "urn:x:3"}),
    ({"object": "urn:x:2"}, ["urn:x:3", "urn:x:4"], {"object": ["urn:x:3", "urn:x:4"]}),
    (POINT, {"type": "Point", "coordinates": [0, 0]}, {"type": "Point", "coordinates": [0, 0]}),
    ({"languageMap": {"en": "a"}}, {"languageMap": {"fr": "b"}}, {"languageMap": {"en": "a", "fr": "b"}}),
    ({"vocab": "electric"}, {"vocab": "diesel"}, {"vocab": "diesel"}),
    ({"json": {"a": 1}}, {"json": {"b": 2}}, {"json": {"a": 1, "b": 2}}),
    ({"valueList": [1]}, [2, 3], {"valueList": [2, 3]}),
    ({"objectList": ["urn:x:2"]}, ["urn:x:3"], {"objectList": ["urn:x:3"]}),
    (
        [{"value": 1}, {"value": 2, "datasetId": D1}],
        {"dataset": {D1: 3}},
        [{"value": 1}, {"value": 3, "datasetId": D1}],
    ),
]


@pytest.mark.parametrize(("before", "change", "after"), SIMPLIFIED, ids=str)
def test_merge_of_the_simplified_form(before: Any, change: Any, after: Any) -> None:
    new = fragment({"speed": change, "temperature": 5}, merging=True, simplified=True)
    assert shown(merge.merge(entity(speed=before), new, T1, Extras(simplified=True))) == {
        "speed": after,
        "temperature": 5,
    }


@pytest.mark.parametrize(
    ("before", "change"),
    [
        ({"object": "urn:x:2"}, 5),
        ({"object": "urn:x:2"}, "no uri"),
        (POINT, "x"),
        ({"languageMap": {"en": "a"}}, "b"),
        ({"vocab": "electric"}, "diesel"),
        ({"json": {}}, {"a": 1}),
        ({"valueList": [1]}, 1),
        ({"objectList": ["urn:x:2"]}, ["x"]),
        (1, {"languageMap": {"en": "a"}}),
        (1, POINT),
    ],
)
def test_the_simplified_form_cannot_change_a_kind(before: Any, change: Any) -> None:
    new = fragment({"speed": change}, merging=True, simplified=True)
    with pytest.raises(BadRequestData, match="speed"):
        merge.merge(entity(speed=before), new, T1, Extras(simplified=True))


MERGES: list[tuple[Any, Any, Any]] = [
    (
        {"value": 1, "unitCode": "C62", "observedAt": T0},
        {"value": 2, "observedAt": T1},
        {"value": 2, "unitCode": "C62", "observedAt": T1},
    ),
    ({"street": "a", "b": 1, "c": 2}, {"value": {"street": "z", "c": NULL}}, {"street": "z", "b": 1}),
    ({"a": {"b": {"c": 1, "d": 2}}}, {"a": {"b": {"c": NULL, "e": [1]}}}, {"a": {"b": {"d": 2, "e": [1]}}}),
    ({"a": 1}, {"a": {"b": NULL, "c": 1}}, {"a": {"c": 1}}),
    ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
    ({"a": 1}, 5, 5),
    (5, {"a": {"b": NULL}}, {"a": {}}),
    ({"@type": "Date", "@value": "2024-05-01"}, {"a": 1}, {"a": 1}),
    ({"a": 1}, {"@type": "Date", "@value": "2024-05-01"}, {"@type": "Date", "@value": "2024-05-01"}),
    ({"value": 1, "accuracy": 2, "source": "a"}, {"type": "Property", "accuracy": NULL}, {"value": 1, "source": "a"}),
    ({"accuracy": 2, "source": "a"}, {"accuracy": NULL}, {"source": "a"}),
    ({"accuracy": {"value": 2}}, {"accuracy": {"value": 3}}, {"accuracy": {"value": 3}}),
    (
        {"value": 1, "accuracy": {"value": 2, "source": "a"}},
        {"accuracy": {"type": "Property", "value": 3}},
        {"value": 1, "accuracy": {"value": 3, "source": "a"}},
    ),
    (
        {"value": 1, "accuracy": {"value": 2, "source": "a"}},
        {"accuracy": {"type": "Property", "source": NULL}},
        {"value": 1, "accuracy": 2},
    ),
    ({"value": 1, "unitCode": "CEL"}, {"unitCode": NULL}, 1),
    (
        {"languageMap": {"en": "a", "fr": "b"}},
        {"languageMap": {"fr": NULL, "nl": "c"}},
        {"languageMap": {"en": "a", "nl": "c"}},
    ),
    ({"json": {"a": {"b": 1, "c": None}}}, {"json": {"a": {"b": NULL}}}, {"json": {"a": {"c": None}}}),
    ({"object": "urn:x:2", "objectType": "Boat"}, {"object": "urn:x:3"}, {"object": "urn:x:3", "objectType": "Boat"}),
    ({"valueList": [1, 2]}, {"valueList": [3]}, {"valueList": [3]}),
    ({"vocab": ["electric"]}, {"vocab": "diesel"}, {"vocab": "diesel"}),
    (
        {"value": POINT, "accuracy": 1},
        {"value": {"type": "Point", "coordinates": [0, 0]}},
        {"value": {"type": "Point", "coordinates": [0, 0]}, "accuracy": 1},
    ),
    ({"value": 1, "unitCode": "CEL"}, {"type": "Relationship", "object": "urn:x:2"}, {"object": "urn:x:2"}),
    (
        [{"value": 1}, {"value": 2, "datasetId": D1}],
        {"value": 3, "datasetId": D1},
        [{"value": 1}, {"value": 3, "datasetId": D1}],
    ),
    (1, {"value": 3, "datasetId": D1}, [{"value": 1}, {"value": 3, "datasetId": D1}]),
]


@pytest.mark.parametrize(("before", "change", "after"), MERGES, ids=lambda value: str(value)[:50])
def test_merge(before: Any, change: Any, after: Any) -> None:
    merged = merge.merge(entity(speed=before), fragment({"speed": change}, merging=True), T1)
    assert shown(merged) == {"speed": after}


@pytest.mark.parametrize(
    ("change", "after"),
    [
        ({"value": {"a": NULL, "b": 1}}, {"b": 1}),
        ({"value": 1, "unitCode": NULL, "accuracy": NULL}, 1),
        ({"value": 1, "accuracy": {"value": 2, "source": NULL}}, {"value": 1, "accuracy": 2}),
        ({"languageMap": {"fr": NULL, "en": "a"}}, {"languageMap": {"en": "a"}}),
    ],
)
def test_a_merged_attribute_that_was_missing_holds_no_nulls(change: Any, after: Any) -> None:
    assert shown(merge.merge(entity(), fragment({"speed": change}, merging=True), T1)) == {"speed": after}


@pytest.mark.parametrize(
    ("before", "change"),
    [
        ({}, {"speed": {"unitCode": "CEL"}}),
        ({"speed": 1}, {"speed": {"type": "Relationship", "unitCode": NULL}}),
        ({"speed": 1}, {"speed": {"accuracy": {"type": "Property", "unitCode": "P1"}}}),
        ({}, {"speed": {"languageMap": {"fr": NULL, "en": NULL}}}),
    ],
)
def test_a_merge_needs_a_value_where_there_is_none(before: dict[str, Any], change: dict[str, Any]) -> None:
    with pytest.raises(BadRequestData, match=r"^Attribute .*speed"):
        merge.merge(entity(**before), fragment(change, merging=True), T1)


def test_a_language_property_without_a_language_is_gone() -> None:
    before = entity(speed={"languageMap": {"fr": "a", "en": "b"}}, temperature=1)
    change = fragment({"speed": {"languageMap": {"fr": NULL, "en": NULL}}}, merging=True)
    assert shown(merge.merge(before, change, T1)) == {"temperature": 1}


@pytest.mark.parametrize("operation", ["append", "keep", "update", "replace", "merge", "partial"])
def test_many_instances_take_linear_time(operation: str) -> None:
    many = [{"value": n, "datasetId": f"urn:d:{n}"} for n in range(4000)]
    before = entity(speed=many)
    change = fragment({"speed": list(reversed(many))})
    start = time.perf_counter()
    if operation == "replace":
        after = merge.replace(before, change, T1)
    elif operation == "merge":
        after = merge.merge(before, change, T1)
    elif operation == "update":
        after = merge.update(before, change, T1)[0]
    elif operation == "partial":
        after = merge.partial_update(before, SPEED, {"value": 1, "datasetId": "urn:d:3999"}, T1)
    else:
        after = merge.append(before, change, T1, overwrite=operation == "append")[0]
    assert time.perf_counter() - start < 3
    assert len(after.attributes[SPEED]) == 4000
