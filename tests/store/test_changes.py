"""Changes of entities, read from a real change stream, and read again from every place in it."""

from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.model.entity import decode
from broker.store.changes import Change, Changes, Lost, Place
from broker.store.client import Client, Collection, connect
from broker.store.embedded import EmbeddedMongoDB
from broker.store.indexes import ENTITIES
from broker.store.store import Store
from tests.store.operations import add, create, delete, lamp, level

OTHER_TYPE = "https://example.org/Lantern"


@pytest.fixture
def entities(store: Store, client: Client, prefix: str) -> Collection:
    return client[prefix][ENTITIES]


@pytest.fixture
async def changes(entities: Collection) -> AsyncIterator[Changes]:
    changes = Changes(entities)
    await changes.open()
    yield changes
    await changes.close()


async def read(changes: Changes, number: int) -> list[Change]:
    """So many changes; fewer if that takes too long."""
    found: list[Change] = []
    give_up = monotonic() + 15
    while len(found) < number and monotonic() < give_up:
        change = await changes.next()
        if change is not None:
            found.append(change)
    return found


def told(change: Change) -> tuple[str, int | None]:
    """The id without what all have in common, and the level; None if it is gone."""
    return change.entity_id.rpartition(":")[2], None if change.stored is None else level(decode(change.stored))


async def some(store: Store) -> None:
    """Ten changes, by transactions of one, of three and of none."""
    await store.commit("", [create(lamp(1)), create(lamp(2)), create(lamp(3))])
    await store.commit("", [add(lamp(1).id, 5)])
    await store.commit("", [add(lamp(2).id, 6), add(lamp(3).id, 7), delete(lamp(1).id)])
    await store.commit("", [add(lamp(3).id, 0)])
    await store.commit("", [create(lamp(1)), delete(lamp(2).id)])


SOME = [
    {("1", 0), ("2", 0), ("3", 0)},
    {("1", 5)},
    {("2", 6), ("3", 7), ("1", None)},
    {("3", 7)},
    {("1", 0), ("2", None)},
]
"""What is told of them, by transactions: their order within one is MongoDB's."""


def by_time(found: list[Change]) -> list[set[tuple[str, int | None]]]:
    times = list(dict.fromkeys(change.place[:2] for change in found))
    return [{told(change) for change in found if change.place[:2] == time} for time in times]


async def test_changes_are_told_in_their_order(store: Store, changes: Changes) -> None:
    await some(store)
    found = await read(changes, 10)
    assert by_time(found) == SOME
    places = [change.place for change in found]
    assert places == sorted(set(places))
    assert [place.number for place in places] == [1, 2, 3, 1, 1, 2, 3, 1, 1, 2]


async def test_reading_goes_on_behind_every_place(store: Store, changes: Changes, entities: Collection) -> None:
    start = changes.place
    await some(store)
    found = await read(changes, 10)
    assert changes.place is not None
    while changes.place[:2] == found[-1].place[:2]:  # until the database says that nothing has followed
        await changes.next()
        await entities.database["others"].insert_one({})
    for number, after in enumerate([start, *(change.place for change in found)]):
        again = Changes(entities, after)
        assert await read(again, 10 - number) == found[number:]
        await again.close()


async def test_a_place_moves_on_where_nothing_happens(store: Store, changes: Changes, entities: Collection) -> None:
    before = changes.place
    assert before is not None
    await entities.database["others"].insert_one({})
    give_up = monotonic() + 10
    while changes.place is not None and changes.place <= before and monotonic() < give_up:
        assert await changes.next() is None
    assert changes.place is not None
    assert changes.place > before
    await store.commit("", [create(lamp(1))])
    again = Changes(entities, changes.place)
    assert [told(change) for change in await read(again, 1)] == [("1", 0)]
    await again.close()


async def test_it_is_told_what_was_made_and_what_has_other_types(store: Store, changes: Changes) -> None:
    await store.commit("", [create(lamp(1))])
    await store.commit("", [add(lamp(1).id)])
    replaced = lamp(1)._replace(types=(OTHER_TYPE,))
    await store.commit("", [create(lamp(1))._replace(apply=lambda _old, _now: (replaced, None))])
    found = await read(changes, 3)
    assert [(change.made, change.retyped) for change in found] == [(True, False), (False, False), (False, True)]


async def test_writes_that_leave_an_entity_as_it_is_are_no_changes(
    store: Store, changes: Changes, entities: Collection
) -> None:
    await store.commit("", [create(lamp(1))])
    await entities.update_many({}, {"$inc": {"lock": 1}})
    await store.commit("", [add(lamp(1).id)])
    assert [told(change) for change in await read(changes, 2)] == [("1", 0), ("1", 1)]


async def test_changes_of_a_dropped_collection_are_lost(
    store: Store, changes: Changes, entities: Collection, client: Client, prefix: str
) -> None:
    await store.commit("", [create(lamp(1))])
    assert len(await read(changes, 1)) == 1
    await client.drop_database(prefix)
    with pytest.raises(Lost):
        await read(changes, 1)


async def test_another_tenant_s_changes_are_not_told(store: Store, changes: Changes) -> None:
    await store.commit("other", [create(lamp(1))], create_tenant=True)
    await store.commit("", [create(lamp(2))])
    assert [told(change) for change in await read(changes, 1)] == [("2", 0)]


async def test_what_the_oplog_does_not_hold_any_more_is_lost(tmp_path: Path) -> None:
    class Small(EmbeddedMongoDB):
        def _command(self) -> list[str]:
            command = super()._command()
            command[command.index("--oplogSize") + 1] = "1"
            return [*command, "--syncdelay", "1"]  # only what a checkpoint holds leaves the oplog

    with Small(tmp_path, cache_mb=256) as small:
        client = connect(small.uri)
        entities = client["small"][ENTITIES]
        changes = Changes(entities)
        await entities.insert_one({"_id": "urn:x", "j": b"{}"})
        place = await changes.open()
        await changes.close()
        lost = False
        give_up = monotonic() + 60
        while not lost and monotonic() < give_up:
            await entities.database["others"].insert_many([{"x": b"x" * 2**20} for _ in range(5)])
            again = Changes(entities, place)
            try:
                await again.open()
            except Lost as error:
                lost = "may no longer be in the oplog" in str(error)
            await again.close()
        assert lost
        await client.close()


numbers = st.integers(0, 2**32 - 1)


@given(st.builds(Place, numbers, numbers, st.integers(0, 10**9 - 1)))
def test_a_place_is_written_and_read(place: Place) -> None:
    assert Place.parse(str(place)) == place


@pytest.mark.parametrize(
    "text",
    ["", "1", "1.2", "1.2.3.4", "-1.2.3", "1.2.x", "1.2.3 ", "٣.2.3", "9999999999.1.1", "1.9999999999.1"],
)
def test_what_is_no_place_is_none(text: str) -> None:
    assert Place.parse(text) is None
