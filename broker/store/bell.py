"""The bell: how the worker that commits what another delivers wakes it at once.

    bell   a capped collection: {lanes: [lane, …]}

Who delivers waits at the end of it. What is rung is written without waiting for journals and may be lost with a crash:
who delivers looks into the outbox itself every few seconds, too.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, Final

from pymongo import CursorType
from pymongo.errors import OperationFailure, PyMongoError
from pymongo.write_concern import WriteConcern

from broker.store.client import Database
from broker.store.errors import asking

BELL: Final = "bell"
_SIZE: Final = 4 * 2**20
_AT_MOST: Final = 500
"""Lanes of one ring."""
_LOOK_UP: Final = 1000
"""Milliseconds that the database waits for news before it says that there are none."""
_AGAIN: Final = 0.2
_NAMESPACE_EXISTS: Final = 48


class Bell:
    """The bell of all workers."""

    def __init__(self, control: Database) -> None:
        self._control = control
        self._bell = control.get_collection(BELL, write_concern=WriteConcern(1, j=False))
        self._rung: set[str] = set()
        self._ringing: asyncio.Task[None] | None = None

    def ring(self, lanes: set[str]) -> None:
        """Wake whoever delivers these lanes. What is rung while the one before is written goes out together."""
        self._rung |= lanes
        if self._ringing is None:
            self._ringing = asyncio.create_task(self._ring())

    async def heard(self) -> AsyncIterator[list[str]]:
        """What is rung from now on. Raises StoreUnavailable when the database is away: then some may be missing."""
        with asking("bell"):
            await self._make()
            last: Any = await self._bell.find_one({}, {"_id": 1}, sort=[("$natural", -1)])
            after = {} if last is None else {"_id": {"$gt": last["_id"]}}
            while True:
                cursor = self._bell.find(after, cursor_type=CursorType.TAILABLE_AWAIT).max_await_time_ms(_LOOK_UP)
                async with cursor:
                    while cursor.alive:
                        async for document in cursor:
                            after = {"_id": {"$gt": document["_id"]}}
                            yield document["lanes"]
                await asyncio.sleep(_AGAIN)  # an empty collection has no end to wait at

    async def _ring(self) -> None:
        try:
            while self._rung:
                lanes = [self._rung.pop() for _ in range(min(_AT_MOST, len(self._rung)))]
                with suppress(PyMongoError):
                    await self._bell.insert_one({"lanes": lanes})
        finally:
            self._ringing = None

    async def _make(self) -> None:
        try:
            await self._control.create_collection(BELL, capped=True, size=_SIZE, check_exists=False)
        except OperationFailure as error:
            if error.code != _NAMESPACE_EXISTS:
                raise
        with suppress(PyMongoError):
            await self._bell.insert_one({"lanes": []})
