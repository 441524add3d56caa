"""Rules of recording and retention, on a real database and with time as an argument."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from broker.model import merge
from broker.model.entity import Entity, Instance
from broker.model.instants import format_instant
from broker.model.parse import Fragment
from broker.model.recording import Mode, Rule
from broker.model.recording_rules import RuleBook, Stated
from broker.model.temporal import Duration, Reading
from broker.query.ast import HasType
from broker.query.plan import Query, Selector
from broker.store.client import Database
from broker.store.commits import Write
from broker.store.history.history import History
from broker.store.history.keep import Sealing, keep
from broker.store.history.record import recorder
from broker.store.indexes import BLOCKS, EVOLUTIONS, TAIL
from broker.store.store import Store

TYPE = "https://example.org/Meter"
PERSONAL = "https://example.org/Person"
POWER = "https://example.org/power"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ALL = Sealing(commits=1)


def writing(entity_id: str, value: Any, observed: str | None = None, type_: str = TYPE) -> Write:
    instance: Instance = {"type": "Property", "value": value}
    if observed is not None:
        instance["observedAt"] = observed

    def apply(old: Entity | None, now: str) -> tuple[Entity, None]:
        if old is None:
            return merge.create(Entity(entity_id, (type_,), {POWER: [instance]}, "", ""), now), None
        return merge.update(old, Fragment(entity_id, (), {POWER: [instance]}), now)[0], None

    return Write(entity_id, apply)


async def values(history: History, entity_id: str) -> list[Any]:
    found = await history.read("", [entity_id], Reading())
    return [
        point.instance.get("value")
        for evolution in found.evolutions
        for series in evolution.attributes.values()
        for points in series.values()
        for point in points
    ]


async def at_once() -> None:
    pass


CASES: tuple[tuple[str, Rule, Sequence[tuple[Any, int]], Sequence[Any]], ...] = (
    ("all", Rule(), ((1, 0), (1, 1), (2, 2)), (1, 1, 2)),
    ("changes", Rule(Mode.CHANGES), ((1, 0), (1, 1), (2, 2), (2, 3), (1, 4)), (1, 2, 1)),
    ("off", Rule(Mode.OFF), ((1, 0), (2, 1)), ()),
    ("an interval of a minute", Rule(interval=60_000_000), ((1, 0), (2, 30), (3, 59), (4, 60), (5, 61)), (1, 4)),
    (
        "a dead-band, through which nothing drifts",
        Rule(dead_band=2),
        ((0, 0), (1, 1), (2, 2), (3, 3), (4, 4)),
        (0, 2, 4),
    ),
)


@pytest.mark.parametrize(("rule", "written", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
@pytest.mark.parametrize("together", [True, False], ids=["in one group", "one by one"])
async def test_what_a_rule_records(
    store: Store, prefix: str, rule: Rule, written: Any, expected: Any, together: bool
) -> None:
    book = RuleBook((), rule)
    database = await store.database("")
    limited = Store(database.client, prefix, (recorder(lambda _: book),))
    writes = [
        writing("urn:ngsi-ld:Meter:1", value, format_instant(NOW + timedelta(seconds=seconds)))
        for value, seconds in written
    ]
    for group in [writes] if together else [[write] for write in writes]:
        await limited.commit("", group)
    assert await values(History(store), "urn:ngsi-ld:Meter:1") == list(expected)


async def test_nothing_older_than_the_retention_of_its_type_remains(
    store: Store, history: History, database: Database
) -> None:
    ages = [0, 1, 29, 31, 400]
    ids = {TYPE: "urn:ngsi-ld:Meter:1", PERSONAL: "urn:ngsi-ld:Person:1"}
    for type_, entity_id in ids.items():
        for age in ages:
            await store.commit("", [writing(entity_id, age, format_instant(NOW - timedelta(days=age)), type_)])
    rules = RuleBook([Stated(PERSONAL, retention="P30D")], Rule(retention=Duration(months=13)))
    await keep(database, rules, ALL, NOW, at_once)
    assert sorted(await values(history, ids[PERSONAL])) == [0, 1, 29]
    assert sorted(await values(history, ids[TYPE])) == [0, 1, 29, 31]


async def test_what_came_late_goes_with_its_time_of_observation(
    store: Store, history: History, database: Database
) -> None:
    entity_id = "urn:ngsi-ld:Meter:1"
    rules = RuleBook([Stated(TYPE, retention="P30D")], Rule())
    late = Store(database.client, database.name, (recorder(lambda _: rules),))
    await late.commit("", [writing(entity_id, 1)])
    await late.commit("", [writing(entity_id, 2, format_instant(NOW - timedelta(days=31)))])
    instance: Instance = {"type": "Property", "value": 3, "observedAt": format_instant(NOW - timedelta(days=90))}
    await history.add("", entity_id, {POWER: [instance]})
    await keep(database, rules, Sealing(commits=1000), NOW, at_once)
    assert await values(history, entity_id) == [1]


async def test_a_deleted_entity_of_which_nothing_is_left_is_forgotten(store: Store, database: Database) -> None:
    entity_id = "urn:ngsi-ld:Meter:1"
    await store.commit("", [writing(entity_id, 1)])
    await store.commit("", [Write(entity_id, lambda old, now: (None, None))])
    rules = RuleBook([Stated(TYPE, retention="P30D")], Rule())
    await keep(database, rules, ALL, datetime.now(UTC) + timedelta(days=31), at_once)
    for collection in (TAIL, BLOCKS, EVOLUTIONS):
        assert await database[collection].count_documents({}) == 0


async def test_the_tail_is_sealed_by_number_and_by_age(store: Store, database: Database) -> None:
    for entity_id, count in (("urn:ngsi-ld:Meter:1", 3), ("urn:ngsi-ld:Meter:2", 2)):
        for value in range(count):
            await store.commit("", [writing(entity_id, value)])
    now = datetime.now(UTC)
    await keep(database, None, Sealing(commits=3, period=60), now, at_once)
    assert await database[TAIL].count_documents({}) == 2
    await keep(database, None, Sealing(commits=3, period=60), now + timedelta(seconds=61), at_once)
    assert await database[TAIL].count_documents({}) == 0


async def test_what_was_there_before_it_was_recorded_is_found_before_it_is_sealed(
    store: Store, history: History, database: Database
) -> None:
    entity_id = "urn:ngsi-ld:Meter:1"
    silent = Store(database.client, database.name)
    await silent.commit("", [writing(entity_id, 1)])
    await store.commit("", [writing(entity_id, 2)])
    await keep(database, None, Sealing(commits=1000), datetime.now(UTC), at_once)
    assert await database[TAIL].count_documents({}) == 1
    asked = Query(selectors=(Selector(HasType(TYPE)),), attributes=frozenset({POWER}), limit=10)
    assert await history.find("", asked) == [entity_id]


async def test_only_what_is_recorded_since_the_last_look_is_looked_for_in_the_directory(
    store: Store, history: History, database: Database
) -> None:
    silent = Store(database.client, database.name)
    began = int(datetime.now(UTC).timestamp() * 1e6)
    ids = [f"urn:ngsi-ld:Meter:{number}" for number in (1, 2)]
    asked = Query(selectors=(Selector(HasType(TYPE)),), attributes=frozenset({POWER}), limit=10)
    for entity_id, entered, found in zip(ids, (began, 2**62), (ids[:1], ids[:1]), strict=True):
        await silent.commit("", [writing(entity_id, 1)])
        await store.commit("", [writing(entity_id, 2)])
        await keep(database, None, Sealing(commits=1000), datetime.now(UTC), at_once, entered)
        assert await history.find("", asked) == found


MINUTE_AND_MONTH = Rule(Mode.ALL, 60_000_000, 0, Duration(1))
SPECIFIC = (
    ((), "a", Rule()),
    ((Stated(mode=Mode.OFF),), "a", Rule(Mode.OFF)),
    ((Stated(mode=Mode.OFF), Stated(TYPE, mode=Mode.CHANGES)), "a", Rule(Mode.CHANGES)),
    ((Stated(TYPE, mode=Mode.OFF), Stated(TYPE, "a", mode=Mode.ALL)), "a", Rule()),
    ((Stated(TYPE, mode=Mode.OFF), Stated(TYPE, "a", mode=Mode.ALL)), "b", Rule(Mode.OFF)),
    (
        (Stated(None, "a", interval="PT1M"), Stated(TYPE, retention="P1M")),
        "a",
        Rule(Mode.ALL, 60_000_000, 0, Duration(1)),
    ),
)


@pytest.mark.parametrize(("stated", "attribute", "expected"), SPECIFIC)
def test_the_more_specific_rule_decides(stated: tuple[Stated, ...], attribute: str, expected: Rule) -> None:
    assert RuleBook(stated, Rule())((TYPE,), attribute) == expected


def test_of_several_types_the_one_that_keeps_least_prevails() -> None:
    book = RuleBook([Stated(PERSONAL, retention="P30D", mode=Mode.CHANGES), Stated(TYPE, retention="P13M")], Rule())
    assert book((TYPE, PERSONAL), POWER) == Rule(Mode.CHANGES, retention=Duration(microseconds=30 * 86_400_000_000))
