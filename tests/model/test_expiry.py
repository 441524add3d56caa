"""GS CIM 009 §4.22: what has reached its expiresAt is gone."""

from typing import Any

import pytest

from broker.model.entity import Entity
from broker.model.expiry import alive, next_expiry
from broker.model.parse import parse_entity
from tests.model.context import CITY, NAMES

SOON = "2025-01-01T00:00:01Z"
LATER = "2025-01-01T00:00:01.5Z"
NOW = "2025-01-01T00:00:01.200Z"


def entity(**members: Any) -> Entity:
    return parse_entity({"id": "urn:x:1", "type": "Vehicle", **members}, NAMES)


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"speed": 1},
        {"expiresAt": LATER, "speed": {"value": 1, "expiresAt": LATER}},
        {"speed": {"value": 1, "accuracy": {"value": 2, "expiresAt": LATER}}},
    ],
)
def test_an_entity_in_which_nothing_has_expired_is_itself(members: dict[str, Any]) -> None:
    whole = entity(**members)
    assert alive(whole, NOW) is whole


@pytest.mark.parametrize("expires_at", [SOON, NOW, "2025-01-01T00:00:01.2Z", "1999-01-01T00:00:00Z"])
def test_an_entity_expires_as_a_whole(expires_at: str) -> None:
    assert alive(entity(expiresAt=expires_at, speed=1), NOW) is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"speed": {"value": 1, "expiresAt": SOON}}, {}),
        ({"speed": {"value": 1, "expiresAt": SOON}, "temperature": 2}, {"temperature": 2}),
        (
            {"speed": [{"value": 1}, {"value": 2, "datasetId": "urn:d:1", "expiresAt": SOON}]},
            {"speed": 1},
        ),
        (
            {"speed": [{"value": 1, "expiresAt": SOON}, {"value": 2, "datasetId": "urn:d:1"}]},
            {"speed": {"value": 2, "datasetId": "urn:d:1"}},
        ),
        ({"speed": {"value": 1, "accuracy": {"value": 2, "expiresAt": SOON}}}, {"speed": 1}),
        (
            {"speed": {"value": 1, "accuracy": {"value": 2, "source": {"value": 3, "expiresAt": SOON}}}},
            {"speed": {"value": 1, "accuracy": 2}},
        ),
    ],
)
def test_attributes_expire_each_for_itself(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert alive(entity(**before), NOW) == entity(**after)


def test_what_is_left_is_the_same() -> None:
    whole = entity(speed={"value": 1, "expiresAt": SOON}, temperature=[{"value": 1}])
    before = repr(whole)
    left = alive(whole, NOW)
    assert left is not None
    assert left.attributes[CITY + "temperature"][0] is whole.attributes[CITY + "temperature"][0]
    assert repr(whole) == before


@pytest.mark.parametrize(
    ("members", "at"),
    [
        ({"speed": 1}, None),
        ({"expiresAt": LATER}, LATER),
        ({"expiresAt": LATER, "speed": {"value": 1, "expiresAt": SOON}}, SOON),
        ({"speed": {"value": 1, "expiresAt": LATER, "accuracy": {"value": 2, "expiresAt": SOON}}}, SOON),
    ],
)
def test_the_next_expiry(members: dict[str, Any], at: str | None) -> None:
    assert next_expiry(entity(**members)) == at
