"""Conditions on linked entities in `q`, turned round: first who meets them, then who links to those (GS CIM 009 §4.9).

`cabinet{state}=="broken"` asks the index for what has this state, and then for what has one of these as `cabinet`: both
look-ups are indexed. Where more meet the condition than `MOST_IDS`, or the index cannot tell them, it stays as it is:
the candidates of the query are looked at one by one, with what they link to (`broker.store.following`).
"""

from dataclasses import replace
from typing import Any, Final

from pymongo.asynchronous.collection import AsyncCollection

from broker.errors import TooComplexQuery
from broker.query.ast import And, AnyType, Comparison, Condition, Exists, HasType, Link, LinksTo, Matches, Or
from broker.query.links import depth
from broker.query.plan import Query, Selector
from broker.store.queries import Limits, find

MOST_IDS: Final = 1000
"""Most entities that a condition is turned round for."""
_EXAMINED: Final = 4000
"""Entities that are looked at one by one to find them: then it is cheaper to look at those of the query itself."""

Entities = AsyncCollection[dict[str, Any]]


async def turned(entities: Entities, query: Query) -> Query:
    """The query with its conditions on linked entities turned round, as far as that pays. Raises StoreUnavailable."""
    if query.q is None or not depth(query.q) or _few(query):
        return query
    return replace(query, q=await _turned(entities, query.q))


def _few(query: Query) -> bool:
    """Whether ids name all candidates: their links are followed sooner than anything is looked up."""
    return bool(query.selectors) and all(selector.ids for selector in query.selectors)


async def _turned(entities: Entities, node: Condition) -> Condition:
    match node:
        case And(operands):
            return And(tuple([await _turned(entities, operand) for operand in operands]))
        case Or(operands):
            return Or(tuple([await _turned(entities, operand) for operand in operands]))
        case Exists(path) | Comparison(path) | Matches(path) if path.link is not None:
            below = await _turned(entities, replace(node, path=path.link.path))
            ids = None if depth(below) else await _ids(entities, path.link, below)
            return node if ids is None else LinksTo(path.names, ids)
        case _:
            return node


async def _ids(entities: Entities, link: Link, condition: Condition) -> frozenset[str] | None:
    """Who meets a condition on the entities that a link leads to; None if that is too many."""
    selectors = (Selector(types=AnyType(tuple(map(HasType, link.types)))),) if link.types else ()
    query = Query(selectors=selectors, q=condition, limit=MOST_IDS + 1)
    try:
        found = await find(entities, query, Limits(examined=_EXAMINED))
    except TooComplexQuery:
        return None
    ids = frozenset(found.ids)
    return ids if len(ids) <= MOST_IDS else None
