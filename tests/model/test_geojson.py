"""GS CIM 009 §4.5.16, §4.5.17."""

from typing import Any

import pytest

from broker.model.entity import Entity
from broker.model.geojson import feature_collection, feature_renderer
from broker.model.parse import parse_entity
from broker.model.render import Representation
from tests.model.context import CITY, LOCATION, NAMES, SPEED

HERE = {"type": "Point", "coordinates": [1.0, 2.0]}
THERE = {"type": "Point", "coordinates": [9.0, 9.0]}


def entity(**attributes: Any) -> Entity:
    return parse_entity({"id": "urn:x:1", "type": "Vehicle", **attributes}, NAMES)


def test_a_feature() -> None:
    render = feature_renderer(NAMES, Representation())
    assert render(entity(location=HERE, speed=5)) == {
        "id": "urn:x:1",
        "type": "Feature",
        "geometry": HERE,
        "properties": {
            "type": "Vehicle",
            "location": {"type": "GeoProperty", "value": HERE},
            "speed": {"type": "Property", "value": 5},
        },
    }


def test_a_simplified_feature() -> None:
    render = feature_renderer(NAMES, Representation("simplified"))
    locations = [{"value": THERE, "datasetId": "urn:d:1"}, {"value": HERE}]
    assert render(entity(location=locations, speed=5)) == {
        "id": "urn:x:1",
        "type": "Feature",
        "geometry": HERE,
        "properties": {"type": "Vehicle", "location": {"dataset": {"@none": HERE, "urn:d:1": THERE}}, "speed": 5},
    }


@pytest.mark.parametrize(
    ("attributes", "geometry_property", "geometry"),
    [
        ({"location": HERE, "area": THERE}, CITY + "area", THERE),
        ({"location": HERE}, CITY + "area", None),
        ({"speed": 5}, SPEED, None),
        ({"speed": 5}, LOCATION, None),
        ({"location": {"value": THERE, "datasetId": "urn:d:1"}}, LOCATION, None),
        ({"location": {"type": "Property", "value": HERE}}, LOCATION, None),
    ],
)
def test_the_geometry(attributes: dict[str, Any], geometry_property: str, geometry: Any) -> None:
    assert feature_renderer(NAMES, Representation(), geometry_property)(entity(**attributes))["geometry"] == geometry


def test_the_geometry_of_a_chosen_dataset() -> None:
    chosen = Representation(dataset_ids=frozenset({"urn:d:1"}))
    locations = [{"value": THERE, "datasetId": "urn:d:1"}, {"value": HERE}]
    assert feature_renderer(NAMES, chosen)(entity(location=locations))["geometry"] == THERE


def test_projection_leaves_the_geometry() -> None:
    feature = feature_renderer(NAMES, Representation(pick=frozenset({SPEED})))(entity(location=HERE, speed=5))
    assert feature == {"type": "Feature", "geometry": HERE, "properties": {"speed": {"type": "Property", "value": 5}}}


def test_a_collection() -> None:
    features = map(feature_renderer(NAMES, Representation("simplified")), [entity(speed=1), entity(speed=2)])
    collection = feature_collection(features)
    assert collection["type"] == "FeatureCollection"
    assert [feature["properties"]["speed"] for feature in collection["features"]] == [1, 2]
