"""Expected: JSON-LD 1.1 API §5.1 (expansion), with the client's content as it was sent; GS CIM 009 §4.5.2, §4.6."""

from typing import Any

import pytest

from broker.errors import BadRequestData
from broker.hosting.bundled import Bundled
from broker.jsonld.compiler import Compiler
from broker.model.values import compact_value, expand_value
from broker.names import CORE_CONTEXT, DEFAULT_VOCABULARY, NGSI_LD

EX = "https://ex.example/"
GEO = "https://purl.org/geojson/vocab#"
COMPILER = Compiler(Bundled()[CORE_CONTEXT])
NAMES = COMPILER.compile(
    {
        "ex": EX,
        "street": EX + "street",
        "when": {"@id": EX + "when", "@type": "DateTime"},
        "link": {"@id": EX + "link", "@type": "@id"},
        "choice": {"@id": EX + "choice", "@type": "@vocab"},
        "raw": {"@id": EX + "raw", "@type": "@json"},
        "label": {"@id": EX + "label", "@container": "@language"},
        "byKey": {"@id": EX + "byKey", "@container": "@index"},
        "kind": "@type",
        "self": "@id",
        "gone": None,
        "parent": {"@reverse": EX + "child"},
    },
    {},
)
VENDOR = COMPILER.compile({"rue": EX + "street", "brut": EX + "raw", "Adresse": EX + "Address"}, {})

BOTH_WAYS: list[tuple[Any, Any]] = [
    (5, 5),
    ("text", "text"),
    (True, True),
    ([1, "a", 2.5, False], [1, "a", 2.5, False]),
    ([], []),
    ({}, {}),
    ([[1, 2], [[3]], []], [[1, 2], [[3]], []]),
    ({"street": "Rue", "ex:no": 5}, {EX + "street": "Rue", EX + "no": 5}),
    (
        {"other": {"street": [{"deep": 1}]}},
        {DEFAULT_VOCABULARY + "other": {EX + "street": [{DEFAULT_VOCABULARY + "deep": 1}]}},
    ),
    ({"Total parking": 1, "": 2}, {DEFAULT_VOCABULARY + "Total parking": 1, DEFAULT_VOCABULARY: 2}),
    ({"title": "t", "max": [1, 2]}, {"http://purl.org/dc/terms/title": "t", NGSI_LD + "max": [1, 2]}),
    ({"id": "urn:x:1", "type": "ex:Address"}, {"@id": "urn:x:1", "@type": EX + "Address"}),
    ({"type": ["A", "ex:B"]}, {"@type": [DEFAULT_VOCABULARY + "A", EX + "B"]}),
    ({"type": "Point", "coordinates": [8.5, 49]}, {"@type": GEO + "Point", GEO + "coordinates": [8.5, 49]}),
    (
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]},
        {"@type": GEO + "Polygon", GEO + "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]},
    ),
    (
        {"@type": "DateTime", "@value": "2026-11-21T10:00:00Z"},
        {"@type": NGSI_LD + "DateTime", "@value": "2026-11-21T10:00:00Z"},
    ),
    ({"@value": "Straße", "@language": "de"}, {"@value": "Straße", "@language": "de"}),
    ({"@value": 5}, {"@value": 5}),
    ({"@type": "@json", "@value": {"a": None, "b": [None]}}, {"@type": "@json", "@value": {"a": None, "b": [None]}}),
    ({"@type": "@json", "@value": None}, {"@type": "@json", "@value": None}),
    ({"raw": {"a": None}}, {EX + "raw": {"@type": "@json", "@value": {"a": None}}}),
    ({"raw": [{"a": None}, None]}, {EX + "raw": {"@type": "@json", "@value": [{"a": None}, None]}}),
    ({"raw": None}, {EX + "raw": {"@type": "@json", "@value": None}}),
    ({"raw": 5}, {EX + "raw": 5}),
    ({"json": {"a": 1}}, {NGSI_LD + "hasJSON": {"@type": "@json", "@value": {"a": 1}}}),
    ({"label": {"en": "street", "fr": ["rue"]}}, {EX + "label": {"en": "street", "fr": ["rue"]}}),
    ({"byKey": {"k": {"street": 1}}}, {EX + "byKey": {"k": {EX + "street": 1}}}),
    ({"@list": [{"street": 1}]}, {"@list": [{EX + "street": 1}]}),
    (
        {"when": "2026-11-21", "link": "ex:a", "choice": "street"},
        {EX + "when": "2026-11-21", EX + "link": "ex:a", EX + "choice": "street"},
    ),
]


