"""What owed notifications cost mongod and its client: `python -m benchmarks.decisions.letters`.

Requests that concern 100 lanes each, eight in a group: a letter for each lane against one for all, each of them
committed, read and removed; and the counts of 100 lanes. CPU in microseconds a lane and request, of counts a lane.
"""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any, Final

from pymongo import AsyncMongoClient, InsertOne
from pymongo.write_concern import WriteConcern
from rich.console import Console
from rich.table import Table

from benchmarks import systems
from broker.store.outbox import INDEXES, OUTBOX, lane
from broker.store.outbox_status import Statuses, Tally

LANES: Final = [lane("many", f"urn:ngsi-ld:Subscription:{number:032x}") for number in range(100)]
REQUESTS: Final = 8
ROUNDS: Final = 12
REPETITIONS: Final = 4
_STATE: Final = b"x" * 700


class Letters:
    """The raw work on a database."""

    def __init__(self, client: AsyncMongoClient[dict[str, Any]]) -> None:
        self._client = client
        self._database = client["letters"]
        self._outbox = self._database[OUTBOX]
        self._statuses = Statuses(self._database)
        self._ids = count()

    async def prepare(self) -> None:
        """Make the collections, which no transaction may."""
        await self._database.create_collection("entities")
        await self._outbox.create_indexes(list(INDEXES[OUTBOX]))

    async def one_each(self) -> None:
        """A letter for each lane."""
        await self._live([[each] for _ in range(REQUESTS) for each in LANES])

    async def one_for_all(self) -> None:
        """A letter for all lanes."""
        await self._live([LANES] * REQUESTS)

    async def counts(self) -> None:
        """What is counted of each lane, added."""
        tallies = {key: Tally() for key in LANES}
        for tally in tallies.values():
            tally.count(datetime.now(UTC), datetime.now(UTC), ok=True)
        await self._statuses.add(tallies)

    async def _live(self, lanes: Sequence[list[str]]) -> None:
        """Commit letters beside the write of an entity, read them, remove them."""
        now = datetime.now(UTC)
        steps = [["urn:ngsi-ld:Measured:1", 1, _STATE, _STATE]]
        letters = [{"_id": next(self._ids).to_bytes(16, "big"), "s": each, "at": now, "e": steps} for each in lanes]
        async with self._client.start_session() as session:
            await session.start_transaction()
            changed = {"$set": {"j": _STATE}, "$inc": {"r": 1}}
            await self._database["entities"].update_one({"_id": 1}, changed, upsert=True, session=session)
            await self._outbox.bulk_write([InsertOne(each) for each in letters], ordered=False, session=session)
            await session.commit_transaction()
        found = await self._outbox.find({"s": {"$in": LANES}}, sort=[("_id", 1)], hint="lane").to_list()
        assert len(found) == len(letters)
        removing = self._outbox.with_options(write_concern=WriteConcern(1))
        await removing.delete_many({"_id": {"$in": [each["_id"] for each in letters]}})


async def measure(uri: str, mongod: int) -> dict[str, list[tuple[float, float]]]:
    """By kind of work, of each repetition: microseconds of mongod and of the client."""
    letters = Letters(AsyncMongoClient(uri))
    await letters.prepare()
    kinds: dict[str, tuple[Callable[[], Awaitable[None]], int]] = {
        "a letter for each": (letters.one_each, REQUESTS),
        "a letter for all": (letters.one_for_all, REQUESTS),
        "counts": (letters.counts, 1),
    }
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in kinds}
    for _ in range(REPETITIONS):
        for name, (work, requests) in kinds.items():
            theirs, own = systems.cpu_seconds(mongod), process_time()
            for _ in range(ROUNDS):
                await work()
            each = 1e6 / (ROUNDS * requests * len(LANES))
            found[name].append(((systems.cpu_seconds(mongod) - theirs) * each, (process_time() - own) * each))
    return found


def main() -> None:
    """Measure, and show the medians."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, systems.mongod(Path(folder), 512) as (uri, mongod):
        found = asyncio.run(measure(uri, mongod))
    table = Table("", "mongod, µs", "client, µs")
    for name, values in found.items():
        table.add_row(name, *(f"{median(each):.0f}" for each in zip(*values, strict=True)))
    Console().print(table)


if __name__ == "__main__":
    main()
