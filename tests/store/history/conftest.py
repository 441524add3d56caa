"""Stores that record, and histories on them."""

from collections.abc import AsyncIterator

import pytest

from broker.store.client import Client, Database, connect
from broker.store.embedded import EmbeddedMongoDB
from broker.store.history.history import History
from broker.store.history.record import recorder
from broker.store.store import Store
from tests.store.conftest import opened


@pytest.fixture
async def store(mongodb: EmbeddedMongoDB, client: Client, prefix: str) -> AsyncIterator[Store]:
    """One worker's store, which records everything."""
    async with opened(Store(connect(mongodb.uri), prefix, (recorder(lambda _: None),))) as store:
        yield store


@pytest.fixture
async def history(store: Store, client: Client) -> History:
    return History(store)


@pytest.fixture
async def database(store: Store) -> Database:
    return await store.database("")
