"""Leases: one owner at a time, another when it has gone."""

import asyncio
from time import monotonic

import pytest

from broker.store.client import Client, Database
from broker.store.leases import Leases


@pytest.fixture
def control(client: Client, prefix: str) -> Database:
    return client[f"{prefix}-control"]


async def test_a_lease_has_one_owner(control: Database) -> None:
    owners = [Leases(control, name) for name in ("a", "b", "c", "d")]
    held = await asyncio.gather(*(owner.take({"sweep"}) for owner in owners))
    assert sorted(map(len, held)) == [0, 0, 0, 1]
    assert [owner.holds("sweep") for owner in owners] == [names == {"sweep"} for names in held]


async def test_each_lease_is_taken_for_itself(control: Database) -> None:
    one, other = Leases(control, "one"), Leases(control, "other")
    assert await one.take({"a", "b"}) == {"a", "b"}
    assert await other.take({"b", "c"}) == {"c"}


async def test_an_owner_keeps_what_it_renews(control: Database) -> None:
    one, other = Leases(control, "one", seconds=0.5), Leases(control, "other", seconds=0.5)
    assert await one.take({"sweep"})
    until = monotonic() + 1.2
    while monotonic() < until:
        assert await one.take({"sweep"}) == {"sweep"}
        assert await other.take({"sweep"}) == set()
        await asyncio.sleep(0.05)


async def test_another_takes_over_what_is_not_renewed_and_never_before_the_owner_knows(control: Database) -> None:
    one, other = Leases(control, "one", seconds=0.5), Leases(control, "other", seconds=0.5)
    assert await one.take({"sweep"})
    assert one.holds("sweep")
    deadline = monotonic() + 5
    while not await other.take({"sweep"}):
        assert monotonic() < deadline
        await asyncio.sleep(0.01)
    assert not one.holds("sweep")
    assert await one.take({"sweep"}) == set()


async def test_what_is_released_is_free_at_once(control: Database) -> None:
    one, other = Leases(control, "one"), Leases(control, "other")
    await one.take({"sweep"})
    await one.release({"sweep"})
    assert not one.holds("sweep")
    assert await other.take({"sweep"}) == {"sweep"}
    await one.release({"sweep"})
    assert await one.take({"sweep"}) == set()


async def test_holders_are_those_whose_leases_have_not_run_out(control: Database) -> None:
    one, other = Leases(control, "one", seconds=0.2), Leases(control, "other")
    await one.take({"member one"})
    await other.take({"member other", "sweep"})
    deadline = monotonic() + 5
    while await other.holders("member ") != {"member other": "other"}:
        assert monotonic() < deadline
        await asyncio.sleep(0.02)
    await other.forget("member ")
    assert {each["_id"] async for each in control["leases"].find()} == {"member other", "sweep"}
