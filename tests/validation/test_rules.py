"""Rules over HTTP: what is refused, what is warned of, by every way of writing."""

from typing import Any, Final

import httpx2
import pytest

from broker.validation.rules import Mode
from tests.validation.conftest import Administrate

pytestmark = pytest.mark.http

Json = dict[str, Any]

WEATHER: Final = "https://smart-data-models.github.io/dataModel.Weather/context.jsonld"
LINK: Final = {"Link": f'<{WEATHER}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'}
IRI: Final = "https://smartdatamodels.org/dataModel.Weather/WeatherObserved"
ID: Final = "urn:ngsi-ld:WeatherObserved:1"
VIOLATION: Final = {"pointer": "/temperature", "expectation": "a number", "value": "warm"}


def observed(**attributes: Any) -> Json:
    """A sound entity, but for what is given."""
    return {
        "id": ID,
        "type": "WeatherObserved",
        "dateObserved": {"@type": "DateTime", "@value": "2025-06-02T11:00:00Z"},
        "location": {"type": "Point", "coordinates": [4.9, 52.3]},
        "temperature": {"value": 21.5, "unitCode": "CEL"},
    } | attributes


@pytest.fixture
def weather(fresh: httpx2.Client, administrate: Administrate) -> httpx2.Client:
    """A tenant with a sound WeatherObserved, and strict about it."""
    fresh.headers.update(LINK)
    assert fresh.post("/entities", json=observed()).status_code == 201
    rule(fresh, administrate, Mode.STRICT)
    return fresh


def rule(client: httpx2.Client, administrate: Administrate, mode: Mode, name: str = "WeatherObserved") -> None:
    administrate(lambda registry: registry.set_mode(client.headers["NGSILD-Tenant"], name, mode))


def stored(client: httpx2.Client) -> Json:
    found: Json = client.get(f"/entities/{ID}").json()
    return found


WARM: Final = {"temperature": "warm"}
ONE: Final = f"/entities/{ID}"
WRITES: Final[dict[str, tuple[str, str, Any]]] = {
    "merge": ("PATCH", ONE, WARM),
    "replace": ("PUT", ONE, observed(**WARM)),
    "append": ("POST", f"{ONE}/attrs", WARM),
    "update": ("PATCH", f"{ONE}/attrs", WARM),
    "partial update": ("PATCH", f"{ONE}/attrs/temperature", {"value": "warm"}),
    "replace attribute": ("PUT", f"{ONE}/attrs/temperature", {"type": "Property", "value": "warm"}),
    "replace value": ("PUT", f"{ONE}/attrs/temperature/value", "warm"),
}


@pytest.mark.parametrize("way", WRITES)
def test_a_single_write_that_violates_is_refused_and_nothing_written(weather: httpx2.Client, way: str) -> None:
    before = stored(weather)
    method, url, body = WRITES[way]
    answer = weather.request(method, url, json=body)
    assert answer.status_code == 400
    problem = answer.json()
    assert problem["type"].endswith("/BadRequestData")
    assert problem["violations"] == [VIOLATION]
    assert ID in problem["detail"]
    assert "/temperature" in problem["detail"]
    assert stored(weather) == before


BATCHES: Final[dict[str, tuple[str, Json]]] = {
    "upsert": ("upsert", observed(**WARM)),
    "upsert to update": ("upsert?options=update", {"id": ID, "type": "WeatherObserved", **WARM}),
    "update": ("update", {"id": ID, "type": "WeatherObserved", **WARM}),
    "merge": ("merge", {"id": ID, "type": "WeatherObserved", **WARM}),
}


@pytest.mark.parametrize("way", BATCHES)
def test_a_batch_refuses_what_violates_and_takes_the_others(weather: httpx2.Client, way: str) -> None:
    url, body = BATCHES[way]
    other = {"id": "urn:ngsi-ld:Lamp:1", "type": "Lamp", "power": 1}
    weather.post("/entities", json=other)
    answer = weather.post(f"/entityOperations/{url}", json=[body, other])
    assert answer.status_code == 207
    outcome = answer.json()
    assert outcome["success"] == [other["id"]]
    (error,) = outcome["errors"]
    assert error["entityId"] == ID
    assert error["error"]["violations"] == [VIOLATION]


