"""Subscriptions over several workers: what one acknowledges, every other one knows at its next write."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
from pymongo.asynchronous.client_session import AsyncClientSession

from broker.call import Call
from broker.model.entity import Entity
from broker.model.merge import create
from broker.model.parse import parse_entity
from broker.names import CORE_CONTEXT
from broker.store import subscriptions as records
from broker.store.client import Client, Database, connect
from broker.store.commits import Write
from broker.store.configuration import Configuration
from broker.store.embedded import EmbeddedMongoDB
from broker.store.outbox import OUTBOX
from broker.store.store import Store
from broker.store.tenants import control_database
from broker.subscriptions import manage
from broker.subscriptions.registry import Registry
from tests.query.context import CONTEXT
from tests.store.conftest import client, mongodb, prefix
from tests.subscriptions.building import NOW, subscription

__all__ = ["client", "mongodb", "prefix"]


class Worker:
    """A store with its registry, as `broker.app` puts them together."""

    def __init__(self, uri: str, prefix: str) -> None:
        database = connect(uri)
        self.registry = Registry(partial(records.changed, control_database(database, prefix)))
        self.store = Store(database, prefix, [self.registry.derive], reloads=[self.registry.reload])

    async def subscribe(self, tenant: str, **members: Any) -> None:
        await manage.create(
            self.store, _call(tenant), subscription(**members), NOW, max_join_level=1, url_of_context=_core
        )

    async def unsubscribe(self, tenant: str, subscription_id: str) -> None:
        await manage.delete(self.store, _call(tenant), subscription_id)

    async def write(self, tenant: str, entity_id: str) -> None:
        entity = parse_entity({"id": entity_id, "type": "T", "a": 1}, CONTEXT)

        def apply(old: Entity | None, now: str) -> tuple[Entity, None]:
            return create(entity, now), None

        (outcome,) = await self.store.commit(tenant, [Write(entity_id, apply)], create_tenant=True)
        assert outcome is None

    async def owed(self) -> list[tuple[str, str]]:
        """Lane and entity of what is owed."""
        found = await self.store.control[OUTBOX].find(sort=[("_id", 1)]).to_list()
        return [(lane, step[0]) for document in found for lane in document["s"] for step in document["e"]]


async def _core() -> str:
    return CORE_CONTEXT


def _call(tenant: str) -> Call:
    return Call(tenant, CONTEXT, deadline=0.0)


@pytest.fixture
async def workers(mongodb: EmbeddedMongoDB, client: Client, prefix: str) -> AsyncIterator[tuple[Worker, Worker]]:
    several = Worker(mongodb.uri, prefix), Worker(mongodb.uri, prefix)
    for worker in several:
        await worker.store.prepare()
    yield several
    for worker in several:
        await worker.store.close()


async def test_a_write_after_a_subscription_is_matched_on_any_worker(workers: tuple[Worker, Worker]) -> None:
    one, other = workers
    expected = []
    for number in range(10):
        await one.subscribe("", id=f"urn:s:{number}")
        await other.write("", f"urn:x:{number}")
        expected += [(f" urn:s:{each}", f"urn:x:{number}") for each in range(number + 1)]
        one, other = other, one
    assert sorted(await one.owed()) == sorted(expected)


async def test_a_write_after_a_deletion_owes_nothing_and_what_was_owed_is_gone(workers: tuple[Worker, Worker]) -> None:
    one, other = workers
    await one.subscribe("", id="urn:s:1")
    await one.subscribe("", id="urn:s:2")
    await other.write("", "urn:x:1")
    await one.unsubscribe("", "urn:s:1")
    await other.write("", "urn:x:2")
    await one.write("", "urn:x:3")
    assert await one.owed() == [(" urn:s:2", f"urn:x:{number}") for number in (1, 2, 3)]
    assert other.registry.count("") == 1


async def test_tenants_know_nothing_of_each_other(workers: tuple[Worker, Worker]) -> None:
    one, other = workers
    await one.subscribe("alpha", id="urn:s:1")
    await one.subscribe("beta", id="urn:s:2")
    await other.write("alpha", "urn:x:1")
    assert await one.owed() == [("alpha urn:s:1", "urn:x:1")]


async def test_a_dropped_tenant_leaves_no_subscription_behind(
    workers: tuple[Worker, Worker], client: Client, prefix: str
) -> None:
    one, other = workers
    await one.subscribe("alpha", id="urn:s:1")
    await one.write("alpha", "urn:x:1")
    await other.write("alpha", "urn:x:2")

    async def forget(control: Database, session: AsyncClientSession) -> None:
        await records.forget_tenant(control, session, "alpha")

    await Configuration(client, control_database(client, prefix)).drop("alpha", forget)
    before = await one.owed()
    await one.write("alpha", "urn:x:3")
    await other.write("alpha", "urn:x:4")
    assert await one.owed() == before
    await one.subscribe("alpha", id="urn:s:1")
    await other.write("alpha", "urn:x:5")
    assert (await one.owed())[-1] == ("alpha urn:s:1", "urn:x:5")
