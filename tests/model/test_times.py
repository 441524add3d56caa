"""createdAt and modifiedAt after a write (GS CIM 009 §4.8, §5.6)."""

from typing import Any

from broker.model import merge
from broker.model.parse import parse_attribute_fragment, parse_entity
from tests.model.context import NAMES, SPEED, T0, T1, T2
from tests.model.forms import D1, INSTANCES, entity, fragment, with_times

TOUCHED = {"speed": {"value": 1, "accuracy": 2}, "temperature": {"value": 3, "accuracy": 4}}


def times(of: dict[str, Any]) -> tuple[str, str]:
    return of["createdAt"], of["modifiedAt"]


def test_times_of_what_is_written_and_of_what_is_not() -> None:
    after = with_times(
        merge.update(entity(**TOUCHED), fragment({"speed": {"value": 5, "accuracy": 6, "source": "a"}}), T1)[0]
    )
    assert times(after) == (T0, T1)
    assert times(after["speed"]) == (T0, T1)
    assert times(after["speed"]["accuracy"]) == (T0, T1)
    assert times(after["speed"]["source"]) == (T1, T1)
    assert times(after["temperature"]) == (T0, T0)


def test_times_of_what_is_added_later() -> None:
    later, _ = merge.append(entity(speed=1), fragment({"temperature": {"value": 1, "accuracy": 2}}), T1)
    out = with_times(later)
    assert times(out["temperature"]) == times(out["temperature"]["accuracy"]) == (T1, T1)
    out = with_times(merge.append(later, fragment({"temperature": {"value": 1, "accuracy": 2}}), T2)[0])
    assert times(out["temperature"]) == times(out["temperature"]["accuracy"]) == (T1, T2)


def test_an_identical_update_is_a_modification() -> None:
    out = with_times(merge.update(entity(speed=1), fragment({"speed": 1}), T1)[0])
    assert times(out) == times(out["speed"]) == (T0, T1)


def test_replacement_keeps_the_createdat_of_what_stays() -> None:
    change = parse_entity({"id": "urn:x:1", "type": "T", "speed": 5, "street": "x"}, NAMES)
    out = with_times(merge.replace(entity(**TOUCHED), change, T1))
    assert times(out) == times(out["speed"]) == (T0, T1)
    assert times(out["street"]) == (T1, T1)


def test_times_of_a_partial_update() -> None:
    name, instance = parse_attribute_fragment({"accuracy": 9, "source": "a"}, "speed", NAMES)
    before = entity(speed={"value": 1, "accuracy": 2, "area": 3})
    out = with_times(merge.partial_update(before, name, instance, T1))["speed"]
    assert times(out) == times(out["accuracy"]) == (T0, T1)
    assert times(out["source"]) == (T1, T1)
    assert times(out["area"]) == (T0, T0)


def test_times_of_a_merge() -> None:
    change = {"speed": {"value": {"a": 2}, "accuracy": {"value": 9, "source": "b"}}}
    before = entity(speed={"value": {"b": 1}, "accuracy": 2, "area": 3}, temperature=4)
    out = with_times(merge.merge(before, fragment(change, merging=True), T1))
    assert times(out) == times(out["speed"]) == times(out["speed"]["accuracy"]) == (T0, T1)
    assert times(out["speed"]["accuracy"]["source"]) == (T1, T1)
    assert times(out["speed"]["area"]) == times(out["temperature"]) == (T0, T0)


def test_times_of_a_deletion() -> None:
    out = with_times(merge.delete_attribute(entity(speed=INSTANCES), SPEED, D1, False, T1))
    assert times(out) == (T0, T1)
    assert times(out["speed"][0]) == (T0, T0)


def test_times_within_one_instant_are_those_of_the_creation() -> None:
    before = entity(speed={"value": 1, "accuracy": 2})
    assert merge.update(before, fragment({"speed": {"value": 1, "accuracy": 2}}), T0)[0] == before
