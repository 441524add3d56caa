"""What the temporal API writes: instances added, replaced, removed, in the tail or in blocks (§5.6.11–§5.6.16).

Each edit is one transaction. Who reads in order to decide, as adding does, first counts up the directory's `n`, so that
two of them come one after the other; all others conflict over the documents that they change.
"""

from collections.abc import Awaitable, Callable, Sequence
from time import time_ns
from typing import TypeVar

import orjson
from pymongo import DeleteOne, ReplaceOne, ReturnDocument
from pymongo.asynchronous.client_session import AsyncClientSession

from broker.errors import ResourceNotFound
from broker.model.blocks import decode
from broker.model.entity import Instance
from broker.model.series import Row, sequence_of, series_key
from broker.store.client import DURABLE, SNAPSHOT, Collection, Database
from broker.store.errors import asking
from broker.store.history import brought, directory, tail
from broker.store.history.brought import Brought, Identity
from broker.store.history.directory import Document
from broker.store.history.sealed import Series, block, series_of
from broker.store.history.tail import Found, line_of, of_entity
from broker.store.indexes import BLOCKS, ENTITIES, EVOLUTIONS, TAIL
from broker.store.visible import current_instant

T = TypeVar("T")

Rewrite = Callable[[Found], Row | None]
"""A row to what stands in its place; None to remove it; itself to leave it."""


async def transact(database: Database, work: Callable[[AsyncClientSession], Awaitable[T]]) -> T:
    """Run work in a transaction, again if it conflicts. Raises StoreUnavailable, and what it raises."""
    with asking("history"):
        async with database.client.start_session() as session:
            return await session.with_transaction(work, read_concern=SNAPSHOT, write_concern=DURABLE)


async def add(
    database: Database,
    entity_id: str,
    attributes: Brought,
    session: AsyncClientSession,
    types: Sequence[str] = (),
) -> None:
    """Add instances, and types that the entity lacks; one with the datasetId and the observedAt of a row replaces that.

    Raises ResourceNotFound if the entity neither has a history nor exists.
    """
    now = current_instant()
    attributes = brought.unrepeated(attributes)
    number = await _next_numbers(database, entity_id, brought.count(attributes), session)
    wanted = brought.by_identity(attributes)
    replaced: set[Identity] = set()

    def instead(found: Found) -> Row | None:
        key = brought.identity_of(found)
        if key is None or key not in wanted or key in replaced:
            return found.row
        replaced.add(key)
        return brought.row_of(wanted[key], found.row.sequence, now)._replace(created=found.row.created)

    spans = brought.spans(attributes)
    if spans:
        within = [
            {f"{field}.1": {"$gte": least}, f"{field}.0": {"$lte": most}} for field, (least, most) in spans.items()
        ]
        await rewrite(database, entity_id, {"a": {"$in": sorted(attributes)}, "$or": within}, instead, session)
    fresh = {
        name: [each for each in instances if brought.identity(name, each) not in replaced]
        for name, instances in attributes.items()
    }
    lines = [line_of(found) for found in brought.rows(fresh, number, now)]
    if lines:
        documents = tail.documents(entity_id, number + len(lines), lines, added=True)
        await database[TAIL].insert_many(list(documents), session=session)
    noted: Document = {"$addToSet": {"a": {"$each": sorted(attributes)}}, "$set": {"m": now}, "$unset": {"x": ""}}
    oldest = brought.oldest(attributes)
    if oldest is not None:
        noted["$min"] = {"k": oldest}
    if types:
        noted["$addToSet"] |= {"t": {"$each": list(types)}, "l": {"$each": list(types)}}
    await database[EVOLUTIONS].update_one({"_id": entity_id}, noted, session=session)


async def patch(
    database: Database, entity_id: str, name: str, instance_id: str, instance: Instance, session: AsyncClientSession
) -> None:
    """Replace an instance whole, but for its datasetId and createdAt. ResourceNotFound."""
    now = current_instant()

    def instead(found: Found) -> Row | None:
        row = brought.row_of(instance, found.row.sequence, now)._replace(created=found.row.created)
        row.body.pop("datasetId", None)
        if found.dataset_id is not None:
            row.body["datasetId"] = found.dataset_id
        return row

    await _instance(database, entity_id, name, instance_id, instead, session)


async def delete_instance(
    database: Database, entity_id: str, name: str, instance_id: str, session: AsyncClientSession
) -> None:
    """Remove an instance. ResourceNotFound."""
    await _instance(database, entity_id, name, instance_id, lambda _: None, session)


async def delete_attribute(
    database: Database, entity_id: str, name: str, dataset_id: str | None, delete_all: bool, session: AsyncClientSession
) -> None:
    """Remove an attribute's instances: of one datasetId, None for the default one, or all. ResourceNotFound."""

    def concerned(found: Found) -> bool:
        return found.name == name and (delete_all or found.dataset_id == dataset_id)

    chosen: Document = {**of_entity(entity_id), "a": name}
    if not delete_all:
        chosen["d"] = dataset_id
    gone = (await database[BLOCKS].delete_many(chosen, session=session)).deleted_count
    changed = await _rewrite_tail(
        database[TAIL], of_entity(entity_id), lambda found: None if concerned(found) else found.row, session
    )
    if not gone + changed:
        which = "" if delete_all else f" with datasetId {dataset_id}" if dataset_id else " without a datasetId"
        raise ResourceNotFound(f"Entity {entity_id} has no history of attribute {name}{which}.")
    await _touch(database, entity_id, session)


