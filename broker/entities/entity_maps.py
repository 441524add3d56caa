"""Entity maps: queries whose set of entities is fixed when they are first asked (GS CIM 009 §5.5.9.3, §5.14).

The entities are checked again when a page is made of them: who does not match any more is taken out of the map, and the
page is filled from what follows. All entities are local: their source is `@none`.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from broker.call import Call
from broker.errors import ResourceNotFound, TooManyResults
from broker.query.plan import Query
from broker.store.entity_maps import EntityMap
from broker.store.found import Found
from broker.store.store import Store

_READ: Final = 1000
"""Entities that are looked for at once to make a map."""


class Page(NamedTuple):
    """A page of a map's entities, and one more if there are more; `total` of all that match, if it was asked for."""

    map: EntityMap
    entities: list[Found]
    total: int | None


async def make(store: Store, call: Call, query: Query, lifetime: timedelta, most: int) -> EntityMap:
    """A new map of the entities that match. Raises TooManyResults if they are more than `most`."""
    ids = await _matching(store, call, query, most)
    maps = await store.entity_maps(call.tenant)
    expires_at = datetime.now(UTC) + lifetime
    return await maps.create(ids, expires_at.replace(microsecond=expires_at.microsecond // 1000 * 1000))


async def retrieve(store: Store, call: Call, map_id: str) -> EntityMap:
    """A map with all of its ids. Raises ResourceNotFound."""
    found = await (await store.entity_maps(call.tenant)).part(map_id)
    if found is None:
        raise _missing(map_id)
    return found


async def page(store: Store, call: Call, map_id: str, query: Query) -> Page | None:
    """The page of a map's entities that the query asks for by `offset` and `limit`; None if there is no such map."""
    maps = await store.entity_maps(call.tenant)
    found: list[Found] = []
    gone: list[str] = []
    at = query.offset
    while True:
        wanted = query.limit - len(found)
        known = await maps.part(map_id, at, max(wanted, _READ if gone else 1))
        if known is None:
            return None
        matching = await _among(store, call, query, known.ids)
        found += [matching[each] for each in known.ids if each in matching]
        gone += [each for each in known.ids if each not in matching]
        at += len(known.ids)
        if len(found) >= query.limit or at >= known.total:
            break
    if gone:
        await maps.remove(map_id, gone)
    total = await _total(store, call, query, map_id) if query.count else None
    return Page(known, found[: query.limit], total)


async def among(store: Store, call: Call, map_id: str, query: Query) -> Query:
    """The query, of the entities of a map alone. Raises ResourceNotFound."""
    return replace(query, among=frozenset((await retrieve(store, call, map_id)).ids))


async def expire(store: Store, call: Call, map_id: str, expires_at: datetime) -> None:
    """Set when a map expires. Raises ResourceNotFound."""
    if not await (await store.entity_maps(call.tenant)).expire(map_id, expires_at):
        raise _missing(map_id)


async def delete(store: Store, call: Call, map_id: str) -> None:
    """Delete a map. Raises ResourceNotFound."""
    if not await (await store.entity_maps(call.tenant)).delete(map_id):
        raise _missing(map_id)


async def _matching(store: Store, call: Call, query: Query, most: int) -> list[str]:
    """The ids of all entities that match, in the order of the query."""
    query = replace(query, offset=0, after="", before="", count=False)
    ids: list[str] = []
    while True:
        limit = most + 1 if query.ordering is not None else min(_READ, most + 1 - len(ids))
        found = (await store.find(call.tenant, replace(query, limit=limit))).ids
        ids += found
        if len(ids) > most:
            raise TooManyResults(f"The entity map would hold more than {most} entities. Narrow the query down.")
        if len(found) < limit:
            return ids
        query = replace(query, after=ids[-1])


async def _among(store: Store, call: Call, query: Query, ids: Sequence[str]) -> dict[str, Found]:
    """Of these entities those that match, by id."""
    if not ids:
        return {}
    asked = replace(_unordered(query), among=frozenset(ids), limit=len(ids))
    page = await store.find(call.tenant, asked)
    found = {each.id: each for each in page.found}
    async for batch in store.rest(call.tenant, asked, page):
        found |= {each.id: each for each in batch}
    return found


async def _total(store: Store, call: Call, query: Query, map_id: str) -> int:
    known = await retrieve(store, call, map_id)
    return await store.count(call.tenant, replace(_unordered(query), among=frozenset(known.ids)))


def _unordered(query: Query) -> Query:
    return replace(query, ordering=None, offset=0, after="", before="", count=False)


def _missing(map_id: str) -> ResourceNotFound:
    return ResourceNotFound(f"Entity map {map_id} does not exist, or has expired.")
