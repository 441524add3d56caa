"""A page of entities and how many there are of their types, by one command.

What types alone select is counted already (`broker.store.counts`): a few documents hold it, and they come before the
entities of the page. Two commands would cost the driver and mongod twice what a command costs.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from broker.query.plan import Query, Selector
from broker.store import counts, queries
from broker.store.client import Database
from broker.store.counts import Counts
from broker.store.deciding import Document
from broker.store.errors import asking
from broker.store.indexes import COUNTS, ENTITIES
from broker.store.queries import QUERY_TIMEOUT_MS, REPLY, Asked, Entities, Limits, Matches, bytes_of
from broker.store.runs import mark

_COUNTS: Final = 1000
"""More than there are of one set of types, mostly."""
_TOGETHER: Final = 20
"""Documents between two looks at how large they are."""


class Counted(NamedTuple):
    """A page, and the number of all matches."""

    matches: Matches
    total: int


async def find(database: Database, query: Query, limits: Limits) -> Counted:
    """A page of what types alone select, in the order of ids, and its count. Raises StoreUnavailable."""
    first = _First(database[COUNTS], query.selectors)
    matches = await queries.find(database[ENTITIES], query, limits, first.reply)
    return Counted(matches, first.total)


class _First:
    """The first reply of a page brings the count."""

    def __init__(self, counted: Counts, selectors: Sequence[Selector]) -> None:
        self._counts = counted
        self._selectors = selectors
        self._begun = False
        self.total = 0

    async def reply(self, entities: Entities, asked: Asked) -> list[Document]:
        """As `queries.fetch`."""
        if self._begun:
            return await queries.fetch(entities, asked)
        self._begun = True
        page = [
            {"$match": asked.mongo},
            {"$sort": asked.order},
            *([{"$skip": asked.skip}] if asked.skip else []),
            {"$limit": asked.size},
            {"$project": asked.fields},
        ]
        union = {"$unionWith": {"coll": entities.name, "pipeline": page}}
        documents: list[Document] = []
        with asking("find"):
            cursor = await self._counts.aggregate(
                [{"$match": counts.wanted(self._selectors)}, union],
                batchSize=_COUNTS + asked.size,
                maxTimeMS=QUERY_TIMEOUT_MS,
                allowDiskUse=True,
                comment=mark(),
            )
            held = 0
            while held <= REPLY and (some := await cursor.to_list(_TOGETHER)):
                documents += some
                held += bytes_of(document for document in some if "j" in document)
            await cursor.close()
        found = [document for document in documents if "j" in document]
        self.total = counts.total_of(documents[: len(documents) - len(found)], self._selectors)
        return found
