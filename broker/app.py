"""The composition root: what a worker is made of, opened in order and closed in reverse."""

import asyncio
import random
import socket
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from importlib.metadata import version
from typing import NamedTuple
from uuid import uuid4

from broker import telemetry
from broker.api import application
from broker.api.application import Application
from broker.api.asked import Readings
from broker.api.rendered import Answers, Rendered
from broker.api.services import Check, Services
from broker.delivery.service import Delivery
from broker.errors import StartError, StoreUnavailable
from broker.feed.feeds import CATCHING_UP, Feeds
from broker.hosting.catalogue import Catalogue
from broker.hosting.contexts import Contexts
from broker.model.durations import duration
from broker.model.recording import Mode, Rule
from broker.outbound.client import Client
from broker.outbound.guard import Guard
from broker.settings import Settings
from broker.store import health, subscriptions
from broker.store.apart import apart
from broker.store.client import Client as MongoClient
from broker.store.client import connect
from broker.store.commits import Committed
from broker.store.contexts import Records
from broker.store.errors import asking
from broker.store.history.history import History
from broker.store.history.keep import Sealing
from broker.store.history.keeper import Keeper
from broker.store.history.record import recorder
from broker.store.history.rules import RuleBooks, Rulings
from broker.store.leases import Leases
from broker.store.queries import Limits
from broker.store.store import Store
from broker.store.tenants import control_database
from broker.subscriptions.registry import Registry as Subscriptions
from broker.validation.bundle import bundle
from broker.validation.registry import Registry
from broker.validation.rules import Rules

_logger = telemetry.log(__name__)


def create_app(settings: Settings, worker: int = 0) -> Application:
    """The broker as an ASGI application; `worker`: its number among those on this machine.

    It serves while the database is away, with 503, and recovers by itself.
    """
    if settings.mongodb_uri is None:
        raise StartError("The application has no database.", "Start it by `broker serve`, or set NGSILD_MONGODB_URI.")
    telemetry.configure_logging(settings.log_level, settings.log_format)
    ending: list[Callable[[], None]] = []
    opened = partial(_services, settings, settings.mongodb_uri.get_secret_value(), worker, ending)
    return application.create(opened, ending)


@asynccontextmanager
async def _services(
    settings: Settings, uri: str, worker: int, ending: list[Callable[[], None]]
) -> AsyncIterator[Services]:
    """What answers requests, and what works behind it."""
    database = connect(uri)
    data = _data(settings, database, worker)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(data.store.close)
        records = Records(data.store.control)
        contexts = _contexts(settings, records, stack)
        catalogue = Catalogue(contexts, records, settings.max_contexts)
        delivery = Delivery(settings, data.store, data.registry, contexts)
        stack.push_async_callback(delivery.stop)
        feeds = Feeds(settings, data.store, connect(uri, pool=settings.feed_viewers + CATCHING_UP))
        stack.push_async_callback(feeds.close)
        ending.append(feeds.end)
        _work(settings, data, catalogue, stack)
        data.committed.append(delivery.committed)
        delivery.start()
        yield Services(
            settings=settings,
            store=data.store,
            history=History(data.store),
            rulings=Rulings(database, settings.database),
            contexts=contexts,
            catalogue=catalogue,
            models=Registry(database, settings.database, bundle()),
            readings=Readings(settings),
            rendered=Rendered(settings.render_cache_mb * 2**20),
            answers=Answers(),
            feeds=feeds,
            checks={"database": data.store.ping, **_checks(database, settings.database)},
            version=version("ngsild-broker"),
        )


class _Data(NamedTuple):
    """The store, and who takes part in its commits."""

    store: Store
    books: RuleBooks
    registry: Subscriptions
    committed: list[Committed]
    """Who is told of what was committed."""


def _data(settings: Settings, database: MongoClient, worker: int) -> _Data:
    control = control_database(database, settings.database)
    rules = Rules(control, bundle())
    books = RuleBooks(control, _default_rule(settings))
    registry = Subscriptions(partial(subscriptions.changed, control), settings.max_linked)
    committed: list[Committed] = []
    store = Store(
        database,
        settings.database,
        derivers=[rules.derive, recorder(books.of), registry.derive],
        reloads=[rules.reload, books.reload, registry.reload],
        forgets=[rules.forget, books.forget, registry.forget],
        checks=rules.checks,
        committed=committed,
        limits=Limits(examined=settings.max_examined, ordered=settings.max_sorted),
        max_entity=settings.max_entity,
        max_tenants=settings.max_tenants,
        queries_in_flight=settings.queries_in_flight,
        query_patience=settings.request_timeout / 4,
        worker=_number(worker),
    )
    return _Data(store, books, registry, committed)


def _contexts(settings: Settings, records: Records, stack: AsyncExitStack) -> Contexts:
    """Those of others come by a client that is guarded as settings say."""
    client = Client(Guard(settings.allowed_networks))
    stack.push_async_callback(client.close)
    contexts = Contexts(settings, client, records)
    stack.push_async_callback(contexts.close)
    return contexts


def _work(settings: Settings, data: _Data, catalogue: Catalogue, stack: AsyncExitStack) -> None:
    """What goes on without a request, until the worker ends."""
    sealing = Sealing(settings.history_seal_commits, settings.history_seal_seconds)
    keeper = Keeper(data.store, data.books, Leases(data.store.control, uuid4().hex), sealing)
    for work in (
        _keep(data.store, settings.sweep_interval),
        catalogue.follow(),
        keeper.run(settings.history_interval),
    ):
        stack.callback(asyncio.create_task(work).cancel)


def _default_rule(settings: Settings) -> Rule:
    return Rule(Mode(settings.history), retention=duration(settings.history_retention))


def _number(worker: int) -> int:
    """The worker's number among those of all machines: most likely no other has it, and it stays over restarts."""
    return zlib.crc32(socket.gethostname().encode()) % 16 * 256 + worker


def _checks(client: MongoClient, prefix: str) -> dict[str, Check]:
    """What the probes ask of the database: a finding that fails is told as the reason."""

    def probe(check: health.Check) -> Check:
        async def run() -> None:
            with asking("check"):
                finding = await apart(check(client, prefix))
            if finding.status is health.Status.FAIL:
                raise StoreUnavailable(f"{finding.says} {finding.advice}")

        return run

    return {name: probe(check) for name, check in health.LIGHT.items()}


async def _keep(store: Store, interval: float) -> None:
    """Make collections and indexes, so that the first request need not; then sweep, for as long as the worker lives.

    Workers sweep side by side, at times of their own: the same work twice is harmless.
    """
    while True:
        try:
            await store.prepare()
            await store.sweep()
        except StoreUnavailable:
            pass  # every request is told so, and /health says it
        except Exception:
            _logger.exception("sweep failed")
        await asyncio.sleep(interval * random.uniform(0.8, 1.2))  # noqa: S311  jitter, no secret
