"""Polygons around what is near: they contain it, wherever it is, and little else."""

from math import asin, atan2, cos, degrees, pi, radians, sin
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from broker.query import sphere
from broker.query.around import CORNERS, MAX_CIRCLES, WIDEST, antipodal, around, outline

FARTHEST = WIDEST * sphere.EARTH_RADIUS

positions = st.one_of(
    st.tuples(st.floats(-180, 180), st.floats(-90, 90)),
    st.tuples(st.sampled_from([-180.0, 180.0, 179.99999, 0.0, 90.0]), st.sampled_from([90.0, -90.0, 89.99999, 0.0])),
)
distances = st.floats(-2, 6.9).map(lambda exponent: min(10**exponent, FARTHEST * 0.999))
bearings = st.floats(0, 2 * pi)
lines = st.lists(positions, min_size=2, max_size=6).map(lambda line: {"type": "LineString", "coordinates": line})


def away(position: tuple[float, float], bearing: float, metres: float) -> tuple[float, float]:
    """The position at a distance in a direction (spherical law of sines and cosines)."""
    longitude, latitude = map(radians, position)
    angle = metres / sphere.EARTH_RADIUS
    reached = asin(max(-1, min(1, sin(latitude) * cos(angle) + cos(latitude) * sin(angle) * cos(bearing))))
    turned = atan2(sin(bearing) * sin(angle) * cos(latitude), cos(angle) - sin(latitude) * sin(reached))
    return (degrees(longitude + turned) + 180) % 360 - 180, degrees(reached)


def point(position: tuple[float, float]) -> dict[str, Any]:
    return {"type": "Point", "coordinates": position}


def inside(geometry: dict[str, Any] | None, position: tuple[float, float]) -> bool:
    """Whether one of the polygons, each a whole to mongod, has the position."""
    assert geometry is not None
    polygons = [geometry["coordinates"]] if geometry["type"] == "Polygon" else geometry["coordinates"]
    place = sphere.geography(point(position))
    built = [sphere.geography({"type": "Polygon", "coordinates": rings}) for rings in polygons]
    return any(sphere.intersects(place, each) for each in built)


@given(positions, distances, bearings, st.sampled_from([0.0, 0.5, 0.99, 0.9999, 1.0]))
@example((0.0, 90.0), 1000.0, 0.0, 1.0)
@example((180.0, 0.0), FARTHEST * 0.999, pi / 2, 1.0)
def test_what_is_near_a_point_is_inside(
    centre: tuple[float, float], metres: float, bearing: float, part: float
) -> None:
    near = away(centre, bearing, metres * part)
    if sphere.distance(sphere.geography(point(centre)), sphere.geography(point(near))) <= metres:
        assert inside(around(point(centre), metres), near)


@given(positions, distances.filter(lambda metres: metres > 10), bearings)
def test_what_is_inside_is_not_much_farther(centre: tuple[float, float], metres: float, bearing: float) -> None:
    widest = metres / cos(pi / CORNERS)
    if widest * 1.01 < FARTHEST:
        assert not inside(around(point(centre), metres), away(centre, bearing, widest * 1.01 + 1))


@given(lines, distances, st.floats(0, 1), st.integers(0, 4), bearings)
def test_what_is_near_a_line_is_inside(
    line: dict[str, Any], metres: float, part: float, edge: int, bearing: float
) -> None:
    found = around(line, metres)
    positions = line["coordinates"]
    start = positions[edge % (len(positions) - 1)]
    near = away(start, bearing, metres * part)
    if found is not None and not antipodal(line):
        target = sphere.geography(point(near))
        if sphere.distance(target, sphere.geography(line)) <= metres:
            assert inside(found, near)


@pytest.mark.parametrize("metres", [1.0, 500.0, 50_000.0])
def test_the_middle_of_a_long_edge_is_inside(metres: float) -> None:
    street: dict[str, Any] = {"type": "LineString", "coordinates": [[0.0, 0.0], [30.0, 0.0], [30.0, 20.0]]}
    for step in range(301):
        for bearing in (0.0, pi):
            assert inside(around(street, metres), away((step / 10, 0.0), bearing, metres * 0.999))


def test_what_has_too_many_parts_is_in_one_circle() -> None:
    row = [(number / 100, 0.0) for number in range(MAX_CIRCLES + 1)]
    found = around({"type": "MultiPoint", "coordinates": row}, 10)
    assert found is not None
    assert found["type"] == "Polygon"
    for position in row:
        assert inside(found, away(position, 1.0, 9.9))


@pytest.mark.parametrize(
    ("geometry", "metres"),
    [
        (point((0.0, 0.0)), FARTHEST + 1),
        (point((0.0, 0.0)), 1e9),
        ({"type": "MultiPoint", "coordinates": [[number, 0.0] for number in range(-180, 181)]}, 1.0),
    ],
)
def test_there_is_no_polygon_around_half_the_earth(geometry: dict[str, Any], metres: float) -> None:
    assert around(geometry, metres) is None


@given(lines, st.integers(0, 5))
def test_an_outline_has_all_positions(line: dict[str, Any], which: int) -> None:
    positions = line["coordinates"]
    assert inside(outline(line), positions[which % len(positions)])


def test_an_outline_has_all_of_an_edge() -> None:
    edge = {"type": "LineString", "coordinates": [[0.0, 0.0], [0.0, 80.0]]}
    for latitude in range(81):
        assert inside(outline(edge), (0.0, float(latitude)))


def test_opposite_ends_of_the_earth_are_told() -> None:
    assert antipodal({"type": "LineString", "coordinates": [[0.0, 90.0], [50.0, -90.0]]})
    assert not antipodal({"type": "LineString", "coordinates": [[0.0, 90.0], [50.0, -89.0]]})
