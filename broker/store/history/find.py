"""Which entities have a history, in the order of their ids."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from broker.query.plan import Query, Selector
from broker.query.to_mongo import entity_filter
from broker.query.to_predicate import may_match, selects
from broker.store.client import Collection
from broker.store.history.directory import Document

_LEAST: Final = 200


async def find(entries: Collection, query: Query) -> list[str]:
    """Ids by the selectors and the attributes of a query, and its page: of the entities that ever had them."""
    wanted = query.offset + query.limit
    meets = _meets(query.selectors)
    found: list[str] = []
    while wanted and len(found) < wanted:
        size = max(wanted, _LEAST)
        batch = await _batch(entries, query, size)
        found += [each["_id"] for each in batch if meets(each)]
        if len(batch) < size:
            break
        last = batch[-1]["_id"]
        query = replace(query, before=last) if query.before else replace(query, after=last)
    page = found[query.offset : wanted]
    return page[::-1] if query.before else page


async def _batch(entries: Collection, query: Query, size: int) -> list[Document]:
    chosen = replace(query, attributes=frozenset(), q=None, scopes=None, geo=None)
    conditions = [entity_filter(chosen).mongo]
    if query.attributes:
        conditions.append({"a": {"$in": sorted(query.attributes)}})
    order = [("_id", -1 if query.before else 1)]
    cursor = entries.find({"$and": conditions}, {"t": 1}, sort=order, limit=size, batch_size=size + 1)
    return await cursor.to_list()


def _meets(selectors: tuple[Selector, ...]) -> Callable[[Document], bool]:
    """Whether an entry meets one of the selectors: a filter of the database may pass more."""
    if not any(selector.id_pattern for selector in selectors):
        return lambda _: True
    checks = [(selector.types, may_match(Query(selectors=(selector,)))) for selector in selectors]

    def meets(entry: Document) -> bool:
        return any(
            (types is None or selects(types, entry["t"])) and (by_id is None or by_id(entry["_id"]))
            for types, by_id in checks
        )

    return meets
