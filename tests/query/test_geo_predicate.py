"""The relations of places (OGC 06-103r4 §6.1.15.3), and distances by an independent formula."""

from math import asin, cos, radians, sin, sqrt
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from broker.model.entity import Entity
from broker.query import sphere
from broker.query.ast import Coordinates, GeoCondition, Relation
from broker.query.geo_predicate import distance_from, located
from tests.model.context import LOCATION


def entity(*geometries: dict[str, Any]) -> Entity:
    instances = [{"type": "GeoProperty", "value": geometry} for geometry in geometries]
    return Entity("urn:x:1", ("T",), {LOCATION: instances}, "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z")


def frozen(coordinates: Any) -> Coordinates:
    if isinstance(coordinates[0], int | float):
        return float(coordinates[0]), float(coordinates[1])
    return tuple(frozen(inner) for inner in coordinates)


def holds(relation: Relation, target: dict[str, Any], reference: dict[str, Any], metres: float = 0.0) -> bool:
    condition = GeoCondition(relation, reference["type"], frozen(reference["coordinates"]), LOCATION, metres)
    return located(condition)(entity(target))


def point(longitude: float, latitude: float) -> dict[str, Any]:
    return {"type": "Point", "coordinates": [longitude, latitude]}


def points(*positions: tuple[float, float]) -> dict[str, Any]:
    return {"type": "MultiPoint", "coordinates": [list(position) for position in positions]}


def line(*positions: tuple[float, float]) -> dict[str, Any]:
    return {"type": "LineString", "coordinates": [list(position) for position in positions]}


def polygon(*ring: tuple[float, float], hole: tuple[tuple[float, float], ...] = ()) -> dict[str, Any]:
    rings = [ring, hole] if hole else [ring]
    return {"type": "Polygon", "coordinates": [[list(position) for position in (*each, each[0])] for each in rings]}


def square(west: float, south: float, size: float) -> dict[str, Any]:
    east, north = west + size, south + size
    return polygon((west, south), (east, south), (east, north), (west, north))


E, I, W, C, O, D = (  # noqa: E741
    Relation.EQUALS,
    Relation.INTERSECTS,
    Relation.WITHIN,
    Relation.CONTAINS,
    Relation.OVERLAPS,
    Relation.DISJOINT,
)
FIELD = square(0, 0, 2)
RING = polygon((0, 0), (4, 0), (4, 4), (0, 4), hole=((1, 1), (3, 1), (3, 3), (1, 3)))
BOW_TIE = polygon((0, 0), (2, 2), (2, 0), (0, 2))

TABLE = {
    # target, reference, the relations that hold
    "point, the same": (point(1, 1), point(1, 1), {E, I, W, C}),
    "point, another": (point(1, 1), point(1, 2), {D}),
    "point, one of them": (point(1, 1), points((1, 1), (2, 2)), {I, W}),
    "points, sharing one": (points((0, 0), (1, 1)), points((1, 1), (2, 2)), {I, O}),
    "points in another order": (points((0, 0), (1, 1)), points((1, 1), (0, 0)), {E, I, W, C}),
    "point, end of a line": (point(0, 0), line((0, 0), (1, 1)), {I}),
    "point, position of a line": (point(1, 0), line((0, 0), (1, 0), (2, 0)), {I, W}),
    "point beside a line": (point(1, 1), line((0, 0), (2, 0)), {D}),
    "line, the other way": (line((0, 0), (1, 1)), line((1, 1), (0, 0)), {E, I, W, C}),
    "lines that cross": (line((0, 0), (2, 2)), line((0, 2), (2, 0)), {I}),
    "lines that share a stretch": (line((0, 0), (1, 0), (2, 0)), line((1, 0), (2, 0), (3, 0)), {I, O}),
    "line, part of a line": (line((1, 0), (2, 0)), line((0, 0), (1, 0), (2, 0), (3, 0)), {I, W}),
    "point inside": (point(1, 1), FIELD, {I, W}),
    "point outside": (point(3, 1), FIELD, {D}),
    "point on a corner": (point(2, 2), FIELD, {I}),
    "point on each corner": (point(0, 0), FIELD, {I}),
    "point on a border": (point(0, 1), FIELD, {I}),
    "point in a hole": (point(2, 2), RING, {D}),
    "line inside": (line((0.5, 0.5), (1.5, 1.5)), FIELD, {I, W}),
    "line from corner to corner": (line((0, 0), (2, 2)), FIELD, {I, W}),
    "line through": (line((-1, 1), (3, 1)), FIELD, {I}),
    "line along the border": (line((0, 0), (0, 2)), FIELD, {I}),
    "line to a corner": (line((2, 2), (3, 3)), FIELD, {I}),
    "line over a hole": (line((0.5, 2), (3.5, 2)), RING, {I}),
    "area, the same": (FIELD, square(0, 0, 2), {E, I, W, C}),
    "area, drawn the other way": (FIELD, polygon((2, 2), (2, 0), (0, 0), (0, 2)), {E, I, W, C}),
    "area inside": (square(0.5, 0.5, 1), FIELD, {I, W}),
    "area around": (square(-1, -1, 4), FIELD, {I, C}),
    "areas that overlap": (square(1, 1, 2), FIELD, {I, O}),
    "areas side by side": (square(2, 0, 2), FIELD, {I}),
    "areas corner to corner": (square(2, 2, 2), FIELD, {I}),
    "areas apart": (square(5, 5, 1), FIELD, {D}),
    "area in a hole": (square(1.5, 1.5, 1), RING, {D}),
    "area around a point": (FIELD, point(1, 1), {I, C}),
    "area around a line": (FIELD, line((0.5, 0.5), (1, 1)), {I, C}),
    "within what crosses itself": (point(0.5, 1), BOW_TIE, {I, W}),
    "beside the waist of what crosses itself": (point(1, 0.5), BOW_TIE, {D}),
    "what crosses itself, the same": (BOW_TIE, polygon((2, 2), (2, 0), (0, 2), (0, 0)), {E, I, W, C}),
    "over the antimeridian": (point(180, 0), polygon((179, -1), (-179, -1), (-179, 1), (179, 1)), {I, W}),
    "not the long way round": (point(0, 0), polygon((179, -1), (-179, -1), (-179, 1), (179, 1)), {D}),
    "over a pole": (point(45, 90), polygon((0, 80), (90, 80), (180, 80), (-90, 80)), {I, W}),
    "a pole has no longitude": (point(10, 90), point(20, 90), {E, I, W, C}),
    "the antimeridian has two": (point(180, 5), point(-180, 5), {E, I, W, C}),
    "an edge bends to the pole": (point(0, 63), polygon((-60, 50), (60, 50), (60, 40), (-60, 40)), {I, W}),
    "an altitude does not count": (
        {"type": "Point", "coordinates": [1, 1, 90]},
        point(1, 1),
        {E, I, W, C},
    ),
}