async def delete_entity(database: Database, entity_id: str, session: AsyncClientSession) -> None:
    """Remove an entity's history; if it exists now, the next write begins a new one. ResourceNotFound."""
    gone = (await database[BLOCKS].delete_many(of_entity(entity_id), session=session)).deleted_count
    gone += (await database[TAIL].delete_many(of_entity(entity_id), session=session)).deleted_count
    exists = await database[ENTITIES].find_one({"_id": entity_id}, {"_id": 1}, session=session)
    if exists is None:
        gone += (await database[EVOLUTIONS].delete_one({"_id": entity_id}, session=session)).deleted_count
    else:
        known = await database[EVOLUTIONS].find_one_and_update(
            {"_id": entity_id}, {"$set": {"x": True}, "$unset": {"k": "", "b": ""}}, {"x": 1}, session=session
        )
        gone += known is not None and "x" not in known
    if not gone:
        raise missing(entity_id)


def missing(entity_id: str) -> ResourceNotFound:
    """What to raise if an entity has no history."""
    return ResourceNotFound(f"Entity {entity_id} has no history.")


async def _instance(
    database: Database, entity_id: str, name: str, instance_id: str, instead: Rewrite, session: AsyncClientSession
) -> None:
    """Rewrite the row that an instance id means. ResourceNotFound."""

    def concerned(found: Found) -> Row | None:
        if found.name != name:
            return found.row
        sequence = sequence_of(instance_id, series_key(name, found.dataset_id))
        return instead(found) if sequence == found.row.sequence else found.row

    prefix = instance_id.rpartition(":")[0][-16:]
    chosen = {"a": name, "_id": {"$gt": f"{entity_id} {prefix} ", "$lt": f"{entity_id} {prefix} ~"}}
    if not await rewrite(database, entity_id, chosen, concerned, session):
        raise ResourceNotFound(f"Attribute {name} of entity {entity_id} has no instance {instance_id}.")
    await _touch(database, entity_id, session)


async def rewrite(
    database: Database, entity_id: str, chosen: Document, instead: Rewrite, session: AsyncClientSession
) -> int:
    """Rewrite rows of an entity, in its tail and in the blocks chosen; how many."""
    changed = await _rewrite_tail(database[TAIL], of_entity(entity_id), instead, session)
    operations: list[ReplaceOne[Document] | DeleteOne] = []
    blocks = {"$and": [of_entity(entity_id), chosen]}
    async for document in database[BLOCKS].find(blocks, session=session):
        series = series_of(document)
        before = decode(document["b"])
        after = [instead(Found(series.name, series.dataset_id, row)) for row in before]
        changes = sum(old is not new for old, new in zip(before, after, strict=True))
        if changes:
            changed += changes
            operations.append(_instead(document["_id"], series, [row for row in after if row is not None]))
    if operations:
        await database[BLOCKS].bulk_write(operations, session=session)
    return changed


def _instead(document_id: str, series: Series, rows: list[Row]) -> ReplaceOne[Document] | DeleteOne:
    if not rows:
        return DeleteOne({"_id": document_id})
    return ReplaceOne({"_id": document_id}, block(series, rows, document_id))


async def _rewrite_tail(collection: Collection, chosen: Document, instead: Rewrite, session: AsyncClientSession) -> int:
    """Rewrite rows of the tail; how many."""
    changed = 0
    operations: list[ReplaceOne[Document] | DeleteOne] = []
    async for document in collection.find(chosen, session=session):
        before = list(tail.rows(document))
        after = [(found, instead(found)) for found in before]
        changes = sum(row is not found.row for found, row in after)
        if changes:
            changed += changes
            lines = [line_of(found._replace(row=row)) for found, row in after if row is not None]
            name = {"_id": document["_id"]}
            if lines:
                operations.append(ReplaceOne(name, {**name, **tail.packed(orjson.dumps(lines))}))
            else:
                operations.append(DeleteOne(name))
    if operations:
        await collection.bulk_write(operations, session=session)
    return changed


async def _next_numbers(database: Database, entity_id: str, count: int, session: AsyncClientSession) -> int:
    """The first of so many numbers that no point of the entity has. ResourceNotFound if there is no such entity."""
    entries = database[EVOLUTIONS]
    if await entries.find_one({"_id": entity_id}, {"_id": 1}, session=session) is None:
        await directory.adopt(database, entity_id, session)
    counted = [{"$set": {"n": {"$add": [{"$max": ["$n", time_ns() // 1000]}, count]}}}]
    found = await entries.find_one_and_update(
        {"_id": entity_id}, counted, {"n": 1}, return_document=ReturnDocument.AFTER, session=session
    )
    if found is None:
        raise missing(entity_id)
    return int(found["n"]) - count


async def _touch(database: Database, entity_id: str, session: AsyncClientSession) -> None:
    await database[EVOLUTIONS].update_one({"_id": entity_id}, {"$set": {"m": current_instant()}}, session=session)
