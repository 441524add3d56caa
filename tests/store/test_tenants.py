"""Tenants come and go while several workers serve (GS CIM 009 §4.14, §5.5.10)."""

import asyncio
import os
import signal

import pytest

from broker.errors import NonexistentTenant, StoreUnavailable
from broker.model.recording import EVERYTHING, Mode
from broker.model.recording_rules import Stated
from broker.store.client import Client, connect
from broker.store.configuration import Configuration
from broker.store.embedded import EmbeddedMongoDB
from broker.store.history.rules import RuleBooks, Rulings
from broker.store.indexes import ENTITIES, INDEXES, TENANT_CONTROL
from broker.store.leases import Leases, of_history
from broker.store.store import Store
from broker.store.tenants import FORGOTTEN, RENEWAL, RENEWAL_TIMEOUT, Tenants, database_name
from tests.store.operations import add, create, lamp

TENANT = "city"


@pytest.fixture
def tenants(client: Client, prefix: str) -> Tenants:
    return Tenants(client, prefix)


async def made(store: Store, tenant: str = TENANT) -> None:
    assert await store.commit(tenant, [create(lamp(1))], create_tenant=True) == ["created"]


async def at_once(_seconds: float) -> None:
    """Waits for nobody."""


async def names(tenants: Tenants) -> list[str]:
    return [listed.tenant for listed in await tenants.listed()]


async def test_tenants_are_listed_with_their_entities(store: Store, tenants: Tenants, prefix: str) -> None:
    await made(store, "b")
    await made(store, "A.b-c")
    await store.commit("b", [create(lamp(2))])
    listed = await tenants.listed()
    assert [(each.tenant, each.entities, each.dropping) for each in listed] == [
        ("", 0, False),
        ("A.b-c", 1, False),
        ("b", 2, False),
    ]
    assert [each.database for each in listed] == [database_name(prefix, name) for name in ("", "A.b-c", "b")]


async def test_a_worker_meets_the_tenants_that_another_makes(store: Store, other: Store) -> None:
    with pytest.raises(NonexistentTenant):
        await other.entity(TENANT, lamp(1).id)
    await made(store)
    assert await other.entity(TENANT, lamp(1).id) is not None


async def test_a_dropped_tenant_is_gone_for_every_worker(
    store: Store, other: Store, client: Client, prefix: str, tenants: Tenants
) -> None:
    await made(store)
    await other.commit(TENANT, [add(lamp(1).id)])
    await tenants.drop(TENANT)
    for worker in (store, other):
        with pytest.raises(NonexistentTenant):
            await worker.entity(TENANT, lamp(1).id)
        with pytest.raises(NonexistentTenant):
            await worker.commit(TENANT, [create(lamp(2))])
    assert database_name(prefix, TENANT) not in await client.list_database_names()
    assert await names(tenants) == [""]


async def test_nothing_is_written_into_a_tenant_that_is_being_dropped(
    store: Store, other: Store, tenants: Tenants
) -> None:
    """Workers that know the tenant still, and those that look it up."""
    await made(store)
    entered, leave = asyncio.Event(), asyncio.Event()

    async def pause(seconds: float) -> None:
        assert seconds == FORGOTTEN
        entered.set()
        await leave.wait()

    dropping = asyncio.create_task(tenants.drop(TENANT, pause))
    await entered.wait()
    outcomes = await store.commit(TENANT, [add(lamp(1).id), create(lamp(2))])
    assert [type(outcome) for outcome in outcomes] == [NonexistentTenant, NonexistentTenant]
    with pytest.raises(NonexistentTenant):
        await other.entity(TENANT, lamp(1).id)
    with pytest.raises(StoreUnavailable, match="being dropped"):
        await other.commit(TENANT, [create(lamp(2))], create_tenant=True)
    assert [each.dropping for each in await tenants.listed()] == [False, True]
    leave.set()
    await dropping


async def test_workers_forget_before_the_database_goes() -> None:
    assert FORGOTTEN > RENEWAL + RENEWAL_TIMEOUT + 1


