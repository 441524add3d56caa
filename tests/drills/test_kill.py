"""`kill -9` in the middle of a stream of acknowledged writes: nothing acknowledged is lost, nothing is half-written."""

import asyncio
import logging
import os
import random
import signal
from pathlib import Path
from time import monotonic
from typing import Any, Final

import orjson
import pytest
from pymongo import AsyncMongoClient

from broker.names import API_ROOT
from broker.store.embedded import running
from tests.drills.serving import Served, alive, mongods_on, until, victims
from tests.drills.stream import TYPE, Stream, number_of
from tests.drills.wire import Address, Connection

PATIENCE: Final = 30.0
"""Seconds until every client is served again after a kill."""

log = logging.getLogger(__name__)


@pytest.mark.drill
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("workers", [1, 2])
async def test_nothing_acknowledged_is_lost_by_many_kills(
    tmp_path: Path, workers: int, pytestconfig: pytest.Config
) -> None:
    await _drill(tmp_path, workers, victims(["mongod", "worker", "supervisor"], pytestconfig))


async def test_nothing_acknowledged_is_lost_by_two_kills(tmp_path: Path) -> None:
    await _drill(tmp_path, 2, ["mongod", "worker"])


async def _drill(folder: Path, workers: int, killed: list[str]) -> None:
    async with Served(folder, workers) as broker, Stream(broker.address, upserting=3, patching=3) as stream:
        for victim in killed:
            stream.go()
            await _until_all_are_served(stream)
            await asyncio.sleep(random.uniform(0, 0.3))
            killed = monotonic()
            await _kill(broker, victim)
            await _until_all_are_served(stream)
            log.info("%s killed: every client served again after %.1f s", victim, monotonic() - killed)
            await stream.rest()
            stream.check()
            await _verify(broker, stream)
        log.info("answers: %s; numbers reached: %s", dict(stream.answers), stream.progress())
        await asyncio.to_thread(broker.stop)
        assert mongods_on(broker.data_dir) == []


async def _until_all_are_served(stream: Stream) -> None:
    """Until each client has got two more answers: the first may have been on its way already."""
    before = stream.progress()

    def all_are_served() -> bool:
        stream.check()
        return all(now > then + 1 for now, then in zip(stream.progress(), before, strict=True))

    await until(all_are_served, PATIENCE, lambda: f"clients still wait: {before} -> {stream.progress()}")


async def _kill(broker: Served, victim: str) -> None:
    await until(broker.is_complete, PATIENCE, lambda: "the supervisor has not started what was killed before")
    mongod, workers = broker.mongod(), broker.worker_processes()
    assert mongod is not None
    match victim:
        case "mongod":
            os.kill(mongod, signal.SIGKILL)
        case "worker":
            os.kill(random.choice(workers), signal.SIGKILL)
        case "supervisor":
            assert broker.process is not None
            broker.process.kill()
            broker.process.wait()
            family = [mongod, *workers]
            await until(lambda: not any(map(alive, family)), 5, lambda: "a child outlives the supervisor")
            await broker.start()


async def _verify(broker: Served, stream: Stream) -> None:
    expected = stream.expected()
    listed = await _listed(broker.address)
    numbers = dict.fromkeys(expected, 0) | {entity_id: number_of(entity) for entity_id, entity in listed.items()}
    assert numbers.keys() == expected.keys()
    lost = {entity_id: (number, expected[entity_id]) for entity_id, number in numbers.items()}
    assert not {entity_id: found for entity_id, found in lost.items() if found[0] not in found[1]}
    async with Connection(broker.address) as connection:
        for entity_id in random.sample(sorted(listed), 20):
            answer = await connection.ask("GET", f"{API_ROOT}/entities/{entity_id}")
            assert answer.json() == listed[entity_id]
    assert await _stored_numbers(broker) == {entity_id: {numbers[entity_id]} for entity_id in listed}


async def _listed(address: Address) -> dict[str, dict[str, Any]]:
    """Every entity, as the index by type finds it."""
    answer = await _page(address, 1000)
    assert int(answer[1]) == len(answer[0])
    return {entity["id"]: entity for entity in answer[0]}


async def _page(address: Address, limit: int) -> tuple[list[dict[str, Any]], str]:
    async with Connection(address) as connection:
        answer = await connection.ask("GET", f"{API_ROOT}/entities?type={TYPE}&limit={limit}&count=true")
    assert answer.status == 200, (answer.status, answer.body)
    return answer.json(), answer.headers["ngsild-results-count"]


async def _stored_numbers(broker: Served) -> dict[str, set[int]]:
    """By entity the numbers in its document: in the index keys of its level, and in its bytes."""
    uri = running(broker.data_dir)
    assert uri is not None
    async with AsyncMongoClient[dict[str, Any]](uri) as client:
        documents = await client["ngsild"]["entities"].find({}).to_list()
    return {document["_id"]: _indexed_levels(document) | _stored_levels(document) for document in documents}


def _indexed_levels(document: dict[str, Any]) -> set[int]:
    return {key["v"] for key in document["a"] if key["k"].endswith("/level")}


def _stored_levels(document: dict[str, Any]) -> set[int]:
    attributes = orjson.loads(document["j"])[2]
    return {instance["value"] for name in attributes if name.endswith("/level") for instance in attributes[name]}
