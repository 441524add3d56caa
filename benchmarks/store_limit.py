"""The process that does raw work on MongoDB: `python -m benchmarks.store_limit URI DATABASE ENTITIES`.

It copies the broker's documents, says `{"ready": true}`, and then answers each order by a line of JSON.
"""

import asyncio
import gc
import sys
from typing import Final

import orjson
import uvloop
from pymongo import AsyncMongoClient

from benchmarks import store_data
from benchmarks.cases import Order, Work
from benchmarks.store_work import Worker
from broker.store.client import Client

POOL: Final = 128
"""As large as the most clients."""


async def main(uri: str, database: str, entities: int) -> None:
    """Do orders until there are no more."""
    client: Client = AsyncMongoClient(uri, maxPoolSize=POOL, w="majority", journal=True, tz_aware=True)
    target = client[f"{database}-limit"]
    worker = Worker(client, target, await store_data.copy(client[database], target, entities))
    gc.collect()
    gc.freeze()
    _say({"ready": True})
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.buffer.readline):
        fields = orjson.loads(line)
        order = Order(**{**fields, "work": Work(fields["work"])})
        done = await worker.do(order)
        _say(done._asdict())
        for collection in store_data.KEPT_IN:
            await target[collection].delete_many(store_data.CREATED)
        _say({"clean": True})
    await client.drop_database(target.name)
    await client.close()


def _say(message: dict[str, object]) -> None:
    sys.stdout.buffer.write(orjson.dumps(message) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
