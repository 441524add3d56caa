"""Leases: what one worker of all machines does, and another takes over when it dies.

    leases   {_id: name, owner: who holds it, until: DateTime by mongod's clock}

A lease is held until it runs out, is renewed by its owner, and is anybody's from then on. Only mongod's clock decides
when that is. The owner counts by its own clock from before it asked, and less than the database, so that it has stopped
before another begins, as long as no clock runs a fifth faster than another.
"""

from collections.abc import Collection as Names
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Final

from pymongo.errors import BulkWriteError

from broker.store.client import Database
from broker.store.errors import all_duplicates, asking

LEASES: Final = "leases"
SECONDS: Final = 5.0
"""How long a lease lasts: after this time another takes over what a dead worker did."""
_MARGIN: Final = 0.8


def of_history(tenant: str) -> str:
    """The name of the lease of who keeps a tenant's history."""
    return f"history {tenant}"


_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


class LeaseLost(Exception):
    """Another worker may do by now what this one was about."""


class Leases:
    """The leases of one owner. `owner` is unique: a worker that starts again is another one."""

    def __init__(self, control: Database, owner: str, seconds: float = SECONDS) -> None:
        self.owner = owner
        self.seconds = seconds
        self._leases = control[LEASES]
        self._until: dict[str, float] = {}
        """Name to the time, by the monotonic clock, until which it is surely held."""

    def holds(self, name: str) -> bool:
        """Whether the lease is surely held at this moment."""
        return self._until.get(name, 0.0) > monotonic()

    async def take(self, names: Names[str]) -> set[str]:
        """Take the leases that are free, and renew those that are held already; those held now.

        What is not renewed in time is lost. Raises StoreUnavailable.
        """
        if not names:
            return set()
        asked = monotonic()
        with asking("lease"):
            await self._make([name for name in names if name not in self._until])
            mine_or_free = {"$or": [{"$eq": ["$owner", self.owner]}, {"$lt": ["$until", "$$NOW"]}]}
            ends = {"$dateAdd": {"startDate": "$$NOW", "unit": "millisecond", "amount": int(self.seconds * 1000)}}
            await self._leases.update_many(
                {"_id": {"$in": list(names)}, "$expr": mine_or_free}, [{"$set": {"owner": self.owner, "until": ends}}]
            )
            found = self._leases.find({"_id": {"$in": list(names)}, "owner": self.owner}, {"_id": 1})
            held = {document["_id"] for document in await found.to_list()}
        for name in names:
            if name in held:
                self._until[name] = asked + self.seconds * _MARGIN
            else:
                self._until.pop(name, None)
        return held

    async def release(self, names: Names[str]) -> None:
        """Give leases back before they run out: others can have them at once. Raises StoreUnavailable."""
        for name in names:
            self._until.pop(name, None)
        with asking("lease"):
            await self._leases.delete_many({"_id": {"$in": list(names)}, "owner": self.owner})

    async def holders(self, prefix: str) -> dict[str, str]:
        """The leases that somebody holds and whose names begin so: name to owner. Raises StoreUnavailable."""
        beginning = {"$gte": prefix, "$lt": prefix + "\U0010ffff"}
        with asking("lease"):
            held = self._leases.find({"_id": beginning, "$expr": {"$gte": ["$until", "$$NOW"]}})
            return {document["_id"]: document["owner"] for document in await held.to_list()}

    async def forget(self, prefix: str) -> None:
        """Remove the leases that nobody holds and whose names begin so. Raises StoreUnavailable."""
        beginning = {"$gte": prefix, "$lt": prefix + "\U0010ffff"}
        with asking("lease"):
            await self._leases.delete_many({"_id": beginning, "$expr": {"$lt": ["$until", "$$NOW"]}})

    async def _make(self, names: list[str]) -> None:
        """Make the documents of names that nobody has had; they have run out already."""
        if not names:
            return
        made: list[dict[str, Any]] = [{"_id": name, "owner": "", "until": _LONG_AGO} for name in names]
        try:
            await self._leases.insert_many(made, ordered=False)
        except BulkWriteError as error:
            if not all_duplicates(error):
                raise
