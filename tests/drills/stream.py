"""Clients that write without pause and know of every entity which write was acknowledged last, which was sent last.

Each client owns its entities and numbers its writes. A write puts its number into several attributes of different
kinds, so that a half-written entity shows, and one that fell behind what was acknowledged, too.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final, Self

from broker.names import API_ROOT
from tests.drills.wire import Address, Answer, Connection

TYPE: Final = "Kept"
BATCH: Final = 50
PATCHED: Final = 5
_PAUSE: Final = 0.05
"""Seconds that a client waits after a failure."""


def numbered(number: int) -> dict[str, Any]:
    """The attributes of a write."""
    return {
        "level": {"type": "Property", "value": number, "accuracy": {"type": "Property", "value": number}},
        "label": {"type": "Property", "value": f"number {number}"},
        "follows": {"type": "Relationship", "object": f"urn:ngsi-ld:Number:{number}"},
        "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [number % 180, 0]}},
    }


def number_of(entity: Mapping[str, Any]) -> int:
    """The number that an entity carries. Raises AssertionError if its attributes disagree: it is half-written."""
    number = entity["level"]["value"]
    given = {name: value for name, value in entity.items() if name not in ("id", "type")}
    assert given == numbered(number), f"half-written: {entity}"
    return int(number)


class Client:
    """A closed loop of writes to entities of its own."""

    def __init__(self, address: Address, name: str, size: int) -> None:
        self.ids = [f"urn:ngsi-ld:{TYPE}:{name}:{position}" for position in range(size)]
        self.sent = dict.fromkeys(self.ids, 0)
        self.acknowledged = dict.fromkeys(self.ids, 0)
        self.all_acknowledged: set[tuple[str, int]] = set()
        """Every change: entity and number."""
        self.answers: Counter[str] = Counter()
        """By status, or by the name of the exception."""
        self.going = asyncio.Event()
        self.resting = asyncio.Event()
        self._connection = Connection(address)
        self._number = 0

    async def run(self) -> None:
        """Write, until cancelled; rest while not `going`."""
        async with self._connection:
            while True:
                await self._until_going()
                self._number += 1
                try:
                    await self._write(self._number)
                except ConnectionError as error:
                    self.answers[type(error).__name__] += 1
                    await asyncio.sleep(_PAUSE)

    async def _until_going(self) -> None:
        if not self.going.is_set():
            self.resting.set()
            await self.going.wait()
            self.resting.clear()

    async def _write(self, number: int) -> None:
        raise NotImplementedError

    async def _send(self, method: str, path: str, payload: Any, ids: Iterable[str], number: int) -> Answer:
        self.sent.update(dict.fromkeys(ids, number))
        answer = await self._connection.ask(method, API_ROOT + path, payload)
        self.answers[str(answer.status)] += 1
        if answer.status == 503:
            await asyncio.sleep(_PAUSE)
        return answer

    def _note(self, ids: Iterable[str], number: int) -> None:
        ids = list(ids)
        self.acknowledged.update(dict.fromkeys(ids, number))
        self.all_acknowledged.update((entity_id, number) for entity_id in ids)


class Upserting(Client):
    """Batches of all its entities; every other one only updates attributes."""

    async def _write(self, number: int) -> None:
        batch = [{"id": entity_id, "type": TYPE} | numbered(number) for entity_id in self.ids]
        options = "?options=update" if number % 2 else ""
        answer = await self._send("POST", f"/entityOperations/upsert{options}", batch, self.ids, number)
        if answer.status in (201, 204):
            self._note(self.ids, number)
        elif answer.status == 207:
            outcome = answer.json()
            self._note(outcome["success"], number)
            wrong = [error for error in outcome["errors"] if error["error"]["status"] != 503]
            assert not wrong, wrong[0]
        else:
            assert answer.status == 503, (answer.status, answer.body)


class Patching(Client):
    """Single updates of its entities in turn; it creates them first."""

    async def _write(self, number: int) -> None:
        entity_id = self.ids[number % len(self.ids)]
        if self.acknowledged[entity_id]:
            answer = await self._send("PATCH", f"/entities/{entity_id}/attrs", numbered(number), [entity_id], number)
        else:
            entity = {"id": entity_id, "type": TYPE} | numbered(number)
            answer = await self._send("POST", "/entityOperations/upsert", [entity], [entity_id], number)
        if answer.status in (201, 204):
            self._note([entity_id], number)
        else:
            assert answer.status == 503, (answer.status, answer.body)


class Stream:
    """Several clients at once."""

    def __init__(self, address: Address, upserting: int, patching: int) -> None:
        self._clients: list[Client] = [Upserting(address, f"batch{n}", BATCH) for n in range(upserting)]
        self._clients += [Patching(address, f"single{n}", PATCHED) for n in range(patching)]
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(client.run()) for client in self._clients]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def go(self) -> None:
        """Let the clients write."""
        for client in self._clients:
            client.going.set()

    async def rest(self) -> None:
        """Have every client finish its write and wait."""
        for client in self._clients:
            client.going.clear()
        for client in self._clients:
            await client.resting.wait()

    def check(self) -> None:
        """Raise what a client met that it should not."""
        for task in self._tasks:
            if task.done():
                task.result()

    def progress(self) -> list[int]:
        """By client, the highest number that was acknowledged."""
        return [max(client.acknowledged.values()) for client in self._clients]

    def all_acknowledged(self) -> set[tuple[str, int]]:
        """Every change that was acknowledged: entity and number."""
        return set().union(*(client.all_acknowledged for client in self._clients))

    @property
    def answers(self) -> Counter[str]:
        """What the clients were answered."""
        return sum((client.answers for client in self._clients), Counter())

    def expected(self) -> dict[str, range]:
        """By entity, the numbers that it may carry, now that the clients rest."""
        return {
            entity_id: range(client.acknowledged[entity_id], client.sent[entity_id] + 1)
            for client in self._clients
            for entity_id in client.ids
        }
