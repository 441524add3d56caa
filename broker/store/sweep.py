"""The sweep of expired entities and attributes (GS CIM 009 §4.22).

Reads and writes see at once that something has expired. The sweep removes it from the database, by ordinary commits:
an operation that changes nothing is enough, since a group takes what it reads to its visible state first.
"""

from datetime import UTC, datetime
from typing import Any, Final

from pymongo.asynchronous.collection import AsyncCollection

from broker.model.entity import Entity
from broker.store.commits import Commits, Write
from broker.store.errors import asking
from broker.store.shapes import EXPIRY

BATCH: Final = 1000


async def sweep(entities: AsyncCollection[dict[str, Any]], commits: Commits) -> int:
    """Remove what has expired, at most BATCH entities' worth; the number of entities. Raises StoreUnavailable."""
    expired = {"a": {"$elemMatch": {"k": EXPIRY, "v": {"$lte": datetime.now(UTC)}}}}
    with asking("sweep"):
        found = await entities.find(expired, {"_id": 1}, limit=BATCH, batch_size=BATCH).to_list()
    await commits.submit([Write(document["_id"], _leave) for document in found])
    return len(found)


def _leave(old: Entity | None, now: str) -> tuple[Entity | None, None]:
    return old, None
