"""A closed-loop client of large batches beside single updates on the same entities: neither starves the other."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from broker.store.commits import Pending
from broker.store.groups import Groups
from broker.store.store import Store
from tests.store.operations import add, create, lamp, level

ENTITIES = 1000
BATCHES = 8
SINGLE_CLIENTS = 16
MOST_TRIES = 40
"""Far above what two workers need here (1.4 on average, 8 at most), far below starvation (hundreds)."""


@pytest.fixture
def tries(monkeypatch: pytest.MonkeyPatch) -> Counter[int]:
    """Group to the number of its tries."""
    counted: Counter[int] = Counter()
    groups: list[Sequence[Pending]] = []  # kept, so that no two share an identity
    attempt = Groups._try

    async def counting(self: Groups, group: Sequence[Pending], *rest: Any) -> list[Any]:
        groups.append(group)
        counted[id(group)] += 1
        return await attempt(self, group, *rest)

    monkeypatch.setattr(Groups, "_try", counting)
    return counted


@pytest.mark.parametrize("workers", [1, 2])
async def test_batches_and_single_updates_get_through_side_by_side(
    store: Store, other: Store, workers: int, tries: Counter[int]
) -> None:
    ids = [lamp(number).id for number in range(ENTITIES)]
    await store.commit("", [create(lamp(number)) for number in range(ENTITIES)])
    finished = asyncio.Event()
    singles = Counter[str]()

    async def single_client(worker: Store) -> None:
        while not finished.is_set():
            entity_id = random.choice(ids)
            (outcome,) = await worker.commit("", [add(entity_id)])
            assert isinstance(outcome, int), outcome
            singles[entity_id] += 1

    clients = [asyncio.create_task(single_client((store, other)[n % workers])) for n in range(SINGLE_CLIENTS)]
    for _ in range(BATCHES):
        before = singles.total()
        outcomes = await asyncio.wait_for(store.commit("", [add(entity_id) for entity_id in ids]), 30)
        assert all(isinstance(outcome, int) for outcome in outcomes)
        assert singles.total() > before, "no single update was answered beside the batch"
    finished.set()
    await asyncio.gather(*clients)

    assert max(tries.values()) <= MOST_TRIES
    levels = {entity_id: level(await store.entity("", entity_id)) for entity_id in ids}
    assert levels == {entity_id: BATCHES + singles[entity_id] for entity_id in ids}
