"""The sample city: complete, valid, the same each time, and moving as its model says.

Expected numbers are those of the model's tables (`docs/city.md`); what valid NGSI-LD is, `check_entity` says on its
own, from GS CIM 009 §4.5, §4.6, §4.7.
"""

import json
import math
import os
import re
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any, Final

import orjson
import pytest
from pyld import jsonld

from broker.cli.city.command import lines
from broker.cli.city.domains import FLEETS
from broker.cli.city.fleet import DOMAINS, SIZES, Fleet, apportion
from broker.cli.city.generate import NOON, City
from broker.cli.city.live import Motion, Reports
from broker.cli.city.moment import DAY, HOUR, PACES, daylight, rain, signals
from broker.cli.city.town import CENTRE
from broker.hosting.bundled import Bundled
from broker.jsonld.compiler import compile as compile_context
from broker.model.parse import parse_entity
from broker.names import CORE_CONTEXT, DEFAULT_VOCABULARY

Entity = dict[str, Any]

MANIFEST: Final = json.loads(
    (Path(__file__).parents[1] / "data" / "smart-data-models" / "manifest.json").read_text(encoding="utf-8")
)
EXPANDED: Final = {
    entry["type"]: f"https://smartdatamodels.org/dataModel.{entry['subject']}/{entry['type']}"
    for types in MANIFEST["domains"].values()
    for entry in types
}
"""Type to IRI of the 56 types of the seven domains, as their subjects' contexts have them.

The manifest's own IRIs of the OCF types are others: their examples name the programme's umbrella context.
"""

MODEL: Final = {
    ("lamp",): 80_000,
    ("cabinet",): 800,
    ("lampgroup", "feeder", "lampmodel"): 5_000,
    ("house",): 90_000,
    ("room",): 30_000,
    ("mains",): 6_000,
    ("works",): 20_000,
    ("meter",): 500_000,
    ("device", "devicemodel"): 129_000,
    ("reading", "thermometer", "switch"): 129_000,
    ("bin",): 20_000,
    ("isle", "binmodel"): 5_000,
    ("watermeter",): 300_000,
    ("watersensor", "tank"): 2_000,
    ("waterquality", "flood"): 160,
    ("substation",): 2_500,
    ("pv",): 30_000,
    ("battery",): 3_000,
    ("spot",): 40_000,
    ("onstreet", "offstreet"): 4_150,
    ("ev",): 4_000,
    ("traffic", "crowd"): 2_800,
    ("bus", "service"): 1_500,
    ("bike", "docking"): 3_500,
    ("arrival",): 9_000,
    ("stop", "route", "road", "citywork"): 33_500,
    ("air", "noise"): 600,
    ("queue",): 150,
    ("presence", "careroom", "carealarm"): 36_000,
    ("pulse", "pressure"): 2_000,
    ("weather", "forecast", "alert", "poi", "indicator", "kpi"): 2_700,
}
"""Entities of a city of one million, by rows of the model."""

EXTRA: Final = frozenset({"buildingtype", "pvdevice", "solar", "fleetstatus", "pollen", "privacy"})
"""Fleets that the model's rows don't count: so that each type is there, and relationships have targets."""


@pytest.fixture(scope="module")
def hamlet() -> list[Entity]:
    return [orjson.loads(line) for line in lines(City(SIZES["hamlet"], 1), NOON)]


@pytest.fixture(scope="module")
def village() -> list[Entity]:
    """Large enough that every fleet has its part, and is checked whole."""
    return [orjson.loads(line) for line in lines(City(6_000, 7), NOON)]


# --- valid NGSI-LD, checked independently -----------------------------------------------------------------------

NAME: Final = re.compile(r"[^\W\d_]\w*")
DATE_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")
SCOPE: Final = re.compile(r"(/[A-Za-z][A-Za-z0-9_]*)+")
UNIT: Final = re.compile(r"[A-Z0-9]{2,3}")
MEMBERS: Final = {
    "Property": "value",
    "GeoProperty": "value",
    "Relationship": "object",
    "LanguageProperty": "languageMap",
}
CORE_TERMS: Final = frozenset(
    term
    for term in Bundled()[CORE_CONTEXT]["@context"]
    if term not in {"location", "description", "status", "title", "observationSpace", "operationSpace"}
)
"""Names that mean something of the standard's own."""


