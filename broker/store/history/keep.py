"""Keeping history in the background: tails are sealed, and what is past its retention is removed.

Both may be interrupted anywhere and done twice; a lease for each tenant spares the workers doing it at once.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, NamedTuple, TypeAlias

from pymongo.asynchronous.client_session import AsyncClientSession

from broker.errors import StoreUnavailable
from broker.model.instants import format_instant
from broker.model.periods import add
from broker.model.recording_rules import RuleBook, length
from broker.model.series import Row, microseconds
from broker.model.temporal import Duration
from broker.store.client import Database
from broker.store.errors import asking
from broker.store.history import directory, edits
from broker.store.history.seal import MOST_DOCUMENTS, TOGETHER, seal
from broker.store.history.tail import Found, entity_of, holds_many, of_entity, time_of
from broker.store.indexes import BLOCKS, EVOLUTIONS, TAIL
from broker.telemetry import log

_logger = log(__name__)

_BATCH: Final = 2_000
"""Names that are looked at together, some milliseconds long."""

Between: TypeAlias = Callable[[], Awaitable[None]]
"""Awaited between portions of the work. Raises LeaseLost where another worker may do the rest."""


class Sealing(NamedTuple):
    """When a tail is sealed: as soon as it has so many commits, or one so old, in seconds."""

    commits: int = 200
    period: float = 86_400


async def keep(
    database: Database, rules: RuleBook | None, sealing: Sealing, now: datetime, between: Between, entered: int = 0
) -> None:
    """Seal what is due in a tenant's database, then remove what is past its retention.

    What has a tail since before `entered`, in microseconds since 1970, has its entry. Raises StoreUnavailable,
    LeaseLost.
    """
    period = sealing.period * 1e6
    if rules is not None:
        by_type, general = rules.retentions()
        period = min([period, *(length(each) for each in (*by_type.values(), general) if each is not None)])
    waiting: list[str] = []
    async for entity_id in due(database, sealing.commits, int(now.timestamp() * 1e6 - period), between, entered):
        waiting.append(entity_id)
        if len(waiting) >= TOGETHER:
            await _seal(database, waiting)
            await between()
            waiting = []
    await _seal(database, waiting)
    if rules is not None:
        await sweep(database, rules, now, between)


async def _seal(database: Database, entity_ids: list[str]) -> None:
    """Seal the tails of entities to their ends. One that cannot be sealed does not keep the others from it."""
    try:
        while entity_ids and await seal(database, entity_ids) >= MOST_DOCUMENTS:
            pass
    except StoreUnavailable:
        raise
    except Exception:
        _logger.exception("Not sealed: %s", entity_ids[0] if len(entity_ids) == 1 else f"{len(entity_ids)} histories")
        if len(entity_ids) > 1:
            for entity_id in entity_ids:
                await _seal(database, [entity_id])


async def due(database: Database, commits: int, until: int, between: Between, entered: int) -> AsyncIterator[str]:
    """The entities with as many commits in the tail, one that brought many points, or one before an instant in µs.

    Those whose tails began after `entered` get the entries that they lack.
    """
    entity, count, old = "", 0, False
    last = ""
    while True:
        with asking("tail"):
            found = await _names(database, last)
        full: list[str] = []
        begun: list[str] = []
        for name in found:
            of, at = entity_of(name), time_of(name)
            if of != entity:
                if old or count >= commits:
                    full.append(entity)
                entity, count, old = of, 0, False
                if at > entered:
                    begun.append(of)
            count += commits if holds_many(name) else 1
            old = old or at <= until
        if begun:
            await _enter(database, begun)
        for each in full:
            yield each
        if len(found) < _BATCH:
            break
        last = found[-1]
        await between()
    if old or count >= commits:
        yield entity


async def _enter(database: Database, entity_ids: list[str]) -> None:
    """Make the entries of entities that lack one: they were there before anything of them was recorded."""
    entries = database[EVOLUTIONS].find({"_id": {"$in": entity_ids}}, {"_id": 1}, batch_size=len(entity_ids) + 1)
    known = {each["_id"] async for each in entries}
    for entity_id in entity_ids:
        if entity_id not in known:
            await edits.transact(database, partial(directory.adopt, database, entity_id))


async def sweep(database: Database, rules: RuleBook, now: datetime, between: Between) -> None:
    """Remove the sealed points that are older than the rules for their entity's types allow."""
    by_type, general = rules.retentions()
    filters: list[dict[str, Any]] = [
        {"t": type_, "k": {"$lt": _cutoff(now, retention)}} for type_, retention in by_type.items()
    ]
    if general is not None:
        filters.append({"t": {"$nin": list(by_type)}, "k": {"$lt": _cutoff(now, general)}})
    for chosen in filters:
        with asking("sweep"):
            found = await database[EVOLUTIONS].find(chosen, {"t": 1}, batch_size=_BATCH).to_list()
        for entry in found:
            retention = rules.retention(tuple(entry["t"]))
            if retention is not None:
                await trim(database, entry["_id"], _cutoff(now, retention))
            await between()


async def trim(database: Database, entity_id: str, cutoff: int) -> None:
    """Remove an entity's points that are older than an instant in microseconds. Raises StoreUnavailable."""

    def rewrite(found: Found) -> Row | None:
        return None if found.row.age < cutoff else found.row

    async def run(session: AsyncClientSession) -> None:
        old = {**of_entity(entity_id), "k": {"$lt": cutoff}}
        await database[BLOCKS].delete_many({**old, "m.1": {"$lt": cutoff}}, session=session)
        await edits.rewrite(database, entity_id, {"k": {"$lt": cutoff}}, rewrite, session)
        oldest = await database[BLOCKS].find(of_entity(entity_id), {"k": 1}, session=session).to_list()
        if oldest:
            noted: dict[str, Any] = {"$set": {"k": min(each["k"] for each in oldest)}}
        else:
            noted = {"$unset": {"k": ""}}
        entry = await database[EVOLUTIONS].find_one_and_update({"_id": entity_id}, noted, {"d": 1}, session=session)
        if oldest or entry is None or "d" not in entry:
            return
        if await database[TAIL].find_one(of_entity(entity_id), {"_id": 1}, session=session) is None:
            await database[EVOLUTIONS].delete_one({"_id": entity_id}, session=session)

    await edits.transact(database, run)


async def _names(database: Database, after: str) -> list[str]:
    cursor = database[TAIL].find(
        {"_id": {"$gt": after}}, {"_id": 1}, sort=[("_id", 1)], limit=_BATCH, batch_size=_BATCH
    )
    return [each["_id"] async for each in cursor]


def _cutoff(now: datetime, retention: Duration) -> int:
    """The instant before which points are too old, in microseconds since 1970."""
    back = add(format_instant(now.astimezone(UTC)), Duration(-retention.months, -retention.microseconds))
    return microseconds(back if back is not None else "0001-01-01T00:00:00Z")