@pytest.mark.parametrize("relation", [E, I, W, C, O, D])
@pytest.mark.parametrize(("target", "reference", "holding"), TABLE.values(), ids=TABLE)
def test_relations(
    target: dict[str, Any], reference: dict[str, Any], holding: set[Relation], relation: Relation
) -> None:
    assert holds(relation, target, reference) is (relation in holding)


_CONVERSE = {W: C, C: W, E: E, I: I, O: O, D: D}


@pytest.mark.parametrize(("target", "reference", "holding"), TABLE.values(), ids=TABLE)
def test_relations_the_other_way(target: dict[str, Any], reference: dict[str, Any], holding: set[Relation]) -> None:
    assert {relation for relation in _CONVERSE if holds(relation, reference, target)} == {
        _CONVERSE[relation] for relation in holding
    }


def test_any_instance_may_match() -> None:
    two = entity(point(50, 50), point(1, 1))
    for relation in (Relation.WITHIN, Relation.DISJOINT):
        assert located(GeoCondition(relation, "Polygon", frozen(FIELD["coordinates"]), LOCATION))(two)


def test_an_entity_without_the_geoproperty_never_matches() -> None:
    bare = entity()._replace(attributes={})
    text = entity()._replace(attributes={LOCATION: [{"type": "Property", "value": "here"}]})
    for relation in Relation:
        meets = located(GeoCondition(relation, "Point", (0.0, 0.0), LOCATION, 1e9))
        assert not meets(bare)
        assert not meets(text)


# Distances.

longitudes, latitudes = st.floats(-180, 180), st.floats(-90, 90)
positions = st.tuples(longitudes, latitudes)


def haversine(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Metres between two positions along the great circle."""
    (west, south), (east, north) = (map(radians, position) for position in (one, other))
    half = sin((north - south) / 2) ** 2 + cos(south) * cos(north) * sin((east - west) / 2) ** 2
    return 2 * sphere.EARTH_RADIUS * asin(min(1.0, sqrt(half)))


@given(positions, positions)
@example((0.0, 90.0), (0.0, -90.0))
@example((180.0, 0.0), (-180.0, 0.0))
@example((13.4, 52.5), (13.4, 52.500001))
def test_distances_are_great_circles(one: tuple[float, float], other: tuple[float, float]) -> None:
    measured = distance_from(point(*other))(point(*one))
    assert measured == pytest.approx(haversine(one, other), rel=1e-7, abs=0.5)  # abs: near the antipodes


@pytest.mark.parametrize(
    ("target", "reference", "metres"),
    [
        (point(0, 1), point(0, 0), haversine((0, 0), (0, 1))),
        (point(0, 1), line((-5, 0), (5, 0)), haversine((0, 0), (0, 1))),
        (point(1, 1), FIELD, 0),
        (point(0, 3), square(-1, -1, 2), haversine((0, 1), (0, 3))),
        (FIELD, point(1, 1), 0),
        (points((0, 50), (0, 1)), point(0, 0), haversine((0, 0), (0, 1))),
        (line((0, 2), (5, 2)), points((0, 0), (-40, 0)), haversine((0, 0), (0, 2))),
    ],
)
def test_the_shortest_distance_counts(target: dict[str, Any], reference: dict[str, Any], metres: float) -> None:
    assert distance_from(reference)(target) == pytest.approx(metres, rel=2e-3)
    for share, nearer in ((1.01, True), (0.99, False)):
        if metres or nearer:
            bound = metres * share + (1 if nearer else 0)
            assert holds(Relation.NEARER, target, reference, bound) is nearer
            assert holds(Relation.FARTHER, target, reference, bound) is not nearer
