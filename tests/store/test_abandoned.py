"""A worker that dies leaves its transaction open in mongod, which locks what it wrote for a minute."""

from collections.abc import AsyncIterator
from time import monotonic

import pytest

from broker.store import abandoned
from broker.store.client import DURABLE, SNAPSHOT, Client, connect
from broker.store.embedded import EmbeddedMongoDB
from broker.store.store import Store
from tests.store.operations import add, create, lamp, level

BY_ITSELF = 60.0
"""Seconds after which mongod ends it."""


@pytest.fixture
async def dead(mongodb: EmbeddedMongoDB) -> AsyncIterator[Client]:
    """The client of a worker that does nothing any more."""
    client = connect(mongodb.uri)
    yield client
    await client.close()


async def test_a_write_gets_past_the_transaction_of_a_dead_worker(store: Store, dead: Client, prefix: str) -> None:
    entity = lamp(1)
    await store.commit("", [create(entity)])
    session = dead.start_session()
    await session.start_transaction(read_concern=SNAPSHOT, write_concern=DURABLE)
    await dead[prefix]["entities"].update_one({"_id": entity.id}, {"$inc": {"r": 1}}, session=session)

    started = monotonic()
    (outcome,) = await store.commit("", [add(entity.id)])

    assert outcome == 1
    assert monotonic() - started < BY_ITSELF / 2
    assert level(await store.entity("", entity.id)) == 1
    await session.end_session()


async def test_a_transaction_that_goes_on_is_left_alone(store: Store, dead: Client, prefix: str) -> None:
    entity = lamp(1)
    await store.commit("", [create(entity)])
    async with dead.start_session() as session:
        await session.start_transaction(read_concern=SNAPSHOT, write_concern=DURABLE)
        await dead[prefix]["entities"].update_one({"_id": entity.id}, {"$set": {"mark": 1}}, session=session)
        await abandoned.end(dead)
        await session.commit_transaction()
    assert await dead[prefix]["entities"].count_documents({"mark": 1}) == 1
