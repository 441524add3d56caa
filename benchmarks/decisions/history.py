"""What history takes: bytes a point, time of queries, cost of recording: `python -m benchmarks.decisions.history`.

`--series 10000` makes 10 million points; what is small beside them is always 100 series. One series more has 100 000.
"""

import argparse
import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from statistics import median
from time import perf_counter
from typing import Any, Final

import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks import sample
from benchmarks.decisions import experiment
from benchmarks.decisions.experiment import Mongod, Outcome
from benchmarks.intervals import interval
from broker.hosting.bundled import Bundled
from broker.jsonld.compiler import Compiler
from broker.model import merge
from broker.model.entity import Entity
from broker.model.instants import format_instant
from broker.model.parse import parse_entity, parse_fragment
from broker.model.series import Row
from broker.model.temporal import Duration, Reading, TimeProperty, Window
from broker.names import CORE_CONTEXT
from broker.store.client import Database, connect
from broker.store.commits import Apply, Write
from broker.store.history.history import History
from broker.store.history.keep import Sealing, keep
from broker.store.history.record import recorder
from broker.store.history.sealed import FULL, Series, block, portions
from broker.store.indexes import BLOCKS, EVOLUTIONS, TAIL
from broker.store.store import Store

FEW: Final = 100
POINTS: Final = 1000
LONG: Final = 100_000
POWER: Final = "https://uri.etsi.org/ngsi-ld/default-context/power"
METER: Final = "https://uri.etsi.org/ngsi-ld/default-context/Meter"
FIRST: Final = datetime(2026, 1, 1, tzinfo=UTC)
CREATED: Final = format_instant(FIRST)
HOUR: Final = 3_600_000_000
NAMES: Final = Compiler(Bundled()[CORE_CONTEXT]).core
CLIENTS: Final = 128
ENTITIES: Final = 2_000

console = Console(width=130)


def entity_id(number: int) -> str:
    """A meter."""
    return f"urn:ngsi-ld:Meter:{number:07}"


def rows(seed: int, count: int) -> list[Row]:
    """A value a minute, as a meter sends it: a random walk in tenths, received up to two seconds later."""
    rng = random.Random(seed)
    value = rng.randrange(1_000, 9_000)
    number = 1_767_225_600_000_000 + seed * 1_000
    found = []
    for minute in range(count):
        value += round(rng.gauss(0, 30))
        observed = FIRST + timedelta(minutes=minute)
        received = format_instant(observed + timedelta(microseconds=rng.randrange(50_000, 2_000_000)))
        body = {"type": "Property", "value": value / 10, "observedAt": format_instant(observed), "unitCode": "WTT"}
        found.append(Row(2 * (number + minute), CREATED, received, False, body))
    return found


async def fill(database: Database, numbers: range, count: int) -> None:
    """Sealed series, and what the directory says of them."""
    for number in numbers:
        series = Series(entity_id(number), POWER, None)
        blocks = [block(series, portion) for portion in portions(rows(number, count), FULL, FULL)]
        await database[BLOCKS].insert_many(blocks)
    entries = [
        {"_id": entity_id(n), "t": [METER], "l": [METER], "a": [POWER], "c": CREATED, "m": CREATED} for n in numbers
    ]
    await database[EVOLUTIONS].insert_many(entries)


async def bytes_a_point(database: Database, points: int) -> dict[str, float]:
    """Of the sealed blocks: as they are on disk, with their index; and as documents."""
    await database.client.admin.command("fsync")
    stats = await database.command("collStats", BLOCKS)
    return {
        "on disk": stats["storageSize"] / points,
        "index": stats["totalIndexSize"] / points,
        "documents": stats["size"] / points,
    }


async def timed(operation: Callable[[], Awaitable[Any]], repetitions: int) -> float:
    """The median in milliseconds."""
    found = []
    for _ in range(repetitions):
        started = perf_counter()
        await operation()
        found.append((perf_counter() - started) * 1000)
    return median(found)


def day(number: int, count: int) -> Reading:
    """Some day of a series of so many minutes."""
    start = FIRST + timedelta(minutes=random.Random(number).randrange(max(1, count - 1440)))
    return Reading(Window(TimeProperty.OBSERVED_AT, format_instant(start), format_instant(start + timedelta(days=1))))


async def queries(store: Store, scales: list[tuple[str, str, range]]) -> None:
    """lastN=100 and a day, in tenants of different size, in turn."""
    history = History(store)
    table = Table("", "points", "lastN=100 ms", "a day ms", title="One series of 1 000 points, medians of 10 × 40")
    found: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name, _, _ in scales}
    for _ in range(10):
        for name, tenant, numbers in scales:

            async def newest(tenant: str = tenant, numbers: range = numbers) -> None:
                read = await history.read(tenant, [entity_id(random.choice(numbers))], Reading(last_n=100))
                assert len(read.evolutions[0].attributes[POWER][None]) == 100

            async def a_day(tenant: str = tenant, numbers: range = numbers) -> None:
                number = random.choice(numbers)
                await history.read(tenant, [entity_id(number)], day(number, POINTS))

            found[name][0].append(await timed(newest, 40))
            found[name][1].append(await timed(a_day, 40))
    for name, _, numbers in scales:
        table.add_row(name, f"{len(numbers) * POINTS:,}", *(f"{median(each):.2f}" for each in found[name]))
    console.print(table)


