"""The parameters of geo-queries (GS CIM 009 §4.10)."""

from typing import Any

import pytest

from broker.errors import BadRequestData
from broker.query.ast import GeoCondition, Relation
from broker.query.geo import parse
from tests.model.context import CITY, LOCATION, NAMES

POINT = "[13.4, 52.5]"
SQUARE = [[[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]]]


@pytest.mark.parametrize(
    ("georel", "relation", "metres"),
    [
        ("near;maxDistance==2000", Relation.NEARER, 2000),
        ("near;minDistance==0.5", Relation.FARTHER, 0.5),
        ("near;maxDistance==1.5e3", Relation.NEARER, 1500),
        ("within", Relation.WITHIN, 0),
        ("contains", Relation.CONTAINS, 0),
        ("intersects", Relation.INTERSECTS, 0),
        ("equals", Relation.EQUALS, 0),
        ("disjoint", Relation.DISJOINT, 0),
        ("overlaps", Relation.OVERLAPS, 0),
    ],
)
def test_every_georel(georel: str, relation: Relation, metres: float) -> None:
    expected = GeoCondition(relation, "Point", (13.4, 52.5), LOCATION, metres)
    assert parse(georel, "Point", POINT, None, NAMES) == expected


@pytest.mark.parametrize(
    "georel",
    [
        *("", "near", "near;", "near;maxDistance", "near;maxDistance==", "near;maxDistance==0", "near;maxDistance==-1"),
        *("near;maxDistance=5", "near;maxDistance==5m", "near;maxDistance==+5", "near;maxDistance==05", "touches"),
        *("near;maxDistance==1e400", "near;maxDistance==5;minDistance==1", "Within", "within;maxDistance==5", 5, ["x"]),
        *("near;maxDistance==NaN", "near;maxDistance==1e10", "near;MaxDistance==5", " within", "near;maxDistance==٥"),
    ],
)
def test_a_georel_that_is_none_is_refused(georel: Any) -> None:
    with pytest.raises(BadRequestData, match="georel"):
        parse(georel, "Point", POINT, None, NAMES)


@pytest.mark.parametrize(
    ("kind", "coordinates"),
    [
        ("Point", [1.0, 2.0]),
        ("MultiPoint", [[1, 2], [3, 4]]),
        ("LineString", [[1, 2], [3, 4]]),
        ("MultiLineString", [[[1, 2], [3, 4]]]),
        ("Polygon", SQUARE),
        ("MultiPolygon", [SQUARE]),
    ],
)
def test_every_geometry_as_array_and_as_text(kind: str, coordinates: Any) -> None:
    by_array, by_text = (parse("within", kind, each, None, NAMES) for each in (coordinates, str(coordinates)))
    assert by_array == by_text
    assert by_array is not None
    assert by_array.kind == kind


def test_an_altitude_does_not_count() -> None:
    assert parse("within", "Point", "[1, 2, 300]", None, NAMES) == parse("within", "Point", "[1, 2]", None, NAMES)


def test_the_geoproperty_is_expanded() -> None:
    condition = parse("within", "Point", POINT, "area", NAMES)
    assert condition is not None
    assert condition.name == CITY + "area"


def test_a_reference_that_crosses_itself_is_accepted() -> None:
    assert parse("within", "Polygon", "[[[0,0],[2,2],[2,0],[0,2],[0,0]]]", None, NAMES) is not None


def test_a_geoproperty_alone_is_ignored() -> None:
    assert parse(None, None, None, "area", NAMES) is None


@pytest.mark.parametrize(
    ("georel", "geometry", "coordinates", "missing"),
    [
        ("within", None, None, "geometry and coordinates"),
        (None, "Point", POINT, "georel"),
        ("within", "Point", None, "coordinates"),
        ("within", None, POINT, "geometry"),
    ],
)
def test_what_is_missing_is_named(georel: Any, geometry: Any, coordinates: Any, missing: str) -> None:
    with pytest.raises(BadRequestData, match=f"^{missing}: missing"):
        parse(georel, geometry, coordinates, None, NAMES)


@pytest.mark.parametrize(
    ("geometry", "coordinates", "named"),
    [
        ("Circle", POINT, "geometry"),
        ("GeometryCollection", POINT, "geometry"),
        ("point", POINT, "geometry"),
        (7, POINT, "geometry"),
        ("Point", "13.4, 52.5", "coordinates"),
        ("Point", "[13.4", "coordinates"),
        ("Point", "[[13.4, 52.5]]", "coordinates"),
        ("Point", "[181, 0]", "coordinates"),
        ("Point", "[0, 91]", "coordinates"),
        ("Point", '["1", "2"]', "coordinates"),
        ("Point", "[]", "coordinates"),
        ("Point", "{}", "coordinates"),
        ("Point", "null", "coordinates"),
        ("Point", "[1e999, 2]", "coordinates"),
        ("Point", 7, "coordinates"),
        ("LineString", "[[1, 2]]", "coordinates"),
        ("Polygon", "[[[0,0],[2,0],[2,2],[0,2]]]", "coordinates"),
        ("Polygon", "[[[0,0],[2,0],[0,0]]]", "coordinates"),
        ("Polygon", "[" * 5000, "coordinates"),
    ],
)
def test_a_malformed_reference_is_refused_and_named(geometry: Any, coordinates: Any, named: str) -> None:
    with pytest.raises(BadRequestData, match=named):
        parse("within", geometry, coordinates, None, NAMES)


@pytest.mark.parametrize("geoproperty", [5, ["a"], "a b", "type"])
def test_a_geoproperty_that_is_no_name_is_refused(geoproperty: Any) -> None:
    with pytest.raises(BadRequestData):
        parse("within", "Point", POINT, geoproperty, NAMES)
