"""What is written of deliveries, and when."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from functools import partial
from time import monotonic

import pytest

from broker.delivery import ledger
from broker.delivery.ledger import Ledger
from broker.store.client import Client, Database
from broker.store.commits import Deriving, Owed
from broker.store.outbox import Debts, Letter, Outbox, lane
from broker.store.outbox_status import Statuses
from broker.store.store import Store
from tests.store.operations import create, lamp

IDS = [f"urn:ngsi-ld:Subscription:{number}" for number in range(3)]
KEYS = [lane("", each) for each in IDS]


class Books:
    """A ledger that runs, and what it has said to be gone."""

    def __init__(self, control: Database) -> None:
        self.outbox = Outbox(control)
        self.gone: list[tuple[str, set[bytes]]] = []
        self.ledger = Ledger(self.outbox, Statuses(control), lambda *told: self.gone.append(told))
        self.running = asyncio.create_task(self.ledger.run())

    def has_told(self, number: int) -> bool:
        return len(self.gone) == number

    async def left(self) -> list[set[str]]:
        """The lanes of the letters that there are."""
        letters, _ = await self.outbox.head(dict.fromkeys(KEYS, ()), [], 10, 10)
        return [set(each.lanes) for each in letters]


@pytest.fixture
async def control(client: Client, prefix: str) -> Database:
    def to_all(deriving: Deriving) -> Iterable[Owed]:
        return Debts(deriving).owe(IDS, deriving.changes)

    store = Store(client, prefix, [to_all])
    await store.prepare()
    await store.commit("", [create(lamp(1))])
    return client[f"{prefix}-control"]


@pytest.fixture
async def books(control: Database) -> AsyncIterator[Books]:
    books = Books(control)
    yield books
    await books.ledger.stop(books.running, 5)


@pytest.fixture
async def letter(books: Books) -> Letter:
    ((letter,), _) = await books.outbox.head(dict.fromkeys(KEYS, ()), [], 10, 10)
    return letter


async def until(holds: Callable[[], bool]) -> None:
    deadline = monotonic() + 10
    while not holds():
        assert monotonic() < deadline
        await asyncio.sleep(0.01)


async def test_what_all_lanes_are_done_with_is_gone(books: Books, letter: Letter) -> None:
    for key in KEYS:
        books.ledger.settle(letter, key)
    await until(partial(books.has_told, 3))
    assert sorted(books.gone) == [(key, {letter.id}) for key in KEYS]
    assert await books.left() == []


async def test_what_others_take_long_for_is_struck_out(
    books: Books, letter: Letter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "PATIENCE", 0.05)
    for number, key in enumerate(KEYS, 1):
        books.ledger.settle(letter, key)
        await until(partial(books.has_told, number))
        left = set(KEYS[number:])
        assert await books.left() == ([left] if left else [])


async def test_what_is_settled_is_written_at_the_end(books: Books, letter: Letter) -> None:
    books.ledger.settle(letter, KEYS[0])
    books.ledger.bury(letter, KEYS[1], "it answers 400")
    await books.ledger.stop(books.running, 5)
    assert sorted(books.gone) == [(key, {letter.id}) for key in KEYS[:2]]
    assert await books.left() == [{KEYS[2]}]
