"""What pre-images would cost each write, and what a view costs each change: `python -m benchmarks.decisions.live_feed`.

Updates of entities by the store's own commits, in interleaved runs: in a collection that keeps the image before each
change for its change streams, and in one that does not.
"""

import argparse
import asyncio
from collections.abc import Sequence
from statistics import median
from time import perf_counter
from typing import Final

import orjson

from benchmarks import systems
from benchmarks.decisions import experiment
from broker.feed.events import Kept
from broker.feed.view import Changed, View
from broker.model.entity import Entity, encode
from broker.query.ast import Comparison, HasType, Number, Operator
from broker.query.ast import Path as AttributePath
from broker.query.plan import Query, Selector
from broker.store.changes import Change, Place
from broker.store.client import connect
from broker.store.commits import Write
from broker.store.indexes import ENTITIES
from broker.store.store import Store

NOW: Final = "2026-11-21T08:00:00Z"
TYPE: Final = "https://example.org/Garage"
NAMES: Final = tuple(f"https://example.org/attribute{number}" for number in range(8))


def entity(number: int, value: float) -> Entity:
    """Some 1 KB."""
    instance = {"type": "Property", "value": value, "observedAt": NOW, "unitCode": "C62"}
    return Entity(f"urn:ngsi-ld:Garage:{number:06}", (TYPE,), {name: [dict(instance)] for name in NAMES}, NOW, NOW)


def put(number: int, value: float) -> Write:
    """The write that puts it there."""
    new = entity(number, value)
    return Write(new.id, lambda _old, _now: (new, None))


async def updates(store: Store, entities: int, writers: int, seconds: float) -> float:
    """Updates a second."""
    end = perf_counter() + seconds
    done = 0

    async def write(first: int) -> None:
        nonlocal done
        turn = 0
        while perf_counter() < end:
            turn += 1
            await store.commit("", [put((first + turn * writers) % entities, turn)])
            done += 1

    await asyncio.gather(*(write(number) for number in range(writers)))
    return done / seconds


async def compare(mongod: experiment.Mongod, repetitions: int, entities: int, writers: int, seconds: float) -> None:
    """With pre-images and without: updates a second, and mongod's processor time for each."""
    stores = {}
    for name, kept in (("without", False), ("with", True)):
        stores[name] = Store(connect(mongod.uri), name)
        await stores[name].prepare()
        database = await stores[name].database("")
        await database.command({"collMod": ENTITIES, "changeStreamPreAndPostImages": {"enabled": kept}})
        for start in range(0, entities, 1000):
            await stores[name].commit("", [put(number, 0) for number in range(start, min(start + 1000, entities))])
    rates, costs = [], []
    for turn in range(repetitions):
        rate, cost = {}, {}
        for name in sorted(stores, reverse=bool(turn % 2)):
            before = systems.cpu_seconds(mongod.pid)
            rate[name] = await updates(stores[name], entities, writers, seconds)
            cost[name] = (systems.cpu_seconds(mongod.pid) - before) / (rate[name] * seconds)
        rates.append(rate["with"] / rate["without"])
        costs.append(cost["with"] / cost["without"])
        print(f"without {rate['without']:.0f}/s {cost['without'] * 1e6:.0f} µs, with {rate['with']:.0f}/s")
    for name, ratios in (("rate", rates), ("mongod's time for an update", costs)):
        print(f"{writers} writers, {name}: {median(ratios):.3f}, {min(ratios):.3f} to {max(ratios):.3f}")
    for store in stores.values():
        await store.close()


def views(numbers: Sequence[int]) -> None:
    """Microseconds of a change for so many views, a tenth of which it concerns."""
    stored = [encode(entity(number, number % 10)) for number in range(2000)]
    for number in numbers:
        opened = [View(_query(each % 10), lambda found: orjson.dumps(found.id), Kept(10**6)) for each in range(number)]
        for view in opened:
            view.settle()
        start = perf_counter()
        for place, each in enumerate(stored):
            changed = Changed(Change(Place(1, place, 1), f"urn:ngsi-ld:Garage:{place:06}", each))
            for view in opened:
                view.tell(changed)
        print(f"{number} views: {(perf_counter() - start) / len(stored) * 1e6:.1f} µs a change")


def _query(value: int) -> Query:
    condition = Comparison(AttributePath((NAMES[0],)), Operator.EQUAL, (Number(value),))
    return Query(selectors=(Selector(types=HasType(TYPE)),), q=condition)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=10)
    parser.add_argument("--entities", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=3)
    chosen = parser.parse_args()
    views((1, 10, 100))
    with experiment.mongod() as mongodb:
        for writers in (32, 1):
            asyncio.run(compare(mongodb, chosen.repetitions, chosen.entities, writers, chosen.seconds))


if __name__ == "__main__":
    main()
