"""The outbox: in the order of cause and effect, cleared, buried; and the counts of what was sent."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta

import pytest

from broker.store.client import Client, Database, connect
from broker.store.commits import Deriving, Owed
from broker.store.dead_letters import Chosen, DeadLetters
from broker.store.embedded import EmbeddedMongoDB
from broker.store.outbox import DEAD_LETTERS, Dead, Debts, Outbox, forget, lane, of_lane
from broker.store.outbox_status import STATUS, Status, Statuses, Tally
from broker.store.store import Store
from broker.store.tenants import Tenants
from tests.store.conftest import opened
from tests.store.operations import LEVEL, add, create, delete, lamp, level

SUBSCRIPTION = "urn:ngsi-ld:Subscription:1"
KEY = lane("", SUBSCRIPTION)
OTHERS = [f"urn:ngsi-ld:Subscription:{number}" for number in range(2, 5)]
THEN = datetime(2026, 11, 21, 8, tzinfo=UTC)


def every_change(deriving: Deriving) -> Iterable[Owed]:
    debts = Debts(deriving)
    for change in deriving.changes:
        yield from debts.owe([SUBSCRIPTION], [change])


@pytest.fixture
def control(client: Client, prefix: str) -> Database:
    return client[f"{prefix}-control"]


@pytest.fixture
async def owing(mongodb: EmbeddedMongoDB, client: Client, prefix: str) -> AsyncIterator[Store]:
    async with opened(Store(connect(mongodb.uri), prefix, [every_change])) as store:
        yield store


async def test_each_step_is_owed_with_both_states(owing: Store, control: Database) -> None:
    entity_id = lamp(1).id
    await owing.commit("", [create(lamp(1)), add(entity_id), delete(entity_id)])
    letters, _ = await Outbox(control).head({KEY: ()}, [], 10, 10)
    found = [step for each in letters for step in each.steps]
    assert [(step.old and level(step.old), step.new and level(step.new)) for step in found] == [
        (None, 0),
        (0, 1),
        (1, None),
    ]
    assert [of_lane(key) for key in letters[0].lanes] == [("", SUBSCRIPTION)]


async def test_what_two_workers_owe_of_one_entity_is_in_the_order_of_its_changes(
    client: Client, prefix: str, control: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever their clocks say: those of one are an hour ahead."""
    ahead, behind = (Store(client, prefix, [every_change], worker=number) for number in range(2))
    await ahead.prepare()
    entity_id = lamp(1).id
    times = iter(range(10**9, 0, -1000))
    monkeypatch.setattr("broker.store.groups.time_ns", lambda: next(times) * 10**6)
    await ahead.commit("", [create(lamp(1))])
    for _ in range(10):
        await ahead.commit("", [add(entity_id), add(entity_id)])
        await behind.commit("", [add(entity_id)])
    letters, _ = await Outbox(control).head({KEY: ()}, [], 100, 100)
    assert [level(each.steps[0].new) for each in letters] == list(range(31))


async def test_the_oldest_of_each_lane_come_first_without_those_known(owing: Store, control: Database) -> None:
    outbox = Outbox(control)
    for number in range(5):
        await owing.commit("", [create(lamp(number))])
    first, more = await outbox.head({KEY: ()}, [], 2, 2)
    assert more
    following, _ = await outbox.head({KEY: ()}, [each.id for each in first], 2, 2)
    ids = [each.steps[0].entity_id for each in first + following]
    assert ids == [lamp(number).id for number in range(4)]


async def test_what_is_cleared_is_owed_no_more(owing: Store, control: Database) -> None:
    outbox = Outbox(control)
    await owing.commit("north", [create(lamp(1)), create(lamp(2))], create_tenant=True)
    key = lane("north", SUBSCRIPTION)
    assert await outbox.lanes() == [key]
    letters, _ = await outbox.head({key: ()}, [], 10, 10)
    await outbox.clear([each.id for each in letters])
    assert await outbox.lanes() == []


async def test_what_is_buried_is_a_dead_letter_once(owing: Store, control: Database) -> None:
    outbox = Outbox(control)
    await owing.commit("", [create(lamp(1))])
    letters, _ = await outbox.head({KEY: ()}, [], 10, 10)
    for _ in range(2):
        await outbox.bury([Dead(each, KEY, "its host refuses the connection") for each in letters], THEN)
    assert await outbox.lanes() == []
    dead = await control[DEAD_LETTERS].find().to_list()
    assert [(each["s"], each["reason"], [tuple(step) for step in each["e"]]) for each in dead] == [
        (KEY, "its host refuses the connection", list(letters[0].steps))
    ]