def test_a_create_and_a_batch_create_are_refused(weather: httpx2.Client) -> None:
    new = observed(id="urn:ngsi-ld:WeatherObserved:2", **WARM)
    assert weather.post("/entities", json=new).json()["violations"] == [VIOLATION]
    batch = weather.post("/entityOperations/create", json=[new]).json()
    assert batch["errors"][0]["error"]["violations"] == [VIOLATION]
    assert weather.get(f"/entities/{new['id']}").status_code == 404


def test_what_the_model_requires_cannot_be_deleted_but_the_entity_can(weather: httpx2.Client) -> None:
    missing = {"pointer": "/dateObserved", "expectation": "a value, as the model requires", "value": None}
    assert weather.delete(f"{ONE}/attrs/dateObserved").json()["violations"] == [missing]
    purged = weather.delete("/entities?type=WeatherObserved&drop=dateObserved").json()
    assert purged["errors"][0]["error"]["violations"] == [missing]
    assert weather.delete(f"{ONE}/attrs/temperature").status_code == 204
    assert weather.delete(ONE).status_code == 204


def test_the_new_state_counts_not_what_was_sent(weather: httpx2.Client, administrate: Administrate) -> None:
    rule(weather, administrate, Mode.OFF)
    weather.patch(f"{ONE}/attrs", json=WARM)
    rule(weather, administrate, Mode.STRICT)
    assert weather.patch(f"{ONE}/attrs", json={"windSpeed": 2}).json()["violations"] == [VIOLATION]
    assert weather.patch(f"{ONE}/attrs", json={"windSpeed": 2, "temperature": 20}).status_code == 204


def test_names_are_those_of_the_model_whatever_the_vendor_calls_them(weather: httpx2.Client) -> None:
    vendor = {"Wetter": IRI, "temp": IRI.replace("WeatherObserved", "temperature")}
    body = {"id": ID, "type": "Wetter", "temp": "warm", "temperature": "warm", "@context": vendor}
    answer = weather.post(
        "/entityOperations/update", json=[body], headers={"Content-Type": "application/ld+json", "Link": ""}
    )
    assert answer.json()["errors"][0]["error"]["violations"] == [VIOLATION]


