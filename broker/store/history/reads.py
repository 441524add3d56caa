"""Reading: the rows of entities in a window, from the tail and from those blocks alone that may hold some.

All reads of one question see one snapshot: a sealing in between neither doubles nor hides a row. Of blocks their bounds
come first; they say how far to go where only the newest, or the earliest, are wanted.
"""

from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pymongo.asynchronous.client_session import AsyncClientSession

from broker.model.blocks import Block
from broker.model.instants import instant_key
from broker.model.series import Row, microseconds, points
from broker.model.temporal import Evolution, Read, Reading, Series, TimeProperty
from broker.store.client import Database
from broker.store.history import directory, sealed, tail
from broker.store.history.directory import Entry
from broker.store.history.sealed import TIME_FIELDS, Document, range_of, series_of
from broker.store.indexes import BLOCKS, TAIL

_AT_ONCE: Final = 50
"""Entities whose blocks one query of the database asks for."""

_Rows: TypeAlias = dict[sealed.Series, list[Row]]
_Key: TypeAlias = Callable[[Row], tuple[str, int]]
Mask: TypeAlias = NDArray[np.bool_]
"""Of each row of a block whether it is meant."""
_TIMELESS: Final = -(2**62)
_LAST: Final = "~"
"""Greater than any instant key."""


class Tail(NamedTuple):
    """The tails of some entities: rows by series, and when each entity was last modified in it."""

    rows: _Rows
    modified: dict[str, str]


async def read(database: Database, ids: Sequence[str], reading: Reading) -> Read:
    """The evolutions of entities, as far as they are asked for."""
    async with database.client.start_session(snapshot=True) as session:
        known = await directory.entries(database, list(ids), session)
        unsealed = await tails(database, ids, reading, session)
        rows = unsealed.rows
        passed: set[sealed.Series] = set()
        for found in await _blocks(database, ids, reading, rows, passed, session):
            rows.setdefault(series_of(found), []).extend(opened_rows(found, reading))
        empty = await _without_points(database, ids, known, unsealed, session)
    passed.update(rows)
    chosen, cut = _chosen(rows, reading)
    attributes = _attributes(chosen, () if cut is None else passed)
    return Read(
        [
            _evolution(each, known[each], unsealed.modified.get(each), attributes.get(each, {}))
            for each in ids
            if each in known and each not in empty
        ],
        cut,
    )


async def tails(database: Database, ids: Sequence[str], reading: Reading, session: AsyncClientSession) -> Tail:
    """The rows of the tails in a reading's window."""
    result = Tail({}, {})
    inside = _inside(reading)
    for some in _some(ids):
        async for document in database[TAIL].find(tail.of_entities(some), session=session, batch_size=10_000):
            entity_id = tail.entity_of(document["_id"])
            for name, dataset_id, row in tail.rows(document):
                before = result.modified.get(entity_id)
                if before is None or instant_key(before) < instant_key(row.modified):
                    result.modified[entity_id] = row.modified
                if _asked(reading, name, dataset_id) and inside(row):
                    result.rows.setdefault(sealed.Series(entity_id, name, dataset_id), []).append(row)
    return result


def block_filter(ids: Sequence[str], reading: Reading) -> Document:
    """The filter of the blocks that may hold rows of a reading."""
    conditions: list[Document] = [tail.of_entities(ids)]
    if reading.attributes is not None:
        conditions.append({"a": {"$in": sorted(reading.attributes)}})
    if reading.dataset_ids is not None:
        conditions.append({"d": {"$in": list(reading.dataset_ids)}})  # null finds those without the field, too
    start, end = range_of(reading.window.start, reading.window.end)
    field = TIME_FIELDS[reading.window.timeproperty]
    if start is not None:
        conditions.append({f"{field}.1": {"$gte": start}})
    if end is not None:
        conditions.append({f"{field}.0": {"$lt": end}})
    return {"$and": conditions}


def opened_rows(document: Document, reading: Reading) -> list[Row]:
    """The rows of a block in the window; not those that surely are too many."""
    opened = Block(document["b"])
    start, end = range_of(reading.window.start, reading.window.end)
    if start is None and end is None:
        wanted = np.ones(opened.length, np.bool_)
    else:
        wanted = within(opened, reading.window.timeproperty, start, end)
    if reading.last_n is not None:
        wanted = _newest_of(opened, reading, wanted, reading.last_n)
    elif reading.bound is not None:
        wanted = _earliest_of(opened, reading, wanted, reading.bound + 1)
    return opened.rows(wanted)


