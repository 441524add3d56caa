"""What is refused, and in which words: always BadRequestData, always with the attribute's path and the member."""

from typing import Any

import pytest

from broker.errors import BadRequestData
from broker.model.parse import (
    parse_attribute,
    parse_attribute_fragment,
    parse_attribute_name,
    parse_entity,
    parse_fragment,
)
from broker.model.parse_attributes import MAX_DEPTH
from broker.names import NULL
from tests.model.context import NAMES

POINT = {"type": "Point", "coordinates": [8.5, 41.2]}


def some(*contents: Any) -> tuple[Any, ...]:
    """Contents of any kind."""
    return contents


ENTITIES: list[tuple[Any, str]] = [
    *((payload, r"^Entity is .*, not an object\.$") for payload in some(None, 1, "a", [], [{}], True)),
    ({"type": "T"}, r"^Entity: id is missing\.$"),
    ({"id": "urn:x:1"}, r"^Entity urn:x:1: type is missing\.$"),
    *(
        ({"id": id_, "type": "T"}, r"^Entity: id is .*, not a URI\.$")
        for id_ in some("", "x", "urn:a b", 1, None, [], {"@id": "urn:x:1"}, NULL)
    ),
    ({"id": "urn:x:1", "@id": "urn:x:1", "type": "T"}, r"^Entity: id .* twice"),
    ({"id": "urn:x:1", "@type": "T", "type": "T"}, r"^Entity: .*type is given twice"),
    *(({"id": "urn:x:1", "type": type_}, r"^Entity: type is ") for type_ in some(None, 1, [], {}, True)),
    *(({"id": "urn:x:1", "type": [type_]}, r"^Entity: type holds ") for type_ in some(None, 1, ["T"], {})),
    *(
        ({"id": "urn:x:1", "type": type_}, r"^(Entity: type: )?Name ")
        for type_ in some("9Vehicle", "A B", "", NULL, ["T", "a-b"])
    ),
    *(
        ({"id": "urn:x:1", "type": "T", "scope": scope}, r"^Entity: scope is ")
        for scope in some("9bad", "/a//b", "a-b", "", None, 1, {}, ["/ok", "9bad"], NULL, [["/a"]])
    ),
    ({"id": "urn:x:1", "type": ["T"] * 65}, r"^Entity: type holds 65 names: 64 are allowed\.$"),
    ({"id": "urn:x:1", "type": "T", "scope": ["/a"] * 257}, r"^Entity: scope holds 257 scopes: 256 are allowed\.$"),
    *(
        ({"id": "urn:x:1", "type": "T", "expiresAt": at}, r"^Entity: expiresAt is .*, not a DateTime")
        for at in some("not-a-date", "2026-13-45T00:00:00Z", "2026-01-01T00:00:00+01:00", 1, None, NULL)
    ),
    ({"id": "urn:x:1", "type": "T", "@context": {}}, r"^Name '@context'"),
    ({"id": "urn:x:1", "type": "T", "my attr": 1}, r"^Name 'my attr'"),
    ({"id": "urn:x:1", "type": "T", "N-TOT": {"type": "Property", "value": 1}}, r"^Name 'N-TOT'"),
    ({"id": "urn:x:1", "type": "T", "speed": 1, "https://city.example/terms/speed": 2}, r"is given twice"),
    *(
        ({"id": "urn:x:1", "type": "T", name: {"type": "Property", "value": 1}}, rf"^Attribute {name}: the name ")
        for name in (
            *("datasetId", "instanceId", "observedAt", "unitCode", "valueType", "objectType", "object", "languageMap"),
            *("vocab", "json", "valueList", "objectList", "entity", "entityList", "lang", "previousValue"),
            *("ngsi-ld:observedAt", "https://uri.etsi.org/ngsi-ld/createdAt", "https://uri.etsi.org/ngsi-ld/scope"),
        )
    ),
]


@pytest.mark.parametrize(("payload", "words"), ENTITIES, ids=lambda value: str(value)[:60])
def test_entities(payload: Any, words: str) -> None:
    with pytest.raises(BadRequestData, match=words):
        parse_entity(payload, NAMES)


TYPED_DATE = {"@type": "DateTime", "@value": "2021-01-11T15:51:02+05:30"}

