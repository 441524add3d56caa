"""Maintained counts against what is really there."""

import asyncio
import random
from collections import Counter
from typing import Any

from broker.model.entity import Entity
from broker.query.ast import AllTypes, AnyType, HasType, TypeSelection
from broker.query.plan import Query, Selector
from broker.store.client import Client
from broker.store.commits import Write
from broker.store.counts import OF_ENTITIES
from broker.store.store import Store
from tests.store.operations import create, delete, lamp

KINDS: dict[str, dict[str, Any]] = {
    "Property": {"type": "Property", "value": 1},
    "Relationship": {"type": "Relationship", "object": "urn:x:1"},
}


def put(entity: Entity) -> Write:
    return Write(entity.id, lambda old, now: (entity, None))


def some_entity(number: int) -> Entity:
    """Any types, attributes, kinds and instances."""
    types = tuple(random.sample(["x:A", "x:B", "x:C"], random.randint(1, 2)))
    attributes = {
        f"x:{name}": [
            {**KINDS[random.choice(list(KINDS))], **({"datasetId": f"urn:d:{place}"} if place else {})}
            for place in range(random.randint(1, 2))
        ]
        for name in random.sample("abc", random.randint(0, 3))
    }
    return lamp(number)._replace(types=types, attributes=attributes)


async def test_counts_equal_what_is_there_after_any_writes_of_two_workers(
    store: Store, client: Client, prefix: str
) -> None:
    other = Store(client, prefix, worker=1)
    state: dict[str, Entity] = {}

    async def writer(worker: Store, numbers: range) -> None:
        for _ in range(15):
            writes = []
            for number in random.choices(numbers, k=5):
                entity = some_entity(number)
                if entity.id in state and random.random() < 0.3:
                    del state[entity.id]
                    writes.append(delete(entity.id))
                else:
                    state[entity.id] = entity
                    writes.append(put(entity))
            assert not [outcome for outcome in await worker.commit("", writes) if isinstance(outcome, Exception)]

    await asyncio.gather(writer(store, range(20)), writer(other, range(20, 40)), writer(store, range(40, 60)))

    expected: Counter[tuple[tuple[str, ...], str, str]] = Counter()
    for entity in state.values():
        types = tuple(sorted(entity.types))
        expected[types, OF_ENTITIES, "Entity"] += 1
        for name, instances in entity.attributes.items():
            for instance in instances:
                expected[types, name, instance["type"]] += 1
    found = {(count.types, count.attribute, count.kind): count.instances for count in await store.counts("")}
    assert found == dict(expected)


async def test_a_type_selection_is_counted_without_looking_at_entities(store: Store) -> None:
    kinds = [("x:A",), ("x:A", "x:B"), ("x:B",), ("x:C",), ("x:C",)]
    await store.commit("", [create(lamp(number)._replace(types=types)) for number, types in enumerate(kinds)])
    a, b, c = HasType("x:A"), HasType("x:B"), HasType("x:C")
    cases: list[tuple[TypeSelection | None, int]] = [
        (a, 2),
        (b, 2),
        (c, 2),
        (AnyType((a, b)), 3),
        (AllTypes((a, b)), 1),
        (None, 5),
    ]
    for selection, number in cases:
        assert await store.count("", Query(selectors=(Selector(types=selection),))) == number


async def test_a_batch_that_changes_values_alone_changes_no_count(store: Store, client: Client, prefix: str) -> None:
    await store.commit("", [create(lamp(number)) for number in range(10)])
    before = await client[prefix]["counts"].find({}, sort=[("_id", 1)]).to_list()
    await store.commit("", [put(lamp(number)._replace(modified_at="2026-12-01T00:00:00Z")) for number in range(10)])
    assert await client[prefix]["counts"].find({}, sort=[("_id", 1)]).to_list() == before
