"""Whatever happens to history, it answers like a plain list of instances."""

import math
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from broker.errors import BrokerError, ResourceNotFound
from broker.model import merge
from broker.model.entity import Entity, Instance
from broker.model.instants import format_instant
from broker.model.parse import Fragment
from broker.model.temporal import Duration, Point, Reading, TemporalEntity, TimeProperty, Window
from broker.names import NULL
from broker.store.client import SNAPSHOT, Database
from broker.store.commits import Write
from broker.store.history.history import History
from broker.store.history.seal import seal, take_in
from broker.store.store import Store

IDS = ("urn:ngsi-ld:Meter:1", "urn:ngsi-ld:Meter:2")
TYPES = ("https://example.org/Meter",)
NAMES = ("https://example.org/power", "https://example.org/voltage")
DATASETS = (None, "urn:ngsi-ld:Dataset:a")
FIRST = datetime(2026, 11, 1, tzinfo=UTC)
HOUR = 3_600_000_000


@dataclass
class Instanced:
    """An instance of the oracle's list."""

    entity: str
    name: str
    dataset: str | None
    value: Any
    observed: str | None
    deleted: bool = False

    @property
    def shown(self) -> tuple[Any, ...]:
        return self.entity, self.name, self.dataset, self.value, self.observed, self.deleted