ATTRIBUTES: list[tuple[Any, str]] = [
    (None, "value is null"),
    ({"type": "Property"}, "value is missing"),
    ({"type": "Property", "value": None}, "value is null"),
    ({"type": "Property", "value": {"@value": None}}, "value is null to JSON-LD"),
    ({"type": "Property", "Value": 1}, "value is missing"),
    ({"type": "Relationship", "value": "urn:x:2"}, "object is missing"),
    ({"type": "Relationship", "Object": "urn:x:2"}, "object is missing"),
    ({"type": "LanguageProperty"}, "languageMap is missing"),
    ({"type": "GeoProperty", "value": POINT, "json": {}}, "json does not belong"),
    ({"observedAt": "2024-05-01T10:00:00Z"}, "its value is missing"),
    ({"datasetId": "urn:d:1"}, "its value is missing"),
    *(
        ({"type": kind, "value": 1}, "type is .*, which is none of Property,")
        for kind in some("string", "RelationShip", "", "@id")
    ),
    *(({"type": kind, "value": 1}, "type is .*, which is none of Property,") for kind in some(1, [], ["Property"], {})),
    ({"type": "PostalAddress", "street": "x"}, "type is 'PostalAddress', which is none of"),
    ({"type": "GeometryCollection", "geometries": []}, "type is 'GeometryCollection', which is none of"),
    ({"type": "GeoProperty", "value": {"type": "GeometryCollection", "geometries": []}}, "a geometry is one of"),
    ({"type": "Point", "coordinates": [200, 0]}, "value: coordinates: longitude 200 is outside"),
    ({"value": {"type": "Point", "coordinates": []}}, "value: coordinates is an empty array, not a position"),
    *(
        ({"type": "Property", "value": 1, member: content}, f"{member} does not belong")
        for member, content in (
            *(("object", "urn:x:2"), ("languageMap", {"en": "a"}), ("vocab", "a"), ("json", {})),
            *(("valueList", [1]), ("objectList", ["urn:x:2"])),
        )
    ),
    ({"value": 1, "object": "urn:x:2"}, "(value|object) does not belong"),
    *(
        ({"type": "Relationship", "object": "urn:x:2", member: content}, f"{member} does not belong")
        for member, content in (("value", 42), ("languageMap", {"en": "a"}), ("valueList", []), ("objectList", []))
    ),
    ({"type": "Relationship", "object": "urn:x:2", "unitCode": "MTR"}, "unitCode is not allowed in a Relationship"),
    ({"objectList": ["urn:x:2"], "unitCode": "MTR"}, "unitCode is not allowed in a ListRelationship"),
    *(({"value": 1, member: 0}, f"{member} is for notifications") for member in ("previousValue", "previousObject")),
    *(({"value": 1, member: 0}, f"{member} is for answers") for member in ("entity", "entityList", "lang")),
    *(({"value": 1, member: "urn:x:1"}, f"{member} is not allowed") for member in ("id", "@id", "@context")),
    *(
        ({"value": 1, member: "x"}, f"{member} is allowed in ngsildproof only")
        for member in ("entityIdSealed", "entityTypeSealed")
    ),
    *(
        ({"value": 1, member: at}, f"{member} is .*, not a DateTime")
        for member in ("observedAt", "expiresAt")
        for at in some(
            "yesterday", "2026-08-10T12:00:00+02:00", "2021-03-11T15:51:02", 1, None, {"type": "Property"}, []
        )
    ),
    *(({"value": 1, "unitCode": code}, "unitCode is .*, not a string") for code in some(1, "", None, ["CEL"])),
    *(
        ({"value": 1, "datasetId": id_}, "datasetId is .*, not a URI")
        for id_ in some("x", 1, None, NULL, ["urn:d:1"], "")
    ),
    *(({"value": 1, "valueType": term}, "valueType is .*, not a string") for term in some(1, None, "", {}, [1])),
    *(
        ({"object": object_}, "object is .*, not a URI or an array of URIs")
        for object_ in some("x", 1, None, [], ["urn:x:2", "y"])
    ),
    *(({"object": object_}, "object is ") for object_ in some({"object": "urn:x:2"}, [["urn:x:2"]], "urn:a b")),
    *(
        ({"objectList": list_}, "objectList is ")
        for list_ in some("urn:x:2", None, {}, [1], [{"object": "x"}], [{"object": []}])
    ),
    ({"objectList": [{"object": "urn:x:2", "entity": {}}]}, "objectList is an object"),
    *(({"valueList": list_}, "valueList is .*, not an array") for list_ in some(1, "a", None, {"a": 1})),
    *(({"languageMap": map_}, "languageMap is .*, not an object") for map_ in some("a", None, [], 1, {})),
    *(({"languageMap": {"en": text}}, "languageMap, en, is ") for text in some(5, None, {}, [1], ["a", None], True)),
    *(({"languageMap": {tag: "a"}}, "languageMap is .*, not a language tag") for tag in ("e n", "", "en_US", "@value")),
    *(
        ({"vocab": term}, "vocab is .*, not a string or an array of strings")
        for term in some(1, None, "", {}, [1], [""])
    ),
    *(({"json": json}, "json is .*, not an object or an array") for json in some("a", 1, None, True)),
    *(({"value": 1, "accuracy": sub}, r"speed\.accuracy: value is null") for sub in some(None, {"value": None})),
    ({"value": 1, "accuracy": {"value": 1, "source": {"object": "x"}}}, r"speed\.accuracy\.source: object is 'x'"),
    ({"value": 1, "": 1}, "Name ''"),
    ({"value": 1, "scope": "/a"}, r"scope: the name is a term of the core"),
    ({"value": 1, "my attr": 1}, "Name 'my attr'"),
    ([{"value": 1}, 5], "mixes instances with 5"),
    ([{"value": 1}, {"value": 2}], "two instances with no datasetId"),
    ([{"value": 1}, {"value": 2, "datasetId": "@none"}], "two instances with no datasetId"),
    (
        [{"value": 1, "datasetId": "urn:d:1"}, {"value": 2, "datasetId": "urn:d:1"}],
        "two instances with the datasetId urn:d:1",
    ),
    ([{"type": "Property", "value": 1}, {"type": "Bogus", "datasetId": "urn:d:1"}], "type is 'Bogus'"),
    ({"type": "Property", "value": TYPED_DATE}, r"value is '2021-01-11T15:51:02\+05:30', not a DateTime"),
    ({"type": "Property", "value": {"type": "DateTime", "@value": "x"}}, "value is 'x', not a DateTime"),
    ({"type": "Property", "value": {"@type": "DateTime", "value": "2024-05-01T10:00:00Z"}}, "without @value"),
    (
        {"type": "Property", "value": {"a": [{"@type": "Date", "@value": "2023-02-29"}]}},
        "value is '2023-02-29', not a Date",
    ),
    ({"@type": "Time", "@value": "25:00:00Z"}, "value is '25:00:00Z', not a Time"),
    ({"valueList": [{"@type": "Time", "@value": 1}]}, "valueList is 1, not a Time"),
    ({"value": {"@context": {"a": "b"}}}, "value: .*@context"),
    (NULL, "value is the NGSI-LD Null"),
    *(
        ({member: NULL}, f"{member} is the NGSI-LD Null")
        for member in ("value", "object", "vocab", "json", "languageMap")
    ),
    *(({member: [NULL]}, f"{member} is the NGSI-LD Null") for member in ("valueList", "objectList")),
    ({"type": "GeoProperty", "value": NULL}, "value is the NGSI-LD Null"),
    ({"languageMap": {"@none": NULL}}, "languageMap is the NGSI-LD Null"),
    ({"languageMap": {"en": NULL, "fr": "a"}}, "languageMap holds the NGSI-LD Null"),
    ({"languageMap": {"en": [NULL]}}, "languageMap holds the NGSI-LD Null"),
    ({"value": {"country": NULL}}, "value holds the NGSI-LD Null"),
    ({"value": {"geo": {"country": NULL}}}, "value holds the NGSI-LD Null"),
    ({"value": [1, NULL]}, "value holds the NGSI-LD Null"),
    ({"json": {"a": [NULL]}}, "json holds the NGSI-LD Null"),
    ({"valueList": [1, NULL]}, "valueList holds the NGSI-LD Null"),
    ({"objectList": ["urn:x:2", NULL]}, "objectList is "),
    ({"object": ["urn:x:2", NULL]}, "object is "),
    ({"vocab": ["a", NULL]}, "vocab is "),
    *(
        ({"value": 1, member: NULL}, f"{member} is ")
        for member in ("observedAt", "unitCode", "expiresAt", "valueType", "objectType")
    ),
    ({"value": 1, "accuracy": NULL}, r"speed\.accuracy: value is the NGSI-LD Null"),
]


