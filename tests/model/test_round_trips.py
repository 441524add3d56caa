"""What one representation can say survives the way in, the bytes, and the way out of every other."""

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from broker.model import merge
from broker.model.entity import Entity, decode, encode
from broker.model.parse import parse_entity, parse_fragment
from broker.model.patch import Extras
from broker.model.render import Format, Representation, renderer
from tests.model.context import NAMES, T0, T1
from tests.model.strategies import KEYS, LAW, entities, geometries, instances, values


def rendered(entity: Entity, format: Format) -> dict[str, Any]:
    """What a client gets: serialised and read."""
    out: dict[str, Any] = orjson.loads(orjson.dumps(renderer(NAMES, Representation(format))(entity)))
    return out


@LAW
@given(entities())
def test_what_comes_in_normalized_goes_out_normalized(payload: dict[str, Any]) -> None:
    assert rendered(parse_entity(payload, NAMES), "normalized") == payload


@LAW
@given(entities())
def test_what_goes_out_normalized_or_concise_comes_in_as_what_it_was(payload: dict[str, Any]) -> None:
    entity = parse_entity(payload, NAMES)
    assert parse_entity(rendered(entity, "normalized"), NAMES) == entity
    assert parse_entity(rendered(entity, "concise"), NAMES) == entity


@LAW
@given(entities())
def test_bytes_keep_everything(payload: dict[str, Any]) -> None:
    entity = merge.create(parse_entity(payload, NAMES), T0)
    assert decode(encode(entity)) == entity


def _is_plain(instance: Any) -> bool:
    """Whether the simplified form of an instance says what its kind is, given what was there."""
    if isinstance(instance, list):
        return all(map(_is_plain, instance))
    value = instance.get("value")
    wrapper = isinstance(value, dict) and len(value) == 1 and not value.keys().isdisjoint({"dataset"})
    is_geometry = isinstance(value, dict) and "coordinates" in value
    return not wrapper and (instance["type"] == "GeoProperty" or not is_geometry)


@LAW
@given(entities())
def test_merging_its_own_simplified_form_changes_no_value(payload: dict[str, Any]) -> None:
    payload = {
        name: content
        for name, content in payload.items()
        if not isinstance(content, dict | list) or name in {"type", "scope"} or _is_plain(content)
    }
    entity = merge.create(parse_entity(payload, NAMES), T0)
    fragment = parse_fragment(rendered(entity, "simplified"), NAMES, merging=True, simplified=True)
    assert rendered(merge.merge(entity, fragment, T1, Extras(simplified=True)), "normalized") == payload


@LAW
@given(st.one_of(values(), geometries, st.dictionaries(st.sampled_from(KEYS), instances(), max_size=2)))
def test_a_property_keeps_any_value_in_every_form(value: Any) -> None:
    payload = {"id": "urn:x:1", "type": "Vehicle", "speed": {"type": "Property", "value": value}}
    entity = parse_entity(payload, NAMES)
    assert rendered(entity, "normalized") == payload
    assert parse_entity(rendered(entity, "concise"), NAMES) == entity
    assert rendered(entity, "simplified")["speed"] == value


@LAW
@given(entities())
def test_reading_and_showing_change_no_argument(payload: dict[str, Any]) -> None:
    before = repr(payload)
    entity = parse_entity(payload, NAMES)
    assert repr(payload) == before
    kept = repr(entity)
    for format in ("normalized", "concise", "simplified"):
        rendered(entity, format)
    assert repr(entity) == kept
