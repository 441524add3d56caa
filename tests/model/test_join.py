"""Linked entities in the forms of entities (GS CIM 009 §4.5.23)."""

from typing import Any

import pytest

from broker.errors import TooComplexQuery
from broker.model.entity import Entity
from broker.model.join import MAX_INLINE, Join, JoinForm, Linked, View, flattened, inline_renderer
from broker.model.parse import parse_entity
from broker.model.render import Representation
from tests.model.context import CITY, NAMES, SPEED

A, B, C, D = (f"urn:x:{letter}" for letter in "ABCD")
ROUTE = CITY + "route"


def entity(entity_id: str, **attributes: Any) -> Entity:
    return parse_entity({"id": entity_id, "type": "Vehicle", **attributes}, NAMES)


def to(*targets: str) -> dict[str, Any]:
    """A Relationship in concise form."""
    return {"object": targets[0] if len(targets) == 1 else list(targets)}


def linked(form: JoinForm, *entities: Entity, **join: Any) -> Linked:
    return Linked(Join(form, **join), {each.id: each for each in entities})


def inline(first: Entity, *others: Entity, shown: Representation | None = None, **join: Any) -> dict[str, Any]:
    view = View(shown or Representation("concise"))
    return inline_renderer(NAMES, view, linked("inline", first, *others, **join))(first)


LEAF = {"id": B, "type": "Vehicle", "speed": 5}


@pytest.mark.parametrize(
    ("attribute", "form", "expected"),
    [
        (to(B), "concise", {"object": B, "entity": LEAF}),
        (to(B), "simplified", LEAF),
        (
            to(B),
            "normalized",
            {"type": "Relationship", "object": B, "entity": {**LEAF, "speed": {"type": "Property", "value": 5}}},
        ),
        (to(B, D, B), "concise", {"object": [B, D, B], "entity": [LEAF, LEAF]}),
        (to(B, D), "simplified", [LEAF, D]),
        ({"objectList": [D, B]}, "concise", {"objectList": [D, B], "entityList": [LEAF]}),
        ({"objectList": [D, B]}, "simplified", [D, LEAF]),
        (to(D), "concise", {"object": D}),
        (to(D), "simplified", D),
        (
            [to(B), {**to(D), "datasetId": "urn:d:1"}],
            "concise",
            [{"object": B, "entity": LEAF}, {"object": D, "datasetId": "urn:d:1"}],
        ),
        ([to(B), {**to(D), "datasetId": "urn:d:1"}], "simplified", {"dataset": {"@none": LEAF, "urn:d:1": D}}),
        ({**to(B), "source": to(B)}, "concise", {"object": B, "source": {"object": B}, "entity": LEAF}),
        ({"value": B}, "concise", B),
    ],
)
def test_a_linked_entity_is_within_its_relationship(attribute: Any, form: Any, expected: Any) -> None:
    shown = inline(entity(A, route=attribute), entity(B, speed=5), shown=Representation(form))
    assert shown["route"] == expected


def test_the_normalized_list_relationship_has_its_entities_beside_it() -> None:
    shown = inline(entity(A, route={"objectList": [B]}), entity(B), shown=Representation("normalized"))
    assert shown["route"] == {
        "type": "ListRelationship",
        "objectList": [{"object": B}],
        "entityList": [{"id": B, "type": "Vehicle"}],
    }


CHAIN = (entity(A, route=to(B)), entity(B, route=to(C)), entity(C, route=to(A)))


def nested(*ids: str) -> dict[str, Any]:
    """A chain of entities, each inside the one before, and the last one's link unfollowed."""
    here, *below = ids
    if here == D:
        return {"id": here, "type": "Vehicle"}
    target = {A: B, B: C, C: A}[here]
    inner: dict[str, Any] = {"entity": nested(*below)} if below else {}
    return {"id": here, "type": "Vehicle", "route": {"object": target, **inner}}


@pytest.mark.parametrize(
    ("join", "expected"),
    [
        ({}, nested(A, B)),
        ({"level": 2}, nested(A, B, C)),
        ({"level": 5}, nested(A, B, C)),
        ({"level": 5, "contained_by": frozenset({C})}, nested(A, B)),
        ({"contained_by": frozenset({B})}, nested(A)),
    ],
)
def test_links_are_followed_to_the_level_and_never_in_a_circle(join: Any, expected: Any) -> None:
    assert inline(*CHAIN, **join) == expected


def test_an_entity_that_is_linked_twice_is_shown_twice() -> None:
    shown = inline(entity(A, route=to(B), source=to(B)), entity(B), shown=Representation("simplified"))
    assert shown["route"] == shown["source"] == {"id": B, "type": "Vehicle"}


