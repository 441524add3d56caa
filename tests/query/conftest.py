"""A collection of entities in a real mongod, with its indexes."""

from typing import Any

import pytest
from pymongo.asynchronous.collection import AsyncCollection

from broker.store.client import Client
from broker.store.indexes import ENTITIES, prepare
from tests.store.conftest import client, mongodb, prefix

__all__ = ["client", "collection", "mongodb", "prefix"]


@pytest.fixture
async def collection(client: Client, prefix: str) -> AsyncCollection[dict[str, Any]]:
    database = client[prefix]
    await prepare(database)
    return database[ENTITIES]
