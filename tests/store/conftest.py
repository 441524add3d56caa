"""A real mongod for the tests of the store, and stores on it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from broker.store.client import Client, connect
from broker.store.embedded import EmbeddedMongoDB
from broker.store.store import Store


@pytest.fixture(scope="session")
def mongodb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedMongoDB]:
    with EmbeddedMongoDB(Path(tmp_path_factory.mktemp("mongodb")), cache_mb=256) as running:
        yield running


@pytest.fixture
def prefix() -> str:
    """The prefix of the databases of one test."""
    return f"t{uuid4().hex[:12]}"


@pytest.fixture
async def client(mongodb: EmbeddedMongoDB, prefix: str) -> AsyncIterator[Client]:
    client = connect(mongodb.uri)
    yield client
    for name in await client.list_database_names():
        if name.startswith(prefix):
            await client.drop_database(name)
    await client.close()


@pytest.fixture
async def store(mongodb: EmbeddedMongoDB, client: Client, prefix: str) -> AsyncIterator[Store]:
    """One worker's store."""
    store = Store(connect(mongodb.uri), prefix)
    await store.prepare()
    yield store
    await store.close()


@pytest.fixture
async def other(mongodb: EmbeddedMongoDB, client: Client, prefix: str) -> AsyncIterator[Store]:
    """Another worker's store on the same databases."""
    store = Store(connect(mongodb.uri), prefix)
    await store.prepare()
    yield store
    await store.close()
