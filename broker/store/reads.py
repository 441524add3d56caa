"""Coalesced reads: what concurrent requests ask for by id becomes one query.

No timer: while one query runs, the next batch gathers. A read joins only a batch that has not been sent yet, so it
never answers with a state older than its request.
"""

import asyncio
from typing import Any, Final, TypeAlias

from pymongo.asynchronous.collection import AsyncCollection

from broker.store.errors import asking
from broker.store.found import Found, found_in
from broker.telemetry import READ_BATCH_SIZE

MAX_BATCH: Final = 500
IN_FLIGHT: Final = 2
"""Queries at once: while mongod works on one, this process prepares the other."""

Waiting: TypeAlias = asyncio.Future[Found | None]


class PointReads:
    """Reads of one collection of entities, by one worker."""

    def __init__(self, entities: AsyncCollection[dict[str, Any]]) -> None:
        self._entities = entities
        self._waiting: dict[str, list[Waiting]] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def get(self, entity_id: str) -> Found | None:
        """The entity, or None. Raises StoreUnavailable."""
        waiting: Waiting = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(entity_id, []).append(waiting)
        if len(self._running) < IN_FLIGHT:
            task = asyncio.create_task(self._drain())
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return await waiting

    async def _drain(self) -> None:
        while self._waiting:
            batch = self._next_batch()
            try:
                found = await self._fetch(list(batch))
            except Exception as error:  # noqa: BLE001  whatever it is, it belongs to those who wait
                _fail(batch, error)
            else:
                _settle(batch, found)

    def _next_batch(self) -> dict[str, list[Waiting]]:
        if len(self._waiting) <= MAX_BATCH:
            batch, self._waiting = self._waiting, {}
            return batch
        return {key: self._waiting.pop(key) for key in list(self._waiting)[:MAX_BATCH]}

    async def _fetch(self, ids: list[str]) -> dict[str, Found | None]:
        READ_BATCH_SIZE.observe(len(ids))
        with asking("read"):
            cursor = self._entities.find({"_id": {"$in": ids}}, {"j": 1, "x": 1}, batch_size=MAX_BATCH + 1)
            documents = await cursor.to_list()
        return {document["_id"]: found_in(document) for document in documents}


def _settle(batch: dict[str, list[Waiting]], found: dict[str, Found | None]) -> None:
    for entity_id, waiting in batch.items():
        entity = found.get(entity_id)
        for future in waiting:
            if not future.done():
                future.set_result(entity)


def _fail(batch: dict[str, list[Waiting]], error: Exception) -> None:
    for waiting in batch.values():
        for future in waiting:
            if not future.done():
                future.set_exception(error)
