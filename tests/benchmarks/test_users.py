"""The users of the load test: when they ask, what they write, and what they hold the broker to."""

from collections import Counter
from random import Random
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from benchmarks.users.ledger import Ledger, Notice
from benchmarks.users.pace import Pace
from benchmarks.users.panels import PANELS, View, drawn
from benchmarks.users.reports import Partition
from broker.cli.city.generate import City
from broker.cli.city.town import Town

ENTITIES = 2_000


@pytest.fixture(scope="module")
def city() -> City:
    return City(ENTITIES, 1)


class Clock:
    """A clock that stands where it is put."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_an_open_loop_asks_at_its_rate_whatever_the_broker_does() -> None:
    clock = Clock()
    pace = Pace(10, Random(1), clock)
    due = []
    for _ in range(1000):
        due.append(pace.next())
        clock.now += 60  # the broker is slow: nothing waits for it
    assert due == sorted(due)
    assert due[-1] == pytest.approx(100, rel=0.1)


def test_a_closed_loop_asks_when_it_is_answered() -> None:
    clock = Clock()
    pace = Pace(None, Random(1), clock)
    clock.now = 7
    assert pace.next() == 7


def test_panels_are_drawn_as_often_as_their_table_says(city: City) -> None:
    view = View(city, Town(ENTITIES), Random(1))
    drawn_so_far = Counter(drawn(view).name for _ in range(4000))
    assert sum(share for share, _ in PANELS) == pytest.approx(1)
    assert drawn_so_far["map"] / 4000 == pytest.approx(0.40, abs=0.03)
    assert drawn_so_far["type and q"] / 4000 == pytest.approx(0.25, abs=0.03)
    assert drawn_so_far["by id"] / 4000 == pytest.approx(0.05, abs=0.02)


def test_a_map_is_a_closed_ring_within_limits(city: City) -> None:
    view = View(city, Town(ENTITIES), Random(1))
    asked = next(each for each in iter(lambda: drawn(view), None) if each.name == "map")
    parameters = parse_qs(urlsplit(asked.path).query)
    (ring,) = orjson.loads(parameters["coordinates"][0])
    assert ring[0] == ring[-1]
    assert len(ring) == 5
    assert parameters["limit"] == ["1000"]


def test_no_entity_is_written_by_two_users(city: City) -> None:
    written = [set[str](), set[str]()]
    for slot, ids in enumerate(written):
        partition = Partition(city, slot, 2, Random(slot))
        for _ in range(200):
            ids.update(partition.report().reported)
    assert written[0]
    assert written[1]
    assert not written[0] & written[1]


def test_a_batch_holds_an_entity_once(city: City) -> None:
    partition = Partition(city, 0, 1, Random(1))
    for _ in range(200):
        report = partition.report()
        if report.asked.method == "POST" and report.asked.body is not None:
            assert len(orjson.loads(report.asked.body)) == len(report.reported)


def _number(value: int) -> dict[str, Any]:
    return {"type": "Property", "value": value}


@pytest.mark.parametrize(
    ("found", "is_lost"),
    [({"a": _number(2)}, False), ({"a": _number(1)}, True), ({}, True), ({"a": _number(2), "b": _number(9)}, False)],
    ids=["the last one", "the one before", "nothing", "and another attribute"],
)
def test_what_was_acknowledged_last_has_to_be_there(found: dict[str, Any], is_lost: bool) -> None:
    ledger = Ledger()
    ledger.acknowledge({"urn:x": {"a": _number(1)}}, 0.0)
    ledger.acknowledge({"urn:x": {"a": _number(2)}}, 1.0)
    assert bool(ledger.lost([{"id": "urn:x"} | found])) is is_lost


@pytest.mark.parametrize(("value", "is_lost"), [(1, False), (2, False), (3, True)])
def test_what_was_never_answered_may_be_there_or_not(value: int, is_lost: bool) -> None:
    ledger = Ledger()
    ledger.acknowledge({"urn:x": {"a": _number(1)}}, 0.0)
    ledger.doubt({"urn:x": {"a": _number(2)}})
    assert bool(ledger.lost([{"id": "urn:x", "a": _number(value)}])) is is_lost


def test_a_receiver_has_to_be_told_of_reports_that_were_sent_after_its_subscription() -> None:
    ledger = Ledger()
    reports = [{"urn:x": {"a": _number(each) | {"observedAt": f"2026-01-01T00:00:0{each}Z"}}} for each in range(3)]
    ledger.acknowledge(reports[0], 1.0)
    ledger.watch("s", ["urn:x"], since=1.5)
    ledger.acknowledge(reports[1], 1.2)
    ledger.acknowledge(reports[2], 2.0)
    notice = Notice("s", "urn:x")
    assert ledger.untold({}).keys() == {"s"}
    assert ledger.untold({notice: {"2026-01-01T00:00:01Z"}}).keys() == {"s"}
    assert not ledger.untold({notice: {"2026-01-01T00:00:02Z"}})
