"""The configuration epoch: every write is measured against what was acknowledged before it."""

import asyncio
import os
import signal
from collections.abc import Iterable
from contextlib import suppress

import pytest
from pymongo import InsertOne
from pymongo.asynchronous.client_session import AsyncClientSession

from broker.store.client import Client, Database, connect
from broker.store.commits import Deriving, Owed
from broker.store.configuration import Configuration
from broker.store.embedded import EmbeddedMongoDB
from broker.store.store import Store
from broker.store.tenants import RENEWAL, RENEWAL_TIMEOUT, Tenants
from tests.store.conftest import PATIENCE, opened
from tests.store.operations import create, lamp


class Rules:
    """The configuration of these tests: names, as one worker knows them."""

    def __init__(self, control: Database) -> None:
        self._control = control
        self.known: list[str] = []
        self.reloads = 0
        self.forgotten: list[str] = []
        self.forgot = asyncio.Event()

    def forget(self, tenant: str) -> None:
        self.forgotten.append(tenant)
        self.forgot.set()

    async def reload(self, tenant: str) -> None:
        self.reloads += 1
        self.known = [each["_id"] async for each in self._control["rules"].find({"tenant": tenant})]

    def derive(self, deriving: Deriving) -> Iterable[Owed]:
        return [Owed("seen", InsertOne({"rules": list(self.known)})) for _ in deriving.changes]


async def add_rule(client: Client, control: Database, name: str) -> None:
    """As another worker does."""

    async def write(within: Database, session: AsyncClientSession) -> None:
        await within["rules"].insert_one({"_id": name, "tenant": ""}, session=session)

    await Configuration(client, control).change("", write)


async def test_a_write_is_measured_against_every_change_acknowledged_before_it(client: Client, prefix: str) -> None:
    control: Database = client[f"{prefix}-control"]
    rules = Rules(control)
    store = Store(client, prefix, [rules.derive], reloads=[rules.reload])
    for number in range(20):
        await add_rule(client, control, f"rule {number:02}")
        await asyncio.gather(*(store.commit("", [create(lamp(number * 10 + each))]) for each in range(5)))
        seen = await client[prefix]["seen"].find().sort("_id", -1).limit(5).to_list()
        assert {len(each["rules"]) for each in seen} == {number + 1}


async def test_what_has_not_changed_is_not_read_again(client: Client, prefix: str) -> None:
    rules = Rules(client[f"{prefix}-control"])
    store = Store(client, prefix, [rules.derive], reloads=[rules.reload])
    for number in range(5):
        await store.commit("", [create(lamp(number))])
    assert rules.reloads == 1


async def test_a_change_that_fails_raises_no_epoch(client: Client, prefix: str) -> None:
    control: Database = client[f"{prefix}-control"]

    async def fail(within: Database, session: AsyncClientSession) -> None:
        await within["rules"].insert_one({"_id": "half"}, session=session)
        raise ValueError

    for _ in range(2):
        with suppress(ValueError):
            await Configuration(client, control).change("", fail)
    assert await control["rules"].count_documents({}) == 0
    assert await control["configuration"].count_documents({}) == 0


async def test_a_dropped_tenant_is_forgotten_by_those_who_look_at_all_epochs(client: Client, prefix: str) -> None:
    """A worker that never wrote there too; and what comes again goes on counting."""
    tenants = Tenants(client, prefix)
    rules = Rules(tenants.control)
    configuration = Configuration(client, tenants.control, [rules.reload], [rules.forget])

    async def nothing(_control: Database, _session: AsyncClientSession) -> None:
        pass

    await tenants.database("town", create=True)
    await configuration.change("town", nothing)
    await configuration.catch_up_all()
    assert (rules.reloads, rules.forgotten) == (1, [])
    await tenants.drop("town", lambda _: asyncio.sleep(0))
    await configuration.catch_up_all()
    assert (rules.reloads, rules.forgotten) == (1, ["town"])
    await Tenants(client, prefix).database("town", create=True)
    for _ in range(2):
        await configuration.catch_up_all()
    assert (rules.reloads, rules.forgotten) == (2, ["town"])
    (known,) = await tenants.control["configuration"].find({"_id": "town"}).to_list()
    assert known == {"_id": "town", "epoch": 2}


@pytest.mark.parametrize("doubted", [False, True])
async def test_a_worker_forgets_the_tenants_that_it_no_longer_finds(
    mongodb: EmbeddedMongoDB, client: Client, prefix: str, doubted: bool
) -> None:
    """Also one that is dropped while the database does not say which there are."""
    rules = Rules(client[f"{prefix}-control"])
    store = Store(connect(mongodb.uri), prefix, [rules.derive], reloads=[rules.reload], forgets=[rules.forget])
    async with opened(store):
        await store.commit("town", [create(lamp(1))], create_tenant=True)
        if doubted:
            await stopped(mongodb, RENEWAL + RENEWAL_TIMEOUT + 1)
        await Tenants(client, prefix).drop("town", lambda _: asyncio.sleep(0))
        await asyncio.wait_for(rules.forgot.wait(), PATIENCE)
    assert rules.forgotten == ["town"]


async def stopped(mongodb: EmbeddedMongoDB, seconds: float) -> None:
    """The database answers nobody."""
    assert mongodb.process is not None
    os.kill(mongodb.process.pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        os.kill(mongodb.process.pid, signal.SIGCONT)
