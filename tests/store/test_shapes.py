"""The document of an entity, and the update that leads from one to the next."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from broker.model.entity import Attributes, Entity, decode, encode
from broker.query.geo_filter import ANYWHERE
from broker.query.keys import MORE
from broker.store.places import MAX_PLACES, Indexing
from broker.store.shapes import MAX_INDEXED_SIZE, MAX_KEYS, document, update

A = "https://example.org/a"


def entity(attributes: Attributes, types: tuple[str, ...] = ("T",), scopes: tuple[str, ...] = ()) -> Entity:
    return Entity("urn:x:1", types, attributes, "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", scopes)


scalars = st.one_of(
    st.text(max_size=8),
    st.integers(-(2**63), 2**64 - 1),
    st.booleans(),
    st.floats(allow_nan=False, allow_infinity=False),
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
)
instances = st.one_of(
    st.builds(lambda value: {"type": "Property", "value": value}, values),
    st.builds(
        lambda uri: {"type": "Relationship", "object": uri}, st.sampled_from(["urn:x:2", ["urn:x:3", "urn:x:4"]])
    ),
    st.builds(
        lambda text: {"type": "LanguageProperty", "languageMap": {"en": text, "de": [text]}}, st.text(max_size=5)
    ),
    st.builds(
        lambda east: {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [east, 2]}}, st.integers(1, 2)
    ),
)
attributes = st.dictionaries(st.sampled_from([A, A + "b", A + "c"]), st.lists(instances, min_size=1, max_size=2))
entities = st.builds(
    entity, attributes, st.sampled_from([("T",), ("T", "U")]), st.sampled_from([(), ("/a",), ("/a", "/b")])
)


def applied(stored: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """What mongod makes of a document by `$set` and `$unset`."""
    result = {**stored, **change["$set"]}
    for field in change.get("$unset", ()):
        result.pop(field, None)
    return result


@given(entities, entities, st.sampled_from(Indexing), st.booleans())
def test_the_update_leads_to_the_document_of_the_new_state(
    old: Entity, new: Entity, indexing: Indexing, shares: bool
) -> None:
    if shares:  # the attributes that a change leaves alone keep their identity
        new = new._replace(attributes={**old.attributes, **new.attributes})
    stored = document(old, 1)
    change = update(old, new, 2, stored, indexing)
    assert applied(stored, change) == document(new, 2, indexing)


@given(entities)
def test_an_index_key_is_never_an_array_nor_an_object(given_entity: Entity) -> None:
    for key in document(given_entity, 1)["a"]:
        assert not isinstance(key.get("v"), list | dict)


@given(entities)
def test_an_entity_survives_its_bytes(given_entity: Entity) -> None:
    assert decode(encode(given_entity)) == given_entity


def test_every_attribute_has_a_key_so_that_its_existence_can_be_asked() -> None:
    named: Attributes = {
        A + "1": [{"type": "Property", "value": {"deep": {"er": 1}}}],
        A + "2": [{"type": "GeoProperty", "value": {"type": "Point", "coordinates": [0, 0]}}],
        A + "3": [{"type": "Property", "value": []}],
    }
    keys = {key["k"] for key in document(entity(named), 1)["a"]}
    assert keys == {*named, A + "1[deep]"}


def test_an_entity_with_too_many_keys_is_marked() -> None:
    long = {A: [{"type": "Property", "value": list(range(MAX_KEYS + 1))}]}
    stored = document(entity(long), 1)
    assert (len(stored["a"]), stored["a"][-1], stored["o"]) == (MAX_KEYS + 1, {"k": MORE}, True)
    change = update(entity(long), entity({A: [{"type": "Property", "value": 1}]}), 2, stored)
    assert change["$unset"] == {"o": ""}


def test_geometries_of_a_large_entity_are_found_by_any_query() -> None:
    point: Attributes = {A: [{"type": "GeoProperty", "value": {"type": "Point", "coordinates": [0, 0]}}]}
    text: Attributes = {A + "b": [{"type": "Property", "value": "x" * MAX_INDEXED_SIZE}]}
    small, large = entity(point), entity({**point, **text})
    stored = document(small, 1)
    assert names(stored) == [A, f"T {A}"]
    for grown in (document(large, 1), applied(stored, update(small, large, 2, stored))):
        assert names(grown) == [ANYWHERE]


def test_an_entity_of_many_geometries_is_found_by_any_query() -> None:
    point = {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [0, 0]}}
    many: Attributes = {A: [{**point, "datasetId": f"urn:x:{number}"} for number in range(MAX_PLACES)]}
    assert names(document(entity(many), 1)) == [ANYWHERE]


def names(stored: dict[str, Any]) -> list[str]:
    """The names under which the geometries lie."""
    return [name for place in stored["g"] for name in place["k"]]


def test_a_geometry_is_indexed_with_every_type_as_the_types_change() -> None:
    point: Attributes = {A: [{"type": "GeoProperty", "value": {"type": "Point", "coordinates": [0, 0]}}]}
    lamp, more = entity(point), entity(point, types=("T", "U"))
    stored = document(lamp, 1)
    assert names(applied(stored, update(lamp, more, 2, stored))) == [A, f"T {A}", f"U {A}"]


def test_a_geometry_that_is_sent_again_as_it_was_leaves_its_index_keys_alone() -> None:
    def placed(east: int, name: str) -> Entity:
        point = {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [east, 2]}}
        return entity({A: [point], A + "n": [{"type": "Property", "value": name}]})

    assert "g" not in update(placed(1, "before"), placed(1, "after"), 2)["$set"]
    assert "g" in update(placed(1, "before"), placed(2, "after"), 2)["$set"]


def test_what_else_a_geometry_has_is_not_indexed() -> None:
    """mongod would read a coordinate reference system."""
    value = {"type": "Point", "coordinates": [0, 0], "crs": {"type": "name", "properties": {"name": "urn:x:crs"}}}
    (place,) = document(entity({A: [{"type": "GeoProperty", "value": value}]}), 1)["g"]
    assert place["v"] == {"type": "Point", "coordinates": [0, 0]}
