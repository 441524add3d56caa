"""A page and the count of its types, fetched by one command: what the entities that are there say."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from broker.model.entity import Entity
from broker.query.ast import AllTypes, AnyType, HasType
from broker.query.plan import Query, Selector
from broker.store.counted import Counted
from broker.store.store import Store
from tests.store.operations import create, delete, lamp

A, B = HasType("x:A"), HasType("x:B")
PAST = "2020-01-01T00:00:00Z"
TYPES: Sequence[tuple[str, ...]] = (("x:A",), ("x:B",), ("x:A", "x:B"))
THERE = [lamp(f"{number:02}")._replace(types=TYPES[number % 3]) for number in range(30)]
"""Ten of each set of types."""

SELECTED: dict[str, tuple[tuple[Selector, ...], set[tuple[str, ...]]]] = {
    "a type": ((Selector(A),), {("x:A",), ("x:A", "x:B")}),
    "one of two": ((Selector(AnyType((A, B))),), set(TYPES)),
    "both": ((Selector(AllTypes((A, B))),), {("x:A", "x:B")}),
    "two selectors": ((Selector(B), Selector(AllTypes((A, B)))), {("x:B",), ("x:A", "x:B")}),
    "everything": ((), set(TYPES)),
    "nothing": ((Selector(HasType("x:None")),), set()),
}


def ids(found: Counted) -> list[str]:
    return found.matches.ids


@pytest.mark.parametrize("selected", SELECTED)
async def test_page_and_count_are_of_what_the_types_select(store: Store, selected: str) -> None:
    selectors, types = SELECTED[selected]
    await store.commit("", [create(each) for each in THERE])
    expected = [each.id for each in THERE if tuple(each.types) in types]
    query = Query(selectors, limit=7, count=True)
    found = await store.find_counted("", query)
    assert (ids(found), found.total) == (expected[:7], len(expected))
    assert ids(await store.find_counted("", replace(query, offset=5))) == expected[5:12]
    middle = THERE[14].id
    after = [each for each in expected if each > middle]
    before = [each for each in expected if each < middle]
    assert ids(await store.find_counted("", replace(query, after=middle))) == after[:7]
    assert ids(await store.find_counted("", replace(query, before=middle))) == before[-7:]
    assert (await store.find_counted("", replace(query, after=middle))).total == len(expected)


async def test_what_has_expired_is_not_on_the_page(store: Store) -> None:
    """It is counted until it is swept (docs/queries.md)."""
    gone = [each._replace(expires_at=PAST) for each in THERE[:9]]
    await store.commit("", [create(each) for each in (*gone, *THERE[9:])])
    found = await store.find_counted("", Query(limit=10, count=True))
    assert ids(found) == [each.id for each in THERE[9:19]]


async def test_a_page_of_large_entities_is_whole(store: Store) -> None:
    def large(number: int) -> Entity:
        return lamp(f"{number:02}", note={"type": "Property", "value": "x" * 700_000})

    for number in range(24):
        await store.commit("", [create(large(number))])
    found = await store.find_counted("", Query(limit=22, count=True))
    assert (ids(found), found.total) == ([large(number).id for number in range(22)], 24)


async def test_a_count_has_what_was_acknowledged_before_it_was_asked_for(store: Store, other: Store) -> None:
    async def write() -> None:
        for each in THERE:
            await other.commit("", [create(each)])
            there.append(each.id)
        for each in THERE[:10]:
            await other.commit("", [delete(each.id)])
            there.remove(each.id)

    async def ask() -> None:
        while not writing.done():
            least = len(there)
            found = await store.find_counted("", Query(limit=40, count=True))
            assert found.total >= min(least, 20)
            assert len(found.matches.found) >= min(least, 20)

    there: list[str] = []
    writing = asyncio.create_task(write())
    await asyncio.gather(*(ask() for _ in range(4)))
    await writing
    assert (await store.find_counted("", Query(limit=40, count=True))).total == 20
