"""What became of the notifications of each subscription, counted over all workers (GS CIM 009 §5.2.14.2).

    subscriptionStatus   {_id: lane, sent, failed: how often, at, success, failure: DateTimes, ok: how the last ended,
                          next: DateTime when the interval of a periodic one is over}

Whoever delivers counts in memory and adds what it counted by one bulk write, as soon as the one before is done.
"""

from collections.abc import Collection as Several
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from pymongo import UpdateOne
from pymongo.errors import BulkWriteError

from broker.model.instants import format_instant
from broker.store.client import Database
from broker.store.errors import all_duplicates, asking

STATUS: Final = "subscriptionStatus"


class Status(NamedTuple):
    """The members of a subscription that the broker writes; instants as DateTimes of the standard."""

    sent: int = 0
    failed: int = 0
    last_notification: str | None = None
    last_success: str | None = None
    last_failure: str | None = None
    ok: bool = True


@dataclass(slots=True)
class Tally:
    """What was counted of a lane since it was written last."""

    sent: int = 0
    failed: int = 0
    notified: datetime | None = None
    success: datetime | None = None
    failure: datetime | None = None

    def count(self, sent_at: datetime, ended_at: datetime, ok: bool) -> None:
        """Count a notification that has been answered, or has not."""
        self.sent += 1
        self.notified = _later(self.notified, sent_at)
        if ok:
            self.success = _later(self.success, ended_at)
        else:
            self.failed += 1
            self.failure = _later(self.failure, ended_at)

    def add(self, other: "Tally") -> None:
        """Count what another has counted."""
        self.sent += other.sent
        self.failed += other.failed
        self.notified = _later(self.notified, other.notified)
        self.success = _later(self.success, other.success)
        self.failure = _later(self.failure, other.failure)

    def update(self, lane: str) -> UpdateOne:
        """The write that adds it."""
        latest = {"at": self.notified, "success": self.success, "failure": self.failure}
        known = {name: moment for name, moment in latest.items() if moment is not None}
        ok = self.failure is None or (self.success is not None and self.success > self.failure)
        return UpdateOne(
            {"_id": lane},
            {"$inc": {"sent": self.sent, "failed": self.failed}, "$max": known, "$set": {"ok": ok}},
            upsert=True,
        )


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max(filter(None, (one, other)), default=None)


class Statuses:
    """The counts, as they are written and read. Every method raises StoreUnavailable."""

    def __init__(self, control: Database) -> None:
        self._status = control[STATUS]

    async def read(self, lanes: Several[str]) -> dict[str, Status]:
        """By lane; those that were never notified are left out."""
        with asking("status"):
            found = await self._status.find({"_id": {"$in": list(lanes)}}).to_list()
        return {document["_id"]: _status(document) for document in found if "sent" in document}

    async def add(self, tallies: Mapping[str, Tally]) -> None:
        """Add what was counted."""
        with asking("count sent"):
            await self._status.bulk_write([tally.update(lane) for lane, tally in tallies.items()], ordered=False)

    async def last_notifications(self, lanes: Several[str]) -> dict[str, datetime]:
        """When each lane was notified last."""
        with asking("status"):
            found = await self._status.find({"_id": {"$in": list(lanes)}}, {"at": 1}).to_list()
        return {document["_id"]: document["at"] for document in found if "at" in document}

    async def begin(self, intervals: Mapping[str, float]) -> None:
        """Have the first interval of periodic subscriptions begin now; lane to seconds. One that goes on goes on."""
        writes = []
        for lane, seconds in intervals.items():
            ends = {"$add": ["$$NOW", int(seconds * 1000)]}
            begun = [{"$set": {"next": ends}}]
            writes.append(UpdateOne({"_id": lane, "next": {"$exists": False}}, begun, upsert=True))
            writes.append(UpdateOne({"_id": lane, "$expr": {"$gt": ["$next", ends]}}, begun))  # it was longer before
        with asking("begin intervals"):
            try:
                await self._status.bulk_write(writes, ordered=False)
            except BulkWriteError as error:
                if not all_duplicates(error):
                    raise

    async def due(self, lanes: Several[str]) -> list[str]:
        """Those whose interval is over."""
        with asking("due"):
            over = self._status.find({"_id": {"$in": list(lanes)}, "$expr": _OVER}, {"_id": 1})
            return [document["_id"] for document in await over.to_list()]

    async def claim(self, lane: str, interval: float) -> bool:
        """Whether the interval is over; then the next one begins. It is so for one worker of all, once.

        Intervals follow each other without drift; those that nobody was there to claim are left out.
        """
        begun = [{"$set": {"next": _next(int(interval * 1000))}}]
        with asking("claim"):
            claimed = await self._status.update_one({"_id": lane, "$expr": _OVER}, begun)
        return claimed.modified_count == 1


_OVER: Final = {"$and": [{"$eq": [{"$type": "$next"}, "date"]}, {"$lte": ["$next", "$$NOW"]}]}


def _next(interval: int) -> dict[str, Any]:
    """When the interval that now is in ends; `interval` in milliseconds."""
    passed = {"$floor": {"$divide": [{"$subtract": ["$$NOW", "$next"]}, interval]}}
    return {"$add": ["$next", {"$multiply": [{"$add": [passed, 1]}, interval]}]}


def _status(document: Mapping[str, Any]) -> Status:
    def text(name: str) -> str | None:
        moment = document.get(name)
        return None if moment is None else format_instant(moment)

    return Status(document["sent"], document["failed"], text("at"), text("success"), text("failure"), document["ok"])
