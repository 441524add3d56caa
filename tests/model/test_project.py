"""Projection, datasetId, language (GS CIM 009 §4.21, §4.5.5, §4.15; RFC 4647 §3.4)."""

from typing import Any

import pytest

from broker.errors import BadRequestData
from broker.model.languages import MAX_RANGES, choose_language, language_ranges
from broker.model.parse import parse_entity
from broker.model.render import Representation, renderer
from tests.model.context import NAMES, SPEED, TEMPERATURE

ENTITY = parse_entity(
    {
        "id": "urn:x:1",
        "type": "Vehicle",
        "scope": "/a",
        "speed": [{"value": 1}, {"value": 2, "datasetId": "urn:d:1"}],
        "temperature": {"value": 3, "datasetId": "urn:d:2"},
        "street": {
            "languageMap": {"fr": "Grand Place", "nl": ["Grote Markt", "Markt"]},
            "observedAt": "2024-05-01T10:00:00Z",
            "source": {"languageMap": {"nl": "bron"}},
        },
    },
    NAMES,
)


def simplified(**asked: Any) -> dict[str, Any]:
    return renderer(NAMES, Representation("simplified", **asked))(ENTITY)


@pytest.mark.parametrize(
    ("picked", "members"),
    [
        ({SPEED}, ["speed"]),
        ({"id"}, ["id"]),
        ({"type", "scope", TEMPERATURE}, ["type", "scope", "temperature"]),
        ({"unknown"}, []),
    ],
)
def test_pick(picked: set[str], members: list[str]) -> None:
    assert list(simplified(pick=frozenset(picked))) == members


@pytest.mark.parametrize(
    ("omitted", "members"),
    [
        ({SPEED}, ["id", "type", "scope", "temperature", "street"]),
        ({"id", "type", "scope"}, ["speed", "temperature", "street"]),
        ({"unknown"}, ["id", "type", "scope", "speed", "temperature", "street"]),
    ],
)
def test_omit(omitted: set[str], members: list[str]) -> None:
    assert list(simplified(omit=frozenset(omitted))) == members


@pytest.mark.parametrize(
    ("datasets", "shown"),
    [
        ({"@none"}, {"speed": 1, "street": {"languageMap": {"fr": "Grand Place", "nl": ["Grote Markt", "Markt"]}}}),
        ({"urn:d:1"}, {"speed": {"dataset": {"urn:d:1": 2}}}),
        ({"urn:d:1", "urn:d:2"}, {"speed": {"dataset": {"urn:d:1": 2}}, "temperature": {"dataset": {"urn:d:2": 3}}}),
        ({"urn:d:9"}, {}),
    ],
)
def test_datasets(datasets: set[str], shown: dict[str, Any]) -> None:
    assert simplified(dataset_ids=frozenset(datasets), omit=frozenset({"id", "type", "scope"})) == shown


def test_a_language_property_becomes_a_property_with_its_language() -> None:
    out = renderer(NAMES, Representation(languages=("nl",)))(ENTITY)
    assert out["street"] == {
        "type": "Property",
        "value": ["Grote Markt", "Markt"],
        "lang": "nl",
        "observedAt": "2024-05-01T10:00:00Z",
        "source": {"type": "Property", "value": "bron", "lang": "nl"},
    }


def test_a_language_in_the_other_forms() -> None:
    assert simplified(languages=("fr",))["street"] == "Grand Place"
    concise = renderer(NAMES, Representation("concise", languages=("fr",)))(ENTITY)
    assert concise["street"] == {
        "value": "Grand Place",
        "lang": "fr",
        "observedAt": "2024-05-01T10:00:00Z",
        "source": {"value": "bron", "lang": "nl"},
    }


@pytest.mark.parametrize(
    ("text", "ranges"),
    [
        ("fr", ("fr",)),
        ("fr-CH,fr;q=0.9,*;q=0.5", ("fr-ch", "fr", "*")),
        ("fr;q=0.2, nl ;q=0.9", ("nl", "fr")),
        ("en;q=0,nl", ("nl",)),
        ("a;q=1.000,b;q=0.001", ("a", "b")),
    ],
)
def test_ranges_by_weight(text: str, ranges: tuple[str, ...]) -> None:
    assert language_ranges(text) == ranges


@pytest.mark.parametrize(
    "text",
    ["", ",", "fr,", "fr;", "fr;q=2", "fr;q=-1", "fr;q=0.1234", "fr;w=1", "f r", "@none", "en_US", "fr;q=0.5;q=1"],
)
def test_what_is_no_language_range(text: str) -> None:
    with pytest.raises(BadRequestData, match="no language range"):
        language_ranges(text)


def test_the_number_of_ranges_is_bounded() -> None:
    with pytest.raises(BadRequestData, match="are allowed"):
        language_ranges(",".join(["fr"] * (MAX_RANGES + 1)))


@pytest.mark.parametrize(
    ("tags", "ranges", "chosen"),
    [
        (["fr", "nl"], "nl", "nl"),
        (["fr", "nl"], "FR", "fr"),
        (["fr", "nl"], "nl-BE", "nl"),
        (["de", "en-US"], "en", "en-US"),
        (["de", "zh-Hant"], "zh-Hant-x-a", "zh-Hant"),
        (["en", "de"], "enx", "en"),
        (["fr", "nl"], "pt,nl;q=0.1", "nl"),
        (["fr", "nl"], "*", "fr"),
        (["fr", "@none"], "*", "@none"),
        (["fr", "@none"], "pt", "@none"),
        (["fr", "nl"], "pt", "fr"),
        (["en-GB", "fr"], "fr-CH,en;q=0.9", "fr"),
        (["en-GB", "en-US", "en"], "en", "en"),
        (["zh-Hant-TW", "en"], "zh", "zh-Hant-TW"),
    ],
)
def test_the_language_chosen(tags: list[str], ranges: str, chosen: str) -> None:
    assert choose_language(tags, language_ranges(ranges)) == chosen
