"""Sealing: what the tail holds of some entities goes into blocks, in one transaction.

A crash in between leaves all as it was. Two who seal the same entity conflict over its documents of the tail, and one
of them begins again with what the other left; so does who changes an instance meanwhile.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from pymongo import InsertOne, ReplaceOne, UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession

from broker.model.blocks import decode
from broker.model.series import Row
from broker.store.client import DURABLE, SNAPSHOT, Database
from broker.store.errors import asking
from broker.store.history import directory
from broker.store.history.sealed import FULL, MAX_BYTES, Document, Series, block, portions, series_of
from broker.store.history.tail import entity_of, of_entities, rows
from broker.store.indexes import BLOCKS, EVOLUTIONS, TAIL

_Operation: TypeAlias = InsertOne[dict[str, Any]] | ReplaceOne[dict[str, Any]]

MOST_DOCUMENTS: Final = 2000
"""Of the tail that one transaction seals."""
TOGETHER: Final = 20
"""Entities that one transaction seals."""
_MOST_BYTES: Final = 16 * 2**20


async def seal(database: Database, entity_ids: Sequence[str], full: int = FULL) -> int:
    """Seal the tails of entities, the oldest if there is much; the number of documents. Raises StoreUnavailable.

    `full`: rows of a block that is not extended any more.
    """

    async def run(session: AsyncClientSession) -> int:
        return await take_in(database, entity_ids, session, full)

    with asking("seal"):
        async with database.client.start_session() as session:
            return await session.with_transaction(run, read_concern=SNAPSHOT, write_concern=DURABLE)


async def take_in(database: Database, entity_ids: Sequence[str], session: AsyncClientSession, full: int = FULL) -> int:
    """The same, in a transaction of the caller's."""
    sealed, found = await _tails(database, entity_ids, session)
    if not sealed:
        return 0
    open_blocks = await _known(database, found, session)
    names = [f"{series.prefix}{name}" for series, name in open_blocks.items()]
    last = await _blocks(database, names, session)
    operations: list[_Operation] = []
    begun: dict[Series, str] = {}
    for series, new in found.items():
        documents = await asyncio.to_thread(_extended, series, new, last.get(series), full)
        for document in documents:
            replaced = series in last and document["_id"] == last[series]["_id"]
            operations.append(ReplaceOne({"_id": document["_id"]}, document) if replaced else InsertOne(document))
        begun[series] = documents[-1]["_id"].removeprefix(series.prefix)
    await database[BLOCKS].bulk_write(operations, ordered=False, session=session)
    changed = {series: name for series, name in begun.items() if open_blocks.get(series) != name}
    await _note(database, found, changed, session)
    await database[TAIL].delete_many({"_id": {"$in": sealed}}, session=session)
    return len(sealed)


async def _tails(
    database: Database, entity_ids: Sequence[str], session: AsyncClientSession
) -> tuple[list[str], dict[Series, list[Row]]]:
    """The ids of documents of the tail, and their rows by series."""
    sealed: list[str] = []
    found: dict[Series, list[Row]] = {}
    size = 0
    cursor = database[TAIL].find(
        of_entities(entity_ids), sort=[("_id", 1)], limit=MOST_DOCUMENTS, batch_size=MOST_DOCUMENTS + 1, session=session
    )
    async for document in cursor:
        entity_id = entity_of(document["_id"])
        for name, dataset_id, row in rows(document):
            found.setdefault(Series(entity_id, name, dataset_id), []).append(row)
        sealed.append(document["_id"])
        size += len(document["p"])
        if size > _MOST_BYTES:
            break
    return sealed, found


async def _known(
    database: Database, found: Mapping[Series, Sequence[Row]], session: AsyncClientSession
) -> dict[Series, str]:
    """The open block of each series that has one, as the directory says; it learns of entities that it lacks."""
    ids = list(dict.fromkeys(series.entity_id for series in found))
    entries = database[EVOLUTIONS].find({"_id": {"$in": ids}}, {"b": 1}, batch_size=len(ids) + 1, session=session)
    begun: dict[str, dict[str, str]] = {each["_id"]: each.get("b", {}) async for each in entries}
    for entity_id in ids:
        if entity_id not in begun:
            await directory.adopt(database, entity_id, session)
    names = {series: begun.get(series.entity_id, {}).get(series.key) for series in found}
    return {series: name for series, name in names.items() if name is not None}


async def _blocks(database: Database, names: Sequence[str], session: AsyncClientSession) -> dict[Series, Document]:
    """Blocks by their series; one may be gone by now."""
    cursor = database[BLOCKS].find({"_id": {"$in": names}}, batch_size=len(names) + 1, session=session)
    return {series_of(each): each async for each in cursor}


def _extended(series: Series, new: Sequence[Row], last: Document | None, full: int) -> list[Document]:
    """The blocks that rows go into: the last one, filled up, and new ones; the last of them stays open."""
    documents: list[Document] = []
    if last is not None and last["n"] < full and len(last["b"]) < MAX_BYTES:
        first = portions(new, full, full - last["n"])[0]
        documents.append(block(series, [*decode(last["b"]), *first], last["_id"]))
        new = new[len(first) :]
    return documents + [block(series, each) for each in portions(new, full, full)]


async def _note(
    database: Database,
    found: Mapping[Series, Sequence[Row]],
    begun: Mapping[Series, str],
    session: AsyncClientSession,
) -> None:
    """Tell the directory how old the entities' points are, and which blocks were begun."""
    rows_of: dict[str, list[Row]] = {}
    names: dict[str, dict[str, str]] = {}
    for series, new in found.items():
        rows_of.setdefault(series.entity_id, []).extend(new)
        if series in begun:
            names.setdefault(series.entity_id, {})[f"b.{series.key}"] = begun[series]
    updates = []
    for entity_id, new in rows_of.items():
        update: Document = {"$min": {"k": min(row.age for row in new)}, "$max": {"m": max(row.modified for row in new)}}
        if entity_id in names:
            update["$set"] = names[entity_id]
        updates.append(UpdateOne({"_id": entity_id}, update))
    await database[EVOLUTIONS].bulk_write(updates, ordered=False, session=session)
