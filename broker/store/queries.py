"""Queries: pages of entities, and counts."""

from typing import Any

from pymongo.asynchronous.collection import AsyncCollection

from broker.model.entity import Entity
from broker.query.plan import Query
from broker.query.to_mongo import entity_filter
from broker.store.errors import asking
from broker.store.visible import visible

QUERY_TIMEOUT_MS = 20_000


async def find(entities: AsyncCollection[dict[str, Any]], query: Query) -> list[Entity]:
    """A page of the entities that match, in the order of their ids. Raises StoreUnavailable.

    An entity that has expired and is not swept yet leaves a gap in its page.
    """
    with asking("find"):
        cursor = entities.find(
            entity_filter(query),
            {"_id": 0, "j": 1, "x": 1},
            sort=[("_id", 1)],
            skip=query.offset,
            limit=query.limit,
            batch_size=query.limit,
            max_time_ms=QUERY_TIMEOUT_MS,
        )
        found = map(visible, await cursor.to_list())
        return [entity for entity in found if entity is not None]


async def count(entities: AsyncCollection[dict[str, Any]], query: Query) -> int:
    """How many entities match. Raises StoreUnavailable."""
    with asking("count"):
        return await entities.count_documents(entity_filter(query), maxTimeMS=QUERY_TIMEOUT_MS)
