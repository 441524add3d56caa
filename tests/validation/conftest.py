"""Rules for the tenants of a running broker, made as an operator makes them: in the database that it works on."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Protocol

import httpx2
import pytest

from broker.store import embedded
from broker.store.client import connect
from broker.validation.bundle import bundle
from broker.validation.registry import Registry
from broker.validation.rules import Mode
from tests.conftest import RunningBroker, new_tenant, tenant_client


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


@pytest.fixture(scope="module")
def strict(running_broker: RunningBroker, administrate: Administrate) -> Iterator[httpx2.Client]:
    """A client of a tenant that is strict about all 56 types."""

    async def rule(registry: Registry) -> None:
        for type_ in bundle().types:
            await registry.set_mode(client.headers["NGSILD-Tenant"], type_, Mode.STRICT)

    with tenant_client(running_broker, new_tenant()) as client:
        client.post("/entities", json={"id": "urn:ngsi-ld:Thing:1", "type": "Thing"})
        administrate(rule)
        yield client
