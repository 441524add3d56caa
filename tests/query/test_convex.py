"""What arithmetic decides on points and convex polygons is what S2 says."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.query import sphere
from broker.query.ast import GeoCondition, Relation
from broker.query.convex import INSIDE, OUTSIDE, UNSURE, convex
from broker.query.geo_predicate import placed

HERE = (5.5, 52.4)


def polygon(*ring: tuple[float, float]) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}


def around(centre: tuple[float, float], degrees: float, corners: int, turn: float) -> list[tuple[float, float]]:
    longitude, latitude = centre
    wide = degrees / max(0.05, math.cos(math.radians(latitude)))
    angles = [turn + 2 * math.pi * corner / corners for corner in range(corners)]
    return [
        ((longitude + wide * math.cos(each) + 540) % 360 - 180, max(-90, min(90, latitude + degrees * math.sin(each))))
        for each in angles
    ]


def tuples(coordinates: Any) -> Any:
    return tuple(map(tuples, coordinates)) if isinstance(coordinates, list | tuple) else coordinates


centres = st.tuples(st.floats(-180, 180), st.floats(-89, 89))


@given(
    centre=centres,
    degrees=st.floats(0.0001, 20),
    corners=st.integers(3, 8),
    turn=st.floats(0, 6.3),
    backwards=st.booleans(),
    offsets=st.lists(st.tuples(st.floats(0, 2), st.floats(0, 6.3)), min_size=1, max_size=20),
)
def test_arithmetic_and_s2_agree_on_what_is_inside(
    centre: tuple[float, float],
    degrees: float,
    corners: int,
    turn: float,
    backwards: bool,
    offsets: list[tuple[float, float]],
) -> None:
    ring = around(centre, degrees, corners, turn)
    area = polygon(*(ring[::-1] if backwards else ring))
    found = convex(area)
    if found is None:
        return
    targets = [around(centre, degrees * part, 1, angle)[0] for part, angle in offsets]
    reference = sphere.geography(area)
    for target, side in zip(targets, found.sides(targets), strict=True):
        inside = bool(sphere.within(sphere.geography({"type": "Point", "coordinates": target}), reference))
        assert side == UNSURE or (side == INSIDE) == inside


@pytest.mark.parametrize(
    ("place", "side"),
    [
        ((5.51, 52.41), INSIDE),
        ((5.51, 52.4201), OUTSIDE),
        ((5.49, 52.41), OUTSIDE),
        ((5.51, -52.41), OUTSIDE),
        ((-174.49, -52.41), OUTSIDE),
        ((5.5, 52.4), UNSURE),
    ],
    ids=["inside", "north of it", "west of it", "south of the equator", "on the other side of the Earth", "a corner"],
)
def test_a_place_is_inside_or_outside_or_at_the_edge(place: tuple[float, float], side: int) -> None:
    found = convex(polygon(HERE, (5.52, 52.4), (5.52, 52.42), (5.5, 52.42)))
    assert found is not None
    assert found.sides([place]).tolist() == [side]


@pytest.mark.parametrize(
    "geometry",
    [
        {"type": "Point", "coordinates": [1, 2]},
        polygon((0, 0), (2, 0), (2, 2), (1, 0.5), (0, 2)),
        polygon((0, 0), (2, 2), (2, 0), (0, 2)),
        polygon((0, 0), (0, 0), (1, 1)),
        polygon((0, 0), (1, 0), (2, 0), (1, 1)),
        {"type": "Polygon", "coordinates": [polygon(*ring)["coordinates"][0] for ring in (
            [(0, 0), (9, 0), (9, 9), (0, 9)], [(1, 1), (2, 1), (2, 2), (1, 2)])]},
        polygon((-100, 0), (0, -10), (100, 0), (180, 10)),
    ],
    ids=["a point", "a notch", "a bow tie", "no length", "a straight corner", "a hole", "more than a hemisphere"],
)  # fmt: skip
def test_what_is_not_surely_convex_is_left_to_s2(geometry: dict[str, Any]) -> None:
    assert convex(geometry) is None


@pytest.mark.parametrize("relation", [Relation.WITHIN, Relation.INTERSECTS])
def test_many_places_are_decided_on_as_each_alone(relation: Relation) -> None:
    """Corners and points of edges, too, of which only S2 knows."""
    area = polygon((0, 0), (2, 0), (2, 2), (0, 2))
    steps = [number / 4 for number in range(-2, 11)]
    targets = [{"type": "Point", "coordinates": [x, y]} for x in steps for y in steps]
    meets = placed(GeoCondition(relation, "Polygon", tuples(area["coordinates"]), "location"))
    relate = sphere.within if relation is Relation.WITHIN else sphere.intersects
    alone = [bool(relate(sphere.geography(each), sphere.geography(area))) for each in targets]
    assert meets([[{"k": ["location"], "v": each}] for each in targets]) == alone
    assert any(alone)
    assert not all(alone)
