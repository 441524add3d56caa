"""Identical queries share a run that had not begun when they came, and what nobody waits for is ended."""

import asyncio
import gc
import random
import weakref
from contextlib import suppress
from dataclasses import replace
from time import monotonic

import pytest
from prometheus_client import REGISTRY

from broker.call import DEFAULT_TENANT
from broker.errors import StoreUnavailable
from broker.query.ast import Comparison, HasType, Number, Operator, Path
from broker.query.plan import Query, Selector
from broker.store.client import Client
from broker.store.indexes import ENTITIES
from broker.store.runs import Runs, mark
from broker.store.store import Store
from tests.store.operations import LEVEL, TYPE, add, create, lamp, level

LAMPS = Query(selectors=(Selector(HasType(TYPE)),))


def shared() -> float:
    return REGISTRY.get_sample_value("ngsild_queries_shared_total") or 0.0


@pytest.fixture
def runs(client: Client) -> Runs:
    return Runs(client, 2)


async def test_those_that_wait_together_are_answered_by_one_run(runs: Runs) -> None:
    ran = 0

    async def work() -> int:
        nonlocal ran
        ran += 1
        await asyncio.sleep(0.02)
        return ran

    outcomes = await asyncio.gather(*(runs.join("", "key", work) for _ in range(10)))
    assert outcomes == [1] * 10


async def test_those_who_share_a_run_are_answered_in_the_order_in_which_they_came(runs: Runs) -> None:
    answered: list[int] = []

    async def work() -> None:
        await asyncio.sleep(0.01)

    async def ask(number: int) -> None:
        await runs.join("", "key", work)
        answered.append(number)

    await asyncio.gather(*map(ask, range(20)))
    assert answered == [*range(20)]


async def test_none_joins_a_run_that_has_begun(runs: Runs) -> None:
    begun, gate = asyncio.Event(), asyncio.Event()
    number = 0

    async def work() -> int:
        nonlocal number
        number += 1
        mine = number
        begun.set()
        await gate.wait()
        return mine

    first = asyncio.create_task(runs.join("", "key", work))
    await begun.wait()
    second = asyncio.create_task(runs.join("", "key", work))
    third = asyncio.create_task(runs.join("", "key", work))
    await asyncio.sleep(0)
    gate.set()
    assert [await each for each in (first, second, third)] == [1, 2, 2]


@pytest.mark.parametrize(("tenant", "key"), [("other", "key"), ("", "another")])
async def test_what_differs_shares_nothing(runs: Runs, tenant: str, key: str) -> None:
    async def work() -> object:
        await asyncio.sleep(0.01)
        return object()

    one, other = await asyncio.gather(runs.join("", "key", work), runs.join(tenant, key, work))
    assert one is not other


