"""The city's load: what its things report, what its dashboards ask, each at its time (open loops); and a ledger."""

import asyncio
import time
from array import array
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from time import perf_counter
from typing import Any, Final, NamedTuple

import aiohttp
import numpy as np
import orjson

from benchmarks.city_watch import WATCHED, Written
from benchmarks.users.panels import Draw, View, drawn
from broker.cli.city.domains import FLEETS
from broker.cli.city.fleet import Fleet
from broker.cli.city.generate import City
from broker.cli.city.live import LEAST, LINGER, MOST, TICK, Reports
from broker.cli.city.moment import PACES, signals
from broker.cli.transfer import Batch, Item, Remote

KEPT: Final = 20_000
"""Updates that a system keeps for when the broker takes them; the oldest go first. What is dropped was never sent."""
DRAIN: Final = 120.0
"""Seconds that the last updates may take."""
QUERY_SECONDS: Final = 30.0
"""A query that isn't answered by then has failed."""


class Report(NamedTuple):
    """An update that is due: of the entity with this number of a fleet, at `t` (seconds since 1970)."""

    t: float
    code: str
    number: int
    value: float
    item: Item


@dataclass(slots=True)
class Ledger:
    """The acknowledged updates, by fleet. A report that was sent twice may stand here twice."""

    index: dict[str, "array[int]"] = field(default_factory=dict)
    t: dict[str, "array[float]"] = field(default_factory=dict)
    value: dict[str, "array[float]"] = field(default_factory=dict)

    def acknowledge(self, report: Report) -> None:
        """Note an update."""
        if report.code not in self.index:
            self.index[report.code], self.t[report.code], self.value[report.code] = array("I"), array("d"), array("d")
        self.index[report.code].append(report.number)
        self.t[report.code].append(report.t)
        self.value[report.code].append(report.value)

    def written(self) -> dict[str, Written]:
        """Fleet to its updates."""
        return {
            code: Written(np.array(index, np.uint32), np.array(self.t[code]), np.array(self.value[code]))
            for code, index in self.index.items()
        }


@dataclass(slots=True)
class Tally:
    """What happened since the last look, and in all."""

    due: int = 0
    """Updates, as `acknowledged` and `refused`: in all."""
    acknowledged: int = 0
    refused: int = 0
    dropped: int = 0
    reason: str = ""
    queries: int = 0
    """Sent, in all."""
    failed: Counter[str] = field(default_factory=Counter)
    """Queries, by what was wrong: in all."""
    update_lateness: list[float] = field(default_factory=list)
    """Seconds from the intended time to the acknowledgement; since the last look, as the next."""
    query_lateness: list[float] = field(default_factory=list)
    by_panel: dict[str, list[float]] = field(default_factory=dict)
    """Seconds of each answer, in all."""

    @property
    def waiting(self) -> int:
        """Updates that are due and not answered."""
        return self.due - self.acknowledged - self.refused - self.dropped


class Teller:
    """A domain system: it gathers what its things report and sends it, one batch after the other."""

    def __init__(self, context: str, tally: Tally, ledger: Ledger) -> None:
        self._context = context
        self._tally = tally
        self._ledger = ledger
        self._waiting: deque[Report] = deque()
        self._some = asyncio.Event()
        self._many = asyncio.Event()

    def add(self, report: Report) -> None:
        """Put an update into the queue."""
        self._waiting.append(report)
        self._some.set()
        if len(self._waiting) >= LEAST:
            self._many.set()
        if len(self._waiting) > KEPT:
            self._waiting.popleft()
            self._tally.dropped += 1

    async def send(self, remote: Remote) -> None:
        """Send for ever. Raises StartError when the broker will never take it."""
        while True:
            await self._some.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(LINGER):
                    await self._many.wait()
            taken = [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]
            if not self._waiting:
                self._some.clear()
            if len(self._waiting) < LEAST:
                self._many.clear()
            for part in _distinct(taken):
                await self._tell(remote, part)

    async def _tell(self, remote: Remote, reports: Sequence[Report]) -> None:
        outcome = await remote.upsert(Batch([report.item for report in reports], self._context))
        now = time.time()
        refused = {refusal.item.id for refusal in outcome.refused}
        for report in reports:
            if report.item.id in refused:
                continue
            self._ledger.acknowledge(report)
            self._tally.update_lateness.append(now - report.t)
        self._tally.acknowledged += len(reports) - len(refused)
        self._tally.refused += len(refused)
        if outcome.refused:
            self._tally.reason = f"{outcome.refused[0].item.id}: {outcome.refused[0].reason}"


