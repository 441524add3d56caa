"""Regions in cells: whatever stands in a relation to a region is found in its cells."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.model.entity import Entity
from broker.query.ast import GeoCondition, Relation
from broker.query.geo_predicate import located
from broker.subscriptions.grid import Grid, region
from tests.thoroughness import examples

NOW = "2026-11-21T08:00:00Z"
longitudes = st.one_of(st.floats(-180, 180), st.sampled_from((-180.0, 180.0, 179.999, -179.999, 0.0)))
latitudes = st.one_of(st.floats(-90, 90), st.sampled_from((-90.0, 90.0, 89.9, 0.0)))
positions = st.tuples(longitudes, latitudes)
offsets = st.floats(-3, 3).filter(lambda offset: abs(offset) > 0.001)


@st.composite
def squares(draw: st.DrawFn) -> Any:
    west, south = draw(st.floats(-170, 160)), draw(st.floats(-80, 70))
    width, height = draw(st.floats(0.01, 20)), draw(st.floats(0.01, 10))
    east, north = west + width, south + height
    return (((west, south), (east, south), (east, north), (west, north), (west, south)),)


conditions = st.one_of(
    st.builds(
        lambda at, metres: GeoCondition(Relation.NEARER, "Point", at, "p", metres), positions, st.floats(1, 3_000_000)
    ),
    st.builds(
        lambda relation, square: GeoCondition(relation, "Polygon", square, "p"),
        st.sampled_from((Relation.WITHIN, Relation.INTERSECTS, Relation.OVERLAPS)),
        squares(),
    ),
)


@st.composite
def meetings(draw: st.DrawFn) -> tuple[GeoCondition, dict[str, Any]]:
    """A condition, and a geometry that is often near."""
    condition = draw(conditions)
    corner: Any = condition.coordinates
    while not isinstance(corner[0], float):
        corner = corner[0]
    if draw(st.booleans()):
        longitude = (corner[0] + draw(offsets) + 180) % 360 - 180
        at = (longitude, max(-90.0, min(90.0, corner[1] + draw(offsets))))
    else:
        at = draw(positions)
    if draw(st.integers(0, 2)):
        return condition, {"type": "Point", "coordinates": list(at)}
    to = (max(-180.0, min(180.0, at[0] + draw(offsets))), max(-89.0, min(89.0, at[1] + draw(offsets))))
    return condition, {"type": "LineString", "coordinates": [list(at), list(to)]}


def _at(grid: Grid[str], geometry: dict[str, Any]) -> set[str]:
    found: set[str] = set()
    grid.collect(geometry, found)
    return found


@settings(max_examples=examples(400))
@given(meetings())
def test_what_meets_a_condition_is_in_a_cell_of_its_region(meeting: tuple[GeoCondition, dict[str, Any]]) -> None:
    condition, geometry = meeting
    box = region(condition)
    if box is None:
        return
    grid: Grid[str] = Grid()
    grid.add(box, "it")
    place = Entity("urn:x:1", ("T",), {"p": [{"type": "GeoProperty", "value": geometry}]}, NOW, NOW)
    if located(condition)(place):
        assert "it" in _at(grid, geometry)
    grid.remove(box, "it")
    assert not grid
    assert not _at(grid, geometry)


def test_what_is_far_away_is_not_looked_at() -> None:
    grid: Grid[str] = Grid()
    square = region(GeoCondition(Relation.WITHIN, "Polygon", (((0, 0), (1, 0), (1, 1), (0, 1), (0, 0)),), "p"))
    assert square is not None
    grid.add(square, "it")
    assert _at(grid, {"type": "Point", "coordinates": [0.5, 0.5]}) == {"it"}
    assert not _at(grid, {"type": "Point", "coordinates": [50, 50]})


@pytest.mark.parametrize("relation", [Relation.DISJOINT, Relation.FARTHER])
def test_conditions_that_hold_far_away_have_no_region(relation: Relation) -> None:
    assert region(GeoCondition(relation, "Point", (0.0, 0.0), "p", 1.0)) is None
