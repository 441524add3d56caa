"""Clients that change the same few entities at once, through all workers: some serial order explains what they saw."""

import asyncio
import logging
import random
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import Final
from uuid import uuid4

import pytest

from broker.names import API_ROOT
from tests.conftest import RunningBroker
from tests.drills.operations import NAMES, OPERATIONS, Operation
from tests.drills.serial import Event, State, explained
from tests.drills.serving import Served
from tests.drills.wire import Address, Connection, ask

CLIENTS: Final = 4
ENTITIES: Final = 3
REQUESTS: Final = 30
"""Of one client in a round."""

log = logging.getLogger(__name__)


class Client:
    """Sends operations, one after the other, over connections that it changes now and then: so it meets all workers."""

    def __init__(self, address: Address, ids: Sequence[str], type_: str, seed: int) -> None:
        self.events: dict[str, list[Event]] = defaultdict(list)
        """By entity, in order."""
        self.workers: Counter[str] = Counter()
        self.operations: Counter[str] = Counter()
        self._connection = Connection(address)
        self._ids = ids
        self._type = type_
        self._random = random.Random(seed)

    async def run(self, numbers: Sequence[int]) -> None:
        """Send an operation for each number."""
        async with self._connection:
            for number in numbers:
                if self._random.random() < 0.2:
                    self._connection.close()
                await self._send(self._random.choice(OPERATIONS), number)

    async def _send(self, operation: Operation, number: int) -> None:
        ids = self._ids if operation.batch else [self._random.choice(self._ids)]
        method, path, payload = operation.request(self._random.sample(ids, len(ids)), self._type, number)
        began = monotonic()
        answer = await self._connection.ask(method, API_ROOT + path, payload, patience=30)
        ended = monotonic()
        self.workers[answer.headers["x-request-id"].partition("-")[0]] += 1
        self.operations[operation.name] += 1
        for entity_id in ids:
            told = operation.told(answer, entity_id)
            name = f"{operation.name} {number}"
            self.events[entity_id].append(Event(began, ended, operation.step_of(number), told, name))


@pytest.mark.http
async def test_some_serial_order_explains_what_clients_see(running_broker: RunningBroker) -> None:
    address = Address("127.0.0.1", int(running_broker.url.rpartition(":")[2]))
    workers = await _rounds(address, range(8))
    assert len(workers) == running_broker.workers


@pytest.mark.drill
@pytest.mark.timeout(900)
async def test_some_serial_order_explains_what_clients_see_of_two_workers_for_long(tmp_path: Path) -> None:
    async with Served(tmp_path, workers=2) as broker:
        first = random.randrange(10**9)
        workers = await _rounds(broker.address, range(first, first + 150))
        assert len(workers) == 2
        assert await _conflicts(broker.address) > 100, "the clients did not meet"


async def _rounds(address: Address, seeds: Sequence[int]) -> Counter[str]:
    workers: Counter[str] = Counter()
    operations: Counter[str] = Counter()
    for seed in seeds:
        for client in await _round(address, seed):
            workers += client.workers
            operations += client.operations
    assert operations.keys() == {operation.name for operation in OPERATIONS}
    log.info("%d operations: %s; workers: %s", operations.total(), dict(operations), list(workers.values()))
    return workers


async def _round(address: Address, seed: int) -> list[Client]:
    type_ = f"Round{uuid4().hex}"
    ids = [f"urn:ngsi-ld:{type_}:{number}" for number in range(ENTITIES)]
    clients = [Client(address, ids, type_, CLIENTS * seed + number) for number in range(CLIENTS)]
    await asyncio.gather(
        *(client.run(range(1 + n, 1 + n + CLIENTS * REQUESTS, CLIENTS)) for n, client in enumerate(clients))
    )
    for entity_id in ids:
        histories = [client.events[entity_id] for client in clients]
        assert explained(histories), f"seed {seed}: no serial order explains\n{_shown(histories)}"
    return clients


def _shown(histories: Sequence[Sequence[Event]]) -> str:
    start = min(history[0].began for history in histories if history)
    return "\n\n".join(
        "\n".join(f"{e.began - start:.4f}–{e.ended - start:.4f} {e.name}: {e.told}" for e in history)
        for history in histories
    )


async def _conflicts(address: Address) -> float:
    """How often a group met another worker's write."""
    exposed = (await ask(address, "GET", "/metrics")).body.decode()
    found = re.search(r"^ngsild_group_conflicts_total (\S+)$", exposed, re.MULTILINE)
    assert found is not None
    return float(found[1])


# The judge, judged


def _write(number: int) -> Event:
    written: State = ((NAMES[0], number),)
    return Event(number, number + 0.5, lambda _: (written, "done"), "done", "write")


def _read(began: float, ended: float, number: int) -> Event:
    return Event(began, ended, lambda state: (state, state), ((NAMES[0], number),), "read")


@pytest.mark.parametrize(
    ("read", "explicable"),
    [
        (_read(3, 4, 2), True),
        (_read(3, 4, 1), False),  # stale: write 2 had ended
        (_read(1.2, 1.3, 1), True),
        (_read(1.2, 1.3, 2), False),  # from the future
        (_read(2.1, 2.2, 1), True),  # while write 2 is under way, either
        (_read(2.1, 2.2, 2), True),
        (_read(3, 4, 7), False),  # nobody wrote it
    ],
)
def test_a_read_is_explained_by_the_writes_around_it(read: Event, explicable: bool) -> None:
    assert explained([[_write(1), _write(2)], [read]]) is explicable


def test_a_lost_update_is_not_explained() -> None:
    def add(state: State) -> tuple[State, int]:
        value = dict(state or ()).get("a", 0) + 1
        return (("a", value),), value

    assert explained([[Event(0, 2, add, 1, "add")], [Event(1, 3, add, 2, "add")]])
    assert not explained([[Event(0, 2, add, 1, "add")], [Event(1, 3, add, 1, "add")]])
