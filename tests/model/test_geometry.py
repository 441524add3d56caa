"""GeoJSON geometries: RFC 7946 §3.1, GS CIM 009 §4.6.3, §4.7."""

import json
from typing import Any

import pytest

from broker.errors import BadRequestData
from broker.model.geometry import MAX_POSITIONS, check_geometry, is_geometry

RING = [[0, 0], [4, 0], [4, 4], [0, 0]]
HOLE = [[1, 0.5], [2, 0.5], [2, 1], [1, 0.5]]
BOW_TIE = [[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]]
GEOMETRIES: dict[str, list[Any]] = {
    "Point": [[8.5, 41.2], [-180, -90], [180, 90.0], [5, 52, 11.5]],
    "MultiPoint": [[[0, 0]], [[0, 0], [1, 1]]],
    "LineString": [[[0, 0], [1, 1]], [[179, 0], [-179, 0]]],
    "MultiLineString": [[[[0, 0], [1, 1]], [[2, 2], [3, 3]]]],
    "Polygon": [[RING], [RING, HOLE], [BOW_TIE]],
    "MultiPolygon": [[[RING]], [[RING, HOLE], [BOW_TIE]]],
}
ACCEPTED = [{"type": kind, "coordinates": each} for kind, all_ in GEOMETRIES.items() for each in all_]


@pytest.mark.parametrize("geometry", ACCEPTED, ids=str)
def test_all_six_kinds_are_kept_as_they_came(geometry: dict[str, Any]) -> None:
    assert is_geometry(geometry)
    assert check_geometry(geometry, "location") is geometry


@pytest.mark.parametrize("geometry", ACCEPTED, ids=str)
def test_a_geometry_may_come_as_text(geometry: dict[str, Any]) -> None:
    assert check_geometry(json.dumps(geometry), "location") == geometry


def test_of_a_text_nothing_but_the_geometry_is_kept() -> None:
    deep = "[" * 500 + "]" * 500
    geometry = check_geometry(f'{{"bbox": {deep}, "type": "Point", "coordinates": [1, 2]}}', "location")
    assert geometry == {"type": "Point", "coordinates": [1, 2]}


def test_other_members_are_kept() -> None:
    geometry = {"type": "Point", "coordinates": [1, 2], "bbox": [1, 2, 1, 2]}
    assert check_geometry(geometry, "location") == geometry


def test_at_type_is_type() -> None:
    assert check_geometry({"@type": "Point", "coordinates": [1, 2]}, "x") == {"type": "Point", "coordinates": [1, 2]}


REFUSED: dict[str, list[Any]] = {
    "a geometry is one of": [
        {"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [1, 2]}]},
        {"type": "Circle", "coordinates": [1, 2]},
        {"coordinates": [1, 2]},
        {"type": ["Point"], "coordinates": [1, 2]},
        {"type": "Feature", "geometry": None},
    ],
    "not a GeoJSON geometry": [None, 7, True, [1, 2], "", "Point", "{", "[1,2]", '"Point"', "null"],
    "not a position": [
        {"type": "Point"},
        {"type": "Point", "coordinates": []},
        {"type": "Point", "coordinates": [1]},
        {"type": "Point", "coordinates": [1, 2, 3, 4, 5]},
        {"type": "Point", "coordinates": "1,2"},
        {"type": "Point", "coordinates": None},
        {"type": "MultiPoint", "coordinates": [1, 2]},
        {"type": "LineString", "coordinates": [[1, 2], 3]},
        {"type": "Polygon", "coordinates": [[1, 2, 3, 1]]},
    ],
    "a position is made of numbers": [
        {"type": "Point", "coordinates": ["1", "2"]},
        {"type": "Point", "coordinates": [True, 2]},
        {"type": "Point", "coordinates": [[1, 2], [3, 4]]},
        {"type": "Point", "coordinates": [None, 2]},
        {"type": "Point", "coordinates": [1, 2, "high"]},
        {"type": "Point", "coordinates": [1, 2, float("inf")]},
        {"type": "Point", "coordinates": [float("nan"), 2]},
    ],
    "longitude .* is outside": [
        {"type": "Point", "coordinates": [180.0001, 0]},
        {"type": "LineString", "coordinates": [[0, 0], [-181, 0]]},
    ],
    "latitude .* is outside": [
        {"type": "Point", "coordinates": [-59.02, 95.8]},
        {"type": "MultiPolygon", "coordinates": [[[[0, 0], [4, 0], [4, -90.1], [0, 0]]]]},
    ],
    "the ring is not closed": [
        {"type": "Polygon", "coordinates": [[[0, 0], [4, 0], [4, 4], [0, 1]]]},
        {"type": "MultiPolygon", "coordinates": [[RING], [[[0, 0], [4, 0], [4, 4], [1, 1]]]]},
    ],
    "at least 4 are needed": [{"type": "Polygon", "coordinates": [[[0, 0], [4, 0], [0, 0]]]}],
    "at least 2 are needed": [
        {"type": "LineString", "coordinates": [[0, 0]]},
        {"type": "MultiLineString", "coordinates": [[]]},
    ],
    "at least 1 are needed": [
        {"type": "Polygon", "coordinates": []},
        {"type": "MultiPoint", "coordinates": []},
        {"type": "MultiPolygon", "coordinates": [[]]},
    ],
    "not an array of": [
        {"type": "LineString", "coordinates": {"0": [0, 0]}},
        {"type": "Polygon", "coordinates": None},
        {"type": "Polygon", "coordinates": [None]},
    ],
    "has more than": [{"type": "MultiPoint", "coordinates": [[0, 0]] * (MAX_POSITIONS + 1)}],
}


@pytest.mark.parametrize(
    ("reason", "geometry"),
    [(reason, geometry) for reason, all_ in REFUSED.items() for geometry in all_],
    ids=lambda value: str(value)[:60],
)
def test_what_is_no_geometry(reason: str, geometry: Any) -> None:
    with pytest.raises(BadRequestData, match=rf"^location\b.*{reason}"):
        check_geometry(geometry, "location")
