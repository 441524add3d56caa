from collections.abc import AsyncIterator
from ipaddress import ip_network

import pytest

from broker.outbound.client import Client
from broker.outbound.guard import Guard
from tests.web import Web, serving


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    async with serving() as served:
        yield served


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """May call the loopback interface."""
    client = Client(Guard([ip_network("127.0.0.0/8")]))
    yield client
    await client.close()


@pytest.fixture
async def guarded() -> AsyncIterator[Client]:
    """May call public addresses only."""
    client = Client(Guard())
    yield client
    await client.close()