@dataclass
class World:
    """The oracle: a list, and the current state as far as deletions need it."""

    rng: random.Random
    store: Store
    history: History
    database: Database
    instances: list[Instanced] = field(default_factory=list)
    current: dict[str, set[tuple[str, str | None]]] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    value: int = 0

    def time(self) -> str:
        return format_instant(FIRST + timedelta(seconds=self.rng.randrange(36 * 3600)))

    def fresh(self, dataset: str | None) -> Instance:
        """An instance; now and then its value is a text, or the one before once more."""
        self.value += self.rng.choice((0, 1, 1, 1))
        value: Any = self.value if self.rng.random() < 0.8 else self.value / 4
        instance: Instance = {"type": "Property", "value": f"v{value}" if self.rng.random() < 0.1 else value}
        if dataset is not None:
            instance["datasetId"] = dataset
        if self.rng.random() < 0.9:
            instance["observedAt"] = self.time()
        return instance

    def brought(self, dataset: str | None) -> Instance:
        """An instance that is brought: now and then what a deletion left."""
        instance = self.fresh(dataset)
        if self.rng.random() < 0.15:
            del instance["value"]
            instance["deletedAt"] = self.time()
        return instance

    def note(self, entity_id: str, name: str, instance: Instance) -> None:
        seen, gone = instance.get("observedAt"), "deletedAt" in instance
        self.instances.append(Instanced(entity_id, name, instance.get("datasetId"), instance.get("value"), seen, gone))

    async def commit(self, entity_id: str, apply: Any) -> bool:
        (outcome,) = await self.store.commit("", [Write(entity_id, apply)])
        if isinstance(outcome, ResourceNotFound):
            return False
        assert not isinstance(outcome, BrokerError), outcome
        return True

    async def write(self) -> None:
        """Create or update an entity."""
        entity_id, name, dataset = self.rng.choice(IDS), self.rng.choice(NAMES), self.rng.choice(DATASETS)
        instance = self.fresh(dataset)
        fragment = Fragment(entity_id, (), {name: [instance]})

        def apply(old: Entity | None, now: str) -> tuple[Entity | None, None]:
            if old is None:
                return merge.create(Entity(entity_id, TYPES, {name: [instance]}, "", ""), now), None
            return merge.update(old, fragment, now)[0], None

        assert await self.commit(entity_id, apply)
        self.current.setdefault(entity_id, set()).add((name, dataset))
        self.known.add(entity_id)
        self.note(entity_id, name, instance)

    async def delete_current(self) -> None:
        entity_id = self.rng.choice(IDS)
        gone = await self.commit(entity_id, lambda old, _: (None, None))
        assert gone
        for name, dataset in self.current.pop(entity_id, ()):
            self.instances.append(Instanced(entity_id, name, dataset, None, None, True))
            self.known.add(entity_id)

    async def delete_current_attribute(self) -> None:
        entity_id, name, dataset = self.rng.choice(IDS), self.rng.choice(NAMES), self.rng.choice(DATASETS)

        def apply(old: Entity | None, now: str) -> tuple[Entity | None, None]:
            if old is None:
                return None, None
            instance: Instance = {"type": NULL} if dataset is None else {"type": NULL, "datasetId": dataset}
            return merge.update(old, Fragment(entity_id, (), {name: [instance]}), now)[0], None

        await self.commit(entity_id, apply)
        if (name, dataset) in self.current.get(entity_id, ()):
            self.current[entity_id].discard((name, dataset))
            self.instances.append(Instanced(entity_id, name, dataset, None, None, True))
            self.known.add(entity_id)

    async def add(self) -> None:
        entity_id, name = self.rng.choice(IDS), self.rng.choice(NAMES)
        if entity_id not in self.known and entity_id not in self.current:
            with pytest.raises(ResourceNotFound):
                await self.history.add("", entity_id, {name: [self.fresh(None)]})
            return
        brought = [self.brought(self.rng.choice(DATASETS)) for _ in range(self.rng.randrange(1, 6))]
        await self.history.add("", entity_id, {name: brought})
        self.known.add(entity_id)
        self._put(entity_id, name, brought)

    def _put(self, entity_id: str, name: str, brought: list[Instance]) -> None:
        """Those with the datasetId and time of one that is there replace it."""
        last = {(i.get("datasetId"), i["observedAt"]): i for i in brought if "observedAt" in i}
        there = list(self.instances)
        for instance in brought:
            key = instance.get("datasetId"), instance.get("observedAt")
            if key[1] is not None and last[key] is not instance:
                continue
            same = [
                each
                for each in there
                if key[1] is not None
                and (each.entity, each.name, each.dataset, each.observed) == (entity_id, name, *key)
            ]
            if same:
                self._expect_one_replaced(same, instance)
            else:
                self.note(entity_id, name, instance)

    def _expect_one_replaced(self, same: list[Instanced], instance: Instance) -> None:
        assert len(same) == 1, "the seeds draw no instant twice for recorded points"
        same[0].value, same[0].deleted = instance.get("value"), "deletedAt" in instance

    async def points(self, entity_id: str) -> list[tuple[str, str | None, Point]]:
        found = await self.history.read("", [entity_id], Reading())
        return [
            (name, dataset, point)
            for evolution in found.evolutions
            for name, series in evolution.attributes.items()
            for dataset, points in series.items()
            for point in points
        ]

    def _of(self, entity_id: str, name: str, dataset: str | None, point: Point) -> Instanced:
        shown = (entity_id, name, dataset, point.instance.get("value"), point.observed_at, point.deleted_at is not None)
        return next(each for each in self.instances if each.shown == shown)

    async def patch(self) -> None:
        entity_id = self.rng.choice(IDS)
        points = await self.points(entity_id)
        if points:
            name, dataset, point = self.rng.choice(points)
            instance = self.fresh(None)
            meant = self._of(entity_id, name, dataset, point)
            await self.history.patch("", entity_id, name, point.instance_id, instance)
            meant.value, meant.observed, meant.deleted = instance["value"], instance.get("observedAt"), False

    async def delete_instance(self) -> None:
        entity_id = self.rng.choice(IDS)
        points = await self.points(entity_id)
        if points:
            name, dataset, point = self.rng.choice(points)
            self.instances.remove(self._of(entity_id, name, dataset, point))
            await self.history.delete_instance("", entity_id, name, point.instance_id)
            with pytest.raises(ResourceNotFound):
                await self.history.delete_instance("", entity_id, name, point.instance_id)

    async def delete_attribute(self) -> None:
        entity_id, name, dataset = self.rng.choice(IDS), self.rng.choice(NAMES), self.rng.choice(DATASETS)
        every = self.rng.random() < 0.5
        gone = [
            each
            for each in self.instances
            if (each.entity, each.name) == (entity_id, name) and (every or each.dataset == dataset)
        ]
        self.instances = [each for each in self.instances if each not in gone]
        try:
            await self.history.delete_attribute("", entity_id, name, dataset, every)
        except ResourceNotFound:
            assert not gone
        else:
            assert gone

    async def delete_history(self) -> None:
        entity_id = self.rng.choice(IDS)
        self.instances = [each for each in self.instances if each.entity != entity_id]
        try:
            await self.history.delete_entity("", entity_id)
        except ResourceNotFound:
            assert entity_id not in self.known
        else:
            assert entity_id in self.known
        self.known.discard(entity_id)

    async def create(self) -> None:
        entity_id, name = self.rng.choice(IDS), self.rng.choice(NAMES)
        brought = [self.brought(self.rng.choice(DATASETS)) for _ in range(3)]
        new = entity_id not in self.known
        exists = entity_id in self.current
        assert await self.history.create("", TemporalEntity(entity_id, TYPES, {name: brought})) == new
        if new and not exists:
            newest = {each.get("datasetId"): each for each in sorted(brought, key=_time)}
            self.current[entity_id] = {(name, dataset) for dataset, each in newest.items() if "deletedAt" not in each}
        self.known.add(entity_id)
        self._put(entity_id, name, brought)

    async def seal(self) -> None:
        await seal(self.database, self.rng.choice((IDS, IDS[:1], IDS[1:])), full=7)

    async def crash(self) -> None:
        """A sealing that never commits: what a worker leaves that dies in the middle of it."""
        async with self.database.client.start_session() as session:
            await session.start_transaction(read_concern=SNAPSHOT)
            await take_in(self.database, IDS, session, full=7)
            await session.abort_transaction()

    async def check(self) -> None:
        """Compare all, a window, the newest, and aggregates by the hour."""
        for entity_id in IDS:
            own = [each for each in self.instances if each.entity == entity_id]
            found = Counter(
                (entity_id, name, dataset, p.instance.get("value"), p.observed_at, p.deleted_at is not None)
                for name, dataset, p in await self.points(entity_id)
            )
            assert found == Counter(each.shown for each in own)
            await self._check_window(entity_id, own)
            await self._check_newest(entity_id, own)
            await self._check_hours(entity_id, own)

    async def _check_window(self, entity_id: str, own: list[Instanced]) -> None:
        start, end = sorted((self.time(), self.time()))
        reading = Reading(Window(TimeProperty.OBSERVED_AT, start, end))
        found = [
            point.observed_at
            for evolution in (await self.history.read("", [entity_id], reading)).evolutions
            for series in evolution.attributes.values()
            for points in series.values()
            for point in points
        ]
        assert sorted(map(str, found)) == sorted(
            each.observed for each in own if each.observed is not None and start <= each.observed < end
        )
        bounded = await self.history.read("", [entity_id], Reading(reading.window, bound=5))
        if len(found) <= 5:
            assert bounded.cut is None
        else:
            assert bounded.cut == sorted(map(str, found))[4]

    async def _check_newest(self, entity_id: str, own: list[Instanced]) -> None:
        found = await self.history.read("", [entity_id], Reading(last_n=3))
        for evolution in found.evolutions:
            for name in NAMES:
                series = evolution.attributes.get(name, {})
                times = sorted(
                    (str(p.observed_at) for each in series.values() for p in each if p.observed_at), reverse=True
                )
                seen = [each.observed for each in own if each.name == name and each.observed is not None]
                assert times == sorted(seen, reverse=True)[:3]

    async def _check_hours(self, entity_id: str, own: list[Instanced]) -> None:
        window = Window(TimeProperty.OBSERVED_AT, format_instant(FIRST), None)
        found = await self.history.aggregate(
            "", [entity_id], Reading(window), Duration(0, HOUR), window.start, distinct=True
        )
        expected: dict[tuple[str, str | None, str], list[float]] = {}
        for each in own:
            if each.observed is not None and isinstance(each.value, int | float):
                expected.setdefault((each.name, each.dataset, f"{each.observed[:13]}:00:00Z"), []).append(each.value)
        numbers = {
            (name, dataset, period.start): summary
            for name, series in found.get(entity_id, {}).items()
            for dataset, aggregate in series.items()
            for period in aggregate.periods
            for summary in period.summaries
            if summary.kind == "number"
        }
        assert numbers.keys() == expected.keys()
        for key, values in expected.items():
            summary = numbers[key]
            assert (summary.count, summary.least, summary.greatest) == (len(values), min(values), max(values))
            assert summary.distinct == len(set(values))
            assert math.isclose(summary.total, sum(values))
            assert math.isclose(summary.squares, sum(value * value for value in values))


def _time(instance: Instance) -> str:
    """When an instance was observed or deleted; those without a time are the oldest."""
    return str(instance.get("observedAt") or instance.get("deletedAt") or "")


STEPS = (
    *[World.write] * 14, World.delete_current, World.delete_current_attribute, *[World.add] * 4, *[World.patch] * 3,
    *[World.delete_instance] * 2, World.delete_attribute, World.delete_history, World.create, *[World.seal] * 4,
    World.crash,
)  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
async def test_any_sequence_of_events_leaves_the_points_of_a_list(
    seed: int, store: Store, history: History, database: Database
) -> None:
    world = World(random.Random(seed), store, history, database)
    for number in range(120):
        await world.rng.choice(STEPS)(world)
        if number % 6 == 5:
            await world.check()