async def test_a_large_request_is_owed_in_portions(client: Client, prefix: str, control: Database) -> None:
    def at_once(deriving: Deriving) -> Iterable[Owed]:
        return Debts(deriving).owe([SUBSCRIPTION], deriving.changes)

    store = Store(client, prefix, [at_once])
    await store.prepare()
    large = {"type": "Property", "value": "x" * 300_000}
    await store.commit("", [create(lamp(number, text=large)) for number in range(9)])
    letters, _ = await Outbox(control).head({KEY: ()}, [], 10, 10)
    assert [[step.entity_id for step in each.steps] for each in letters] == [
        [lamp(number).id for number in numbers] for numbers in (range(4), range(4, 8), range(8, 9))
    ]
    assert all(LEVEL in step.new.attributes for each in letters for step in each.steps if step.new)


async def test_a_dropped_tenant_owes_nothing(owing: Store, client: Client, prefix: str, control: Database) -> None:
    for tenant in ("north", "northern", ""):
        await owing.commit(tenant, [create(lamp(1))], create_tenant=True)
        await Statuses(control).add({lane(tenant, SUBSCRIPTION): Tally(sent=1)})
    await Tenants(client, prefix).drop("north", pause=lambda _: asyncio.sleep(0))
    kept = [lane("", SUBSCRIPTION), lane("northern", SUBSCRIPTION)]
    assert sorted(await Outbox(control).lanes()) == kept
    assert sorted(await Statuses(control).read([*kept, lane("north", SUBSCRIPTION)])) == kept


def to_all(deriving: Deriving) -> Iterable[Owed]:
    debts = Debts(deriving)
    for change in deriving.changes:
        yield from debts.owe([SUBSCRIPTION, *OTHERS], [change])


@pytest.fixture
async def owing_all(mongodb: EmbeddedMongoDB, client: Client, prefix: str) -> AsyncIterator[Store]:
    async with opened(Store(connect(mongodb.uri), prefix, [to_all])) as store:
        yield store


async def test_what_is_owed_to_several_is_one_letter_until_all_are_struck_out(
    owing_all: Store, control: Database
) -> None:
    outbox = Outbox(control)
    await owing_all.commit("", [create(lamp(1)), create(lamp(2))])
    keys = [lane("", each) for each in (SUBSCRIPTION, *OTHERS)]
    first, second = (await outbox.head(dict.fromkeys(keys, ()), [], 10, 10))[0]
    assert first.lanes == second.lanes == set(keys)
    await outbox.strike({first.id: keys[:2], second.id: keys[1:]})
    assert [each.id for each in (await outbox.head(dict.fromkeys(keys[:2], ()), [], 10, 10))[0]] == [second.id]
    await outbox.strike({first.id: keys[2:], second.id: [keys[3]]})
    assert await outbox.lanes() == keys[:1]
    await outbox.strike({second.id: keys})
    assert await outbox.owed() == 0


async def test_a_lane_is_forgotten_without_the_others(owing_all: Store, owing: Store, control: Database) -> None:
    await owing_all.commit("", [create(lamp(1))])
    await owing.commit("", [create(lamp(2))])
    outbox = Outbox(control)
    async with control.client.start_session() as session:
        await session.with_transaction(lambda session: forget(control, session, KEY))
    assert sorted(await outbox.lanes()) == [lane("", each) for each in OTHERS]
    assert await outbox.owed() == 1


async def test_reading_ends_when_each_lane_has_enough(owing_all: Store, owing: Store, control: Database) -> None:
    outbox = Outbox(control)
    for number in range(4):
        await owing_all.commit("", [create(lamp(number))])
    for number in range(4, 8):
        await owing.commit("", [create(lamp(number))])
    both = [KEY, lane("", OTHERS[0])]
    for of_each, read, more in ((2, 2, True), (4, 4, True), (5, 8, False)):
        letters, are_more = await outbox.head(dict.fromkeys(both, ()), [], of_each, 100)
        assert (len(letters), are_more) == (read, more)


async def test_what_a_lane_knows_already_is_none_of_what_is_enough_for_it(owing_all: Store, control: Database) -> None:
    """Another lane may be owed it still, so that it is read again."""
    for number in range(6):
        await owing_all.commit("", [create(lamp(number))])
    outbox, other = Outbox(control), lane("", OTHERS[0])
    first, _ = await outbox.head({KEY: ()}, [], 4, 100)
    letters, _ = await outbox.head({KEY: [each.id for each in first], other: ()}, [], 2, 100)
    assert [each.id for each in letters[: len(first)]] == [each.id for each in first]
    assert len(letters) == 6


