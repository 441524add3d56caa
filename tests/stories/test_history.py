"""The T parts of the city's use cases: three days of bins, of flood stations, of rooms, recorded from what they sent.

What is expected is computed from what was sent, by plain Python.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from statistics import fmean
from typing import Any, Final

import httpx2
import pytest

from broker.cli.city.domains import FLEETS
from broker.cli.city.fleet import Fleet
from broker.cli.city.generate import NOON, City
from broker.cli.city.moment import signals
from broker.cli.transfer import link
from tests.conftest import RunningBroker, new_tenant, tenant_client

pytestmark = pytest.mark.http

SEED: Final = 7
START: Final = NOON - 72 * 3600
EVERY: Final = {"bin": 7_200, "flood": 7_200, "room": 7_200}
"""Code of a fleet to the seconds between its reports."""
TOLD: Final = {"bin": "fillingLevel", "flood": "currentLevel", "room": "temperature"}

Sent = dict[str, list[tuple[float, str]]]
"""Id to the values of what the fleet tells, and their observedAt."""


@dataclass(frozen=True)
class Lived:
    """A city whose fleets have reported for three days, and what they reported."""

    client: httpx2.Client
    sent: dict[str, Sent]
    districts: dict[str, str]

    def ask(self, code: str, **parameters: str) -> list[dict[str, Any]]:
        """All pages of a temporal query about the attribute that a fleet tells."""
        fleet = FLEET[code]
        url, query = "/temporal/entities", {"type": fleet.type, "attrs": TOLD[code], "limit": "10", **parameters}
        found: list[dict[str, Any]] = []
        answer = self.client.get(url, params=query, headers={"Link": link(fleet.context)})
        while True:
            assert answer.status_code == 200, answer.text
            found += answer.json()
            following = answer.links.get("next")
            if following is None:
                return found
            path = following["url"].removeprefix("/ngsi-ld/v1")
            answer = self.client.get(path, headers={"Link": link(fleet.context)})


FLEET: Final[dict[str, Fleet]] = {fleet.code: fleet for fleet in FLEETS}


def at(t: float) -> str:
    """A DateTime."""
    return datetime.fromtimestamp(t, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(text: str) -> float:
    """Seconds since 1970."""
    return datetime.fromisoformat(text).timestamp()


@pytest.fixture(scope="module")
def lived(running_broker: RunningBroker) -> Iterator[Lived]:
    """Entities are brought with the scope that they had from the beginning; then each reports by ordinary updates."""
    city = City(1_000, SEED)
    sent: dict[str, Sent] = {code: defaultdict(list) for code in EVERY}
    districts: dict[str, str] = {}
    with tenant_client(running_broker, new_tenant()) as client:
        for code in EVERY:
            for entity in city.entities(FLEET[code], START):
                districts[entity["id"]] = entity["scope"]
                scope = [{"type": "Property", "value": entity["scope"], "observedAt": at(START)}]
                headers = {"Link": link(FLEET[code].context)}
                answer = client.post("/temporal/entities", json={**entity, "scope": scope}, headers=headers)
                assert answer.status_code == 201, answer.text
                note(sent[code], code, entity)
        for code, every in EVERY.items():
            for step in range(1, 72 * 3600 // every):
                report(client, city, code, START + step * every, sent[code])
        yield Lived(client, sent, districts)


def report(client: httpx2.Client, city: City, code: str, t: float, sent: Sent) -> None:
    """Every entity of a fleet reports."""
    fleet, weather, random = FLEET[code], signals(SEED, t), Random(f"{code}{t}")
    batch = [city.update(fleet, index, t, weather, random) for index in range(city.counts[code])]
    answer = client.post("/entityOperations/update", json=batch, headers={"Link": link(fleet.context)})
    assert answer.status_code == 204, answer.text
    for entity in batch:
        note(sent, code, entity)


def note(sent: Sent, code: str, entity: dict[str, Any]) -> None:
    """Keep what was told."""
    attribute = entity[TOLD[code]]
    sent[entity["id"]].append((attribute["value"], attribute["observedAt"]))


def by_day(points: Iterable[tuple[float, str]], since: float) -> dict[str, list[float]]:
    """Start of each day from `since` on to the values of it."""
    days: dict[str, list[float]] = defaultdict(list)
    begin = datetime.fromtimestamp(since, UTC)
    for value, observed in points:
        number = (datetime.fromisoformat(observed) - begin) // timedelta(days=1)
        if number >= 0:
            days[at(since + 86_400 * number)].append(value)
    return days


def test_how_quickly_bins_fill(lived: Lived) -> None:
    """U2: the fullest of each day tells the rate, and so the next visit."""
    found = lived.ask("bin", timerel="after", timeAt=at(START), aggrMethods="max", aggrPeriodDuration="P1D")
    assert {each["id"] for each in found} == lived.sent["bin"].keys()
    for each in found:
        expected = {day: max(values) for day, values in by_day(lived.sent["bin"][each["id"]], START).items()}
        assert {start: value for value, start, _ in each["fillingLevel"]["max"]} == expected


def test_the_levels_of_two_days_at_all_stations(lived: Lived) -> None:
    """U5: as pairs, for a chart; each report is a point, equal ones too."""
    since = NOON - 48 * 3600
    found = lived.ask("flood", timerel="after", timeAt=at(since), format="temporalValues")
    assert {each["id"] for each in found} == lived.sent["flood"].keys()
    for each in found:
        expected = sorted(point for point in lived.sent["flood"][each["id"]] if moment(point[1]) >= since)
        assert sorted(map(tuple, each["currentLevel"]["values"])) == [(value, time) for value, time in expected]


def test_means_by_day_and_district(lived: Lived) -> None:
    """U6: what a KeyPerformanceIndicator is made of; one question for each district, which is a scope."""
    asked_for = set()
    for district in sorted({scope for name, scope in lived.districts.items() if name in lived.sent["room"]}):
        found = lived.ask(
            "room",
            scopeQ=district,
            timerel="between",
            timeAt=at(START),
            endTimeAt=at(NOON),
            aggrMethods="sum,totalCount,avg",
            aggrPeriodDuration="P1D",
        )
        rooms = {name for name in lived.sent["room"] if lived.districts[name] == district}
        assert {each["id"] for each in found} == rooms
        sums: dict[str, float] = defaultdict(float)
        counts: dict[str, int] = defaultdict(int)
        for each in found:
            for value, start, _ in each["temperature"]["sum"]:
                sums[start] += value
            for value, start, _ in each["temperature"]["totalCount"]:
                counts[start] += value
        everything = by_day((point for name in rooms for point in lived.sent["room"][name]), START)
        means = {day: fmean(values) for day, values in everything.items()}
        assert {day: sums[day] / counts[day] for day in sums} == pytest.approx(means)
        asked_for |= rooms
    assert asked_for == lived.sent["room"].keys()


def test_when_the_danger_began(lived: Lived) -> None:
    """U5: stations that were above a level at some time of the last day, and their first point above it."""
    since, level = NOON - 24 * 3600, 1.5
    window = {"timerel": "after", "timeAt": at(since)}
    found = {
        each["id"]: each for each in lived.ask("flood", q=f"currentLevel>{level}", **window, format="temporalValues")
    }
    expected = {}
    for name, points in lived.sent["flood"].items():
        above = sorted(time for value, time in points if moment(time) >= since and value > level)
        if above:
            expected[name] = above[0]
    first = {
        name: min(time for value, time in each["currentLevel"]["values"] if value > level)
        for name, each in found.items()
    }
    assert first == expected
