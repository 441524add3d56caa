"""`python -m benchmarks.matching`: what subscriptions cost that an update does not concern.

Two tenants on one mongod, each with its own store as a worker has it: the one without subscriptions, the other with
very many, a quarter each for another type, another threshold, another place, and ids that begin otherwise. Groups of
updates in pairs, in turn; CPU of this process and of mongod per update. Then the index alone, and its memory.
"""

import gc
import random
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Annotated, Any, Final, NamedTuple

import orjson
import typer
import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks import report, sample, tables, verdicts
from benchmarks.decisions import experiment
from benchmarks.decisions.experiment import Mongod, Outcome
from benchmarks.pairs import interval
from benchmarks.verdicts import Judgement, Verdict
from broker.hosting.bundled import Bundled
from broker.jsonld.compiler import Compiler
from broker.model import merge
from broker.model.entity import Entity
from broker.model.parse import parse_entity, parse_fragment
from broker.names import CORE_CONTEXT
from broker.store import subscriptions as records
from broker.store.client import Client, connect
from broker.store.commits import Change, Deriving, Write
from broker.store.configuration import CONFIGURATION
from broker.store.store import Store
from broker.store.tenants import control_database
from broker.subscriptions import names
from broker.subscriptions.registry import Registry

ENTITIES: Final = 2_000
CLIENTS: Final = 64
NOW: Final = "2026-11-20T09:00:00.123456Z"
CASE: Final = "matching"
HITS: Final = 4
"""Subscriptions, beside the others, that each match a quarter of the updates."""
NAMES: Final = Compiler(Bundled()[CORE_CONTEXT]).core
_NOTIFICATION: Final = {"endpoint": {"uri": "http://receiver.example/notify"}, "format": "concise"}
Document = dict[str, Any]


