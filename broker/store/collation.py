"""The order of strings in a collation, as mongod's own ICU has it: no second implementation of Unicode's rules here."""

from collections.abc import Collection
from typing import Any, Final

from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure

from broker.errors import BadRequestData, TooManyResults
from broker.query.order import mongo_collation
from broker.store.errors import asking

MAX_BYTES: Final = 8 * 2**20
"""Most bytes of strings in one answer."""
_BAD_VALUE: Final = 2


async def places(database: AsyncDatabase[dict[str, Any]], texts: Collection[str], tag: str) -> dict[str, int]:
    """The place of each string in a collation, a language tag; strings that it takes for equal have equal places.

    Raises BadRequestData if mongod does not know the collation, TooManyResults for too many strings, StoreUnavailable.
    """
    if sum(map(len, texts)) > MAX_BYTES:
        raise TooManyResults(f"orderBy: the strings to order have more than {MAX_BYTES} characters.")
    pipeline: list[dict[str, Any]] = [
        {"$documents": [{"s": text} for text in texts]},
        {"$setWindowFields": {"sortBy": {"s": 1}, "output": {"r": {"$denseRank": {}}}}},
    ]
    with asking("collate"):
        try:
            cursor = await database.aggregate(pipeline, collation=mongo_collation(tag), allowDiskUse=True)
            return {document["s"]: document["r"] async for document in cursor}
        except OperationFailure as error:
            if error.code == _BAD_VALUE and "locale" in str(error):
                raise BadRequestData(f"collation: the database has no collation {tag}.") from None
            raise