async def test_a_dropped_tenant_can_be_made_again(other: Store, client: Client, prefix: str, tenants: Tenants) -> None:
    await made(other)
    await tenants.drop(TENANT)
    await made(other)
    entities = client[database_name(prefix, TENANT)][ENTITIES]
    assert {index.document["name"] for index in INDEXES[ENTITIES]} <= set(await entities.index_information())
    assert await entities.count_documents({}) == 1


async def test_a_drop_that_was_interrupted_can_be_begun_again(store: Store, tenants: Tenants) -> None:
    await made(store)

    async def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await tenants.drop(TENANT, interrupted)
    assert await names(tenants) == ["", TENANT]
    await tenants.drop(TENANT, at_once)
    assert await names(tenants) == [""]


async def test_what_is_not_there_cannot_be_dropped(tenants: Tenants) -> None:
    with pytest.raises(NonexistentTenant):
        await tenants.drop(TENANT, at_once)
    with pytest.raises(ValueError, match="default"):
        await tenants.drop("", at_once)


async def test_no_more_tenants_are_made_than_the_limit_says(
    mongodb: EmbeddedMongoDB, prefix: str, tenants: Tenants
) -> None:
    """Even by workers that make some at the same time."""
    workers = [Store(connect(mongodb.uri), prefix, max_tenants=3) for _ in range(2)]
    writes = [
        worker.commit(f"t{number}", [create(lamp(1))], create_tenant=True) for number in range(5) for worker in workers
    ]
    outcomes = await asyncio.gather(*writes, return_exceptions=True)
    assert len(await names(tenants)) == 1 + 3
    refused = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert len(refused) >= 2 * 2  # a worker may be refused just before the other makes the tenant
    assert all(isinstance(error, NonexistentTenant) and "no more than 3" in error.detail for error in refused)
    (existing, *_) = (await names(tenants))[1:]
    assert await workers[0].commit(existing, [create(lamp(2))], create_tenant=True) == ["created"]
    for worker in workers:
        await worker.close()


async def test_tenants_are_doubted_while_the_database_does_not_answer(store: Store, mongodb: EmbeddedMongoDB) -> None:
    await made(store)
    assert mongodb.process is not None
    os.kill(mongodb.process.pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(RENEWAL + RENEWAL_TIMEOUT + 1)
    finally:
        os.kill(mongodb.process.pid, signal.SIGCONT)
    assert await store.commit(TENANT, [add(lamp(1).id)]) == [1]
    await asyncio.sleep(RENEWAL)
    assert await store.entity(TENANT, lamp(1).id) is not None


async def test_what_a_dropped_tenant_had_in_the_control_database_goes_with_it(store: Store, tenants: Tenants) -> None:
    for name in (TENANT, "town"):
        await made(store, name)
        for collection, member in TENANT_CONTROL.items():
            await store.control[collection].insert_one({"_id": name, member: name})
    await tenants.drop(TENANT, at_once)
    for collection in TENANT_CONTROL:
        assert [document["_id"] async for document in store.control[collection].find()] == ["town"]


async def test_the_rules_of_a_dropped_tenant_are_not_those_of_its_namesake(
    client: Client, prefix: str, tenants: Tenants
) -> None:
    """For a worker that looks at them at every moment of it, too."""
    await tenants.database(TENANT, create=True)
    rulings = Rulings(client, prefix)
    await rulings.state(TENANT, Stated(mode=Mode.OFF))
    books = RuleBooks(tenants.control, EVERYTHING)
    configuration = Configuration(client, tenants.control, [books.reload], [books.forget])
    await configuration.catch_up(TENANT)
    assert books.of(TENANT) is not None
    watching = asyncio.create_task(_always(configuration))
    await tenants.drop(TENANT, at_once)
    await Tenants(client, prefix).database(TENANT, create=True)
    watching.cancel()
    await configuration.catch_up(TENANT)
    assert books.of(TENANT) is None


async def _always(configuration: Configuration) -> None:
    while True:
        await configuration.catch_up(TENANT)


async def test_no_lease_is_left_of_a_dropped_tenant(store: Store, tenants: Tenants) -> None:
    await made(store)
    leases = Leases(tenants.control, "worker")
    assert await leases.take([of_history(TENANT), of_history("")])
    await tenants.drop(TENANT, at_once)
    assert [each["_id"] async for each in tenants.control["leases"].find()] == [of_history("")]
