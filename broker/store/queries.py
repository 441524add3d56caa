"""Queries: pages of entities, and counts.

Where the filter is exact, mongod answers alone. Where it only narrows down, entities are fetched batch by batch in the
order of their ids and `broker.store.deciding` says which match, until the page is full: `Limits.examined` bounds that.

However large entities are, a query holds little more than `Limits.held` of them: of what lies beyond that on a page it
finds the ids, and `rest` reads the entities when they are wanted.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from operator import itemgetter
from time import perf_counter
from typing import Any, Final, NamedTuple

from pymongo.asynchronous.collection import AsyncCollection

from broker.errors import TooComplexQuery, TooManyResults
from broker.query.ordering import Key, keys_of, ordered, strings
from broker.query.plan import Ordering, Query
from broker.query.to_mongo import Mongo, entity_filter, of_places_alone, overflow_filter
from broker.query.to_predicate import may_match
from broker.store.collation import places
from broker.store.deciding import Deciding, Document, projection
from broker.store.errors import asking
from broker.store.following import Following
from broker.store.found import Found
from broker.store.indexes import PLACES
from broker.store.runs import mark

QUERY_TIMEOUT_MS: Final = 20_000
_FIRST_BATCH: Final = 200
_LAST_BATCH: Final = 4000
REPLY: Final = 2**20
"""Bytes of entities: a reply of mongod, of up to 16 MiB, that holds no more was not cut short, whatever came next."""
_REPLIES: Final = 8 * REPLY
"""Bytes of entities that are put in order in memory: a page of a thousand is mostly less."""
_FEW: Final = 500
"""Entities that the index of geometries is asked for, at least, before they are put in order."""
_HELD_ORDERED: Final = 4
"""Times `Limits.held` that are kept while matches are put in order: nobody knows yet which are on the page."""
_TOGETHER: Final = 250
"""Entities whose links are followed together."""
_BREATH: Final = 0.003
"""Seconds after which other requests get a turn."""

Entities = AsyncCollection[dict[str, Any]]


class Limits(NamedTuple):
    """Bounds of one query."""

    examined: int = 100_000
    """Most entities that are decoded to answer it."""
    ordered: int = 10_000
    """Most matches that are put in order."""
    held: int = 4 * 2**20
    """Bytes of entities, roughly, that a page holds at once."""


class Matches(NamedTuple):
    """A page: what was found, and the ids of what follows on it and was not kept."""

    found: list[Found]
    rest: tuple[str, ...] = ()

    @property
    def ids(self) -> list[str]:
        """The ids of all that is on the page, in its order."""
        return [*(each.id for each in self.found), *self.rest]

    def after(self, number: int) -> "Matches":
        """Without the first so many."""
        return Matches(self.found[number:], self.rest[max(0, number - len(self.found)) :])


class Asked(NamedTuple):
    """What one command asks for: `size` documents, after the first `skip`, in the order of ids or against it."""

    mongo: Mongo
    fields: dict[str, int]
    size: int
    skip: int = 0
    backwards: bool = False

    @property
    def order(self) -> dict[str, int]:
        """As MongoDB names it."""
        return {"_id": -1 if self.backwards else 1}


Reply = Callable[[Entities, Asked], Awaitable[list[Document]]]
"""Fetches what is asked for; fewer documents, if those are more than `REPLY` bytes."""


async def find(entities: Entities, query: Query, limits: Limits, reply: Reply | None = None) -> Matches:
    """A page of the entities that match. `reply`: the way to fetch them, if it is not the usual one.

    Raises StoreUnavailable, TooComplexQuery, TooManyResults beyond the limits.
    """
    if query.ordering is not None:
        return await _ordered_page(entities, query, query.ordering, limits)
    reply = reply or fetch
    if query.offset and entity_filter(query).exact and not await _overflowing(entities, query):
        return await _some(entities, replace(query, offset=0), query.limit, limits, query.offset, reply)
    found = await _some(entities, query, query.offset + query.limit, limits, 0, reply)
    return found.after(query.offset)


async def rest(entities: Entities, query: Query, ids: Sequence[str]) -> list[Found]:
    """Those of some entities that match as they are now, in the order of the ids. Raises StoreUnavailable."""
    following = Following(entities, query, Limits().examined)
    deciding = Deciding(query, following.linked)
    wanted = entity_filter(replace(query, after="", before=""))
    there = {"_id": {"$in": list(ids)}}
    with asking("find"):
        cursor = entities.find(
            {"$and": [there, wanted.mongo]} if wanted.mongo else there,
            projection(query),
            hint="_id_",
            batch_size=len(ids) + 1,
            max_time_ms=QUERY_TIMEOUT_MS,
            comment=mark(),
        )
        found = await _decided(await cursor.to_list(), deciding, following)
    by_id = {each.id: each for each in found}
    return [by_id[entity_id] for entity_id in ids if entity_id in by_id]


async def count(entities: Entities, query: Query, limits: Limits) -> int:
    """How many entities match; if that is beyond `count_limit`, some number that is, too.

    Raises StoreUnavailable, TooComplexQuery beyond the limits.
    """
    query = replace(query, ordering=None, after="", before="")
    exact = entity_filter(query, overflowing=False)
    if not exact.exact:
        return await _count_matches(entities, query, entity_filter(query).mongo, limits)
    total = await _count(entities, exact.mongo, query.count_limit)
    if query.count_limit is not None and total > query.count_limit:
        return total
    if exact.keyed and await _overflowing(entities, query):
        total -= await _count(entities, {"$and": [exact.mongo, overflow_filter(query)]})
        total += await _count_matches(entities, query, overflow_filter(query), limits)
    return total


async def _some(entities: Entities, query: Query, needed: int, limits: Limits, skip: int, reply: Reply) -> Matches:
    """The first `needed` matches in the order of the query."""
    found: list[Found] = []
    beyond: list[str] = []
    held = 0
    async for batch in _batches(entities, query, needed, limits, skip, reply):
        for each in batch:
            held += len(each.stored)
            if held <= limits.held or not found:
                found.append(each)
            else:
                beyond.append(each.id)
        if len(found) + len(beyond) >= needed:
            break
    if query.before:
        if beyond:  # the page begins with what came last
            return Matches([], tuple(reversed([*(each.id for each in found), *beyond][:needed])))
        found = found[:needed][::-1]
    return Matches(found[:needed], tuple(beyond[: needed - len(found)]) if beyond else ())


async def _batches(
    entities: Entities, query: Query, needed: int, limits: Limits, skip: int, reply: Reply
) -> AsyncIterator[list[Found]]:
    """The matches, in batches; each is one query of the database."""
    following = Following(entities, query, limits.examined)
    deciding, by_id = Deciding(query, following.linked), may_match(query)
    fields = projection(query)
    if of_places_alone(query):
        few = await _of_places(entities, query, fields, max(4 * needed, _FEW))
        if few is not None:
            step = max(1, needed)
            for start in range(0, len(few), step):
                yield await _decided(few[start : start + step], deciding, following)
            return
    size = 0
    examined = 0
    while True:
        wanted = entity_filter(query)
        size = _next_size(size, needed, exact=wanted.exact)
        documents = await reply(entities, Asked(wanted.mongo, fields, size, skip, backwards=bool(query.before)))
        worth = documents if by_id is None else [each for each in documents if by_id(each["_id"])]
        yield await _decided(worth, deciding, following)
        if not _cut_short(documents, size) and len(documents) < size:
            return
        examined += len(documents)
        if not wanted.exact and examined >= limits.examined:
            raise TooComplexQuery(
                f"The query would look at more than {limits.examined} entities one by one. "
                "Narrow it down by a type, by ids or by values of attributes."
            )
        last, skip = documents[-1]["_id"], 0
        query = replace(query, before=last) if query.before else replace(query, after=last)


def _cut_short(documents: list[Document], size: int) -> bool:
    """Whether a reply may hold less than there is, because it would have been too large."""
    return 0 < len(documents) < size and bytes_of(documents) > REPLY


def bytes_of(documents: Iterable[Document]) -> int:
    """What entities in these documents take."""
    return sum(len(document["j"]) for document in documents)


def _next_size(last: int, needed: int, *, exact: bool) -> int:
    """How many to fetch: few at first, if they may all match; more and more if they do not."""
    if not last:
        return needed if exact else max(needed + needed // 8, _FIRST_BATCH)
    return max(needed, min(last * 4, _LAST_BATCH))


async def _of_places(entities: Entities, query: Query, fields: dict[str, int], most: int) -> list[Document] | None:
    """What the index of geometries finds, in the order of the query; None if that is more than `most`, or too large.

    mongod would choose an index by what served a query of another place: for a large one it goes through all entities
    of a type in the order of ids, for a small one that takes a thousand times as long.
    """
    with asking("find"):
        cursor = entities.find(
            entity_filter(query).mongo,
            fields,
            hint=PLACES,
            limit=most + 1,
            batch_size=most + 1,
            max_time_ms=QUERY_TIMEOUT_MS,
            comment=mark(),
        )
        documents: list[Document] = []
        size = 0
        while some := await cursor.to_list(_FEW):
            documents += some
            size += bytes_of(some)
            if len(documents) > most or size > _REPLIES:
                await cursor.close()
                return None
    documents.sort(key=itemgetter("_id"), reverse=bool(query.before))
    return documents


async def fetch(entities: Entities, asked: Asked) -> list[Document]:
    """One reply of what is asked for; fewer documents if they are large: see `_cut_short`."""
    with asking("find"):
        cursor = entities.find(
            asked.mongo,
            asked.fields,
            sort=[*asked.order.items()],
            skip=asked.skip,
            limit=-asked.size,
            batch_size=asked.size,
            max_time_ms=QUERY_TIMEOUT_MS,
            allow_disk_use=True,
            comment=mark(),
        )
        return await cursor.to_list()


async def _decided(documents: list[Document], deciding: Deciding, following: Following) -> list[Found]:
    """What is found in the documents; other requests get a turn in between.

    Raises StoreUnavailable where nobody waits for it any more.
    """
    found: list[Found] = []
    due = perf_counter() + _BREATH
    for start in range(0, len(documents), _TOGETHER):
        some = documents[start : start + _TOGETHER]
        await following.fetch(some)
        for each in deciding.found(some):
            if each is not None:
                found.append(each)
            if perf_counter() > due:
                await asyncio.sleep(0)
                mark()
                due = perf_counter() + _BREATH
    return found


async def _overflowing(entities: Entities, query: Query) -> bool:
    """Whether there are entities that may match and have more keys than are indexed."""
    if not entity_filter(query).keyed:
        return False
    with asking("find"):
        return await entities.find_one(overflow_filter(query), {"_id": 1}, comment=mark()) is not None


# Counts.


async def _count(entities: Entities, mongo: Mongo, most: int | None = None) -> int:
    """How many pass a filter; counted to one more than `most`."""
    bound: dict[str, Any] = {} if most is None else {"limit": most + 1}
    with asking("count"):
        return await entities.count_documents(mongo, maxTimeMS=QUERY_TIMEOUT_MS, comment=mark(), **bound)


async def _count_matches(entities: Entities, query: Query, mongo: Mongo, limits: Limits) -> int:
    """How many of the entities that pass a filter match, each looked at."""
    following = Following(entities, query, limits.examined)
    deciding, by_id = Deciding(query, following.linked), may_match(query)
    total = examined = 0
    with asking("count"):
        cursor = entities.find(
            mongo, projection(query), batch_size=_LAST_BATCH, max_time_ms=QUERY_TIMEOUT_MS, comment=mark()
        )
        size = _FIRST_BATCH
        while documents := await cursor.to_list(size):
            mark()
            size = max(1, min(_LAST_BATCH, 2 * size, limits.held * len(documents) // (bytes_of(documents) + 1)))
            examined += len(documents)
            if examined > limits.examined:
                await cursor.close()
                raise TooComplexQuery(
                    f"The count would look at more than {limits.examined} entities one by one. "
                    "Narrow the query down, ask without count, or with a lower countLimit."
                )
            worth = documents if by_id is None else [each for each in documents if by_id(each["_id"])]
            total += len(await _decided(worth, deciding, following))
            if query.count_limit is not None and total > query.count_limit:
                await cursor.close()
                return total
    return total


# Ordering.


async def _ordered_page(entities: Entities, query: Query, ordering: Ordering, limits: Limits) -> Matches:
    by = [keys_of(key) for key in ordering.keys]
    ids: list[str] = []
    keyed: list[list[Key]] = []
    kept: dict[str, Found] = {}
    held = 0
    async for batch in _batches(entities, replace(query, after="", before=""), _LAST_BATCH, limits, 0, fetch):
        for each in batch:
            ids.append(each.id)
            keyed.append([key(each.entity) for key in by])
            held += len(each.stored)
            if held <= _HELD_ORDERED * limits.held:
                kept[each.id] = each
        if len(ids) > limits.ordered:
            raise TooManyResults(
                f"orderBy: the query matches more than {limits.ordered} entities. Narrow it down, or do not order."
            )
    texts = strings(keyed)
    ranks = await places(entities.database, texts, ordering.collation) if len(texts) > 1 else dict.fromkeys(texts, 0)
    page = ordered(ids, keyed, ordering.keys, ranks)[query.offset : query.offset + query.limit]
    if all(entity_id in kept for entity_id in page):
        return Matches([kept[entity_id] for entity_id in page])
    return Matches([], tuple(page))
