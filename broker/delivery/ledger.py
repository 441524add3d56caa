"""What is written of deliveries: what is owed no more, dead letters, counts. Few writes, each as large as it gets.

Nothing waits for a timer: what has come together while the last write ran is the next. What the database does not take
is kept for later. Counts are written before what they count is forgotten.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, NamedTuple

from broker.errors import BrokerError
from broker.store.outbox import Letter, Outbox
from broker.store.outbox_status import Statuses, Tally
from broker.telemetry import DEAD_LETTERS, log

_AGAIN: Final = 0.5
_AT_MOST: Final = 1000
_logger = log(__name__)


class _Settled(NamedTuple):
    lane: str
    letter: bytes


class Ledger:
    """The books of one worker. `forgotten` is told the lanes whose settled letters are gone: (lane, letters)."""

    def __init__(self, outbox: Outbox, statuses: Statuses, forgotten: Callable[[str, set[bytes]], None]) -> None:
        self._outbox = outbox
        self._statuses = statuses
        self._forgotten = forgotten
        self._settled: list[_Settled] = []
        self._dead: list[tuple[Letter, str]] = []
        self._tallies: dict[str, Tally] = defaultdict(Tally)
        self._news = asyncio.Event()
        self._stopping = False

    def settle(self, letter: Letter) -> None:
        """The letter is owed no more."""
        self._settled.append(_Settled(letter.lane, letter.id))
        self._news.set()

    def bury(self, letter: Letter, reason: str) -> None:
        """The letter is dead."""
        self._dead.append((letter, reason))
        DEAD_LETTERS.inc()
        self._news.set()

    def count(self, lane: str, sent_at: datetime, ok: bool) -> None:
        """Count a notification that was answered, or was not."""
        self._tallies[lane].count(sent_at, datetime.now(UTC), ok)
        self._news.set()

    async def run(self) -> None:
        """Write, until told to stop and all is written."""
        while not self._stopping or self._unwritten:
            await self._news.wait()
            self._news.clear()
            try:
                await self._write()
            except BrokerError:
                await self._again()
            except Exception:
                _logger.exception("deliveries not written")
                await self._again()

    async def stop(self, running: asyncio.Task[None], seconds: float) -> None:
        """Have `run` end when all is written, at most after so long."""
        self._stopping = True
        self._news.set()
        await asyncio.wait({running}, timeout=seconds)
        running.cancel()

    @property
    def _unwritten(self) -> bool:
        return bool(self._settled or self._dead or self._tallies)

    async def _again(self) -> None:
        await asyncio.sleep(_AGAIN)
        self._news.set()

    async def _write(self) -> None:
        if self._tallies:
            tallies, self._tallies = self._tallies, defaultdict(Tally)
            try:
                await self._statuses.add(tallies)
            except BrokerError:
                for lane, tally in tallies.items():
                    self._tallies[lane].add(tally)
                raise
        while self._dead:
            dead = self._dead[:_AT_MOST]
            await self._outbox.bury(dead, datetime.now(UTC))
            del self._dead[: len(dead)]
            self._tell([_Settled(letter.lane, letter.id) for letter, _ in dead])
        while self._settled:
            settled = self._settled[:_AT_MOST]
            await self._outbox.clear([each.letter for each in settled])
            del self._settled[: len(settled)]
            self._tell(settled)

    def _tell(self, settled: list[_Settled]) -> None:
        by_lane: dict[str, set[bytes]] = defaultdict(set)
        for lane, letter in settled:
            by_lane[lane].add(letter)
        for lane, letters in by_lane.items():
            self._forgotten(lane, letters)
