"""Rules for the tenants of a running broker, made as an operator makes them: in the database that it works on."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import pytest

from broker.store import embedded
from broker.store.client import connect
from broker.validation.bundle import bundle
from broker.validation.registry import Registry
from tests.conftest import RunningBroker


class Administrate(Protocol):
    """Asks the registry of the running broker."""

    def __call__(self, question: Callable[[Registry], Awaitable[Any]]) -> Any: ...


@pytest.fixture(scope="session")
def administrate(running_broker: RunningBroker) -> Administrate:
    """Ask the registry; each time with a client of its own, as the command does."""
    uri = embedded.running(running_broker.log.parent / "data")
    assert uri is not None

    async def asked(question: Callable[[Registry], Awaitable[Any]]) -> Any:
        async with connect(uri) as client:
            return await question(Registry(client, "ngsild", bundle()))

    return lambda question: asyncio.run(asked(question))
