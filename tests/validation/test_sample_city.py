"""The sample city under strict rules for all 56 types: what it holds, and what its systems send."""

from collections.abc import Iterable

import httpx2
import orjson
import pytest

from broker.cli.city.domains import FLEETS
from broker.cli.city.fleet import SIZES
from broker.cli.city.generate import NOON, City
from broker.cli.city.live import Motion
from broker.cli.city.moment import DAY
from broker.cli.transfer import link
from broker.validation.bundle import bundle

pytestmark = pytest.mark.http


def upserted(client: httpx2.Client, context: str, entities: Iterable[object]) -> httpx2.Response:
    body = orjson.dumps(list(entities))
    headers = {"Content-Type": "application/json", "Link": link(context)}
    return client.post("/entityOperations/upsert?options=update", content=body, headers=headers)


def test_a_whole_hamlet_passes_strict_rules_by_day_and_by_night(strict: httpx2.Client) -> None:
    assert {fleet.type for fleet in FLEETS} == bundle().by_name.keys()
    city = City(SIZES["hamlet"], 1)
    for instant in (NOON, NOON + DAY / 2):
        for fleet in FLEETS:
            answer = upserted(strict, fleet.context, city.entities(fleet, instant))
            assert answer.status_code in {201, 204}, answer.text


def test_what_its_systems_send_passes_strict_rules(strict: httpx2.Client) -> None:
    city = City(SIZES["hamlet"], 1)
    for fleet in FLEETS:
        assert upserted(strict, fleet.context, city.entities(fleet)).status_code in {201, 204}
    updates: dict[str, list[object]] = {}
    for context, update in Motion(city, faults=False).between(NOON, NOON + 600):
        updates.setdefault(context, []).append(update)
    for context, sent in updates.items():
        answer = upserted(strict, context, sent)
        assert answer.status_code == 204, answer.text
