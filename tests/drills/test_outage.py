"""With mongod out of reach: 503 with Retry-After in bounded time, and recovery without a restart."""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any, Final, NamedTuple, TypeAlias

import pytest

from broker.names import API_ROOT, ERRORS
from broker.store.embedded import EmbeddedMongoDB
from tests.drills.serving import Served, until
from tests.drills.wire import Answer, ask

PATIENCE: Final = 15.0
"""Seconds to any answer."""
PROBED: Final = 10.0
"""Seconds to the answer of a probe; its checks take two."""
CLIENTS: Final = 5
"""That ask the same at once."""
ENTITY: Final = "urn:ngsi-ld:Lamp:kept"

log = logging.getLogger(__name__)


class Outage(NamedTuple):
    """A broker whose database can be taken away and given back."""

    broker: Served
    begin: Callable[[], Awaitable[None]]
    end: Callable[[], Awaitable[None]]


Scene: TypeAlias = Callable[[Path], Any]


@asynccontextmanager
async def frozen(folder: Path) -> AsyncIterator[Outage]:
    """mongod is there and does nothing: a full disk, a lost machine."""
    async with Served(folder) as broker:
        mongod = broker.mongod()
        assert mongod is not None

        async def begin() -> None:
            os.kill(mongod, signal.SIGSTOP)

        async def end() -> None:
            os.kill(mongod, signal.SIGCONT)

        yield Outage(broker, begin, end)


@asynccontextmanager
async def killed(folder: Path) -> AsyncIterator[Outage]:
    """mongod is gone, and the supervisor does not get to starting another."""
    async with Served(folder) as broker:

        async def begin() -> None:
            mongod = broker.mongod()
            assert mongod is not None
            os.kill(broker.pid, signal.SIGSTOP)
            os.kill(mongod, signal.SIGKILL)

        async def end() -> None:
            os.kill(broker.pid, signal.SIGCONT)

        yield Outage(broker, begin, end)


@asynccontextmanager
async def stopped(folder: Path) -> AsyncIterator[Outage]:
    """A database that the broker did not start is stopped in good order, and started again."""
    database = EmbeddedMongoDB(folder / "external", cache_mb=256)
    with database:

        async def begin() -> None:
            database.stop()

        async def end() -> None:
            database.start()

        async with Served(folder, mongodb_uri=database.uri) as broker:
            yield Outage(broker, begin, end)


_SCENES: Final = [
    pytest.param(killed, id="killed"),
    pytest.param(stopped, id="stopped", marks=pytest.mark.drill),
    pytest.param(frozen, id="frozen", marks=pytest.mark.drill),
]

_REQUESTS: Final[dict[str, tuple[str, str, Any]]] = {
    "retrieve": ("GET", f"/entities/{ENTITY}", None),
    "query": ("GET", "/entities?type=Lamp", None),
    "update": ("PATCH", f"/entities/{ENTITY}/attrs", {"level": {"type": "Property", "value": 2}}),
    "create": ("POST", "/entities", {"id": "urn:ngsi-ld:Lamp:new", "type": "Lamp"}),
    "delete": ("DELETE", "/entities/urn:ngsi-ld:Lamp:old", None),
    "upsert": (
        "POST",
        "/entityOperations/upsert",
        [{"id": f"urn:ngsi-ld:Lamp:{n}", "type": "Lamp"} for n in range(300)],
    ),
}


@pytest.mark.parametrize("scene", _SCENES)
async def test_an_outage_of_the_database_is_told_and_ends_without_a_restart(tmp_path: Path, scene: Scene) -> None:
    async with scene(tmp_path) as (broker, begin, end):
        await _create(broker)
        family = [broker.pid, *broker.worker_processes()]

        await begin()
        for _ in range(2):  # when nobody knows yet, and when it is known
            await _all_are_refused(broker)
        await _probes_say_so(broker)
        await end()

        await broker.until_ready(30)
        answers = await _ask_all(broker)
        assert {name: answer.status for name, answer in answers} == {
            "retrieve": 200,
            "query": 200,
            "update": 204,
            "create": 201,
            "delete": 404,
            "upsert": 201,
        }
        assert [broker.pid, *broker.worker_processes()] == family


@pytest.mark.drill
async def test_a_broker_starts_before_its_database(tmp_path: Path) -> None:
    database = EmbeddedMongoDB(tmp_path / "external", cache_mb=256)
    with database:
        uri = database.uri
    broker = Served(tmp_path, mongodb_uri=uri)
    try:
        broker.launch()
        await until(partial(_listens, broker), 30, broker.log_tail)
        await _all_are_refused(broker)
        with database:
            await broker.until_ready(30)
            await _create(broker)
    finally:
        broker.stop()


async def _listens(broker: Served) -> bool:
    try:
        return (await ask(broker.address, "GET", "/version")).status == 200
    except ConnectionError:
        return False


async def _create(broker: Served) -> None:
    entity = {"id": ENTITY, "type": "Lamp", "level": {"type": "Property", "value": 1}}
    assert (await ask(broker.address, "POST", f"{API_ROOT}/entities", entity)).status == 201


async def _all_are_refused(broker: Served) -> None:
    for name, answer in await _ask_all(broker, CLIENTS):
        assert answer.status == 503, (name, answer.status, answer.body[:500])
        assert int(answer.headers["retry-after"]) > 0
        problem = answer.json()
        assert problem["type"] == f"{ERRORS}InternalError"
        assert problem["status"] == 503
        assert "database" in problem["detail"]


async def _ask_all(broker: Served, clients: int = 1) -> list[tuple[str, Answer]]:
    async def one(name: str) -> tuple[str, Answer]:
        method, path, payload = _REQUESTS[name]
        started = monotonic()
        try:
            answer = await ask(broker.address, method, API_ROOT + path, payload, patience=PATIENCE)
        except TimeoutError:
            pytest.fail(f"{name} hangs: no answer within {PATIENCE:g} s")
        log.info("%s: %d after %.1f s", name, answer.status, monotonic() - started)
        return name, answer

    return await asyncio.gather(*(one(name) for name in _REQUESTS for _ in range(clients)))


async def _probes_say_so(broker: Served) -> None:
    health = await ask(broker.address, "GET", "/health", patience=PROBED)
    assert health.status == 200
    assert health.json()["status"] == "degraded"
    assert health.json()["checks"]["database"]["status"] == "failed"
    ready = await ask(broker.address, "GET", "/ready", patience=PROBED)
    assert ready.status == 503
    assert int(ready.headers["retry-after"]) > 0
    assert "database" in ready.json()["checks"]
