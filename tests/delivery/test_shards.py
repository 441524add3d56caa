"""Shards: each has one worker, all have one, and they spread over those that there are."""

from time import monotonic

from broker.delivery.shards import SHARDS, Shards, owner_of, shard_of
from broker.store.client import Client
from broker.store.leases import Leases

LANES = [f" urn:ngsi-ld:Subscription:{number}" for number in range(1000)]


def member(client: Client, prefix: str, name: str, seconds: float = 5.0, busy: bool = False) -> Shards:
    return Shards(Leases(client[f"{prefix}-control"], name, seconds), lambda shard: busy)


async def until_settled(*members: Shards) -> None:
    """Until every lane has exactly one of them."""
    deadline = monotonic() + 10
    settled = False
    while not settled:
        assert monotonic() < deadline
        for each in members:
            await each.renew()
        holders = [sum(each.holds(lane) for each in members) for lane in LANES]
        assert max(holders) <= 1
        settled = min(holders) == 1


def test_lanes_and_shards_spread() -> None:
    assert len({shard_of(lane) for lane in LANES}) == SHARDS
    owners = [owner_of(shard, ["a", "b", "c"]) for shard in range(SHARDS)]
    assert all(owners.count(name) > SHARDS / 6 for name in "abc")


async def test_one_worker_has_all(client: Client, prefix: str) -> None:
    alone = member(client, prefix, "one")
    assert await alone.renew() == set(range(SHARDS))
    assert await alone.renew() == set()
    assert alone.alone
    assert alone.holds_first
    assert all(map(alone.holds, LANES))


async def test_a_worker_that_comes_gets_its_part_and_one_that_ends_leaves_it(client: Client, prefix: str) -> None:
    one, other = member(client, prefix, "one"), member(client, prefix, "other")
    await one.renew()
    await other.renew()
    await one.renew()
    await until_settled(one, other)
    assert 0.2 < sum(map(other.holds, LANES)) / len(LANES) < 0.8
    await other.leave()
    await until_settled(one)


async def test_what_is_under_way_is_finished_before_another_begins(client: Client, prefix: str) -> None:
    one, other = member(client, prefix, "one", busy=True), member(client, prefix, "other")
    await one.renew()
    for _ in range(3):
        await other.renew()
        await one.renew()
    assert not any(map(other.holds, LANES))
    assert sum(map(one.holds, LANES)) < len(LANES)


async def test_the_shards_of_a_dead_worker_are_taken_over(client: Client, prefix: str) -> None:
    dead, other = member(client, prefix, "dead", seconds=1.0), member(client, prefix, "other")
    await dead.renew()
    await until_settled(other)
    assert not any(map(dead.holds, LANES))
