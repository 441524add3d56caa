"""`kill -9` under load: every acknowledged change is notified, in order; nothing once its subscription is deleted."""

import asyncio
import logging
import os
import random
import signal
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any, Final

import orjson
import pytest
from aiohttp import web

from broker.names import API_ROOT
from tests.conftest import free_port
from tests.drills.serving import Served, until, victims
from tests.drills.stream import TYPE, Stream
from tests.drills.wire import Connection
from tests.mosquitto import Mosquitto, mosquitto
from tests.web import Web, serving

PATIENCE: Final = 60.0
"""Seconds until all that is owed has come."""
IN_FLIGHT: Final = 0.5
"""Seconds after a deletion that what was on its way may still come."""

log = logging.getLogger(__name__)


class Sink:
    """What has come by subscription: when, which entity, which number. `endpoint`: where it comes to."""

    def __init__(self, endpoint: dict[str, Any]) -> None:
        self.endpoint = endpoint
        self._received: dict[str, list[tuple[float, str, int]]] = defaultdict(list)

    def take(self, notification: dict[str, Any], at: float) -> None:
        """Note a notification that came at a time."""
        for entity in notification["data"]:
            self._received[notification["subscriptionId"]].append((at, entity["id"], entity["level"]))

    def received(self, subscription: str) -> list[tuple[float, str, int]]:
        """All that has come of a subscription, in order."""
        return self._received[subscription]

    def changes(self, subscription: str) -> set[tuple[str, int]]:
        """What has come of a subscription."""
        return {(entity_id, number) for _, entity_id, number in self.received(subscription)}

    def check_order(self, subscription: str) -> None:
        """Of each entity, no change has come for the first time after a later one."""
        first: dict[str, list[int]] = defaultdict(list)
        seen: set[tuple[str, int]] = set()
        for _, entity_id, number in self.received(subscription):
            if (entity_id, number) not in seen:
                seen.add((entity_id, number))
                first[entity_id].append(number)
        for entity_id, numbers in first.items():
            assert numbers == sorted(numbers), f"{entity_id} out of order: {numbers}"


class Page(Sink):
    """What has come over HTTP."""

    def __init__(self, served: Web) -> None:
        super().__init__({"uri": served.answers("/notify", self._answer)})

    async def _answer(self, request: web.Request) -> web.Response:
        self.take(orjson.loads(await request.read()), monotonic())
        return web.Response(status=200)


class Topic(Sink):
    """What has come over MQTT, with QoS 1."""

    def __init__(self, server: Mosquitto) -> None:
        uri = f"mqtt://127.0.0.1:{server.open}/notify"
        super().__init__({"uri": uri, "notifierInfo": [{"key": "MQTT-QoS", "value": "1"}]})
        self._server = server
        self._taken = 0

    def received(self, subscription: str) -> list[tuple[float, str, int]]:
        messages = self._server.messages[self._taken :]
        self._taken += len(messages)
        for message in messages:
            assert (message.topic, message.qos) == ("notify", 1)
            self.take(message.body["body"], message.at)
        return super().received(subscription)


@asynccontextmanager
async def over_http(_folder: Path) -> AsyncIterator[Sink]:
    async with serving() as served:
        yield Page(served)


@asynccontextmanager
async def over_mqtt(folder: Path) -> AsyncIterator[Sink]:
    (folder / "mosquitto").mkdir()
    with mosquitto(folder / "mosquitto", (free_port(), free_port(), free_port())) as server:
        yield Topic(server)


WAYS: Final = {"http": over_http, "mqtt": over_mqtt}


def document(subscription: str, endpoint: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": subscription,
        "type": "Subscription",
        "entities": [{"type": TYPE}],
        "notification": {"endpoint": endpoint, "format": "simplified", "pick": ["id", "level"]},
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
@pytest.mark.parametrize(("workers", "way"), [(1, "http"), (2, "http"), (2, "mqtt")])
async def test_every_acknowledged_change_comes_through_many_kills(
    tmp_path: Path, workers: int, way: str, pytestconfig: pytest.Config
) -> None:
    await _drill(tmp_path, workers, way, victims(["mongod", "worker", "broker"], pytestconfig))


@pytest.mark.parametrize("way", WAYS)
async def test_every_acknowledged_change_comes_through_two_kills(tmp_path: Path, way: str) -> None:
    await _drill(tmp_path, 2, way, ["worker", "mongod"])


async def _drill(folder: Path, workers: int, way: str, chosen: list[str]) -> None:
    async with Served(folder, workers) as broker, WAYS[way](folder) as sink:
        kept = "urn:ngsi-ld:Subscription:kept"
        assert await _ask(broker, "POST", "/subscriptions", document(kept, sink.endpoint)) == 201
        async with Stream(broker.address, upserting=2, patching=3) as stream:
            deleting = asyncio.create_task(_delete_some(broker, sink))
            for victim in chosen:
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
        extra = len(sink.received(kept)) - len(sink.changes(kept))
        log.info("%d changes, the last after %.1f s; %d came twice", len(acknowledged), took, extra)
        if not deleting.cancelled() and (error := deleting.exception()) is not None:
            raise error


async def _delete_some(broker: Served, sink: Sink) -> None:
    """Subscriptions that come and go: after an answered deletion nothing more is told them."""
    number = 0
    while True:
        number += 1
        subscription = f"urn:ngsi-ld:Subscription:{number}"
        assert await _ask(broker, "POST", "/subscriptions", document(subscription, sink.endpoint)) in (201, 409)
        await asyncio.sleep(random.uniform(0, 0.5))
        assert await _ask(broker, "DELETE", f"/subscriptions/{subscription}") in (204, 404)
        deleted = monotonic()
        await asyncio.sleep(IN_FLIGHT + random.uniform(0, 0.5))
        late = [at - deleted for at, _, _ in sink.received(subscription) if at > deleted + IN_FLIGHT]
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
