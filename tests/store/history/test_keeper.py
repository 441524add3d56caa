"""Who keeps history leaves the time to requests, and stops where another worker may go on."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from time import monotonic
from typing import Any

import pytest

from broker.model.recording import Rule
from broker.store.client import Client
from broker.store.history import keeper
from broker.store.history.keep import Sealing
from broker.store.history.keeper import Keeper
from broker.store.history.rules import RuleBooks
from broker.store.leases import LEASES, LeaseLost, Leases, of_history
from broker.store.store import Store
from broker.store.tenants import control_database

Between = Callable[[], Awaitable[None]]


def keeping(client: Client, prefix: str, owner: str) -> Keeper:
    control = control_database(client, prefix)
    return Keeper(Store(client, prefix), RuleBooks(control, Rule()), Leases(control, owner), Sealing())


def working(monkeypatch: pytest.MonkeyPatch, work: Callable[[Between], Awaitable[None]]) -> None:
    async def keep(_database: Any, _rules: Any, _sealing: Any, _now: Any, between: Between, _entered: int) -> None:
        await work(between)

    monkeypatch.setattr(keeper, "keep", keep)


async def test_each_portion_is_followed_by_a_rest_of_many_times_its_length(
    client: Client, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rests: list[float] = []

    async def work(between: Between) -> None:
        for _ in range(3):
            await asyncio.sleep(0.01)
            began = monotonic()
            await between()
            rests.append(monotonic() - began)

    working(monkeypatch, work)
    await keeping(client, prefix, "one").keep("", datetime.now(UTC))
    assert len(rests) == 3
    assert min(rests) >= 19 * 0.01


async def test_the_lease_is_renewed_while_it_rests(
    client: Client, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "_RENEWAL", 0.1)
    leases = control_database(client, prefix)[LEASES]

    async def work(between: Between) -> None:
        await asyncio.sleep(0.5)  # so that the rest is 9.5 s
        await between()

    working(monkeypatch, work)
    first = asyncio.create_task(keeping(client, prefix, "one").keep("", datetime.now(UTC)))
    ends: set[Any] = set()
    async with asyncio.timeout(9):
        while len(ends) < 4:
            lease = await leases.find_one({"_id": of_history("")})
            ends |= {lease["until"]} if lease else set()
            await asyncio.sleep(0.05)
    assert not first.done()
    await leases.update_one({"_id": of_history("")}, {"$set": {"owner": "other"}})
    await first


async def test_what_another_worker_has_taken_over_is_left_to_it(
    client: Client, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "_RENEWAL", 0.01)
    lost: list[bool] = []

    async def work(between: Between) -> None:
        taken = {"$set": {"owner": "other"}}
        await control_database(client, prefix)[LEASES].update_one({"_id": of_history("")}, taken)
        await asyncio.sleep(0.02)
        try:
            await between()
        except LeaseLost:
            lost.append(True)
            raise

    working(monkeypatch, work)
    await keeping(client, prefix, "one").keep("", datetime.now(UTC))
    assert lost == [True]
