"""One operation that cannot be written, in a group with others: it fails alone."""

import asyncio
from typing import Any

import pytest
from prometheus_client import REGISTRY

from broker.errors import BadRequestData, BrokerError, DataModelViolated, Violation
from broker.model.entity import Entity
from broker.store.client import Client
from broker.store.commits import Write
from broker.store.shapes import MAX_TYPES
from broker.store.store import Store
from tests.store.operations import add, create, lamp, level

MAX_ENTITY = 10_000


@pytest.fixture
async def store(client: Client, prefix: str) -> Store:
    store = Store(client, prefix, max_entity=MAX_ENTITY)
    await store.prepare()
    return store


def too_large() -> Entity:
    return lamp("spoilt", text={"type": "Property", "value": "x" * MAX_ENTITY})


def too_many_types() -> Entity:
    return lamp("spoilt")._replace(types=tuple(f"https://example.org/T{n}" for n in range(MAX_TYPES + 1)))


def no_json() -> Entity:
    return lamp("spoilt", text={"type": "Property", "value": {1, 2}})


async def committed_together(store: Store, spoilt: Entity) -> list[Any]:
    """A group of ten creations, one of them spoilt, that waits while another group is under way."""
    writes = [create(lamp(number)) for number in range(10)]
    writes[6] = create(spoilt)
    _, *outcomes = await asyncio.gather(
        store.commit("", [create(lamp("first"))]), *(store.commit("", [write]) for write in writes)
    )
    return [outcome for (outcome,) in outcomes]


@pytest.mark.parametrize(
    ("spoilt", "says"),
    [
        (too_large(), f"{MAX_ENTITY} are the most"),
        (too_many_types(), f"{MAX_TYPES} are the most"),
        (no_json(), "failed"),
    ],
)
async def test_what_cannot_be_written_fails_alone(store: Store, spoilt: Entity, says: str) -> None:
    outcomes = await committed_together(store, spoilt)

    refused = outcomes.pop(6)
    assert isinstance(refused, BrokerError)
    assert says in refused.detail
    assert outcomes == ["created"] * 9
    assert await store.entity("", spoilt.id) is None
    assert level(await store.entity("", lamp(9).id)) == 0


async def test_an_entity_cannot_grow_too_large_step_by_step(store: Store) -> None:
    entity = lamp(1)
    await store.commit("", [create(entity)])

    def grow(old: Entity | None, now: str) -> tuple[Entity, str]:
        assert old is not None
        name = f"https://example.org/text{len(old.attributes)}"
        return old._replace(attributes={**old.attributes, name: [{"type": "Property", "value": "x" * 3000}]}), "grown"

    outcomes = [(await store.commit("", [Write(entity.id, grow)]))[0] for _ in range(5)]

    assert outcomes[:3] == ["grown"] * 3
    assert all(isinstance(outcome, BadRequestData) for outcome in outcomes[3:])
    assert await store.commit("", [add(entity.id)]) == [1]


async def test_operations_on_a_spoilt_entity_keep_their_order(store: Store) -> None:
    entity = lamp(1)
    await store.commit("", [create(entity)])
    large = {"https://example.org/text": [{"type": "Property", "value": "x" * MAX_ENTITY}]}

    def spoil(old: Entity | None, now: str) -> tuple[Entity, str]:
        assert old is not None
        return old._replace(attributes={**old.attributes, **large}), "spoilt"

    first, second, refused, third = await store.commit(
        "", [add(entity.id), add(entity.id), Write(entity.id, spoil), add(entity.id)]
    )
    assert (first, second, third) == (1, 2, 3)
    assert isinstance(refused, BadRequestData)


async def test_violations_are_counted_once_however_often_a_group_is_run(client: Client, prefix: str) -> None:
    asked = 0

    def check(entity: Entity) -> list[Violation]:
        nonlocal asked
        asked += 1
        violation = Violation("/level", "a number of at most -1", 0)
        if entity.id == lamp(3).id:
            raise DataModelViolated("Lamp 3 violates its data model.", [violation])
        return [violation]

    strict = Store(client, prefix, max_entity=MAX_ENTITY, checks=lambda _tenant: check)
    await strict.prepare()
    accepted, refused = counted("warn"), counted("strict")
    await committed_together(strict, too_large())

    assert asked > 11
    assert counted("warn") - accepted == 9
    assert counted("strict") - refused == 1


def counted(mode: str) -> float:
    return REGISTRY.get_sample_value("ngsild_model_violations_total", {"mode": mode}) or 0.0