@pytest.mark.parametrize(("content", "words"), ATTRIBUTES, ids=lambda value: str(value)[:70])
def test_attributes(content: Any, words: str) -> None:
    with pytest.raises(BadRequestData, match=words) as refusal:
        parse_entity({"id": "urn:x:1", "type": "Vehicle", "speed": content}, NAMES)
    assert refusal.value.detail.startswith(("Attribute speed", "Name "))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("location", 7, "Attribute location is a Property: it can only be a GeoProperty"),
        ("location", {"type": "Property", "value": 7}, "it can only be a GeoProperty"),
        ("observationSpace", {"object": "urn:x:2"}, "it can only be a GeoProperty"),
        ("operationSpace", "text", "it can only be a GeoProperty"),
        ("location", {"type": "GeoProperty", "value": "not a geometry"}, "location: value is 'not a geometry'"),
        ("ngsildproof", {"type": "Property", "value": "no object"}, "value is 'no object', not an object with a proof"),
        ("ngsildproof", {"type": "JsonProperty", "json": {}}, "it can only be a Property"),
        ("ngsildproof", {"proofValue": "z"}, "a proof is a Property"),
        (
            "ngsildproof",
            {"type": "Property", "value": {}, "entityTypeSealed": 42},
            "entityTypeSealed is 42, not a string",
        ),
    ],
)
def test_attributes_of_the_standard(name: str, content: Any, words: str) -> None:
    with pytest.raises(BadRequestData, match=words):
        parse_entity({"id": "urn:x:1", "type": "Vehicle", name: content}, NAMES)


