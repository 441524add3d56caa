"""D and the naive baselines: raw work on MongoDB by PyMongo Async, in a closed loop of clients.

Groups are transactions as the broker's: find by ids, bulk writes of the same documents, of their history and counts,
durable commit.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from time import monotonic, time_ns
from typing import Any, Final, NamedTuple

from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo import InsertOne, UpdateOne

from benchmarks.cases import Order, Work
from benchmarks.store_data import Changes, Data, Database, Document, Step, Write
from broker.names import DEFAULT_VOCABULARY
from broker.store.client import DURABLE, SNAPSHOT, Client
from broker.store.history.tail import tail_id
from broker.store.indexes import COUNTS, ENTITIES, EVOLUTIONS, TAIL

RAW: Final = CodecOptions(document_class=RawBSONDocument)
MOST_COALESCED: Final = 500
QUERIES_AT_ONCE: Final = 2

Operation = Callable[[int], Awaitable[int]]
"""(number of the client) -> how many operations it did."""


class Loop(NamedTuple):
    """What a closed loop came to: operations, seconds, latencies in milliseconds."""

    operations: int
    seconds: float
    p50: float
    p99: float


async def closed_loop(clients: int, seconds: float, operation: Operation) -> Loop:
    """Clients that each do one operation after the other."""
    latencies: list[float] = []
    done = 0
    start = monotonic()
    end = start + seconds

    async def client(number: int) -> None:
        nonlocal done
        while (began := monotonic()) < end:
            count = await operation(number)
            done += count
            latencies.append(monotonic() - began)

    await asyncio.gather(*(client(number) for number in range(clients)))
    elapsed = monotonic() - start
    latencies.sort()
    p50, p99 = (latencies[int(len(latencies) * part)] * 1000 for part in (0.5, 0.99))
    return Loop(done, elapsed, p50, p99)


def _tail(steps: Sequence[tuple[str, Step]]) -> list[InsertOne[Document]]:
    """The history of a commit."""
    time = time_ns() // 1000
    return [InsertOne({"_id": tail_id(entity_id, time), **step.points}) for entity_id, step in steps]


class Coalesced:
    """Reads by id, sent together: the next query takes whatever came while the last ones ran."""

    def __init__(self, database: Database) -> None:
        self._entities = database[ENTITIES]
        self._waiting: dict[str, list[asyncio.Future[Document]]] = {}
        self._running = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def get(self, entity_id: str) -> Document:
        """The document."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(entity_id, []).append(future)
        if len(self._tasks) < QUERIES_AT_ONCE:
            task = asyncio.create_task(self._drain())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        found: Document = await future
        return found

    async def _drain(self) -> None:
        while self._waiting:
            batch = {key: self._waiting.pop(key) for key in list(self._waiting)[:MOST_COALESCED]}
            query = {"_id": {"$in": list(batch)}}
            for document in await self._entities.find(query, {"j": 1}, batch_size=len(batch) + 1).to_list():
                for future in batch[document["_id"]]:
                    future.set_result(document)