async def aggregates(store: Store) -> None:
    """A series of 100 000 points by the hour, and beside it the points read raw."""
    database = await store.database("long", create=True)
    await fill(database, range(1), LONG)
    plain = database["plain"]
    documents = [{"e": entity_id(0), "v": row.body["value"], "o": row.body["observedAt"]} for row in rows(0, LONG)]
    await plain.insert_many(documents)
    await plain.create_index([("e", 1), ("o", 1)])
    history = History(store)
    window = Window(TimeProperty.OBSERVED_AT, CREATED, None)

    async def by(duration: Duration, distinct: bool = False) -> None:
        await history.aggregate("long", [entity_id(0)], Reading(window), duration, CREATED, distinct=distinct)

    async def raw() -> None:
        found = await plain.find({"e": entity_id(0), "o": {"$gte": CREATED}}).to_list()
        assert len(found) == LONG

    trials: dict[str, Callable[[], Awaitable[None]]] = {
        "hourly": lambda: by(Duration(0, HOUR)),
        "hourly, with distinctCount": lambda: by(Duration(0, HOUR), distinct=True),
        "monthly": lambda: by(Duration(1)),
        "in all": lambda: by(Duration()),
        "the points raw, a document each": raw,
    }
    found: dict[str, list[float]] = {name: [] for name in trials}
    for _ in range(7):
        for name, trial in trials.items():
            found[name].append(await timed(trial, 1))
    table = Table("", "ms, median", "least", title="Aggregates of 100 000 points of one series")
    for name, times in found.items():
        table.add_row(name, f"{median(times):.1f}", f"{min(times):.1f}")
    console.print(table)


class Recording:
    """Updates of the same entities with and without history, by 128 clients."""

    def __init__(self, mongod: Mongod, seconds: float) -> None:
        self._mongod = mongod
        self._seconds = seconds
        self._fragments = [parse_fragment(sample.update(version), NAMES) for version in range(1_000)]
        self.plain = Store(connect(mongod.uri), "plain")
        self.recording = Store(connect(mongod.uri), "recording", (recorder(lambda _: None),))

    async def load(self) -> None:
        """Make the entities."""
        for store in (self.plain, self.recording):
            await store.prepare()
            entities = [merge.create(parse_entity(sample.entity(n), NAMES), CREATED) for n in range(ENTITIES)]
            await store.commit("", [Write(each.id, _creating(each)) for each in entities])

    async def run(self, store: Store) -> Outcome:
        """Updates of one attribute."""

        async def operation(_client: int) -> int:
            fragment = random.choice(self._fragments)

            def apply(old: Entity | None, now: str) -> tuple[Entity | None, None]:
                assert old is not None
                return merge.update(old, fragment, now)[0], None

            (outcome,) = await store.commit("", [Write(sample.entity_id(random.randrange(ENTITIES)), apply)])
            assert outcome is None
            return 1

        return await experiment.measured(self._mongod, CLIENTS, self._seconds, operation)


def _creating(entity: Entity) -> Apply:
    return lambda _old, _now: (entity, None)


async def recording(mongod: Mongod, pairs: int, seconds: float) -> None:
    """CPU of client and mongod for an update, in interleaved pairs; and what sealing costs afterwards."""
    trials = Recording(mongod, seconds)
    await trials.load()
    ratios, costs = [], []
    for pair in range(pairs):
        order = [trials.plain, trials.recording] if pair % 2 else [trials.recording, trials.plain]
        outcomes = {store: await trials.run(store) for store in order}
        without, with_ = outcomes[trials.plain], outcomes[trials.recording]
        costs.append((without, with_))
        ratios.append((with_.client_us + with_.mongod_us) / (without.client_us + without.mongod_us))
    low, middle, high = interval(ratios)
    table = Table("", "client µs", "mongod µs", "updates/s", title="An update of one attribute, the store's part")
    for place, name in enumerate(("without history", "with history")):
        each = [cost[place] for cost in costs]
        medians = [median(getattr(one, field) for one in each) for field in ("client_us", "mongod_us", "rate")]
        table.add_row(name, *(f"{value:,.0f}" for value in medians))
    console.print(table)
    console.print(f"CPU with ÷ without: {middle:.2f} ({low:.2f}–{high:.2f}), {pairs} pairs")
    database = await trials.recording.database("")
    points = await database[TAIL].count_documents({})
    started = perf_counter()

    async def at_once() -> None:
        pass

    await keep(database, None, Sealing(1), datetime.now(UTC), at_once)
    seconds = perf_counter() - started
    console.print(f"Sealing {points:,} commits: {seconds:.1f} s, {seconds / points * 1e6:.0f} µs each")
    for store in (trials.plain, trials.recording):
        await store.close()


async def main(series: int, pairs: int, seconds: float, only: str) -> None:
    """All of it, on a MongoDB of its own."""
    with experiment.mongod() as mongod:
        if only in ("", "recording"):
            await recording(mongod, pairs, seconds)
        if only == "recording":
            return
        store = Store(connect(mongod.uri), "history")
        await store.prepare()
        scales = [("few", "few", range(FEW))] + ([("many", "many", range(series))] if series > FEW else [])
        for name, tenant, numbers in scales:
            database = await store.database(tenant, create=True)
            started = perf_counter()
            await fill(database, numbers, POINTS)
            points = len(numbers) * POINTS
            console.print(f"{name}: {points:,} points sealed in {perf_counter() - started:.0f} s")
            sizes = await bytes_a_point(database, points)
            console.print("  bytes a point: " + ", ".join(f"{name} {size:.2f}" for name, size in sizes.items()))
        await queries(store, scales)
        await aggregates(store)
        await store.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=1000, help="series of the larger scale")
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each loop")
    parser.add_argument("--only", choices=("", "recording", "queries"), default="")
    given = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(given.series, given.pairs, given.seconds, given.only))