def check_entity(entity: Entity) -> None:
    assert re.fullmatch(rf"urn:ngsi-ld:{entity['type']}:[a-z]+-\d{{6}}", entity["id"])
    assert entity["type"] in EXPANDED
    assert SCOPE.fullmatch(entity.get("scope", "/a"))
    for name, attribute in entity.items():
        if name not in ("id", "type", "scope", "@context"):
            assert NAME.fullmatch(name), name
            assert name not in CORE_TERMS, name
            check_attribute(attribute)


def check_attribute(attribute: dict[str, Any]) -> None:
    kind = attribute["type"]
    member = MEMBERS[kind]
    allowed = {"type", member, "observedAt"} | ({"unitCode"} if kind == "Property" else set())
    assert attribute.keys() <= allowed
    assert DATE_TIME.fullmatch(attribute.get("observedAt", "2025-01-01T00:00:00Z"))
    assert UNIT.fullmatch(attribute.get("unitCode", "CEL"))
    content = attribute[member]
    if kind == "GeoProperty":
        check_geometry(content)
    elif kind == "Relationship":
        targets = [content] if isinstance(content, str) else content
        assert targets
        assert all(target.startswith("urn:ngsi-ld:") for target in targets)
    elif kind == "LanguageProperty":
        assert content
        assert all(re.fullmatch("[a-z]{2}", tag) and isinstance(text, str) for tag, text in content.items())
    else:
        check_value(content)


def check_value(value: Any) -> None:
    assert value is not None
    if isinstance(value, dict):
        assert value.keys() == {"@type", "@value"} or all(NAME.fullmatch(key) for key in value)
        if "@type" in value:
            assert value["@type"] == "DateTime"
            assert DATE_TIME.fullmatch(value["@value"])
        else:
            for member in value.values():
                check_value(member)
    elif isinstance(value, list):
        assert value
        for member in value:
            check_value(member)
    elif isinstance(value, float):
        assert math.isfinite(value)
    elif isinstance(value, str):
        assert not set(value) & set("<>\"'=;()")


def check_geometry(geometry: Entity) -> None:
    depth = {"Point": 0, "LineString": 1, "MultiLineString": 2, "Polygon": 2}[geometry["type"]]
    coordinates = geometry["coordinates"]
    level = [coordinates]
    for _ in range(depth):
        level = [member for part in level for member in part]
    for longitude, latitude in level:
        assert abs(longitude - CENTRE[0]) < 0.15
        assert abs(latitude - CENTRE[1]) < 0.1
    if geometry["type"] == "Polygon":
        (ring,) = coordinates
        assert ring[0] == ring[-1]
        assert len({tuple(corner) for corner in ring}) == len(ring) - 1 >= 3
        area = sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(ring))
        assert area > 0, "the exterior ring goes counter-clockwise (RFC 7946 §3.1.6)"


def test_every_entity_is_valid_ngsi_ld(hamlet: list[Entity], village: list[Entity]) -> None:
    for entity in hamlet + village:
        check_entity(entity)


def test_the_broker_reads_every_kind_of_entity(village: list[Entity]) -> None:
    documents = Bundled()
    bundled = {url: documents[url] for url in documents.urls}
    contexts = {fleet.context: compile_context(fleet.context, bundled) for fleet in FLEETS}
    for entity in village[::5]:
        context = entity["@context"]
        payload = {name: value for name, value in entity.items() if name != "@context"}
        assert len(parse_entity(payload, contexts[context]).attributes) == len(payload.keys() - {"id", "type", "scope"})


@pytest.mark.parametrize("fleet", FLEETS, ids=lambda fleet: fleet.code)
def test_types_and_names_expand_as_the_smart_data_models_say(fleet: Fleet) -> None:
    """pyld is the oracle: nothing is dropped, types get their IRI, and most names one of their subject."""
    documents = Bundled()
    entity = next(City(1_000, 1).entities(fleet))
    entity["@context"] = [fleet.context, CORE_CONTEXT]

    def load(url: str, _options: Any) -> Any:
        return {
            "contentType": "application/ld+json",
            "contextUrl": None,
            "documentUrl": url,
            "document": documents[url],
        }

    (expanded,) = jsonld.expand(entity, {"documentLoader": load})
    assert expanded["@type"] == [EXPANDED[fleet.type]]
    names = expanded.keys() - {"@id", "@type"}
    assert len(names) == len(entity.keys() - {"id", "type", "@context"})
    own = [name for name in names if not name.startswith(DEFAULT_VOCABULARY)]
    assert len(own) / len(names) >= 0.6