def _distinct(reports: Sequence[Report]) -> Iterator[list[Report]]:
    """The reports in batches that hold an entity once, in their order: each shall be an update of its own."""
    part: list[Report] = []
    ids: set[str] = set()
    for report in reports:
        if report.item.id in ids:
            yield part
            part, ids = [], set()
        part.append(report)
        ids.add(report.item.id)
    if part:
        yield part


class Life:
    """What the city reports: at `speed` times the mean rate of a day, at any hour; the hour says who reports."""

    def __init__(self, city: City, speed: float) -> None:
        self._city = city
        self._random = Random(f"{city.seed}/life")
        moving = [fleet for fleet in FLEETS if fleet.every]
        self._means = {fleet.code: city.counts[fleet.code] / (fleet.every or 1.0) for fleet in moving}
        self.rate = sum(self._means.values()) * speed
        """Updates a second."""
        self._reports = [Reports(fleet, city.counts[fleet.code], 1.0, self._random) for fleet in moving]

    def between(self, start: float, end: float) -> Iterator[tuple[Fleet, Report]]:
        """What is due in a span of time."""
        moment = signals(self._city.seed, start)
        model = sum(self._means[each.fleet.code] * PACES[each.fleet.pace](start, moment) for each in self._reports)
        for reports in self._reports:
            fleet = reports.fleet
            watched = WATCHED.get(fleet.code)
            for exact, index in reports.due(start, end, moment, self.rate / model):
                t = round(exact, 3)
                entity = self._city.update(fleet, index, t, moment, self._random)
                value = float(entity[watched]["value"]) if watched else 0.0
                yield fleet, Report(t, fleet.code, index, value, Item(entity["id"], orjson.dumps(entity)))


async def report(life: Life, remote: Remote, tally: Tally, ledger: Ledger, seconds: float) -> None:
    """Send what the city reports for so many seconds; wait until all is answered, or DRAIN is over.

    Raises StartError when the broker will never take it.
    """
    tellers = {fleet.context: Teller(fleet.context, tally, ledger) for fleet in FLEETS}
    senders = [asyncio.create_task(teller.send(remote)) for teller in tellers.values()]
    before = began = time.time()
    try:
        while before - began < seconds + DRAIN and (before - began < seconds or tally.waiting):
            done, _ = await asyncio.wait(senders, timeout=TICK, return_when=asyncio.FIRST_EXCEPTION)
            for sender in done:
                sender.result()
            now = time.time()
            if now - began < seconds:
                for fleet, each in life.between(before, now):
                    tally.due += 1
                    tellers[fleet.context].add(each)
            before = now
    finally:
        for sender in senders:
            sender.cancel()
        await asyncio.gather(*senders, return_exceptions=True)


async def look(
    root: str, view: View, panels: Sequence[tuple[float, Draw]], rate: float, seconds: float, tally: Tally
) -> None:
    """Ask for panels, `rate` a second at random instants (Poisson), whether they are answered or not."""
    timeout = aiohttp.ClientTimeout(total=QUERY_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:
        under_way: set[asyncio.Task[None]] = set()
        due = began = perf_counter()
        while rate and due - began < seconds:
            await asyncio.sleep(max(0.0, due - perf_counter()))
            task = asyncio.create_task(_ask(session, root, view, panels, due, tally))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            due += view.random.expovariate(rate)
        await asyncio.gather(*under_way)


async def _ask(
    session: aiohttp.ClientSession,
    root: str,
    view: View,
    panels: Sequence[tuple[float, Draw]],
    due: float,
    tally: Tally,
) -> None:
    asked = drawn(view, panels)
    tally.queries += 1
    try:
        async with session.get(root + asked.path, headers=asked.headers) as answer:
            body = await answer.read()
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        tally.failed[f"{asked.name}: {type(error).__name__}"] += 1
        return
    if answer.status not in (200, 206):
        tally.failed[f"{asked.name}: {answer.status} {_detail(body)}"] += 1
        return
    took = perf_counter() - due
    tally.query_lateness.append(took)
    tally.by_panel.setdefault(asked.name, []).append(took)


def _detail(body: bytes) -> str:
    try:
        found: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    return str(found.get("title", "")) if isinstance(found, dict) else ""
