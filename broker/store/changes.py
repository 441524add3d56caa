"""The changes of a tenant's entities, as they were committed: a change stream of MongoDB, and places in it.

A place is told by the cluster time of a change and its number among those of that time, since a transaction's changes
have one. A stream that is opened at a place goes on behind it, on any worker and after any restart, for as long as the
oplog reaches back there: MongoDB gives the changes of a collection in one order.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple, Self

from bson import Timestamp
from pymongo.asynchronous.change_stream import AsyncCollectionChangeStream
from pymongo.errors import PyMongoError

from broker.errors import StoreUnavailable
from broker.store.client import Collection
from broker.store.errors import passes

WAIT_MS: Final = 1000
BATCH: Final = 100
"""Most changes in one reply of the database."""

_MOST: Final = 2**32 - 1
_PLACE: Final = re.compile(r"([0-9]{1,10})\.([0-9]{1,10})\.([0-9]{1,9})")
_TOKEN_TIME: Final = re.compile(r"82([0-9A-F]{8})([0-9A-F]{8})")
"""How a resume token begins: a cluster time as MongoDB's KeyString has it, seconds and increment."""

_PIPELINE: Final[Sequence[Mapping[str, Any]]] = (
    {
        "$match": {
            "operationType": {"$in": ["insert", "update", "replace", "delete", "drop", "rename", "invalidate"]},
        }
    },
    {
        "$project": {
            "operationType": 1,
            "clusterTime": 1,
            "documentKey._id": 1,
            "fullDocument.j": 1,
            "updateDescription.updatedFields.j": 1,
            "updateDescription.updatedFields.t": 1,
        }
    },
)
"""Of an entity only the stored bytes, which whatever writes it writes, and the types where they change: see
`broker.store.shapes`."""
_OF_ENTITIES: Final = frozenset({"insert", "update", "replace", "delete"})


class Lost(Exception):
    """The changes after a place cannot be had any more, or their collection is gone."""


class Place(NamedTuple):
    """Where one is among the changes: `number` of those of a cluster time are behind."""

    seconds: int
    """Since 1970."""
    increment: int
    number: int

    def __str__(self) -> str:
        return f"{self.seconds}.{self.increment}.{self.number}"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The place that `str` has written; None for what is none."""
        found = _PLACE.fullmatch(text)
        if found is None:
            return None
        place = cls(*map(int, found.groups()))
        return place if place.seconds <= _MOST and place.increment <= _MOST else None


class Change(NamedTuple):
    """What became of an entity. `stored`: the bytes of `broker.model.entity.encode`; None if it was deleted."""

    place: Place
    entity_id: str
    stored: bytes | None
    made: bool = False
    """It was not there before."""
    retyped: bool = False
    """It may have had other types before."""


class Changes:
    """Reads changes in their order, from now on or from behind a place on.

    `wait_ms`: milliseconds that the database waits for changes before it says that there are none.

    A read that is cancelled is what PyMongo does not bear: who may be, reads through `broker.store.apart`.
    """

    def __init__(self, entities: Collection, after: Place | None = None, wait_ms: int = WAIT_MS) -> None:
        self._entities = entities
        self._wait_ms = wait_ms
        self._stream: AsyncCollectionChangeStream[dict[str, Any]] | None = None
        self._turn = asyncio.Lock()
        self._behind = 0
        """Changes that the stream will give again."""
        self.place = after
        """All changes up to here were read; None while nothing is known."""

    async def open(self) -> Place:
        """Begin to read; where that is. Raises StoreUnavailable, Lost."""
        async with self._turn:
            try:
                await self._opened()
            except PyMongoError as error:
                raise _told(error) from error
        if self.place is None:
            raise Lost("The database does not say where its changes are.")
        return self.place

    async def next(self) -> Change | None:
        """The next change; None if there is none for `wait_ms`.

        Raises StoreUnavailable: another try goes on where this one was; Lost.
        """
        async with self._turn:
            try:
                stream = await self._opened()
                while (event := await stream.try_next()) is not None:
                    change = self._change(event)
                    if change is not None:
                        return change
                self._pass_by(stream.resume_token)
            except PyMongoError as error:
                await self._leave()
                raise _told(error) from error
        return None

    async def close(self) -> None:
        """Let go of the stream, once nobody reads; a further read opens it again."""
        async with self._turn:
            await self._leave()

    async def _leave(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            with suppress(PyMongoError):  # the database forgets the cursor by itself
                await stream.close()

    async def _opened(self) -> AsyncCollectionChangeStream[dict[str, Any]]:
        if self._stream is None:
            start = None if self.place is None else Timestamp(self.place.seconds, self.place.increment)
            self._behind = 0 if self.place is None else self.place.number
            self._stream = await self._entities.watch(
                list(_PIPELINE), max_await_time_ms=self._wait_ms, batch_size=BATCH, start_at_operation_time=start
            )
            self._pass_by(self._stream.resume_token)
        return self._stream

    def _change(self, event: dict[str, Any]) -> Change | None:
        """The change of an event, unless it was read before, or changed nothing of the entity itself."""
        if event["operationType"] not in _OF_ENTITIES:
            raise Lost("The collection is gone.")
        time = event["clusterTime"]
        if self.place is None or self.place[:2] != (time.time, time.inc):
            self._behind = 0
            self.place = Place(time.time, time.inc, 1)
        elif self._behind:
            self._behind -= 1
            return None
        else:
            self.place = self.place._replace(number=self.place.number + 1)
        entity_id = event["documentKey"]["_id"]
        if event["operationType"] == "delete":
            return Change(self.place, entity_id, None)
        if event["operationType"] != "update":
            made = event["operationType"] == "insert"
            return Change(self.place, entity_id, event["fullDocument"]["j"], made=made, retyped=not made)
        written = event["updateDescription"].get("updatedFields", {})
        return Change(self.place, entity_id, written["j"], retyped="t" in written) if "j" in written else None

    def _pass_by(self, token: Mapping[str, Any] | None) -> None:
        """Take note of how far the database has looked, where it found nothing."""
        time = _TOKEN_TIME.match(str(token["_data"])) if token else None
        if time is not None:
            seconds, increment = (int(part, 16) for part in time.groups())
            if self.place is None or self.place[:2] < (seconds, increment):
                self.place = Place(seconds, increment, 0)


def _told(error: PyMongoError) -> StoreUnavailable | Lost:
    if passes(error) or error.has_error_label("ResumableChangeStreamError"):
        return StoreUnavailable("The database does not tell of changes; try again.")
    return Lost(str(error))