@pytest.mark.parametrize(("value", "expanded"), BOTH_WAYS)
def test_values_expand_and_come_back(value: Any, expanded: Any) -> None:
    assert expand_value(value, NAMES) == expanded
    assert compact_value(expanded, NAMES) == value


@pytest.mark.parametrize(
    ("value", "expanded"),
    [
        (None, None),
        ({"@value": None}, None),
        ([1, None, [None], {"@value": None}], [1, []]),
        ({"street": None, "other": [None]}, {DEFAULT_VOCABULARY + "other": []}),
        ({"label": {"en": None, "fr": "rue"}}, {EX + "label": {"fr": "rue"}}),
        ({"gone": 5, "@unheard": 5, "street": 1}, {EX + "street": 1}),
        ({"@id": "urn:x:1", "@type": "ex:A"}, {"@id": "urn:x:1", "@type": EX + "A"}),
        ({"self": "urn:x:1", "kind": "ex:A"}, {"@id": "urn:x:1", "@type": EX + "A"}),
    ],
)
def test_what_json_ld_drops_or_spells_otherwise(value: Any, expanded: Any) -> None:
    assert expand_value(value, NAMES) == expanded


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"@context": {}}, "'@context' has no place"),
        ({"@reverse": {}}, "'@reverse' has no place"),
        ({"parent": 1}, "'parent' with @reverse"),
        ({"type": 5}, "'type' is no name of a type"),
        ({"type": ["A", 5]}, "'type' is no name of a type"),
        ({"type": "gone"}, "'gone' to null"),
        ({"type": "@id"}, "'@id' means @id"),
        ({"id": 5}, "'id' is no URI"),
        ({"street": 1, "ex:street": 2}, "'ex:street' means 'https://ex.example/street', and so does another"),
        ({"type": "A", "@type": "B"}, "'@type' means '@type', and so does another"),
        ({"@value": 1, "street": 2}, "has members other than"),
        ({"@value": 1, "@id": "urn:x:1"}, "has members other than"),
        ({"@value": [1]}, "an object or an array"),
        ({"@value": {"a": 1}, "@type": "DateTime"}, "an object or an array"),
        ({"@value": "a", "@type": ["A", "B"]}, "several types"),
        ({"@value": "a", "@type": "A", "@language": "en"}, "a type and a language"),
        ({"@value": 5, "@language": "en"}, "no text"),
        ({"@value": "a", "@language": 5}, "no text"),
    ],
)
def test_what_is_no_json_ld_is_refused_at_any_depth(value: dict[str, Any], reason: str) -> None:
    for nested in (value, [value], {"street": [[value]]}):
        with pytest.raises(BadRequestData, match=reason):
            expand_value(nested, NAMES)


def test_another_context_gives_its_own_names() -> None:
    expanded = expand_value({"type": "ex:Address", "street": "x", "raw": {"a": 1}, "ex:more": 2}, NAMES)
    compacted = compact_value(expanded, VENDOR)
    assert compacted == {
        "type": "Adresse",
        "rue": "x",
        "brut": {"@type": "@json", "@value": {"a": 1}},
        EX + "more": 2,
    }
    assert expand_value(compacted, VENDOR) == expanded


def test_scalars_and_arrays_of_them_are_not_copied() -> None:
    numbers = [1, 2.5, "a", True]
    assert expand_value(numbers, NAMES) is numbers
    assert compact_value(numbers, NAMES) is numbers


def test_a_value_is_left_as_it_was() -> None:
    value = {"street": None, "raw": {"a": [None]}, "label": {"en": None}, "more": [{"x": None}]}
    before = repr(value)
    compact_value(expand_value(value, NAMES), NAMES)
    assert repr(value) == before


def test_a_value_that_is_nested_too_deeply_is_refused() -> None:
    value: Any = 1
    for _ in range(5000):
        value = [value, {}]
    with pytest.raises(BadRequestData, match="too deeply"):
        expand_value(value, NAMES)