def test_ids_are_unique(village: list[Entity]) -> None:
    assert len({entity["id"] for entity in village}) == len(village)


# --- what the city consists of ------------------------------------------------------------------------------------


def test_every_type_of_the_seven_domains_is_in_the_hamlet(hamlet: list[Entity]) -> None:
    assert {entity["type"] for entity in hamlet} == EXPANDED.keys()
    assert len(hamlet) == 1_000


def test_the_whole_city_has_the_numbers_of_the_model() -> None:
    counts = {fleet.code: fleet.count for fleet in FLEETS}
    assert {row: sum(counts[code] for code in row) for row in MODEL} == MODEL
    assert {code for row in MODEL for code in row} | EXTRA == counts.keys()
    assert sum(counts.values()) == pytest.approx(1_490_000, rel=0.005)


@pytest.mark.parametrize("entities", [*SIZES.values(), len(FLEETS), 100, 12_345])
def test_the_parts_of_a_city_add_up(entities: int) -> None:
    counts = apportion(FLEETS, entities)
    assert sum(counts.values()) == entities
    assert min(counts.values()) >= 1


def test_a_large_city_keeps_the_proportions_of_the_model() -> None:
    counts = apportion(FLEETS, 1_490_000)
    for fleet in FLEETS:
        assert counts[fleet.code] == pytest.approx(fleet.count, rel=0.005, abs=max(1.0, fleet.least))


def test_fewer_entities_than_kinds_of_things_are_refused() -> None:
    with pytest.raises(ValueError, match="at least that many"):
        apportion(FLEETS, len(FLEETS) - 1)


def test_every_domain_has_fleets() -> None:
    assert {fleet.domain for fleet in FLEETS} == DOMAINS.keys()


def test_all_relationships_resolve(hamlet: list[Entity], village: list[Entity]) -> None:
    for entities in (hamlet, village):
        ids = {entity["id"] for entity in entities}
        for entity in entities:
            for name, attribute in entity.items():
                if isinstance(attribute, dict) and attribute["type"] == "Relationship":
                    target = attribute["object"]
                    missing = ({target} if isinstance(target, str) else set(target)) - ids
                    assert not [each for each in missing if each.split(":")[2] in EXPANDED], (entity["id"], name)


def test_related_things_are_neighbours(village: list[Entity]) -> None:
    by_id = {entity["id"]: entity for entity in village}
    lamps = [entity for entity in village if entity["type"] == "Streetlight"]
    for lamp in lamps:
        group = by_id[lamp["refStreetlightGroup"]["object"]]
        (x, y), (u, v) = lamp["location"]["value"]["coordinates"], group["location"]["value"]["coordinates"][0][0]
        assert math.hypot((x - u) * 68_000, (y - v) * 111_000) < 400


def test_the_shapes_that_a_city_has_are_there(hamlet: list[Entity]) -> None:
    shapes = Counter(entity["location"]["value"]["type"] for entity in hamlet if "location" in entity)
    assert shapes.keys() == {"Point", "LineString", "Polygon", "MultiLineString"}
    assert shapes["Point"] > shapes.total() / 2
    attributes = [value for entity in hamlet for value in entity.values() if isinstance(value, dict)]
    values = [attribute.get("value") for attribute in attributes]
    assert any(attribute["type"] == "LanguageProperty" for attribute in attributes)
    assert any(isinstance(attribute.get("object"), list) for attribute in attributes)
    assert any(isinstance(value, dict) and value.keys() == {"L1", "L2", "L3"} for value in values)
    assert any(isinstance(value, list) and "wifi" in value for value in values)


def test_every_measured_number_has_a_time_and_a_unit() -> None:
    city = City(1_000, 1)
    for fleet in FLEETS:
        entity = next(city.entities(fleet))
        for name, attribute in fleet.attributes.items():
            if attribute.live:
                assert "observedAt" in entity[name], (fleet.code, name)
                if type(entity[name].get("value")) in (int, float):
                    assert "unitCode" in entity[name], (fleet.code, name)


def test_personal_data_lie_apart_under_care(hamlet: list[Entity]) -> None:
    scopes = {entity["type"]: entity["scope"] for entity in hamlet}
    assert scopes["HeartRate"].startswith("/care/")
    assert scopes["Streetlight"].startswith("/district/")
    places: dict[str, set[tuple[float, float]]] = {}
    for entity in hamlet:
        if entity["scope"].startswith("/care/") and "location" in entity:
            assert entity["type"] == "IndoorEnvironmentObserved", "its data model requires a place"
            longitude, latitude = entity["location"]["value"]["coordinates"]
            places.setdefault(entity["scope"], set()).add((longitude, latitude))
    assert places
    assert all(len(of_a_district) == 1 for of_a_district in places.values())


