"""The composition root: what a worker is made of, opened in order and closed in reverse."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version

from starlette.types import ASGIApp

from broker import telemetry
from broker.api import application
from broker.api.services import Services
from broker.errors import BrokerError, StartError
from broker.hosting.contexts import Contexts
from broker.outbound.client import Client
from broker.outbound.guard import Guard
from broker.settings import Settings
from broker.store.client import connect
from broker.store.store import Store


def create_app(settings: Settings) -> ASGIApp:
    """The broker as an ASGI application. It serves while the database is away, with 503, and recovers by itself."""
    if settings.mongodb_uri is None:
        raise StartError("The application has no database.", "Start it by `broker serve`, or set NGSILD_MONGODB_URI.")
    telemetry.configure_logging(settings.log_level, settings.log_format)
    uri = settings.mongodb_uri.get_secret_value()

    @asynccontextmanager
    async def services() -> AsyncIterator[Services]:
        store = Store(connect(uri), settings.database)
        client = Client(Guard(settings.allowed_networks))
        preparing = asyncio.create_task(_prepare(store))
        try:
            yield Services(
                settings=settings,
                store=store,
                contexts=Contexts(settings, client),
                checks={"database": store.ping},
                version=version("ngsild-broker"),
            )
        finally:
            preparing.cancel()
            await client.close()
            await store.close()

    return application.create(services)


async def _prepare(store: Store) -> None:
    """Make collections and indexes as soon as the database is there; the first request would otherwise wait for it."""
    with suppress(BrokerError):
        await store.prepare()