def through(relation: str, inner: Representation, **asked: Any) -> Representation:
    return Representation("simplified", linked=((relation, inner),), **asked)


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (Representation("simplified", pick=frozenset({"id", ROUTE})), {"id": A, "route": {**LEAF, "route": C}}),
        (Representation("simplified", pick=frozenset({"id"})), {"id": A}),
        (Representation("simplified", omit=frozenset({"type", ROUTE})), {"id": A, "speed": 1}),
        (
            through(ROUTE, Representation("simplified", pick=frozenset({SPEED})), pick=frozenset({ROUTE})),
            {"route": {"speed": 5}},
        ),
        (
            through(ROUTE, Representation("simplified", omit=frozenset({"type", ROUTE})), omit=frozenset({SPEED})),
            {"id": A, "type": "Vehicle", "route": {"id": B, "speed": 5}},
        ),
        (
            through(ROUTE, Representation("simplified", pick=frozenset({"unknown"})), pick=frozenset({ROUTE})),
            {"route": B},
        ),
    ],
)
def test_a_projection_reaches_into_linked_entities(shown: Representation, expected: dict[str, Any]) -> None:
    assert inline(entity(A, speed=1, route=to(B)), entity(B, speed=5, route=to(C)), shown=shown) == expected


def test_what_is_asked_of_entities_holds_for_linked_ones() -> None:
    names = {"languageMap": {"fr": "Pont", "nl": "Brug"}}
    shown = inline(
        entity(A, route=to(B)), entity(B, street=names), shown=Representation(sys_attrs=True, languages=("nl",))
    )["route"]["entity"]
    assert {"createdAt", "modifiedAt"} <= shown.keys()
    assert {"value": "Brug", "lang": "nl"}.items() <= shown["street"].items()
    of_dataset = Representation("simplified", dataset_ids=frozenset({"urn:d:1"}))
    relation = {**to(B), "datasetId": "urn:d:1"}
    speeds = [{"value": 1}, {"value": 2, "datasetId": "urn:d:1"}]
    assert inline(entity(A, route=relation), entity(B, speed=speeds), shown=of_dataset)["route"] == {
        "dataset": {"urn:d:1": {"id": B, "type": "Vehicle", "speed": {"dataset": {"urn:d:1": 2}}}}
    }


def test_older_versions_know_no_linked_entities() -> None:
    shown = inline(entity(A, route=to(B)), entity(B), shown=Representation(version=(1, 7)))
    assert shown["route"] == {"type": "Relationship", "object": B}


def test_the_entities_inside_are_counted_all_together() -> None:
    two = entity(A, route=to(B), source=to(B)), entity(B)
    assert inline(*two, most=2)
    with pytest.raises(TooComplexQuery, match="more than 1 linked"):
        inline(*two, most=1)


def test_the_size_of_the_entities_inside_is_bounded() -> None:
    times = MAX_INLINE // 2**20
    large = entity(B, speed="x" * 2**20)
    assert inline(entity(A, route=to(*[B] * (times - 1))), large)
    with pytest.raises(TooComplexQuery, match=f"more than {MAX_INLINE} bytes"):
        inline(entity(A, route=to(*[B] * times)), large)


def test_a_small_tangle_is_not_unrolled_without_end() -> None:
    ids = [f"urn:x:{number}" for number in range(30)]
    tangle = [entity(each, route=to(*ids)) for each in ids]
    with pytest.raises(TooComplexQuery):
        inline(*tangle, level=30, most=1000)


@pytest.mark.parametrize(
    ("page", "join", "expected"),
    [
        ([A], {}, [B]),
        ([A], {"level": 2}, [B, C]),
        ([A], {"level": 9}, [B, C]),
        ([A, B], {}, [C]),
        ([A, B, C], {"level": 2}, []),
        ([A], {"level": 2, "contained_by": frozenset({B})}, []),
    ],
)
def test_flat_every_entity_comes_once_and_level_by_level(page: list[str], join: Any, expected: list[str]) -> None:
    known = linked("flat", *CHAIN, **join)
    first = [known.entities[each] for each in page]
    assert [each.id for each, _ in flattened(first, View(Representation()), known)] == expected


def test_flat_an_entity_is_shown_as_the_relationship_asks() -> None:
    inner = Representation("simplified", pick=frozenset({SPEED}))
    view = View(through(ROUTE, inner, pick=frozenset({ROUTE})))
    ((_, below),) = flattened(CHAIN[:1], view, linked("flat", *CHAIN, level=2))
    assert below.representation == inner
