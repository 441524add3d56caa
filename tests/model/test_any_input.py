"""Whatever comes in is read or refused as bad data; what was read can be written, kept and shown."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.errors import BadRequestData, BrokerError
from broker.model import merge
from broker.model.entity import Entity, decode, encode
from broker.model.expiry import alive, next_expiry
from broker.model.geojson import feature_renderer
from broker.model.kinds import KIND_BY_MEMBER, KINDS
from broker.model.parse import (
    as_entity,
    parse_attribute,
    parse_attribute_fragment,
    parse_entity,
    parse_fragment,
    parse_value,
)
from broker.model.patch import Extras
from broker.model.render import Format, Representation, renderer
from broker.names import NULL
from tests.model.context import NAMES, T0, T1, T2
from tests.model.strategies import LAW
from tests.thoroughness import examples

THOROUGH = settings(LAW, max_examples=examples(300))
FORMATS: tuple[Format, ...] = ("normalized", "concise", "simplified")

KEYS = (
    *KIND_BY_MEMBER,
    *("type", "@type", "id", "@id", "scope", "datasetId", "observedAt", "unitCode", "valueType", "objectType"),
    *("createdAt", "expiresAt", "lang", "entity", "previousValue", "entityIdSealed", "ngsildproof", "dataset"),
    *("@value", "@list", "@set", "@context", "@graph", "@none", "@language", "@reverse", "@json", "@bogus", "", "a b"),
    *("speed", "temperature", "location", "isParked", "accuracy", "note", "https://a.example/b", "urn:x:y", "en"),
    "coordinates",
)
TEXTS = (
    *KINDS,
    *("Point", "Polygon", "GeometryCollection", "DateTime", "@json", "@id", "@none", "", "a", "en", "electric", NULL),
    *("urn:x:2", "urn:d:1", "2024-05-01T10:00:00Z", "2030-01-01T00:00:00Z", "/a/b", "a\x00b", "9", '{"type":"Point"}'),
)
NUMBERS = (0, -1, 2**64 - 1, 1.5, 1e308, -0.0)
scalars = st.one_of(
    st.sampled_from(TEXTS),
    st.none(),
    st.booleans(),
    st.sampled_from(NUMBERS),
    st.text(st.characters(codec="utf-8"), max_size=3),
)
anything = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)),
    max_leaves=12,
)
almost_attributes = st.builds(
    lambda kind, content, more: {"type": kind.name, kind.member: content, **more},
    st.sampled_from(tuple(KINDS.values())),
    anything,
    st.dictionaries(st.sampled_from(KEYS), anything, max_size=2),
)
attributes = st.one_of(anything, almost_attributes, st.lists(almost_attributes, max_size=2))
names = st.sampled_from(("speed", "temperature", "location", "ngsildproof"))
almost_entities = st.builds(
    lambda members, more: {"id": "urn:x:1", "type": "Vehicle", **members, **more},
    st.dictionaries(names, attributes, max_size=2),
    st.dictionaries(st.sampled_from(KEYS), anything, max_size=1),
)
payloads = st.one_of(anything, almost_entities)

BEFORE = merge.create(
    parse_entity(
        {
            "id": "urn:x:1",
            "type": "Vehicle",
            "scope": "/a",
            "speed": [{"value": {"a": {"b": 1}}, "accuracy": 1}, {"languageMap": {"en": "a"}, "datasetId": "urn:d:1"}],
            "temperature": {"object": "urn:x:2", "observedAt": T0},
            "location": {"type": "Point", "coordinates": [1, 2]},
        },
        NAMES,
    ),
    T0,
)


def check(entity: Entity) -> None:
    """It can be kept, shown, and read again."""
    kept = decode(encode(entity))
    assert kept == entity
    left = alive(kept, T2)
    assert left is None or next_expiry(left) is None or left == kept or left.attributes != kept.attributes
    for format in FORMATS:
        bodies = [renderer(NAMES, Representation(format))(kept)]
        bodies.append(renderer(NAMES, Representation(format, sys_attrs=True, languages=("fr", "en")))(kept))
        bodies.append(feature_renderer(NAMES, Representation(format))(kept))
        assert f'"{NULL}"' not in orjson.dumps(bodies).decode()
        if format != "simplified":
            assert parse_entity(bodies[0], NAMES).attributes.keys() == kept.attributes.keys()


def read(parse: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """What a parser gives; None if it refuses, as it should, with few words."""
    refusal = None
    try:
        return parse(*arguments, **options)
    except BadRequestData as error:
        refusal = error
    assert 0 < len(refusal.detail) < 1000
    return None


def write(operation: Callable[..., Any], *arguments: Any, **options: Any) -> None:
    """Write, and check what becomes of the entity, unless the write is refused."""
    try:
        result = operation(*arguments, **options)
    except BrokerError:
        return
    check(result if isinstance(result, Entity) else result[0])


@THOROUGH
@given(payloads)
def test_entities(payload: Any) -> None:
    entity = read(parse_entity, payload, NAMES)
    if entity is not None:
        write(merge.create, entity, T1)
        write(merge.replace, BEFORE, entity, T1)


@THOROUGH
@given(payloads)
def test_fragments(payload: Any) -> None:
    plain = read(parse_fragment, payload, NAMES)
    if plain is not None:
        write(merge.append, BEFORE, plain, T1)
        write(merge.append, BEFORE, plain, T1, overwrite=False)
    updating = read(parse_fragment, payload, NAMES, nulls=True)
    if updating is not None:
        write(merge.update, BEFORE, updating, T1)
        entity = read(as_entity, updating)
        if entity is not None:
            write(merge.create, entity, T1)


@THOROUGH
@given(payloads, st.booleans(), st.sampled_from((None, "fr")))
def test_merges(payload: Any, simplified: bool, lang: str | None) -> None:
    fragment = read(parse_fragment, payload, NAMES, merging=True, simplified=simplified)
    if fragment is not None:
        write(merge.merge, BEFORE, fragment, T1, Extras(simplified=simplified, lang=lang, observed_at=T2))


@THOROUGH
@given(attributes, names, st.sampled_from(tuple(KINDS)))
def test_attributes(payload: Any, name: str, kind: str) -> None:
    whole = read(parse_attribute, payload, name, NAMES)
    if whole is not None:
        write(merge.replace_attribute, BEFORE, *whole, T1)
    for part in (read(parse_attribute_fragment, payload, name, NAMES), read(parse_value, payload, kind, name, NAMES)):
        if part is not None:
            write(merge.partial_update, BEFORE, *part, T1)


@pytest.mark.parametrize("depth", [30, 190])
def test_deep_values(depth: int) -> None:
    value: Any = 1
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    for content in (value, {"value": value}, {"json": [value]}, {"valueList": [value]}):
        check(merge.create(parse_entity({"id": "urn:x:1", "type": "Vehicle", "speed": content}, NAMES), T1))
