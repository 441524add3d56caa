"""The city in motion: each fleet reports at its rate, whether the broker keeps up or not (an open loop).

An update has an intended time, which is its observedAt. Each domain system, known by its @context, sends its own
updates in batches, one after the other, and keeps them while the broker is away.
"""

import asyncio
import heapq
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from math import gcd
from random import Random
from typing import Any, Final

import orjson

from broker.cli.city.domains import FLEETS
from broker.cli.city.faults import Fault, draw
from broker.cli.city.fleet import Fleet
from broker.cli.city.generate import City
from broker.cli.city.moment import PACES, signals
from broker.cli.transfer import Batch, Item, Remote

TICK: Final = 0.25
"""Seconds between two looks at what is due."""
LINGER: Final = 1.5
"""Seconds that a system gathers updates, unless it has a batch of the least size before."""
LEAST: Final = 100
MOST: Final = 1_000
"""Updates in a batch."""
KEPT: Final = 100_000
"""Updates that a system keeps while the broker is away; the oldest go first."""
LIVELY: Final = 10.0
"""Updates a second of a city that is too small for so many: it goes faster than the model."""
GAP: Final = 30.0
"""Seconds after which a pause of this very process (a closed lid) is skipped, not made up for."""


@dataclass(slots=True)
class Tally:
    """What has been sent. `behind`: the longest that an update had to wait for the broker's answer, seconds."""

    sent: int = 0
    refused: int = 0
    lost: int = 0
    behind: float = 0.0
    reason: str | None = None


class Reports:
    """When which entity of a fleet reports: all in turn; if things happen to them, mostly those of a busy tenth."""

    def __init__(self, fleet: Fleet, count: int, factor: float, random: Random) -> None:
        self.fleet = fleet
        self._count = count
        self._rate = count / fleet.every * factor if fleet.every else 0.0
        self._random = random.random
        self._owed = random.random()
        self._cursor = int(random.random() * count)
        self._stride = next(step for step in range(max(1, int(count * 0.618)), count + 2) if gcd(step, count) == 1)

    def due(
        self, start: float, end: float, moment: dict[str, float], times: float = 1.0
    ) -> Iterator[tuple[float, int]]:
        """Intended time and number of all that report in a span of time (seconds since 1970), `times` as often."""
        self._owed += self._rate * PACES[self.fleet.pace](start, moment) * times * (end - start)
        number = int(self._owed)
        self._owed -= number
        for k in range(number):
            yield start + (k + self._random()) / number * (end - start), self._next()

    def _next(self) -> int:
        if not self.fleet.events:
            self._cursor = (self._cursor + self._stride) % self._count
            return self._cursor
        if self._random() < 0.9:
            return int(self._random() * -(-self._count // 10)) * 10
        return int(self._random() * self._count)


class System:
    """What a domain system has to send, and who sends it."""

    def __init__(self, context: str) -> None:
        self.context = context
        self._waiting: deque[tuple[float, Item]] = deque()
        self._some = asyncio.Event()
        self._many = asyncio.Event()

    def add(self, item: Item, tally: Tally) -> None:
        """Put an update into the queue."""
        self._waiting.append((time.monotonic(), item))
        self._some.set()
        if len(self._waiting) >= LEAST:
            self._many.set()
        if len(self._waiting) > KEPT:
            self._waiting.popleft()
            tally.lost += 1

    async def send(self, remote: Remote, tally: Tally) -> None:
        """Send for ever. Raises StartError when the broker will never take it."""
        while True:
            await self._some.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(LINGER):  # wait_for would swallow a cancellation that meets the event
                    await self._many.wait()
            taken = [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]
            if not self._waiting:
                self._some.clear()
            if len(self._waiting) < LEAST:
                self._many.clear()
            outcome = await remote.upsert(Batch([item for _, item in taken], self.context))
            tally.sent += len(taken)
            tally.refused += len(outcome.refused)
            tally.behind = max(tally.behind, time.monotonic() - taken[0][0])
            if outcome.refused and tally.reason is None:
                tally.reason = f"{outcome.refused[0].item.id}: {outcome.refused[0].reason}"


class Motion:
    """All that the city reports, from one instant on."""

    def __init__(self, city: City, *, faults: bool) -> None:
        self._city = city
        self._random = Random(f"{city.seed}/live")
        self._faults = faults
        moving = [fleet for fleet in FLEETS if fleet.every]
        model = sum(city.counts[fleet.code] / (fleet.every or 1.0) for fleet in moving)
        self.rate = max(model, LIVELY)
        """Updates a second, the mean of a day."""
        factor = self.rate / model
        self._reports = [Reports(fleet, city.counts[fleet.code], factor, self._random) for fleet in moving]
        self._late: list[tuple[float, int, str, dict[str, Any]]] = []
        """Reports that are still under way: when they arrive, a number that breaks ties, @context, entity."""
        self._number = 0

    def between(self, start: float, end: float) -> Iterator[tuple[str, dict[str, Any]]]:
        """@context and report of all that arrives in a span of time, in this order."""
        while self._late and self._late[0][0] <= end:
            _, _, context, entity = heapq.heappop(self._late)
            yield context, entity
        moment = signals(self._city.seed, start)
        for reports in self._reports:
            fleet = reports.fleet
            for t, index in reports.due(start, end, moment):
                entity = self._city.update(fleet, index, t, moment, self._random)
                fault = draw(self._random) if self._faults else None
                yield from self._sent(fleet, t, entity, fault)

    def _sent(
        self, fleet: Fleet, t: float, entity: dict[str, Any], fault: Fault | None
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        if fault is None:
            yield fleet.context, entity
            return
        for delay, report in fault(entity, fleet.every or 0.0, self._random):
            if delay:
                self._number += 1
                heapq.heappush(self._late, (t + delay, self._number, fleet.context, report))
            else:
                yield fleet.context, report


async def run(
    remote: Remote,
    motion: Motion,
    *,
    start: float,
    speed: float,
    duration: float | None,
    tally: Tally,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Send what the city reports, `speed` times as fast as it happens, for so many seconds, or until cancelled.

    Raises StartError when the broker will never take it.
    """
    systems = {fleet.context: System(fleet.context) for fleet in FLEETS}
    senders = [asyncio.create_task(system.send(remote, tally)) for system in systems.values()]
    began = before = clock()
    skipped = 0.0
    try:
        while duration is None or before - began < duration:
            done, _ = await asyncio.wait(senders, timeout=TICK, return_when=asyncio.FIRST_EXCEPTION)
            for sender in done:
                sender.result()
            now = clock()
            if now - before > GAP:
                skipped += now - before
                before = now
                continue
            span = (start + (before - began - skipped) * speed, start + (now - began - skipped) * speed)
            for context, entity in motion.between(*span):
                systems[context].add(Item(entity["id"], orjson.dumps(entity)), tally)
            before = now
    finally:
        for sender in senders:
            sender.cancel()
        await asyncio.gather(*senders, return_exceptions=True)
