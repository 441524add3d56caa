"""What is written of deliveries: what is owed no more, dead letters, counts. Few writes, each as large as it gets.

What comes after a pause is written at once, the rest every PAUSE seconds. A letter that all its lanes are done with is
removed; lanes are struck out of one that others take longer for when they have waited PATIENCE seconds for those. What
the database does not take is kept for later. Counts are written before what they count is forgotten.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from time import monotonic
from typing import Final

from broker.errors import BrokerError
from broker.store.outbox import Dead, Letter, Outbox
from broker.store.outbox_status import Statuses, Tally
from broker.telemetry import DEAD_LETTERS, log

PAUSE: Final = 0.25
"""Seconds between two writes."""
PATIENCE: Final = 0.5
_AGAIN: Final = 0.5
_AT_MOST: Final = 1000
_logger = log(__name__)


@dataclass(slots=True)
class _Settled:
    """A letter that some of its lanes are done with."""

    letter: Letter
    lanes: set[str] = field(default_factory=set)
    since: float = field(default_factory=monotonic)

    @property
    def by_all(self) -> bool:
        return self.lanes >= self.letter.lanes


class Ledger:
    """The books of one worker. `forgotten` is told the lanes whose settled letters are gone: (lane, letters)."""

    def __init__(self, outbox: Outbox, statuses: Statuses, forgotten: Callable[[str, set[bytes]], None]) -> None:
        self._outbox = outbox
        self._statuses = statuses
        self._forgotten = forgotten
        self._settled: dict[bytes, _Settled] = {}
        self._dead: list[Dead] = []
        self._tallies: dict[str, Tally] = defaultdict(Tally)
        self._news = asyncio.Event()
        self._stopping = asyncio.Event()

    def settle(self, letter: Letter, lane: str) -> None:
        """The lane is owed the letter no more."""
        settled = self._settled.get(letter.id)
        if settled is None:
            settled = self._settled[letter.id] = _Settled(letter)
        settled.lanes.add(lane)
        self._news.set()

    def bury(self, letter: Letter, lane: str, reason: str) -> None:
        """What the lane is owed is dead."""
        self._dead.append(Dead(letter, lane, reason))
        DEAD_LETTERS.inc()
        self._news.set()

    def count(self, lane: str, sent_at: datetime, ok: bool) -> None:
        """Count a notification that was answered, or was not."""
        self._tallies[lane].count(sent_at, datetime.now(UTC), ok)
        self._news.set()

    async def run(self) -> None:
        """Write, until told to stop and all is written."""
        while not self._stopping.is_set() or self._unwritten:
            await self._news.wait()
            self._news.clear()
            try:
                await self._write()
            except BrokerError:
                await self._again()
            except Exception:
                _logger.exception("deliveries not written")
                await self._again()
            await self._pause()

    async def stop(self, running: asyncio.Task[None], seconds: float) -> None:
        """Have `run` end when all is written, at most after so long."""
        self._stopping.set()
        self._news.set()
        await asyncio.wait({running}, timeout=seconds)
        running.cancel()

    @property
    def _unwritten(self) -> bool:
        return bool(self._settled or self._dead or self._tallies)

    async def _again(self) -> None:
        await asyncio.sleep(_AGAIN)
        self._news.set()

    async def _pause(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), PAUSE)
        if self._unwritten:
            self._news.set()

    async def _write(self) -> None:
        if self._tallies:
            await self._write_tallies()
        while self._dead:
            dead = self._dead[:_AT_MOST]
            await self._outbox.bury(dead, datetime.now(UTC))
            del self._dead[: len(dead)]
            self._tell((letter.id, (lane,)) for letter, lane, _ in dead)
        await self._write_settled()

    async def _write_tallies(self) -> None:
        tallies, self._tallies = self._tallies, defaultdict(Tally)
        try:
            await self._statuses.add(tallies)
        except BrokerError:
            for lane, tally in tallies.items():
                self._tallies[lane].add(tally)
            raise

    async def _write_settled(self) -> None:
        done = [each for each, settled in self._settled.items() if settled.by_all]
        while done:
            await self._outbox.clear(done[:_AT_MOST])
            self._take_out({each: set(self._settled[each].lanes) for each in done[:_AT_MOST]})
            del done[:_AT_MOST]
        patient = monotonic() - PATIENCE
        while waiting := self._waiting(patient):
            await self._outbox.strike(waiting)
            self._take_out(waiting)

    def _waiting(self, patient: float) -> dict[bytes, set[str]]:
        """Letters, with lanes that are done with them, that have waited long enough for others."""
        stopping = self._stopping.is_set()
        found = ((id, set(each.lanes)) for id, each in self._settled.items() if stopping or each.since <= patient)
        return dict(islice(found, _AT_MOST))

    def _take_out(self, written: dict[bytes, set[str]]) -> None:
        """Forget what was written; lanes that were settled meanwhile stay."""
        for letter_id, lanes in written.items():
            settled = self._settled[letter_id]
            settled.lanes = settled.lanes - lanes
            settled.since = monotonic()
            if not settled.lanes:
                del self._settled[letter_id]
        self._tell(written.items())

    def _tell(self, written: Iterable[tuple[bytes, Iterable[str]]]) -> None:
        by_lane: dict[str, set[bytes]] = defaultdict(set)
        for letter_id, lanes in written:
            for lane in lanes:
                by_lane[lane].add(letter_id)
        for lane, letters in by_lane.items():
            self._forgotten(lane, letters)
