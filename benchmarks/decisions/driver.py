"""PyMongo's asynchronous API beside Motor: `python -m benchmarks.decisions.driver`. Motor is in the extra `bench`.

Motor works in a pool of threads, five for each core, and so never has more operations under way than that; PyMongo is
measured with as many connections as clients, and with as many as Motor comes to.
"""

import argparse
import os
import random
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

import uvloop
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import AsyncMongoClient, MongoClient

from benchmarks import sample
from benchmarks.decisions import experiment
from benchmarks.decisions.experiment import Mongod, Outcome
from benchmarks.store_work import Operation

ENTITIES: Final = 10_000
CLIENTS: Final = (1, 32, 128)
PAGE: Final = 1000
OPTIONS: Final[dict[str, Any]] = {"w": "majority", "journal": True}
MOTORS_THREADS: Final = 5 * (os.cpu_count() or 1)


def find_one(entities: Any) -> Operation:
    """A document by its id. Both drivers have the same methods, so each operation is written once."""

    async def operation(_client: int) -> int:
        assert await entities.find_one({"_id": random.randrange(ENTITIES)})
        return 1

    return operation


def update_one(entities: Any) -> Operation:
    """A durable update of one field."""

    async def operation(_client: int) -> int:
        await entities.update_one({"_id": random.randrange(ENTITIES)}, {"$set": {"temperature": random.random()}})
        return 1

    return operation


def find_page(entities: Any) -> Operation:
    """A page of documents."""

    async def operation(_client: int) -> int:
        assert len(await entities.find().limit(PAGE).to_list(PAGE)) == PAGE
        return 1

    return operation


async def main(database: Mongod, repetitions: int, seconds: float) -> None:
    """Measure each operation with both drivers, in turn."""
    wide, narrow = (
        AsyncMongoClient[dict[str, Any]](database.uri, maxPoolSize=size, **OPTIONS)
        for size in (max(CLIENTS), MOTORS_THREADS)
    )
    motor = AsyncIOMotorClient(database.uri, maxPoolSize=max(CLIENTS), **OPTIONS)
    drivers: dict[str, Any] = {
        "PyMongo Async": wide["driver"]["entities"],
        f"PyMongo Async, {MOTORS_THREADS} connections": narrow["driver"]["entities"],
        "Motor": motor["driver"]["entities"],
    }
    plans = [(operation, clients) for operation in (find_one, update_one) for clients in CLIENTS] + [(find_page, 4)]
    for operation, clients in plans:
        trials: dict[str, Callable[[], Awaitable[Outcome]]] = {
            name: partial(experiment.measured, database, clients, seconds, operation(entities))
            for name, entities in drivers.items()
        }
        for trial in trials.values():
            await trial()  # connects
        found = await experiment.interleaved(trials, repetitions)
        experiment.show(f"{operation.__name__}, {clients} clients", found)
    await wide.close()
    await narrow.close()
    motor.close()


def fill(database: Mongod) -> None:
    """Store the sample entities as plain documents."""
    with MongoClient[dict[str, Any]](database.uri) as client:
        documents = [{**sample.entity(number), "_id": number} for number in range(ENTITIES)]
        client["driver"]["entities"].insert_many(documents)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.5)
    arguments = parser.parse_args()
    with experiment.mongod() as running:
        fill(running)
        uvloop.run(main(running, arguments.repetitions, arguments.seconds))
