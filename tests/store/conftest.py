"""A real mongod for the tests of the store, and stores on it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from uuid import uuid4

import pytest

from broker.errors import StoreUnavailable
from broker.store.client import Client, connect
from broker.store.embedded import EmbeddedMongoDB
from broker.store.store import Store

PATIENCE = 30.0
"""Seconds that mongod may be busy with its disk before it answers at all."""


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
    client = connect(mongodb.uri, selection_ms=int(PATIENCE * 1000))
    try:
        yield client
        for name in await client.list_database_names():
            if name.startswith(prefix):
                await client.drop_database(name)
    finally:
        await client.close()


@asynccontextmanager
async def opened(store: Store) -> AsyncIterator[Store]:
    """A store that is ready; closed at the end."""
    deadline = monotonic() + PATIENCE
    try:
        while True:
            try:
                await store.prepare()
                break
            except StoreUnavailable:
                assert monotonic() < deadline
                await asyncio.sleep(0.1)
        yield store
    finally:
        await store.close()


@pytest.fixture
async def store(mongodb: EmbeddedMongoDB, client: Client, prefix: str) -> AsyncIterator[Store]:
    """One worker's store."""
    async with opened(Store(connect(mongodb.uri), prefix)) as store:
        yield store


@pytest.fixture
async def other(mongodb: EmbeddedMongoDB, client: Client, prefix: str) -> AsyncIterator[Store]:
    """Another worker's store on the same databases."""
    async with opened(Store(connect(mongodb.uri), prefix)) as store:
        yield store
