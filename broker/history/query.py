"""Query Temporal Evolution of Entities: which entities match, and what is shown of them (GS CIM 009 §5.7.4).

Conditions are checked against the instances in the window: any of them may meet `q` and the geo-query. A scope holds
from when it was set until it is replaced or removed (§4.18). Entities without an instance to show do not match.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from broker.call import Call
from broker.errors import TooComplexQuery
from broker.history.scopes import in_scope
from broker.model.entity import Entity
from broker.model.temporal import Evolution, Reading
from broker.names import SCOPE
from broker.query.ast import And, Condition, LinksTo, Or
from broker.query.plan import Query
from broker.query.to_predicate import Predicate, matches
from broker.store.history.history import History

_CHUNK: Final = 50
"""Entities that are looked at together."""
LAST: Final = "\U0010ffff"
"""It is behind every id."""


@dataclass(frozen=True, slots=True)
class TemporalQuery:
    """What GET /temporal/entities asks. Entities are in the order of their ids, or in the `descending` one.

    Of `query` counts all but its `ordering`. `reading` says which points are shown. `examined`: how many entities, and
    how many points of them together, may be looked at.
    """

    query: Query
    reading: Reading
    descending: bool = False
    examined: int = 100_000


class Matches(NamedTuple):
    """Ids of the entities of a page, and how many match in all if the query asked for it."""

    ids: list[str]
    total: int | None


async def matching(history: History, call: Call, asked: TemporalQuery) -> Matches:
    """The entities of the page that a query asks for. Raises TooComplexQuery, NonexistentTenant, StoreUnavailable."""
    query = asked.query
    found: list[str] = []
    total = examined = 0
    async for chunk in _candidates(history, call.tenant, asked):
        examined += len(chunk)
        if examined > asked.examined + _CHUNK:
            raise TooComplexQuery(f"The query looks at more than {asked.examined} entities one by one.")
        kept = await _kept(history, call.tenant, asked, chunk)
        total += len(kept)
        found += kept
        if not query.count and len(found) >= query.offset + query.limit:
            break
    ids = found[query.offset : query.offset + query.limit]
    if query.before and not asked.descending:
        ids.reverse()
    return Matches(ids, total if query.count else None)


async def _candidates(history: History, tenant: str, asked: TemporalQuery) -> AsyncIterator[list[str]]:
    """Ids in the order in which pages are filled: backwards from `before`, and from the end when descending."""
    query = asked.query
    backwards = asked.descending or bool(query.before)
    place = (query.before or LAST) if backwards else query.after
    while True:
        before, after = (place, "") if backwards else ("", place)
        chunk = await history.find(tenant, replace(query, limit=_CHUNK, offset=0, before=before, after=after))
        if chunk:
            place = chunk[0] if backwards else chunk[-1]
            yield chunk[::-1] if backwards else chunk
        if len(chunk) < _CHUNK:
            return


async def _kept(history: History, tenant: str, asked: TemporalQuery, ids: Sequence[str]) -> list[str]:
    """Those of the entities that have something to show in the window, and meet the conditions."""
    shown = await history.read(tenant, ids, replace(asked.reading, last_n=1, bound=None))
    left = [each.id for each in shown.evolutions if is_there(each)]
    query = asked.query
    if left and (query.q is not None or query.geo is not None):
        left = await _meeting(history, tenant, asked, left)
    if left and query.scopes is not None:
        left = await in_scope(history, tenant, left, query.scopes, asked.reading.window)
    return left


def is_there(evolution: Evolution) -> bool:
    """Whether there is a point of any attribute."""
    return any(points for series in evolution.attributes.values() for points in series.values())


async def _meeting(history: History, tenant: str, asked: TemporalQuery, ids: Sequence[str]) -> list[str]:
    """Those that meet `q` and the geo-query in the window; fewer at a time if they have many points."""
    query = asked.query
    names = _names(query.q) if query.q is not None else frozenset()
    if query.geo is not None:
        names |= {query.geo.name}
    reading = Reading(asked.reading.window, attributes=names, bound=asked.examined)
    read = await history.read(tenant, ids, reading)
    if read.cut is None:
        meets: Predicate = matches(Query(q=query.q, geo=query.geo))
        return [each.id for each in read.evolutions if meets(as_entity(each))]
    if len(ids) == 1:
        raise TooComplexQuery(f"The query looks at more than {asked.examined} points of entity {ids[0]}.")
    half = len(ids) // 2
    return [*await _meeting(history, tenant, asked, ids[:half]), *await _meeting(history, tenant, asked, ids[half:])]


def _names(condition: Condition) -> frozenset[str]:
    """The attributes that a condition looks at."""
    if isinstance(condition, And | Or):
        return frozenset[str]().union(*map(_names, condition.operands))
    return frozenset((condition.names if isinstance(condition, LinksTo) else condition.path.names)[:1])


def as_entity(evolution: Evolution) -> Entity:
    """An evolution as an entity whose attributes have each point for an instance; deletions are none."""
    attributes = {
        name: [point.instance for points in series.values() for point in points if point.deleted_at is None]
        for name, series in evolution.attributes.items()
        if name != SCOPE
    }
    present = {name: instances for name, instances in attributes.items() if instances}
    return Entity(evolution.id, evolution.types, present, evolution.created_at, evolution.modified_at)