def test_an_entity_takes_about_a_kilobyte(village: list[Entity]) -> None:
    sizes = [len(orjson.dumps(entity)) for entity in village]
    assert 800 < sum(sizes) / len(sizes) < 1_300
    assert max(sizes) < 6_000


def test_same_seed_and_size_give_the_same_bytes_in_every_process() -> None:
    def produced(seed: int, hash_seed: str) -> bytes:
        command = [sys.executable, "-m", "broker", "city", "hamlet", "--seed", str(seed), "--out", "-"]
        environment = os.environ | {"PYTHONHASHSEED": hash_seed}
        return subprocess.run(command, env=environment, capture_output=True, check=True).stdout

    first = produced(1, "1")
    assert first == produced(1, "2") == b"".join(lines(City(1_000, 1), NOON))
    assert first != produced(2, "1")


def test_the_table_of_fleets_in_the_docs_is_the_city_s() -> None:
    page = (Path(__file__).parents[2] / "docs" / "city.md").read_text(encoding="utf-8")
    rows = {tuple(cell.strip() for cell in line.strip("|").split("|")) for line in page.splitlines() if "| `" in line}
    assert rows == {
        (
            DOMAINS[fleet.domain],
            f"`{fleet.type}`",
            f"`{fleet.code}`",
            fleet.subject,
            f"{fleet.count:,}",
            "–" if fleet.every is None else f"{fleet.every:,g} s",
            "–" if fleet.every is None else fleet.pace,
            fleet.curve,
        )
        for fleet in FLEETS
    }


# --- how it moves -------------------------------------------------------------------------------------------------


def test_the_mean_rate_is_the_model_s() -> None:
    assert sum(fleet.count / fleet.every for fleet in FLEETS if fleet.every) == pytest.approx(1_840, rel=0.02)


@pytest.mark.parametrize("pace", PACES)
def test_a_pace_does_not_change_the_number_of_updates_of_a_day(pace: str) -> None:
    calm = {"flood": 0.0}
    steps = 5 * 1_440
    mean = sum(PACES[pace](NOON + k * DAY / steps, calm) for k in range(steps)) / steps
    assert mean == pytest.approx(1.0, abs=0.03)


def test_at_dusk_all_lamps_report_within_five_minutes() -> None:
    motion = Motion(City(SIZES["town"], 1), faults=False)
    midnight = NOON - 12 * HOUR
    dusk = midnight + daylight(NOON)[1]
    reported = {
        entity["id"]
        for second in range(0, 300, 10)
        for _, entity in motion.between(dusk + second, dusk + second + 10)
        if entity["type"] == "Streetlight"
    }
    assert len(reported) > 0.95 * apportion(FLEETS, SIZES["town"])["lamp"]


def test_lamps_burn_at_night_only() -> None:
    lamps = next(fleet for fleet in FLEETS if fleet.code == "lamp")

    def burning(t: float) -> set[str]:
        return {entity["powerState"]["value"] for entity in City(1_000, 1).entities(lamps, t)}

    assert burning(NOON) == {"off"}
    assert burning(NOON + 12 * HOUR) == {"on"}


def test_rain_brings_floods_and_floods_bring_slow_traffic() -> None:
    hours = [NOON + k * HOUR for k in range(24 * 60)]
    wet = [t for t in hours if rain(1, t) > 0.5]
    dry = [t for t in hours if all(rain(1, t - k * HOUR) == 0 for k in range(8))]
    assert 0.02 < len(wet) / len(hours) < 0.4

    def mean(times: list[float], signal: str) -> float:
        return sum(signals(1, t)[signal] for t in times) / len(times)

    assert mean(wet, "flood") > 0.3
    assert mean(dry, "flood") == 0
    assert mean(wet, "congestion") > mean(dry, "congestion") + 0.2
    assert mean(wet, "sun") < mean(dry, "sun")


def test_signals_stay_between_0_and_1() -> None:
    for hour in range(0, 24 * 365, 7):
        assert all(0 <= signal <= 1 for signal in signals(3, NOON + hour * HOUR).values())