class Worker:
    """Does the orders on one database."""

    def __init__(self, client: Client, database: Database, data: Data) -> None:
        self._client = client
        self._database = database
        self._entities = database[ENTITIES]
        self._data = data
        self._updates = data.attribute_changes()
        self._replacements = data.replacements()
        self._works: dict[Work, Callable[[Order], Operation]] = {
            Work.FIND_ONE: self._find_one,
            Work.COALESCED: self._coalesced,
            Work.UPDATE_ONE: self._update_one,
            Work.UPDATE_GROUPS: lambda order: self._change_groups(order, self._updates),
            Work.REPLACE_GROUPS: lambda order: self._change_groups(order, self._replacements),
            Work.INSERT_GROUPS: self._insert_groups,
            Work.INSERT_BULK: self._insert_bulk,
            Work.REPLACE_BULK: self._replace_bulk,
            Work.PAGE: self._page,
            Work.COUNT: self._count,
        }

    async def do(self, order: Order) -> Loop:
        """Carry out an order."""
        return await closed_loop(order.clients, order.seconds, self._works[order.work](order))

    def _find_one(self, _order: Order) -> Operation:
        async def operation(_client: int) -> int:
            assert await self._entities.find_one({"_id": random.choice(self._data.ids)}, {"j": 1})
            return 1

        return operation

    def _coalesced(self, _order: Order) -> Operation:
        reads = Coalesced(self._database)

        async def operation(_client: int) -> int:
            await reads.get(random.choice(self._data.ids))
            return 1

        return operation

    def _update_one(self, _order: Order) -> Operation:
        async def operation(_client: int) -> int:
            entity_id = random.choice(self._updates.ids)
            done = await self._entities.update_one({"_id": entity_id}, self._updates.next(entity_id).entity)
            return done.modified_count

        return operation

    def _change_groups(self, order: Order, changes: Changes) -> Operation:
        async def operation(client: int) -> int:
            steps = [(each, changes.next(each)) for each in changes.pick(order.size, client, order.clients)]
            entities = [UpdateOne({"_id": entity_id}, step.entity) for entity_id, step in steps]
            await self._transaction(steps, {ENTITIES: entities, TAIL: _tail(steps)})
            return len(steps)

        return operation

    def _insert_groups(self, order: Order) -> Operation:
        counted = [self._data.counted(order.size, client) for client in range(order.clients)]

        async def operation(client: int) -> int:
            steps = self._data.new_entities(order.size)
            entities = [InsertOne(step.entity) for _, step in steps]
            entries = [UpdateOne({"_id": each}, step.entry, upsert=True) for each, step in steps if step.entry]
            writes: dict[str, Sequence[Write]] = {
                ENTITIES: entities,
                COUNTS: counted[client],
                TAIL: _tail(steps),
                EVOLUTIONS: entries,
            }
            await self._transaction(steps, writes)
            return len(steps)

        return operation

    async def _transaction(self, steps: Sequence[tuple[str, Step]], writes: Mapping[str, Sequence[Write]]) -> None:
        ids = [entity_id for entity_id, _ in steps]
        async with self._client.start_session() as session:
            await session.start_transaction(read_concern=SNAPSHOT, write_concern=DURABLE)
            query = {"_id": {"$in": ids}}
            await self._entities.find(query, {"j": 1, "r": 1}, batch_size=len(ids) + 1, session=session).to_list()
            for collection, operations in writes.items():
                await self._database[collection].bulk_write(operations, ordered=False, session=session)
            await session.commit_transaction()

    def _insert_bulk(self, order: Order) -> Operation:
        async def operation(_client: int) -> int:
            documents = [step.entity for _, step in self._data.new_entities(order.size)]
            await self._entities.insert_many(documents, ordered=False)
            return order.size

        return operation

    def _replace_bulk(self, order: Order) -> Operation:
        changes = self._replacements

        async def operation(client: int) -> int:
            ids = changes.pick(order.size, client, order.clients)
            await self._entities.bulk_write(
                [UpdateOne({"_id": each}, changes.next(each).entity) for each in ids], ordered=False
            )
            return len(ids)

        return operation

    def _page(self, order: Order) -> Operation:
        raw: Any = self._entities.with_options(codec_options=RAW)
        query = {"t": DEFAULT_VOCABULARY + order.kind}

        async def operation(_client: int) -> int:
            cursor = raw.find(query, {"_id": 0, "j": 1}, sort=[("_id", 1)], limit=order.size, batch_size=order.size)
            assert len(await cursor.to_list()) == order.size
            return 1

        return operation

    def _count(self, order: Order) -> Operation:
        async def operation(_client: int) -> int:
            assert await self._entities.count_documents({"t": DEFAULT_VOCABULARY + order.kind})
            return 1

        return operation