def documents(number: int, hits: int = 0) -> Iterator[Document]:
    """Subscriptions that no update concerns; then some that each update of a type concerns."""
    randomness = random.Random(7)
    for each in range(number):
        kind = sample.TYPES[each // 4 % len(sample.TYPES)]
        members: Document = {"entities": [{"type": kind}], "watchedAttributes": ["temperature"]}
        match each % 4:
            case 0:
                members["entities"] = [{"type": f"Type{each // 4 % 1000}"}]
            case 1:
                members["q"] = f"temperature>{1000 + each}"
            case 2:
                at = [round(randomness.uniform(90, 170), 5), round(randomness.uniform(-60, 60), 5)]
                members["geoQ"] = {"georel": "near;maxDistance==1000", "geometry": "Point", "coordinates": at}
            case _:
                members["entities"] = [{"type": kind, "idPattern": f"^urn:ngsi-ld:Place:{each}:.*"}]
        yield _document(each, members)
    for each in range(hits):
        yield _document(number + each, {"entities": [{"type": sample.TYPES[0]}], "watchedAttributes": ["temperature"]})


def _document(number: int, members: Document) -> Document:
    subscription_id = f"urn:ngsi-ld:Subscription:{number:08}"
    return {"id": subscription_id, "type": "Subscription", **members, "notification": _NOTIFICATION}


async def fill(client: Client, prefix: str, number: int) -> None:
    """Keep the subscriptions as the API does, all in one epoch."""
    control = control_database(client, prefix)
    found = documents(number)
    while batch := list(islice(found, 2_000)):
        await control[records.SUBSCRIPTIONS].insert_many(
            [
                {
                    "_id": records.key_of("", each["id"]),
                    "tenant": "",
                    "id": each["id"],
                    "v": 1,
                    "d": orjson.dumps(names.expanded(each, NAMES) | {"@context": CORE_CONTEXT}),
                }
                for each in batch
            ]
        )
    await control[CONFIGURATION].update_one({"_id": ""}, {"$set": {"epoch": 1}}, upsert=True)


class Side:
    """A worker's store on databases of its own, with its registry."""

    def __init__(self, database: Mongod, prefix: str) -> None:
        self._database = database
        self.client = connect(database.uri)
        self.prefix = prefix
        self.registry = Registry(partial(records.changed, control_database(self.client, prefix)))
        self.store = Store(self.client, prefix, derivers=[self.registry.derive], reloads=[self.registry.reload])
        self._fragments = [parse_fragment(sample.update(version), NAMES) for version in range(1_000)]

    async def load(self, subscriptions: int) -> None:
        """Make entities and subscriptions."""
        await self.store.prepare()
        for first in range(0, ENTITIES, 250):
            await self.store.commit("", [_creating(number) for number in range(first, first + 250)])
        if subscriptions:
            await fill(self.client, self.prefix, subscriptions)

    async def run(self, seconds: float) -> Outcome:
        """Updates of random entities, each by a client of its own."""

        async def operation(_client: int) -> int:
            fragment = random.choice(self._fragments)
            entity_id = sample.entity_id(random.randrange(ENTITIES))

            def apply(old: Entity | None, now: str) -> tuple[Entity | None, None]:
                assert old is not None
                return merge.update(old, fragment, now)[0], None

            await self.store.commit("", [Write(entity_id, apply)])
            return 1

        return await experiment.measured(self._database, CLIENTS, seconds, operation)


def _creating(number: int) -> Write:
    entity = parse_entity(sample.entity(number), NAMES)
    return Write(entity.id, lambda old, now: (merge.create(entity, now), None))


def _resident() -> int:
    """Bytes of this process in memory."""
    gc.collect()
    fields = Path("/proc/self/statm").read_text(encoding="ascii").split()
    return int(fields[1]) * 4096


def _changes() -> list[Change]:
    """Updates as a group hands them on."""
    changes = []
    for number in range(250):
        old = merge.create(parse_entity(sample.entity(number), NAMES), NOW)
        new, _ = merge.update(old, parse_fragment(sample.update(number), NAMES), NOW)
        changes.append(Change(old.id, old, new, number + 2, NOW, request=number))
    return changes


def _per_change(registry: Registry, changes: list[Change]) -> tuple[float, int]:
    """Microseconds of CPU for each change, and what a group owes."""
    times, owed = [], 0
    for _ in range(40):
        started = process_time()
        owed = len(list(registry.derive(Deriving("", changes, 0))))
        times.append((process_time() - started) * 1e6 / len(changes))
    return median(times), owed


async def _with(number: int, hits: int) -> Registry:
    kept = [
        records.Changed(each["id"], orjson.dumps(names.expanded(each, NAMES)), 1) for each in documents(number, hits)
    ]

    async def load(_tenant: str, _since: int) -> list[records.Changed]:
        return kept

    registry = Registry(load)
    await registry.reload("")
    return registry


class Measured(NamedTuple):
    """What was measured. CPU is of this process, which is a worker without HTTP, and of mongod."""

    none_us: list[float]
    """µs of CPU an update without subscriptions, of each pair."""
    with_us: list[float]
    read_seconds: float
    bytes_each: float
    match_us: float
    """µs of CPU a change."""
    hits_us: float
    """The same with HITS that match."""

    @property
    def values(self) -> dict[str, list[float]]:
        """What is judged, by ratio; of the pairs the interval of their median."""
        cost = interval([some / none for none, some in zip(self.none_us, self.with_us, strict=True)])
        return {
            "with/none": [cost.low, cost.median, cost.high],
            "µs a change": [self.match_us],
            "bytes each": [self.bytes_each],
        }


async def measure(database: Mongod, number: int, pairs: int, seconds: float) -> Measured:
    """Measure everything."""
    none, some = Side(database, "none"), Side(database, "some")
    await none.load(0)
    await some.load(number)
    before, started = _resident(), perf_counter()
    await some.registry.reload("")
    took, bytes_each = perf_counter() - started, (_resident() - before) / number
    costs: dict[str, list[float]] = {"none": [], "some": []}
    for pair in range(pairs + 1):
        for side in (none, some) if pair % 2 else (some, none):
            outcome = await side.run(seconds)
            if pair:  # the first warms up
                costs[side.prefix].append(outcome.client_us + outcome.mongod_us)
    changes = _changes()
    match_us, owed = _per_change(some.registry, changes)
    assert not owed, "none of them concerns a change"
    hits_us, _ = _per_change(await _with(number, HITS), changes)
    return Measured(costs["none"], costs["some"], took, bytes_each, match_us, hits_us)


def main(
    subscriptions: Annotated[int, typer.Option(min=1000)] = 100_000,
    pairs: Annotated[int, typer.Option(min=1)] = 12,
    seconds: Annotated[float, typer.Option(min=0.5, help="Of each side of a pair.")] = 2.0,
) -> None:
    """Measure, and judge by benchmarks/targets.toml."""
    with experiment.mongod() as database:
        found = uvloop.run(measure(database, subscriptions, pairs, seconds))
    judged = [verdicts.judge(each, found.values[each.ratio]) for each in verdicts.targets() if each.case == CASE]
    console = Console(width=tables.WIDTH)
    _show(console, found, subscriptions)
    console.print(tables.judgements(judged))
    console.print(f"Written to {_write(found, judged, subscriptions, pairs)}.")
    raise SystemExit(1 if any(each.verdict is Verdict.MISSED for each in judged) else 0)


def _show(console: Console, found: Measured, number: int) -> None:
    table = Table("", "", title=f"{number:,} subscriptions that no update concerns")
    for title, value in (
        ("CPU an update without them, µs", median(found.none_us)),
        ("CPU an update with them, µs", median(found.with_us)),
        ("CPU of matching a change, µs", found.match_us),
        (f"the same with {HITS} more that each match a quarter of the changes", found.hits_us),
        ("memory of each, bytes", found.bytes_each),
        ("read by a worker that starts, s", found.read_seconds),
    ):
        table.add_row(title, f"{value:,.1f}")
    console.print(table)


def _write(found: Measured, judged: list[Judgement], number: int, pairs: int) -> Path:
    document = {
        "about": report.about(pairs, ENTITIES) | {"subscriptions": number},
        "measured": found._asdict(),
        "verdicts": [each.target._asdict() | {"values": each.values, "verdict": each.verdict} for each in judged],
    }
    return report.keep(document, CASE)


if __name__ == "__main__":
    typer.run(main)
