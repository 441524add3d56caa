"""What types and attributes there are (GS CIM 009 §5.7.5–§5.7.10, §6.25–§6.28)."""

import re

import httpx2
import pytest

pytestmark = pytest.mark.http

LINK = "https://raw.githubusercontent.com/smart-data-models/dataModel.Streetlighting/master/context.jsonld"
VOCABULARY = "https://uri.etsi.org/ngsi-ld/default-context/"


@pytest.fixture
def city(fresh: httpx2.Client) -> httpx2.Client:
    """Two lamps, one of them a sensor too, and a vehicle."""
    for entity in (
        {"id": "urn:x:1", "type": "Lamp", "level": 1, "owner": {"object": "urn:x:9"}},
        {"id": "urn:x:2", "type": ["Lamp", "Sensor"], "level": [{"value": 1}, {"value": 2, "datasetId": "urn:d:1"}]},
        {"id": "urn:x:3", "type": "Vehicle", "owner": "nobody"},
    ):
        assert fresh.post("/entities", json=entity).status_code == 201
    return fresh


def test_types_are_listed_by_name(city: httpx2.Client) -> None:
    """DI-01, §5.2.24."""
    found = city.get("/types").json()
    assert re.fullmatch(r"urn:ngsi-ld:EntityTypeList:[0-9a-f-]{36}", found.pop("id"))
    assert found == {"type": "EntityTypeList", "typeList": ["Lamp", "Sensor", "Vehicle"]}


def test_details_of_types_tell_their_attributes(city: httpx2.Client) -> None:
    """DI-01, §5.2.25."""
    assert city.get("/types?details=true").json() == [
        {"id": VOCABULARY + "Lamp", "type": "EntityType", "typeName": "Lamp", "attributeNames": ["level", "owner"]},
        {"id": VOCABULARY + "Sensor", "type": "EntityType", "typeName": "Sensor", "attributeNames": ["level"]},
        {"id": VOCABULARY + "Vehicle", "type": "EntityType", "typeName": "Vehicle", "attributeNames": ["owner"]},
    ]


@pytest.mark.parametrize("name", ["Lamp", "https%3A%2F%2Furi.etsi.org%2Fngsi-ld%2Fdefault-context%2FLamp"])
def test_a_type_tells_its_entities_and_the_kinds_of_their_attributes(city: httpx2.Client, name: str) -> None:
    """DI-02, §5.2.26."""
    assert city.get(f"/types/{name}").json() == {
        "id": VOCABULARY + "Lamp",
        "type": "EntityTypeInfo",
        "typeName": "Lamp",
        "entityCount": 2,
        "attributeDetails": [
            {
                "id": VOCABULARY + "level",
                "type": "Attribute",
                "attributeName": "level",
                "attributeTypes": ["Property"],
            },
            {
                "id": VOCABULARY + "owner",
                "type": "Attribute",
                "attributeName": "owner",
                "attributeTypes": ["Relationship"],
            },
        ],
    }


def test_attributes_are_listed_by_name(city: httpx2.Client) -> None:
    """DI-03, §5.2.27."""
    found = city.get("/attributes").json()
    assert found.pop("id").startswith("urn:ngsi-ld:AttributeList:")
    assert found == {"type": "AttributeList", "attributeList": ["level", "owner"]}


def test_details_of_attributes_tell_the_types_that_have_them(city: httpx2.Client) -> None:
    """DI-03, §5.2.28."""
    assert {each["attributeName"]: each["typeNames"] for each in city.get("/attributes?details=true").json()} == {
        "level": ["Lamp", "Sensor"],
        "owner": ["Lamp", "Vehicle"],
    }


def test_an_attribute_tells_its_instances_kinds_and_types(city: httpx2.Client) -> None:
    """DI-04, §5.2.28."""
    assert city.get("/attributes/owner").json() == {
        "id": VOCABULARY + "owner",
        "type": "Attribute",
        "attributeName": "owner",
        "attributeCount": 2,
        "attributeTypes": ["Property", "Relationship"],
        "typeNames": ["Lamp", "Vehicle"],
    }
    assert city.get("/attributes/level").json()["attributeCount"] == 3


@pytest.mark.parametrize("path", ["/types/Nothing", "/attributes/nothing"])
def test_what_no_entity_has_is_not_found(city: httpx2.Client, path: str) -> None:
    """DI-02, DI-04, §5.7.7, §5.7.10."""
    assert city.get(path).status_code == 404


def test_what_is_deleted_is_told_no_more(city: httpx2.Client) -> None:
    """DI-01, DI-03."""
    city.delete("/entities/urn:x:3")
    city.delete("/entities/urn:x:1/attrs/owner")
    assert city.get("/types").json()["typeList"] == ["Lamp", "Sensor"]
    assert city.get("/attributes").json()["attributeList"] == ["level"]


def test_names_are_of_the_context_of_the_request(city: httpx2.Client) -> None:
    """DI-01, §6.3.5: a context that has other names for them shows what it has no name for by its IRI."""
    link = f'<{LINK}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'
    assert city.get("/types", headers={"Link": link}).json()["typeList"] == ["Lamp", "Sensor", "Vehicle"]
    answer = city.get("/types", headers={"Accept": "application/ld+json", "Link": link})
    assert answer.json()["@context"] == LINK