def test_updates_are_valid_and_a_part_of_their_entity(hamlet: list[Entity]) -> None:
    known = {entity["id"]: entity for entity in hamlet}
    motion = Motion(City(1_000, 1), faults=True)
    updates = [entity for _, entity in motion.between(NOON, NOON + 600)]
    assert len(updates) > 1_000
    for update in updates:
        check_entity(update)
        assert update.keys() - {"id", "type"}
        assert update.keys() <= known[update["id"]].keys()


def test_a_hamlet_moves_ten_times_a_second_and_vehicles_are_elsewhere_after_seconds() -> None:
    motion = Motion(City(1_000, 1), faults=False)
    for night_or_day in (NOON, NOON + 14 * HOUR):
        places: dict[str, set[str]] = {}
        updates = 0
        for second in range(60):
            for _, entity in motion.between(night_or_day + second, night_or_day + second + 1):
                updates += 1
                if entity["type"] == "Vehicle":
                    places.setdefault(entity["id"], set()).add(str(entity["location"]["value"]["coordinates"]))
        assert 250 <= updates <= 1_800
        assert sum(len(seen) > 1 for seen in places.values()) >= 3


def test_intended_times_lie_in_the_span_and_nothing_is_forgotten() -> None:
    motion = Motion(City(SIZES["town"], 1), faults=False)
    number = 0
    for second in range(100, 160):
        updates = [entity for _, entity in motion.between(NOON + second, NOON + second + 1)]
        number += len(updates)
        times = {value["observedAt"] for entity in updates for value in entity.values() if isinstance(value, dict)}
        assert all("2025-06-02T11:0" in time for time in times)
    quiet = motion.rate - apportion(FLEETS, SIZES["town"])["meter"] / 900
    assert number / 60 > 0.6 * quiet


def test_one_report_in_a_hundred_goes_wrong_and_only_if_wanted() -> None:
    def sent(faults: bool) -> list[Entity]:
        motion = Motion(City(SIZES["town"], 1), faults=faults)
        return [entity for k in range(20) for _, entity in motion.between(NOON + 200 + k * 10, NOON + 210 + k * 10)]

    def numbers(entities: list[Entity]) -> list[float]:
        values = [value.get("value") for entity in entities for value in entity.values() if isinstance(value, dict)]
        return [value for value in values if isinstance(value, int | float)]

    calm, troubled = sent(False), sent(True)
    assert -9999 not in numbers(calm)
    absurd = sum(number == -9999 for number in numbers(troubled))
    assert 0.0003 < absurd / len(troubled) < 0.003

    def doubled(entities: list[Entity]) -> int:
        return sum(a == b for a, b in pairwise(entities))

    assert doubled(calm) == 0
    assert 0.0005 < doubled(troubled) / len(troubled) < 0.004


def test_a_late_report_arrives_with_its_old_time() -> None:
    motion = Motion(City(SIZES["town"], 1), faults=True)
    for k in range(30):
        list(motion.between(NOON + 200 + k * 10, NOON + 210 + k * 10))
    arrived = [entity for _, entity in motion.between(NOON + 900, NOON + 900.5)]
    old = [entity for entity in arrived if "T11:0" in str(entity)]
    assert old


def test_what_happens_happens_mostly_to_a_tenth() -> None:
    spots = next(fleet for fleet in FLEETS if fleet.code == "spot")
    reports = Reports(spots, 4_000, 1.0, Random(1))
    happened = [index for hour in range(24) for _, index in reports.due(hour * HOUR, (hour + 1) * HOUR, {})]
    assert len(happened) == pytest.approx(4_000 * DAY / 8_640, rel=0.01)
    assert sum(index % 10 == 0 for index in happened) / len(happened) == pytest.approx(0.91, abs=0.01)


def test_meters_never_run_backwards() -> None:
    city = City(1_000, 1)
    meter = next(fleet for fleet in FLEETS if fleet.code == "meter")
    random = Random(1)
    readings = [
        city.update(meter, 5, NOON + k * 900, signals(1, NOON + k * 900), random)["totalConsumption"]["value"]
        for k in range(200)
    ]
    assert readings == sorted(readings)


def test_parts_of_a_whole_add_up(village: list[Entity]) -> None:
    for entity in village:
        if entity["type"] in ("OnStreetParking", "OffStreetParking"):
            taken, free = entity["occupiedSpotNumber"]["value"], entity["availableSpotNumber"]["value"]
            assert taken + free == entity["totalSpotNumber"]["value"]
        if entity["type"] == "ThreePhaseAcMeasurement":
            assert sum(entity["activePower"]["value"].values()) == pytest.approx(entity["totalActivePower"]["value"])