BESIDES: Final[dict[str, tuple[Json, Json]]] = {
    "another quantity": (
        {"temperature": {"value": 20, "unitCode": "KMH"}},
        {
            "pointer": "/temperature/unitCode",
            "expectation": "CEL (°C), or another unit of the same quantity",
            "value": "KMH",
        },
    ),
    "a unit that is none": (
        {"airQualityIndex": {"value": 20, "unitCode": "per mille"}},
        {"pointer": "/airQualityIndex/unitCode", "expectation": "a UN/CEFACT common code", "value": "per mille"},
    ),
    "a range": (
        {"relativeHumidity": 55},
        {"pointer": "/relativeHumidity", "expectation": "a number of at most 1", "value": 55},
    ),
    "an enumeration": (
        {"pressureTendency": "up"},
        {
            "pointer": "/pressureTendency",
            "expectation": "one of 'falling', 'raising', 'steady' or a number",
            "value": "up",
        },
    ),
    "another type by URN": (
        {"refDevice": {"object": "urn:ngsi-ld:Vehicle:1"}},
        {"pointer": "/refDevice", "expectation": "the id of Device", "value": "urn:ngsi-ld:Vehicle:1"},
    ),
    "another type by objectType": (
        {"refDevice": {"object": "urn:x:1", "objectType": "WeatherObserved"}},
        {"pointer": "/refDevice/objectType", "expectation": "Device", "value": IRI},
    ),
    "a further instance": (
        {"temperature": [{"value": 20}, {"value": "warm", "datasetId": "urn:x:roof"}]},
        VIOLATION,
    ),
    "a language": (
        {"windSpeed": {"languageMap": {"en": "fast"}}},
        {"pointer": "/windSpeed", "expectation": "a number", "value": "fast"},
    ),
    "a member of a value": (
        {"address": {"postalCode": 7}},
        {"pointer": "/address/postalCode", "expectation": "a text", "value": 7},
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BESIDES)
def test_units_targets_ranges_and_enumerations_are_covered(weather: httpx2.Client, what: str) -> None:
    body, expected = BESIDES[what]
    assert weather.patch(f"{ONE}/attrs", json=body).json()["violations"] == [expected]


@pytest.mark.parametrize(
    "body",
    [
        {"temperature": {"value": 70, "unitCode": "FAH"}},
        {"refDevice": {"object": "https://example.com/devices/1"}},
        {"refDevice": {"object": "urn:ngsi-ld:Device:1"}},
        {"owner": {"object": "urn:ngsi-ld:Organization:1"}},
        {"description": {"languageMap": {"en": "At the river", "nl": "Aan de rivier"}}},
        {"ofTheVendor": {"value": [1, "x"]}},
    ],
    ids=["a unit of the same quantity", "a target of unknown type", "a target", "one for an array", "languages", "own"],
)
def test_what_is_sound_is_accepted(weather: httpx2.Client, body: Json) -> None:
    assert weather.patch(f"{ONE}/attrs", json=body).status_code == 204


def test_a_warning_is_told_and_listed_until_it_is_mended(weather: httpx2.Client, administrate: Administrate) -> None:
    rule(weather, administrate, Mode.WARN)
    tenant = weather.headers["NGSILD-Tenant"]
    answer = weather.patch(f"{ONE}/attrs", json=WARM)
    assert answer.status_code == 204
    told = "/temperature is 'warm': a number is expected"
    assert answer.headers["NGSILD-Warning"] == f'199 ngsild-broker "{ID}: {told}"'
    (listed,) = administrate(lambda registry: registry.violating(tenant, "WeatherObserved", 10))
    assert (listed.entity_id, listed.types, listed.violations) == (ID, [IRI], [VIOLATION])
    assert counted(administrate, tenant) == 1

    mended = weather.patch(f"{ONE}/attrs", json={"temperature": 20})
    assert "NGSILD-Warning" not in mended.headers
    assert administrate(lambda registry: registry.violating(tenant, None, 10)) == []


def counted(administrate: Administrate, tenant: str) -> int:
    listed = administrate(lambda registry: registry.listed(tenant))
    count: int = next(each.violations for each in listed if each.type == IRI)
    return count


@pytest.mark.parametrize("way", ["delete", "off", "strict"])
def test_the_list_forgets_what_is_gone(weather: httpx2.Client, administrate: Administrate, way: str) -> None:
    rule(weather, administrate, Mode.WARN)
    weather.patch(f"{ONE}/attrs", json=WARM)
    assert counted(administrate, weather.headers["NGSILD-Tenant"]) == 1
    if way == "delete":
        weather.delete(ONE)
    else:
        rule(weather, administrate, Mode(way))
    assert counted(administrate, weather.headers["NGSILD-Tenant"]) == 0


def test_a_batch_of_many_warnings_has_a_bounded_head(weather: httpx2.Client, administrate: Administrate) -> None:
    rule(weather, administrate, Mode.WARN)
    batch = [observed(id=f"urn:ngsi-ld:WeatherObserved:{i}", **WARM) for i in range(100, 130)]
    answer = weather.post("/entityOperations/upsert", json=batch)
    assert answer.status_code == 201
    warnings = answer.headers.get_list("NGSILD-Warning")
    assert len(warnings) == 11
    assert warnings[-1] == '199 ngsild-broker "20 more warnings"'


def test_a_warning_cannot_end_the_header(weather: httpx2.Client, administrate: Administrate) -> None:
    rule(weather, administrate, Mode.WARN)
    answer = weather.patch(f"{ONE}/attrs", json={"temperature": 'a"\r\nX-Evil: ü\\'})
    assert answer.status_code == 204
    assert "X-Evil" not in answer.headers
    assert answer.headers["NGSILD-Warning"].count('"') == 2


def test_rules_are_of_one_tenant_and_one_type(weather: httpx2.Client, api: httpx2.Client) -> None:
    assert api.post("/entities", json=observed(**WARM), headers=LINK).status_code == 201
    alert = {"id": "urn:ngsi-ld:WeatherAlert:1", "type": "WeatherAlert", "temperature": "warm"}
    assert weather.post("/entities", json=alert).status_code == 201
