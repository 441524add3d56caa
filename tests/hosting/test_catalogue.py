"""Stored contexts, as several workers on one database have them (GS CIM 009 §5.13)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web as aioweb

from broker.errors import (
    BadRequestData,
    LdContextNotAvailable,
    OperationNotSupported,
    ResourceNotFound,
    StoreUnavailable,
)
from broker.hosting.addresses import local_id, url_of
from broker.hosting.catalogue import Catalogue
from broker.hosting.contexts import Contexts
from broker.hosting.fetch import FAILURE_SECONDS, HEURISTIC_SECONDS
from broker.hosting.hosts import AT_A_TIME, REST_SECONDS
from broker.names import CORE_CONTEXT
from broker.outbound.client import Client
from broker.settings import load
from broker.store.client import connect
from broker.store.contexts import Kind, Records, instant
from tests.conftest import free_port
from tests.hosting.conftest import Clock
from tests.web import Web

BASE = "http://broker.example"
SPEED = {"speed": "https://a.example/speed"}
WEATHER = "https://smart-data-models.github.io/dataModel.Weather/context.jsonld"
DAY = 86_400


class Worker:
    """What one worker has of contexts."""

    def __init__(self, contexts: Contexts, catalogue: Catalogue) -> None:
        self.contexts = contexts
        self.catalogue = catalogue

    async def expanded(self, source: Any, name: str = "speed") -> str:
        return (await self.contexts.resolve(source)).expand(name)

    async def hits(self, context_id: str) -> int:
        await self.catalogue.catch_up()
        return next(each.hits for each in await self.catalogue.listed("", None) if each.id == context_id)


@asynccontextmanager
async def working(client: Client, records: Records, clock: Clock, **settings: Any) -> AsyncIterator[Worker]:
    contexts = Contexts(load(context_timeout=1, context_cache=8, **settings), client, records, clock=clock)
    worker = Worker(contexts, Catalogue(contexts, records, 3, clock=clock))
    await worker.catalogue.catch_up()
    yield worker
    await contexts.close()


@pytest.fixture
async def worker(client: Client, records: Records, clock: Clock) -> AsyncIterator[Worker]:
    async with working(client, records, clock) as worker:
        yield worker


@pytest.fixture
async def other(client: Client, records: Records, clock: Clock) -> AsyncIterator[Worker]:
    async with working(client, records, clock) as worker:
        yield worker


async def test_a_fetched_context_survives_the_worker_and_its_address(
    client: Client, records: Records, clock: Clock, web: Web
) -> None:
    url = web.serves("/c", {"@context": SPEED}, headers={"Cache-Control": "max-age=60"})
    async with working(client, records, clock) as first:
        await first.expanded(url)
    web.serves("/c", b"", status=500)
    async with working(client, records, clock) as second:
        assert await second.expanded(url) == SPEED["speed"]
        assert web.requests == {"/c": 1}
    clock.now += 30 * DAY
    async with working(client, records, clock) as third:
        assert await third.expanded(url) == SPEED["speed"]


async def test_no_worker_fetches_what_another_has(worker: Worker, other: Worker, web: Web, clock: Clock) -> None:
    url = web.serves("/c", {"@context": SPEED})
    for _ in range(2):
        for each in (worker, other):
            assert await each.expanded(url) == SPEED["speed"]
        clock.now += HEURISTIC_SECONDS + 1000
    assert web.requests == {"/c": 2}


async def test_without_the_database_remote_contexts_are_fetched(client: Client, clock: Clock, web: Web) -> None:
    away = connect(f"mongodb://127.0.0.1:{free_port()}/?serverSelectionTimeoutMS=50")
    contexts = Contexts(load(), client, Records(away["away-control"]), clock=clock)
    url = web.serves("/c", {"@context": SPEED})
    assert (await contexts.resolve(url)).expand("speed") == SPEED["speed"]
    with pytest.raises(StoreUnavailable):
        await contexts.resolve(url_of("5" * 32, BASE))
    await contexts.close()
    await away.close()


async def test_uses_of_all_workers_are_counted(worker: Worker, other: Worker, web: Web, clock: Clock) -> None:
    url = web.serves("/c", {"@context": SPEED})
    hosted = url_of(await worker.catalogue.add("", [url]), BASE)
    for each in (worker, other, other):
        clock.now += 60
        await each.expanded(hosted)
    assert other.contexts.known(hosted) is not None
    await worker.catalogue.catch_up()
    assert await other.hits(local_id(hosted) or "") == 4
    assert await other.hits(url) == 5  # one more when what is made of it was checked
    (record,) = [each for each in await other.catalogue.listed("", Kind.CACHED) if each.id == url]
    assert record.last_usage is not None
    assert record.last_usage.timestamp() == clock.now


async def test_contexts_that_fall_out_of_memory_keep_their_uses(worker: Worker, web: Web) -> None:
    urls = [web.serves(f"/{number}", {"@context": SPEED}) for number in range(12)]
    for url in urls:
        await worker.expanded(url)
    assert [await worker.hits(url) for url in urls] == [1] * 12


async def test_what_ships_is_listed_once_it_is_used(worker: Worker) -> None:
    assert [each.id for each in await worker.catalogue.listed("", None)] == [CORE_CONTEXT]
    await worker.contexts.resolve(WEATHER)
    assert await worker.hits(WEATHER) == 1
    await worker.catalogue.reload("", WEATHER)
    await worker.catalogue.delete("", WEATHER)
    assert [each.id for each in await worker.catalogue.listed("", None)] == [CORE_CONTEXT]
    assert await worker.contexts.resolve(WEATHER)


async def test_a_deletion_reaches_every_worker(worker: Worker, other: Worker) -> None:
    url = url_of(await worker.catalogue.add("", SPEED), BASE)
    for each in (worker, other):
        assert await each.expanded(url) == SPEED["speed"]
    await worker.catalogue.delete("", url)
    await other.catalogue.catch_up()
    for each in (worker, other):
        with pytest.raises(LdContextNotAvailable, match="was deleted"):
            await each.expanded(url)
        with pytest.raises(LdContextNotAvailable, match="was deleted"):
            await each.expanded([url])


async def test_what_is_stored_goes_on_with_a_deleted_context(
    worker: Worker, client: Client, records: Records, clock: Clock, web: Web
) -> None:
    hosted = url_of(await worker.catalogue.add("", SPEED), BASE)
    remote = web.serves("/c", {"@context": SPEED})
    whole = url_of(await worker.catalogue.add("", [hosted, remote]), BASE)
    for url in (hosted, remote):
        await worker.catalogue.delete("", url)
    web.serves("/c", b"", status=404)
    async with working(client, records, clock) as later:
        assert await later.expanded(whole) == SPEED["speed"]
        for url in (hosted, remote):
            assert (await later.contexts.lasting(url)).expand("speed") == SPEED["speed"]
            with pytest.raises(LdContextNotAvailable):
                await later.expanded(url)


async def test_what_was_deleted_is_removed_when_nothing_refers_to_it(
    worker: Worker, records: Records, clock: Clock
) -> None:
    part, alone = [await worker.catalogue.add("", SPEED) for _ in range(2)]
    whole = await worker.catalogue.add("", [url_of(part, BASE)])
    followed = await worker.catalogue.implicit("", [SPEED, {"a": "https://a.example/a"}], BASE)
    await records._database["subscriptions"].insert_one({"_id": "s", "x": followed})
    for context_id in (part, alone, followed):
        await worker.catalogue.delete("", context_id)
    assert await records.collect(instant(clock.now)) == 0
    clock.now += DAY
    assert await records.collect(instant(clock.now)) == 1
    assert await records.get(part)
    assert await records.get(alone) is None
    await worker.catalogue.delete("", whole)
    await records._database["subscriptions"].delete_one({"_id": "s"})
    clock.now += DAY
    assert await records.collect(instant(clock.now)) == 2  # its part, the next time
    assert await records.collect(instant(clock.now)) == 1


async def test_a_context_of_a_subscription_is_stored_once_for_a_tenant(worker: Worker, other: Worker) -> None:
    source = [WEATHER, SPEED]
    url = await worker.catalogue.implicit("city", source, BASE)
    assert await other.catalogue.implicit("city", source, BASE) == url
    assert await other.catalogue.implicit("", source, BASE) != url
    assert await other.expanded(url) == SPEED["speed"]
    (record,) = await other.catalogue.listed("city", Kind.IMPLICIT)
    assert url == url_of(record.id, BASE)


@pytest.mark.parametrize(
    ("source", "url"),
    [(None, CORE_CONTEXT), (WEATHER, WEATHER), ([WEATHER, CORE_CONTEXT], WEATHER), ([CORE_CONTEXT], CORE_CONTEXT)],
)
async def test_what_has_an_address_needs_none_here(worker: Worker, source: Any, url: str) -> None:
    assert await worker.catalogue.implicit("", source, BASE) == url
    assert await worker.catalogue.listed("", Kind.IMPLICIT) == []


async def test_contexts_of_subscriptions_go_a_day_after_the_last_use(
    worker: Worker, records: Records, clock: Clock
) -> None:
    url = await worker.catalogue.implicit("", SPEED, BASE)
    clock.now += DAY / 2
    await worker.expanded(url)
    await worker.catalogue.catch_up()
    clock.now += DAY / 2 + 1
    assert await records.collect(instant(clock.now)) == 0
    clock.now += DAY / 2
    assert await records.collect(instant(clock.now)) == 1


async def test_a_tenant_hosts_no_more_than_it_may(worker: Worker) -> None:
    for _ in range(3):
        await worker.catalogue.add("city", SPEED)
    with pytest.raises(OperationNotSupported, match="3 contexts"):
        await worker.catalogue.add("city", SPEED)
    await worker.catalogue.add("", SPEED)


async def test_the_default_context_stays(client: Client, records: Records, clock: Clock, worker: Worker) -> None:
    hosted = url_of(await worker.catalogue.add("", SPEED), BASE)
    async with working(client, records, clock, default_context=hosted) as other:
        assert await other.expanded(None) == SPEED["speed"]
        with pytest.raises(BadRequestData, match="default"):
            await other.catalogue.delete("", hosted)


async def test_a_worker_that_missed_much_forgets_all(
    worker: Worker, other: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.store.contexts.RECENT", 2)
    urls = [url_of(await worker.catalogue.add("", SPEED), BASE) for _ in range(3)]
    for url in urls:
        await other.expanded(url)
    for url in urls:
        await worker.catalogue.delete("", url)
    await other.catalogue.catch_up()
    assert [other.contexts.known(url) for url in urls] == [None] * 3


async def test_copies_are_bounded(worker: Worker, web: Web, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("broker.store.contexts.MAX_CACHED", 3)
    urls = [web.serves(f"/{number}", {"@context": SPEED}) for number in range(5)]
    for url in urls:
        clock.now += 1
        await worker.expanded(url)
    cached = [each.id for each in await worker.catalogue.listed("", Kind.CACHED)]
    assert cached == [CORE_CONTEXT, *urls[2:]]


async def test_a_context_of_another_broker_is_fetched(worker: Worker, web: Web) -> None:
    url = web.serves(f"/ngsi-ld/v1/jsonldContexts/{'5' * 32}", {"@context": SPEED})
    assert await worker.expanded(url) == SPEED["speed"]
    assert (await worker.catalogue.listed("", Kind.CACHED))[-1].id == url


async def test_a_slow_host_holds_up_few_calls_and_no_other_host(
    client: Client, records: Records, clock: Clock, web: Web
) -> None:
    async def never(_: aioweb.Request) -> aioweb.Response:
        await asyncio.sleep(60)
        return aioweb.Response()

    slow = [web.answers(f"/{number}", never) for number in range(3 * AT_A_TIME)]
    fast = web.serves("/fast", {"@context": SPEED}).replace("127.0.0.1", "localhost")
    contexts = Contexts(load(context_timeout=0.3), client, records, clock=clock)
    waiting = [asyncio.create_task(contexts.resolve(url)) for url in slow]
    await until(lambda: web.requests.total() >= AT_A_TIME)
    assert (await contexts.resolve(fast)).expand("speed") == SPEED["speed"]
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(outcome, LdContextNotAvailable) for outcome in outcomes)
    assert web.requests.total() == AT_A_TIME + 1
    clock.now += max(REST_SECONDS, FAILURE_SECONDS) + 1
    assert (await contexts.resolve(web.serves("/0", {"@context": SPEED}))).expand("speed") == SPEED["speed"]
    await contexts.close()


async def test_what_is_unknown_is_not_found(worker: Worker) -> None:
    with pytest.raises(ResourceNotFound):
        await worker.catalogue.detail("", "unknown")


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not happen")