def nested(depth: int) -> dict[str, Any]:
    content: dict[str, Any] = {"value": 0}
    for _ in range(depth - 1):
        content = {"value": 0, "accuracy": content}
    return {"id": "urn:x:1", "type": "Vehicle", "accuracy": content}


def test_depth_has_a_bound() -> None:
    parse_entity(nested(MAX_DEPTH), NAMES)
    with pytest.raises(BadRequestData, match=f"sub-attributes are nested deeper than {MAX_DEPTH}"):
        parse_entity(nested(MAX_DEPTH + 1), NAMES)


@pytest.mark.parametrize("payload", [None, 1, "a", [], [{"value": 1}], {}, True])
def test_an_attribute_of_its_own_is_an_object_with_members(payload: Any) -> None:
    for parse in (parse_attribute, parse_attribute_fragment):
        with pytest.raises(BadRequestData, match=r"^Attribute speed is .*, not an attribute"):
            parse(payload, "speed", NAMES)


@pytest.mark.parametrize("name", ["", "@invalid", "@id", "a b", "scope", "type", "id", "observedAt", "x" * 5000])
def test_names_in_urls(name: str) -> None:
    with pytest.raises(BadRequestData):
        parse_attribute_name(name, NAMES)


@pytest.mark.parametrize(
    ("fragment", "words"),
    [
        ({"type": NULL}, "Name "),
        ({"speed": {"value": {"a": NULL}}}, "value holds the NGSI-LD Null, which only merges may"),
        (
            {"speed": {"languageMap": {"fr": NULL, "en": "a"}}},
            "languageMap holds the NGSI-LD Null, which only merges may",
        ),
        ({"speed": {"json": {"a": NULL}}}, "json holds the NGSI-LD Null, which only merges may"),
        ({"speed": {"datasetId": NULL, "value": 1}}, "datasetId is .*, not a URI"),
        ({"speed": {"unitCode": "CEL"}}, "its value is missing"),
        ({"speed": {"type": "Property"}}, "value is missing"),
    ],
    ids=str,
)
def test_updates_take_no_nulls_inside_values(fragment: dict[str, Any], words: str) -> None:
    with pytest.raises(BadRequestData, match=words):
        parse_fragment(fragment, NAMES, nulls=True)


@pytest.mark.parametrize(
    "content",
    [
        [1, NULL],
        {"a": [NULL]},
        {"value": [NULL]},
        {"json": [{"a": [NULL]}]},
        [{"a": NULL}],
        {"a": [{"b": {"c": NULL}}]},
        {"object": ["urn:x:2", NULL]},
        {"vocab": [NULL]},
    ],
    ids=str,
)
def test_merges_take_no_nulls_inside_arrays(content: Any) -> None:
    with pytest.raises(BadRequestData):
        parse_fragment({"speed": content}, NAMES, merging=True)
