"""Sealing: what the tail holds of an entity goes into blocks, in one transaction.

A crash in between leaves all as it was. Two who seal the same entity conflict over its documents of the tail, and one
of them begins again with what the other left; so does who changes an instance meanwhile.
"""

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from pymongo import InsertOne, ReplaceOne
from pymongo.asynchronous.client_session import AsyncClientSession

from broker.model.blocks import decode
from broker.model.series import Row
from broker.store.client import DURABLE, SNAPSHOT, Database
from broker.store.errors import asking
from broker.store.history import directory
from broker.store.history.sealed import FULL, MAX_BYTES, Series, block, portions
from broker.store.history.tail import of_entity, rows
from broker.store.indexes import BLOCKS, EVOLUTIONS, TAIL

_Operation: TypeAlias = InsertOne[dict[str, Any]] | ReplaceOne[dict[str, Any]]

MOST_DOCUMENTS: Final = 1000
"""Of the tail that one transaction seals."""
_MOST_BYTES: Final = 16 * 2**20


async def seal(database: Database, entity_id: str, full: int = FULL) -> int:
    """Seal an entity's tail, the oldest of it if there is much; the number of documents. Raises StoreUnavailable.

    `full`: rows of a block that is not extended any more.
    """

    async def run(session: AsyncClientSession) -> int:
        return await take_in(database, entity_id, session, full)

    with asking("seal"):
        async with database.client.start_session() as session:
            return await session.with_transaction(run, read_concern=SNAPSHOT, write_concern=DURABLE)


async def take_in(database: Database, entity_id: str, session: AsyncClientSession, full: int = FULL) -> int:
    """The same, in a transaction of the caller's."""
    sealed: list[str] = []
    found: dict[Series, list[Row]] = {}
    size = 0
    async for document in database[TAIL].find(
        of_entity(entity_id), sort=[("_id", 1)], limit=MOST_DOCUMENTS, session=session
    ):
        for name, dataset_id, row in rows(document):
            found.setdefault(Series(entity_id, name, dataset_id), []).append(row)
        sealed.append(document["_id"])
        size += len(document["p"])
        if size > _MOST_BYTES:
            break
    if not sealed:
        return 0
    operations: list[_Operation] = []
    for series, new in found.items():
        operations += await _extended(database, series, new, full, session)
    await database[BLOCKS].bulk_write(operations, ordered=False, session=session)
    every = [row for new in found.values() for row in new]
    noted = {"$min": {"k": min(row.age for row in every)}, "$max": {"m": max(row.modified for row in every)}}
    result = await database[EVOLUTIONS].update_one({"_id": entity_id}, noted, session=session)
    if not result.matched_count:
        await directory.adopt(database, entity_id, session)
        await database[EVOLUTIONS].update_one({"_id": entity_id}, noted, session=session)
    await database[TAIL].delete_many({"_id": {"$in": sealed}}, session=session)
    return len(sealed)


async def _extended(
    database: Database, series: Series, new: Sequence[Row], full: int, session: AsyncClientSession
) -> list[_Operation]:
    """What puts rows into blocks: the last one is filled up first."""
    prefix = series.prefix
    bounds = {"_id": {"$gt": prefix, "$lt": f"{prefix}~"}}
    last = await database[BLOCKS].find_one(bounds, sort=[("_id", -1)], session=session)
    operations: list[_Operation] = []
    if last is not None and last["n"] < full and len(last["b"]) < MAX_BYTES:
        first = portions(new, full, full - last["n"])[0]
        both = [*decode(last["b"]), *first]
        new = new[len(first) :]
        operations.append(ReplaceOne({"_id": last["_id"]}, block(series, both, last["_id"])))
    operations += [InsertOne(block(series, each)) for each in portions(new, full, full)]
    return operations
