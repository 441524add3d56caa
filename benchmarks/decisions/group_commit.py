"""Group commit, as the store has it and otherwise: `python -m benchmarks.decisions.group_commit`.

Updates of single attributes through the broker's own store, without HTTP: groups of other sizes, more or fewer in
flight, one update_one each; and single updates beside batches of 1000, whose groups are of other sizes.
"""

import argparse
import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

import uvloop
from pymongo import AsyncMongoClient

from benchmarks import sample
from benchmarks.decisions import experiment
from benchmarks.decisions.experiment import Mongod, Outcome
from benchmarks.store_work import Operation
from broker.hosting.bundled import Bundled
from broker.jsonld.compiler import Compiler
from broker.model import merge
from broker.model.entity import Entity
from broker.model.parse import parse_entity, parse_fragment
from broker.names import CORE_CONTEXT
from broker.store import commits, shapes
from broker.store.client import connect
from broker.store.commits import LANES, Apply, Write
from broker.store.indexes import ENTITIES
from broker.store.store import Store

NUMBER: Final = 10_000
CLIENTS: Final = (1, 32, 128)
BATCH: Final = 1_000
DATABASE: Final = "groups"
NAMES: Final = Compiler(Bundled()[CORE_CONTEXT]).core
FRAGMENTS: Final = [parse_fragment(sample.update(version), NAMES) for version in range(1_000)]
SIZES: Final = ((250, 1), (250, 2), (250, 4), (64, 2), (64, 4), (16, 4), (1000, 1))
"""Most operations in a group, groups in flight."""


def updating() -> Write:
    """An update of an attribute of a random entity."""
    fragment = random.choice(FRAGMENTS)

    def apply(old: Entity | None, now: str) -> tuple[Entity | None, Any]:
        assert old is not None
        return merge.update(old, fragment, now)

    return Write(sample.entity_id(random.randrange(NUMBER)), apply)


def replacing(entity: Entity) -> Apply:
    """An upsert."""

    def apply(old: Entity | None, now: str) -> tuple[Entity | None, Any]:
        return merge.create(entity, now) if old is None else merge.replace(old, entity, now), None

    return apply


class Trials:
    """What is measured, on one store."""

    def __init__(self, database: Mongod, seconds: float) -> None:
        self._database = database
        self._seconds = seconds
        self._client = connect(database.uri)
        self._raw: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
            database.uri, w="majority", journal=True, maxPoolSize=128
        )
        self._entities = [parse_entity(sample.entity(number), NAMES) for number in range(NUMBER)]

    async def load(self) -> None:
        """Store the sample entities."""
        store = Store(self._client, DATABASE)
        for start in range(0, NUMBER, BATCH):
            await store.commit("", self._batch(range(start, start + BATCH)))

    async def grouped(self, clients: int, size: int, in_flight: int) -> Outcome:
        """Single updates, in groups of up to a size."""
        _set_lanes([replace(lane, group_size=size, groups_in_flight=in_flight) for lane in LANES])
        return await experiment.measured(self._database, clients, self._seconds, self._update(self._store()))

    async def single(self, clients: int) -> Outcome:
        """One update_one for each, of the same documents."""
        collection = self._raw[DATABASE][ENTITIES]
        now = "2026-11-20T09:00:00.123456Z"
        old = [merge.create(entity, now) for entity in self._entities]

        async def operation(_client: int) -> int:
            number = random.randrange(NUMBER)
            new, _ = merge.update(old[number], random.choice(FRAGMENTS), now)
            await collection.update_one({"_id": new.id}, shapes.update(old[number], new, 2))
            return 1

        return await experiment.measured(self._database, clients, self._seconds, operation)

    async def beside_batches(self, clients: int, size: int, lanes: bool) -> Outcome:
        """Single updates beside a client that sends batches without a pause, in groups of up to a size."""
        small, bulk = (replace(lane, group_size=size) for lane in LANES)
        _set_lanes([small, bulk] if lanes else [replace(small, request_size=bulk.request_size), bulk])
        store = self._store()
        enough = asyncio.Event()
        batches = asyncio.create_task(self._batches(store, enough))
        outcome = await experiment.measured(self._database, clients, self._seconds, self._update(store))
        enough.set()
        await batches
        return outcome

    def _store(self) -> Store:
        return Store(self._client, DATABASE)

    @staticmethod
    def _update(store: Store) -> Operation:
        async def operation(_client: int) -> int:
            (outcome,) = await store.commit("", [updating()])
            assert not isinstance(outcome, Exception), outcome
            return 1

        return operation

    async def _batches(self, store: Store, enough: asyncio.Event) -> None:
        while not enough.is_set():
            start = random.randrange(NUMBER - BATCH)
            await store.commit("", self._batch(range(start, start + BATCH)))

    def _batch(self, numbers: Sequence[int]) -> list[Write]:
        return [Write(self._entities[number].id, replacing(self._entities[number])) for number in numbers]


def _set_lanes(lanes: Sequence[commits.Lane]) -> None:
    """Let the store have other lanes: a constant of the product, a variable here."""
    vars(commits)["LANES"] = tuple(lanes)


async def main(database: Mongod, repetitions: int, seconds: float) -> None:
    """Measure everything."""
    trials = Trials(database, seconds)
    await trials.load()
    for clients in CLIENTS:
        plans: dict[str, Callable[[], Awaitable[Outcome]]] = {"update_one each": partial(trials.single, clients)}
        for size, in_flight in SIZES if clients > 1 else SIZES[:2]:
            plans[f"groups of up to {size}, {in_flight} in flight"] = partial(trials.grouped, clients, size, in_flight)
        experiment.show(f"single updates, {clients} clients", await experiment.interleaved(plans, repetitions))
    plans = {"alone": partial(trials.grouped, 32, LANES[0].group_size, LANES[0].groups_in_flight)}
    for size in (100, 250, 1000):
        plans[f"beside batches, two lanes, groups of {size}"] = partial(trials.beside_batches, 32, size, True)
        plans[f"beside batches, one lane, groups of {size}"] = partial(trials.beside_batches, 32, size, False)
    experiment.show(
        "single updates, 32 clients, beside batches of 1000", await experiment.interleaved(plans, repetitions)
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2)
    arguments = parser.parse_args()
    with experiment.mongod() as running:
        uvloop.run(main(running, arguments.repetitions, arguments.seconds))