def _newest_of(block: Block, reading: Reading, wanted: Mask, number: int) -> Mask:
    """Of the rows wanted the newest; those without a time only where others are too few."""
    places = np.flatnonzero(wanted)
    if len(places) <= number:
        return wanted
    times, there = block.times(reading.window.timeproperty)
    order = np.lexsort((places, np.where(there, times, _TIMELESS)[places]))
    result = np.zeros(block.length, np.bool_)
    result[places[order[-number:]]] = True
    return result


def _earliest_of(block: Block, reading: Reading, wanted: Mask, number: int) -> Mask:
    """Of the rows wanted the earliest, and all that are as early as the last of them."""
    times, there = block.times(reading.window.timeproperty)
    timed = times[wanted & there]
    if len(timed) <= number:
        return wanted
    early: Mask = times <= np.partition(timed, number - 1)[number - 1]
    return wanted & early


def within(block: Block, timeproperty: TimeProperty, start: int | None, end: int | None) -> Mask:
    """Of each row whether it is in the window."""
    times, wanted = block.times(timeproperty)
    if start is not None:
        wanted = wanted & (times >= start)
    if end is not None:
        wanted = wanted & (times < end)
    return wanted


async def _blocks(
    database: Database,
    ids: Sequence[str],
    reading: Reading,
    unsealed: _Rows,
    passed: set[sealed.Series],
    session: AsyncClientSession,
) -> list[Document]:
    """The blocks whose rows are needed; the series of all that were considered are added to `passed`."""
    found: list[Document] = []
    limited = reading.last_n is not None or reading.bound is not None
    for some in _some(ids):
        wanted = block_filter(some, reading)
        fields = {"b": 0} if limited else None
        found += await database[BLOCKS].find(wanted, fields, session=session, batch_size=10_000).to_list()
    if not limited:
        return found
    passed.update(map(series_of, found))
    needed = needed_blocks(found, unsealed, reading)
    whole: list[Document] = []
    for start in range(0, len(needed), _AT_ONCE):
        names = {"_id": {"$in": needed[start : start + _AT_ONCE]}}
        whole += await database[BLOCKS].find(names, session=session, batch_size=_AT_ONCE + 1).to_list()
    return whole


def needed_blocks(headers: Sequence[Document], unsealed: _Rows, reading: Reading) -> list[str]:
    """The ids of the blocks that hold the newest rows of each attribute, or the earliest of all."""
    field = TIME_FIELDS[reading.window.timeproperty]
    window = range_of(reading.window.start, reading.window.end)
    if reading.last_n is None:
        times = _times(unsealed, reading.window.timeproperty)
        limit = _threshold([_span(each, field, window) for each in headers], times, (reading.bound or 0) + 1)
        return [each["_id"] for each in headers if limit is None or each.get(field, _NEVER)[0] <= limit]
    wanted = reading.last_n if reading.bound is None else min(reading.last_n, reading.bound + 1)
    groups: dict[tuple[str, str], list[Document]] = {}
    for each in headers:
        groups.setdefault((tail.entity_of(each["_id"]), each["a"]), []).append(each)
    own: dict[tuple[str, str], _Rows] = {}
    for series, rows in unsealed.items():
        own.setdefault(series[:2], {})[series] = rows
    needed = []
    for attribute, blocks in groups.items():
        times = [-time for time in _times(own.get(attribute, {}), reading.window.timeproperty)]
        spans = [_Span(-hi, -lo, rows) for lo, hi, rows in (_span(each, field, window) for each in blocks)]
        limit = _threshold(spans, times, wanted)
        needed += [each["_id"] for each in blocks if limit is None or -each.get(field, _NEVER)[1] <= limit]
    return needed


_NEVER: Final = [2**62, -(2**62), 0]
"""Times of a block in which no row has one."""


class _Span(NamedTuple):
    """Bounds of the times of a block, and how many of its rows are surely between them and in the window."""

    lo: int
    hi: int
    rows: int


def _span(header: Document, field: str, window: tuple[int | None, int | None]) -> _Span:
    lo, hi, rows = header.get(field, _NEVER)
    start, end = window
    inside = (start is None or lo >= start) and (end is None or hi < end)
    return _Span(lo, hi, rows if inside else 0)


def _threshold(spans: Sequence[_Span], times: Sequence[int], wanted: int) -> int | None:
    """A time up to which there are surely as many rows as wanted; None if there may be fewer."""
    count = 0
    for time, rows in sorted([(span.hi, span.rows) for span in spans] + [(time, 1) for time in times]):
        count += rows
        if count >= wanted:
            return time
    return None


def _times(rows: _Rows, timeproperty: TimeProperty) -> list[int]:
    found = (row.time(timeproperty) for each in rows.values() for row in each)
    return [microseconds(time) for time in found if time is not None]