async def test_a_failure_is_that_of_all_who_wait(runs: Runs) -> None:
    async def work() -> None:
        raise StoreUnavailable("away")

    outcomes = await asyncio.gather(*(runs.join("", "key", work) for _ in range(3)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailable] * 3


async def test_one_who_leaves_does_not_end_it_for_the_others(runs: Runs) -> None:
    async def work() -> int:
        await asyncio.sleep(0.02)
        return 1

    leaving, staying = (asyncio.create_task(runs.join("", "key", work)) for _ in range(2))
    await asyncio.sleep(0.01)
    leaving.cancel()
    assert await staying == 1


async def test_wide_queries_wait_for_each_other_and_keep_no_other_waiting(runs: Runs) -> None:
    running, begun, gate = 0, asyncio.Event(), asyncio.Event()

    async def wide() -> None:
        nonlocal running
        running += 1
        begun.set()
        await gate.wait()

    async def narrow() -> int:
        return running

    waiting = [asyncio.create_task(runs.join("", number, wide, wide=True)) for number in range(3)]
    await begun.wait()
    assert await runs.join("", "narrow", narrow) == 1
    gate.set()
    await asyncio.gather(*waiting)
    assert running == 3


class Large:
    """Something that was found."""


async def test_what_was_found_for_nobody_is_let_go_at_once(runs: Runs) -> None:
    """Not when the garbage collector comes by: to it a page of entities is as large as any other object."""
    found: list[weakref.ref[Large]] = []
    finding = asyncio.Event()

    async def work() -> None:
        large = Large()
        found.append(weakref.ref(large))
        finding.set()
        await asyncio.sleep(0.02)
        mark()

    gc.collect()
    gc.disable()
    try:
        leaving = asyncio.create_task(runs.join("", "key", work))
        await finding.wait()
        leaving.cancel()
        await asyncio.wait([leaving])
        await asyncio.sleep(0.1)
        assert found[0]() is None
    finally:
        gc.enable()


async def test_an_error_that_is_told_is_let_go_at_once(runs: Runs) -> None:
    found: list[weakref.ref[Large]] = []

    async def work() -> None:
        large = Large()
        found.append(weakref.ref(large))
        raise StoreUnavailable("away")

    gc.collect()
    gc.disable()
    try:
        with suppress(StoreUnavailable):
            await runs.join("", "key", work)
        await asyncio.sleep(0)
        assert found[0]() is None
    finally:
        gc.enable()


async def test_what_nobody_waits_for_is_ended_in_the_database(client: Client, prefix: str) -> None:
    """A count that would take ten seconds."""
    runs = Runs(client, 1)
    documents = client[prefix]["slow"]
    await documents.insert_many([{} for _ in range(100)])
    slow = {"$where": "sleep(100) || true"}
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await documents.count_documents(slow, comment=mark())
        finally:
            ended.set()

    asking = asyncio.create_task(runs.join("", "key", work))
    await asyncio.sleep(0.3)
    began = monotonic()
    asking.cancel()
    await asyncio.wait_for(ended.wait(), 5)
    assert monotonic() - began < 5
    running = await client.admin.aggregate([{"$currentOp": {}}, {"$match": {"ns": f"{prefix}.slow", "op": "command"}}])
    assert await running.to_list() == []
    await runs.close()


async def test_a_run_that_nobody_waits_for_asks_nothing_more(runs: Runs) -> None:
    went_on = asyncio.Event()
    refused: list[StoreUnavailable] = []

    async def work() -> None:
        mark()
        await went_on.wait()
        try:
            mark()
        except StoreUnavailable as error:
            refused.append(error)

    asking = asyncio.create_task(runs.join("", "key", work))
    await asyncio.sleep(0.01)
    asking.cancel()
    await asyncio.sleep(0)
    went_on.set()
    await asyncio.sleep(0.01)
    assert refused
    await runs.close()


async def test_no_answer_is_older_than_its_request(store: Store, other: Store) -> None:
    """While two workers write, every answer has at least what was acknowledged before the request."""
    lamps = [lamp(number) for number in range(5)]
    await store.commit(DEFAULT_TENANT, [create(each) for each in lamps])
    acknowledged = {each.id: 0 for each in lamps}
    randomness = random.Random(7)
    over = monotonic() + 3
    asked = 0
    before = shared()

    async def write(worker: Store) -> None:
        while monotonic() < over:
            entity_id = randomness.choice(lamps).id
            (value,) = await worker.commit(DEFAULT_TENANT, [add(entity_id)])
            acknowledged[entity_id] = max(acknowledged[entity_id], value)

    async def ask(worker: Store, query: Query) -> None:
        nonlocal asked
        while monotonic() < over:
            least = dict(acknowledged)
            page = await worker.find(DEFAULT_TENANT, query)
            assert all(level(each.entity) >= least[each.id] for each in page.found)
            assert len(page.found) == query.limit
            asked += 1

    async def total(worker: Store) -> None:
        """Of those that are above what is known: all of them."""
        nonlocal asked
        while monotonic() < over:
            least = min(acknowledged.values())
            above = Comparison(Path((LEVEL,)), Operator.GREATER_EQUAL, (Number(least),))
            assert await worker.count(DEFAULT_TENANT, replace(LAMPS, q=above)) == len(lamps)
            asked += 1

    readers = [ask(worker, replace(LAMPS, limit=limit)) for worker in (store, other) for limit in (5, 5, 5, 5, 3, 3)]
    await asyncio.gather(write(store), write(other), total(store), total(other), *readers)
    assert asked > 100
    assert shared() > before


async def test_large_entities_are_found_by_their_ids_and_read_when_they_are_wanted(store: Store) -> None:
    text = "x" * 700_000
    lamps = [lamp(f"{number:02}", note={"type": "Property", "value": text}) for number in range(24)]
    for each in lamps:
        await store.commit(DEFAULT_TENANT, [create(each)])
    page = await store.find(DEFAULT_TENANT, replace(LAMPS, limit=22))
    assert page.ids == [each.id for each in lamps[:22]]
    assert sum(len(each.stored) for each in page.found) <= 4 * 2**20
    batches = [batch async for batch in store.rest(DEFAULT_TENANT, replace(LAMPS, limit=22), page)]
    assert [each.id for batch in batches for each in batch] == list(page.rest)
    assert max(sum(len(each.stored) for each in batch) for batch in batches) < 8 * 2**20
    backwards = await store.find(DEFAULT_TENANT, replace(LAMPS, limit=22, before="urn:z"))
    assert backwards.ids == [each.id for each in lamps[2:]]


async def test_what_is_gone_before_its_turn_comes_is_left_out(store: Store, client: Client, prefix: str) -> None:
    text = "x" * 2_000_000
    lamps = [lamp(number, note={"type": "Property", "value": text}) for number in range(5)]
    for each in lamps:
        await store.commit(DEFAULT_TENANT, [create(each)])
    page = await store.find(DEFAULT_TENANT, LAMPS)
    assert len(page.rest) >= 2
    await client[prefix][ENTITIES].delete_one({"_id": page.rest[0]})
    rest = [each.id async for batch in store.rest(DEFAULT_TENANT, LAMPS, page) for each in batch]
    assert rest == list(page.rest[1:])
