"""`kill -9` under load: every acknowledged change is notified, in order; nothing once its subscription is deleted."""

import asyncio
import logging
import os
import random
import signal
from collections import defaultdict
from pathlib import Path
from time import monotonic
from typing import Any, Final

import orjson
import pytest
from aiohttp import web

from broker.names import API_ROOT
from tests.drills.serving import Served, until, victims
from tests.drills.stream import TYPE, Stream
from tests.drills.wire import Connection
from tests.web import Web, serving

PATIENCE: Final = 60.0
"""Seconds until all that is owed has come."""
IN_FLIGHT: Final = 0.5
"""Seconds after a deletion that what was on its way may still come."""

log = logging.getLogger(__name__)


class Sink:
    """What has come by subscription: when, which entity, which number."""

    def __init__(self, served: Web) -> None:
        self.url = served.answers("/notify", self._take)
        self.received: dict[str, list[tuple[float, str, int]]] = defaultdict(list)

    async def _take(self, request: web.Request) -> web.Response:
        body: dict[str, Any] = orjson.loads(await request.read())
        for entity in body["data"]:
            self.received[body["subscriptionId"]].append((monotonic(), entity["id"], entity["level"]))
        return web.Response(status=200)

    def changes(self, subscription: str) -> set[tuple[str, int]]:
        """What has come of a subscription."""
        return {(entity_id, number) for _, entity_id, number in self.received[subscription]}

    def check_order(self, subscription: str) -> None:
        """Of each entity, no change has come for the first time after a later one."""
        first: dict[str, list[int]] = defaultdict(list)
        seen: set[tuple[str, int]] = set()
        for _, entity_id, number in self.received[subscription]:
            if (entity_id, number) not in seen:
                seen.add((entity_id, number))
                first[entity_id].append(number)
        for entity_id, numbers in first.items():
            assert numbers == sorted(numbers), f"{entity_id} out of order: {numbers}"


def document(subscription: str, url: str) -> dict[str, Any]:
    return {
        "id": subscription,
        "type": "Subscription",
        "entities": [{"type": TYPE}],
        "notification": {"endpoint": {"uri": url}, "format": "simplified", "pick": ["id", "level"]},
    }


async def _ask(broker: Served, method: str, path: str, payload: Any = None) -> int:
    """The status of an answer, once there is one that is not 503."""
    while True:
        async with Connection(broker.address) as connection:
            try:
                answer = await connection.ask(method, API_ROOT + path, payload)
            except ConnectionError:
                await asyncio.sleep(0.1)
                continue
        if answer.status != 503:
            return answer.status
        await asyncio.sleep(0.1)


@pytest.mark.drill
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("workers", [1, 2])
async def test_every_acknowledged_change_comes_through_many_kills(
    tmp_path: Path, workers: int, pytestconfig: pytest.Config
) -> None:
    await _drill(tmp_path, workers, victims(["mongod", "worker", "broker"], pytestconfig))


async def test_every_acknowledged_change_comes_through_two_kills(tmp_path: Path) -> None:
    await _drill(tmp_path, 2, ["worker", "mongod"])


async def _drill(folder: Path, workers: int, killed: list[str]) -> None:
    async with Served(folder, workers) as broker, serving() as served:
        sink = Sink(served)
        kept = "urn:ngsi-ld:Subscription:kept"
        assert await _ask(broker, "POST", "/subscriptions", document(kept, sink.url)) == 201
        async with Stream(broker.address, upserting=2, patching=3) as stream:
            deleting = asyncio.create_task(_delete_some(broker, sink))
            for victim in killed:
                stream.go()
                await asyncio.sleep(random.uniform(0.5, 1.5))
                await _kill(broker, victim)
                await asyncio.sleep(random.uniform(0.5, 1.5))
                stream.check()
            await stream.rest()
            deleting.cancel()
            await asyncio.gather(deleting, return_exceptions=True)
            acknowledged = stream.all_acknowledged()
            assert len(acknowledged) > 100
        took = await until(
            lambda: acknowledged <= sink.changes(kept),
            PATIENCE,
            lambda: f"missing: {acknowledged - sink.changes(kept)}",
        )
        sink.check_order(kept)
        extra = len(sink.received[kept]) - len(sink.changes(kept))
        log.info("%d changes, the last after %.1f s; %d came twice", len(acknowledged), took, extra)
        if not deleting.cancelled() and (error := deleting.exception()) is not None:
            raise error


async def _delete_some(broker: Served, sink: Sink) -> None:
    """Subscriptions that come and go: after an answered deletion nothing more is told them."""
    number = 0
    while True:
        number += 1
        subscription = f"urn:ngsi-ld:Subscription:{number}"
        assert await _ask(broker, "POST", "/subscriptions", document(subscription, sink.url)) in (201, 409)
        await asyncio.sleep(random.uniform(0, 0.5))
        assert await _ask(broker, "DELETE", f"/subscriptions/{subscription}") in (204, 404)
        deleted = monotonic()
        await asyncio.sleep(IN_FLIGHT + random.uniform(0, 0.5))
        late = [at - deleted for at, _, _ in sink.received[subscription] if at > deleted + IN_FLIGHT]
        assert not late, f"{len(late)} notifications came up to {max(late):.2f} s after the deletion"


async def _kill(broker: Served, victim: str) -> None:
    await until(broker.is_complete, PATIENCE, lambda: "the supervisor has not started what was killed before")
    mongod, workers = broker.mongod(), broker.worker_processes()
    assert mongod is not None
    match victim:
        case "mongod":
            os.kill(mongod, signal.SIGKILL)
        case "worker":
            os.kill(random.choice(workers), signal.SIGKILL)
        case "broker":
            assert broker.process is not None
            broker.process.kill()
            broker.process.wait()
            await broker.start()