def _chosen(rows: _Rows, reading: Reading) -> tuple[_Rows, str | None]:
    """The rows in their order, as many as are asked for, and where they were cut."""
    newest = reading.last_n is not None
    key = _key(reading.window.timeproperty, newest)
    for each in rows.values():
        each.sort(key=key, reverse=newest)
    if reading.last_n is not None:
        rows = _newest(rows, reading.last_n, key)
    if reading.bound is None or sum(map(len, rows.values())) <= reading.bound:
        return rows, None
    return _cut(rows, reading.bound, reading.window.timeproperty, newest)


def _newest(rows: _Rows, last_n: int, key: _Key) -> _Rows:
    """The newest rows of each attribute over all its series; the series are in order already."""
    attributes: dict[tuple[str, str], list[sealed.Series]] = {}
    for series in rows:
        attributes.setdefault(series[:2], []).append(series)
    result: _Rows = {}
    for several in attributes.values():
        merged = [(key(row), series, row) for series in several for row in rows[series][:last_n]]
        merged.sort(key=itemgetter(0), reverse=True)
        for _, series, row in merged[:last_n]:
            result.setdefault(series, []).append(row)
    return result


def _cut(rows: _Rows, bound: int, timeproperty: TimeProperty, newest: bool) -> tuple[_Rows, str | None]:
    """Rows up to the time of the last within the bound (from it on, where the newest are wanted), and that time."""
    times = [(instant_key(time), time) for each in rows.values() for row in each if (time := row.time(timeproperty))]
    times.sort(reverse=newest)
    if len(times) <= bound:
        return rows, None  # what has no time cannot be asked for by time
    limit, text = times[bound - 1]
    result: _Rows = {}
    for series, each in rows.items():
        there = [row for row in each if _holds(row.time(timeproperty), limit, newest)]
        if there:
            result[series] = there
    return result, text


def _holds(time: str | None, limit: str, newest: bool) -> bool:
    if time is None:
        return False
    return instant_key(time) >= limit if newest else instant_key(time) <= limit


def _key(timeproperty: TimeProperty, newest: bool) -> _Key:
    """What orders rows: their time, then their sequence. Those without a time come last."""
    timeless = "" if newest else _LAST

    def key(row: Row) -> tuple[str, int]:
        time = row.time(timeproperty)
        return timeless if time is None else instant_key(time), row.sequence

    return key


async def _without_points(
    database: Database, ids: Sequence[str], known: dict[str, Entry], unsealed: Tail, session: AsyncClientSession
) -> set[str]:
    """The entities that exist and have no history."""
    doubtful = [each for each in ids if each in known and known[each].emptied and each not in unsealed.modified]
    return {each for each in doubtful if not await has_points(database, each, session)}


async def has_points(database: Database, entity_id: str, session: AsyncClientSession | None = None) -> bool:
    """Whether there is any point of an entity."""
    for collection in (TAIL, BLOCKS):
        if await database[collection].find_one(tail.of_entity(entity_id), {"_id": 1}, session=session) is not None:
            return True
    return False


def _attributes(rows: _Rows, passed: Iterable[sealed.Series]) -> dict[str, dict[str, Series]]:
    """By entity and attribute the points; none of those that were passed by, as far as they have none."""
    result: dict[str, dict[str, Series]] = {}
    for entity_id, name, _ in passed:
        result.setdefault(entity_id, {}).setdefault(name, {})
    for (entity_id, name, dataset_id), each in rows.items():
        found = result.setdefault(entity_id, {}).setdefault(name, {})
        found[dataset_id] = points(name, dataset_id, each)
    return result


def _evolution(entity_id: str, entry: Entry, modified: str | None, attributes: dict[str, Series]) -> Evolution:
    latest = max((entry.modified_at, modified or entry.modified_at), key=instant_key)
    return Evolution(entity_id, entry.types, entry.created_at, latest, entry.deleted_at, attributes)


def _inside(reading: Reading) -> Callable[[Row], bool]:
    start, end = reading.window.start, reading.window.end
    if start is None and end is None:
        return lambda _: True
    timeproperty = reading.window.timeproperty
    least = "" if start is None else instant_key(start)
    most = _LAST if end is None else instant_key(end)

    def inside(row: Row) -> bool:
        time = row.time(timeproperty)
        return time is not None and least <= instant_key(time) < most

    return inside


def _asked(reading: Reading, name: str, dataset_id: str | None) -> bool:
    if reading.attributes is not None and name not in reading.attributes:
        return False
    return reading.dataset_ids is None or dataset_id in reading.dataset_ids


def _some(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    return (ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE))
