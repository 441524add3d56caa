"""The check after a city's load, on a real broker: silent while all is there, it names what somebody took away."""

import time
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple

import numpy as np
import orjson
import pytest
from pymongo import MongoClient
from pymongo.database import Database

from benchmarks import city_check, city_watch, systems
from benchmarks.city_check import Check
from benchmarks.city_load import Ledger, Life, Report
from benchmarks.city_sinks import RECEIPT
from benchmarks.city_watch import FLEET_OF, Watch, Written
from broker.cli.city.generate import City
from broker.cli.city.moment import signals
from broker.cli.transfer import Batch, Item, Remote
from broker.names import API_ROOT
from broker.store.indexes import ENTITIES, TAIL

CODE: Final = "room"
ROOMS: Final = 5
REPORTS: Final = 3
VICTIM: Final = f"{FLEET_OF[CODE].prefix}000002"


class Stage(NamedTuple):
    """A broker that holds a city whose rooms have reported, and its database."""

    root: str
    database: Database[dict[str, Any]]
    written: dict[str, Written]
    start: float


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    with ExitStack() as stack:
        uri, _ = stack.enter_context(systems.mongod(tmp_path / "data", 256))
        broker = stack.enter_context(systems.broker(uri, tmp_path / "log"))
        client = stack.enter_context(MongoClient[dict[str, Any]](uri))
        city, ledger, start = City(1000, 1), Ledger(), time.time()
        async with Remote(f"http://{broker.address}", mode="update") as remote:
            for number in range(REPORTS):
                await _report(remote, city, ledger, start + number)
        yield Stage(f"http://{broker.address}{API_ROOT}", client[systems.DATABASE], ledger.written(), start - 1)


async def _report(remote: Remote, city: City, ledger: Ledger, at: float) -> None:
    fleet, t = FLEET_OF[CODE], round(at, 3)
    random, moment = Random(at), signals(city.seed, at)
    reports = []
    for index in range(ROOMS):
        entity = city.update(fleet, index, t, moment, random)
        item = Item(entity["id"], orjson.dumps(entity))
        reports.append(Report(t, CODE, index, float(entity["co2"]["value"]), item))
    outcome = await remote.upsert(Batch([each.item for each in reports], fleet.context))
    assert not outcome.refused
    for each in reports:
        ledger.acknowledge(each)


async def _checks(stage: Stage) -> tuple[Check, Check]:
    """Of entities, and of points."""
    points = await city_check.points(stage.root, stage.written, stage.start, 100)
    return await city_check.entities(stage.root, stage.written), points


async def test_the_check_names_what_was_taken_away_behind_the_brokers_back(stage: Stage) -> None:
    entities, points = await _checks(stage)
    assert (entities.checked, entities.lost) == (ROOMS, 0)
    assert (points.checked, points.lost) == (ROOMS * REPORTS, 0)

    assert stage.database[TAIL].delete_many({"_id": {"$regex": f"^{VICTIM}"}}).deleted_count
    entities, points = await _checks(stage)
    assert entities.lost == 0
    assert points.lost == 1
    assert VICTIM in points.examples[0]

    assert stage.database[ENTITIES].delete_one({"_id": VICTIM}).deleted_count
    entities, _ = await _checks(stage)
    assert entities.lost == 1
    assert VICTIM in entities.examples[0]


async def test_a_check_that_fails_says_so_instead_of_ending_the_run() -> None:
    found = await city_check.tried(city_check.entities("http://127.0.0.1:1/ngsi-ld/v1", _written(1.0)))
    assert not found.is_clean
    assert "Connect" in found.failed


def _written(*values: float) -> dict[str, Written]:
    """Reports of room 0, a second apart."""
    t = np.arange(len(values), dtype=np.float64) + 1_780_000_000
    return {CODE: Written(np.zeros(len(values), np.uint32), t, np.array(values))}


def _receipt(number: int, t: float, delay: float) -> bytes:
    return RECEIPT.pack(number, city_watch.report_key(CODE, 0, t), t, t + delay)


WATCH: Final = Watch(7, CODE, 500.0, 0, None, "fast")


async def test_every_quick_receiver_has_to_be_told_of_each_report_above_its_threshold() -> None:
    written = _written(400.0, 600.0, 700.0)
    start = 1_780_000_000
    told = _receipt(7, start + 1, 0.5) + _receipt(7, start + 1, 0.7) + _receipt(7, start + 2, 0.5)
    found = await city_check.notifications([WATCH], written, {}, told)
    assert (found.checked, found.lost, found.doubled) == (2, 0, 1)
    assert found.seconds == (0.5, 0.5, 0.5)
    found = await city_check.notifications([WATCH], written, {}, _receipt(7, start + 2, 0.5))
    assert (found.checked, found.lost) == (2, 1)
    assert "subscription 7" in found.examples[0]


def test_a_line_is_within_a_box_with_all_of_its_corners() -> None:
    lines = np.array([[[1, 1], [2, 2]], [[1, 1], [5, 1]]], np.float64)
    assert city_watch.inside(lines, (0, 0, 3, 3)).tolist() == [True, False]


@pytest.mark.parametrize("hour", [3, 7, 8, 15, 22])
def test_a_city_reports_as_often_at_any_hour(hour: int) -> None:
    life, start = Life(City(20_000, 1), 2.0), 1_780_272_000 + 3600.0 * hour
    due = sum(1 for _ in life.between(start, start + 20))
    assert due == pytest.approx(20 * life.rate, rel=0.1)
    assert life.rate == pytest.approx(2 * 1840 * 20_000 / 1_490_000, rel=0.05)
