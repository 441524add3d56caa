"""`models check`: each trap is found, in its line, with what to do about it."""

from typing import Any, Final

import orjson
import pytest

from broker.hosting.bundled import Bundled
from broker.jsonld.compiled import CompiledContext
from broker.jsonld.compiler import Compiler
from broker.names import CORE_CONTEXT
from broker.validation.bundle import bundle
from broker.validation.engine import Validator
from broker.validation.report import Finding, Report, check_documents

WEATHER: Final = "https://smart-data-models.github.io/dataModel.Weather/context.jsonld"
_BUNDLED: Final = Bundled()
_COMPILER: Final = Compiler(_BUNDLED[CORE_CONTEXT])
SOUND: Final[dict[str, Any]] = {
    "id": "urn:ngsi-ld:WeatherObserved:1",
    "type": "WeatherObserved",
    "dateObserved": {"type": "Property", "value": "2025-06-02T11:00:00Z"},
    "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [4.9, 52.3]}},
    "temperature": {"type": "Property", "value": 21.5, "observedAt": "2025-06-02T11:00:00Z"},
    "@context": WEATHER,
}


async def resolve(source: Any) -> CompiledContext:
    return _COMPILER.compile([] if source is None else source, {WEATHER: _BUNDLED[WEATHER]})


def validator(type_: str) -> Validator | None:
    return Validator(bundle()[type_], bundle().retrieve, bundle().by_name) if type_ in bundle() else None


async def checked(text: str) -> Report:
    return await check_documents(text, resolve, validator)


async def findings(**members: Any) -> list[Finding]:
    """What is found in the sound entity with other members; each of them begins in a line of its own."""
    lines = [
        f"{orjson.dumps(name).decode()}: {orjson.dumps(each).decode()}" for name, each in (SOUND | members).items()
    ]
    return (await checked("{\n" + ",\n".join(lines) + "\n}")).findings


async def test_nothing_is_wrong_with_a_sound_entity() -> None:
    assert await findings() == []


def prop(value: Any, **others: Any) -> dict[str, Any]:
    return {"type": "Property", "value": value, **others}


TRAPS: Final[dict[str, tuple[dict[str, Any], int, str, str]]] = {
    "an id that is no URI": ({"id": "sensor 1"}, 2, "/id", "a URI that stays"),
    "a date without zone": ({"dateObserved": prop("2025-06-02T11:00:00")}, 4, "/dateObserved/value", "with Z"),
    "an observedAt without zone": (
        {"temperature": prop(1, observedAt="2025-06-02T11:00:00")}, 6, "/temperature", "in UTC, with Z"
    ),
    "latitude first": (
        {"location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [52.3, 104.9]}}},
        5, "/location", "longitude first",
    ),
    "a number as text": (
        {"temperature": prop("21,5", observedAt="2025-06-02T11:00:00Z")}, 6, "/temperature/value", "without quotes"
    ),
    "a percentage": ({"relativeHumidity": prop(55)}, 8, "/relativeHumidity/value", "divide a percentage by 100"),
    "a name in another case": ({"windspeed": prop(5)}, 8, "/windspeed", "Is it windSpeed?"),
    "a name with a hyphen": ({"N-TOT": prop(5)}, 8, "/N-TOT", "letters, digits and underscores"),
    "a term of the enumeration in another case": (
        {"pressureTendency": prop("Falling")}, 8, "/pressureTendency/value", ""
    ),
    "a relationship with value": (
        {"refDevice": {"type": "Relationship", "value": "urn:x:1"}}, 8, "/refDevice", "in `object`"
    ),
    "a type of attribute that is none": (
        {"windSpeed": {"type": "property", "value": 1}}, 8, "/windSpeed", "just this spelling"
    ),
    "only dateObserved": ({"temperature": prop(1)}, 4, "/dateObserved", "`observedAt`"),
    "a unit of another quantity": (
        {"temperature": prop(1, unitCode="KMH", observedAt="2025-06-02T11:00:00Z")}, 6, "/temperature/unitCode", ""
    ),
}  # fmt: skip
"""Trap to what is sent, and the line, pointer and advice that are told."""


@pytest.mark.parametrize("trap", TRAPS)
async def test_a_trap_is_told_with_line_pointer_and_advice(trap: str) -> None:
    members, line, pointer, words = TRAPS[trap]
    found = await findings(**members)
    assert [(each.line, each.pointer) for each in found] == [(line, pointer)], found
    assert words in found[0].advice


async def test_a_context_without_the_words_of_the_model_is_told() -> None:
    context = {"WeatherObserved": "https://smartdatamodels.org/dataModel.Weather/WeatherObserved"}
    found = await findings(**{"@context": context})
    assert ("/temperature", f"Use the model's @context: {WEATHER}.") in {(each.pointer, each.advice) for each in found}


async def test_one_that_is_exchanged_among_many_is_told() -> None:
    def at(number: int, *position: float) -> dict[str, Any]:
        place = {"type": "GeoProperty", "value": {"type": "Point", "coordinates": position}}
        return SOUND | {"id": f"urn:x:{number}", "location": place}

    report = await checked(orjson.dumps([at(1, 4.9, 52.3), at(2, 52.31, 4.91), at(3, 4.92, 52.3)]).decode())
    assert [(each.pointer, each.severity) for each in report.findings] == [("/1/location", "warning")]


async def test_ndjson_is_checked_line_by_line_and_past_a_broken_one() -> None:
    sound = orjson.dumps(SOUND).decode()
    report = await checked(f'{sound}\n{{"id": }}\n{sound}\n')
    assert report.entities == 2
    assert [(each.line, each.severity) for each in report.findings] == [(2, "error")]


async def test_a_member_that_is_there_twice_is_told() -> None:
    report = await checked('{"id": "urn:x:1", "type": "Lamp",\n"power": 1,\n"power": 2}')
    assert (3, "/power") in {(each.line, each.pointer) for each in report.findings}


@pytest.mark.parametrize("text", ["", "nothing", "[1, null]", '{"id": 1}', "[" * 5000, '{"a": ' * 3000, '"x"', "{}"])
async def test_any_text_has_a_report(text: str) -> None:
    report = await checked(text)
    assert report.errors > 0 or not text