async def test_what_one_lane_gives_up_is_its_own_dead_letter(owing_all: Store, control: Database) -> None:
    outbox, dead_letters = Outbox(control), DeadLetters(control)
    await owing_all.commit("", [create(lamp(1))])
    ((found,), _) = await outbox.head({KEY: ()}, [], 10, 10)
    other = lane("", OTHERS[0])
    for each in (KEY, other):
        await outbox.bury([Dead(found, each, "it answers 400")], THEN)
    chosen = Chosen(subscription=SUBSCRIPTION)
    (listed,) = await dead_letters.listed(chosen, 10)
    assert (listed.subscription, listed.id) == (SUBSCRIPTION, found.own_id(KEY).hex())
    assert await dead_letters.replay(chosen) == 1
    ((again,), _) = await outbox.head({KEY: ()}, [], 10, 10)
    assert (again.lanes, again.steps, again.own_id(KEY)) == (frozenset({KEY}), found.steps, found.own_id(KEY))
    assert again.own_id(KEY) != again.own_id(other)
    assert await dead_letters.count(Chosen()) == 1


async def test_many_lanes_share_as_many_letters_as_it_takes(
    client: Client, prefix: str, control: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.store.outbox.MAX_LANES", 3)
    store = Store(client, prefix, [to_all])
    await store.prepare()
    await store.commit("", [create(lamp(1))])
    keys = [lane("", each) for each in (SUBSCRIPTION, *OTHERS)]
    letters, _ = await Outbox(control).head(dict.fromkeys(keys, ()), [], 10, 10)
    assert [sorted(each.lanes) for each in letters] == [keys[:3], keys[3:]]


async def test_workers_add_to_one_count(control: Database) -> None:
    tallies = [Tally(), Tally()]
    second = timedelta(seconds=1)
    tallies[0].count(THEN, THEN + second, ok=True)
    tallies[0].count(THEN + second, THEN + 2 * second, ok=False)
    tallies[1].count(THEN + 3 * second, THEN + 4 * second, ok=True)
    await asyncio.gather(*(Statuses(control).add({KEY: tally}) for tally in tallies))
    found = (await Statuses(control).read([KEY, "other"]))[KEY]
    assert found[:5] == (3, 1, "2026-11-21T08:00:03Z", "2026-11-21T08:00:04Z", "2026-11-21T08:00:02Z")
    assert (await Statuses(control).last_notifications([KEY])) == {KEY: THEN + 3 * second}


async def test_the_end_of_the_last_one_counts(control: Database) -> None:
    for ok in (False, True):
        tally = Tally()
        tally.count(THEN, THEN, ok)
        await Statuses(control).add({"a b": tally})
        assert (await Statuses(control).read(["a b"]))["a b"].ok is ok
    assert Status().ok


async def test_each_interval_is_claimed_once_by_whoever_is_first(control: Database) -> None:
    interval = timedelta(seconds=0.3)
    statuses = [Statuses(control) for _ in range(4)]
    await asyncio.gather(*(each.begin({"a b": interval.total_seconds()}) for each in statuses))
    ends = [await _next(control, "a b")]
    while len(ends) <= 4:
        at_once = await asyncio.gather(*(each.claim("a b", interval.total_seconds()) for each in statuses))
        end = await _next(control, "a b")
        begun = (end - ends[-1]) // interval  # more than one only if nobody looked for that long
        assert begun >= sum(at_once)
        assert bool(begun) == any(at_once)
        if begun:
            ends.append(end)
        await asyncio.sleep(0.01)
    assert {(end - ends[0]) % interval for end in ends} == {timedelta(0)}, "no drift, however late it is claimed"


async def _next(control: Database, lane: str) -> datetime:
    """When the interval of a lane ends."""
    found = await control[STATUS].find_one({"_id": lane})
    assert found is not None
    end: datetime = found["next"]
    return end


async def test_intervals_that_nobody_claimed_are_left_out(control: Database) -> None:
    statuses = Statuses(control)
    await statuses.begin({"a b": 1000, "a c": 1000})
    await control[STATUS].update_one({"_id": "a b"}, {"$set": {"next": datetime.now(UTC) - timedelta(seconds=4500)}})
    assert await statuses.due(["a b", "a c", "a d"]) == ["a b"]
    assert await statuses.claim("a b", 1000)
    assert not await statuses.claim("a b", 1000)
    assert not await statuses.claim("a c", 1000)


async def test_a_shorter_interval_counts_from_now_on(control: Database) -> None:
    statuses = Statuses(control)
    await statuses.begin({"a b": 1000})
    await statuses.begin({"a b": 0.2})
    assert await _next(control, "a b") <= datetime.now(UTC) + timedelta(seconds=0.2)


def test_lanes_keep_tenants_apart() -> None:
    assert of_lane(lane("north", "urn:a b")) == ("north", "urn:a b")
