"""A kind of attribute is known wherever kinds differ: read, tried, indexed, shown."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.model import merge
from broker.model.entity import Entity
from broker.model.kinds import KINDS
from broker.model.parse import parse_entity
from broker.model.parse_values import READERS
from broker.model.render import Representation, renderer
from broker.store.shapes import document
from tests.model.context import NAMES, SPEED, T0
from tests.model.strategies import LAW, VALUES, instances


def of(instance: dict[str, Any]) -> Entity:
    entity = parse_entity({"id": "urn:x:1", "type": "Vehicle", "speed": instance}, NAMES)
    return merge.create(entity, T0)


def test_each_kind_has_a_reader() -> None:
    assert set(READERS) == set(KINDS)


def test_each_kind_is_tried_by_generated_values() -> None:
    assert set(VALUES) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
@LAW
@given(data=st.data())
def test_each_kind_is_found_by_its_name_in_the_index(kind: str, data: st.DataObject) -> None:
    instance = data.draw(instances(kind))
    keys = {key["k"] for key in document(of(instance), 1)["a"]}
    assert SPEED in keys or instance[KINDS[kind].member] == []


@pytest.mark.parametrize("kind", KINDS)
@LAW
@given(data=st.data())
def test_each_kind_can_be_shown_by_its_value_alone(kind: str, data: st.DataObject) -> None:
    shown = renderer(NAMES, Representation("simplified"))(of(data.draw(instances(kind))))
    assert "speed" in shown
