"""History that is brought: with the entity that it makes, or to one that is there."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo import InsertOne

from broker.errors import InternalError
from broker.model.entity import Instance
from broker.model.recording import Mode, Rule
from broker.model.recording_rules import RuleBook
from broker.model.temporal import Point, Reading, TemporalEntity
from broker.names import SCOPE
from broker.store.client import Client, Database, connect
from broker.store.commits import Deriving, Owed
from broker.store.embedded import EmbeddedMongoDB
from broker.store.history.history import History
from broker.store.history.keep import Sealing, keep
from broker.store.history.record import recorder
from broker.store.history.seal import seal
from broker.store.history.tail import MANY, of_entity, rows
from broker.store.indexes import TAIL
from broker.store.store import Store
from broker.telemetry import GROUP_CONFLICTS

ROOM = "urn:ngsi-ld:Room:1"
TYPES = ("https://example.org/Room",)
NAME = "https://example.org/temperature"


def seen(value: Any, hour: int, **members: Any) -> Instance:
    return {"type": "Property", "value": value, "observedAt": f"2026-03-01T{hour:02}:00:00Z", **members}


def gone(hour: int, **members: Any) -> Instance:
    return {"type": "Property", "deletedAt": f"2026-03-01T{hour:02}:00:00Z", **members}


def room(instances: Sequence[Instance], scopes: tuple[str, ...] = ()) -> TemporalEntity:
    return TemporalEntity(ROOM, TYPES, {NAME: list(instances)}, scopes)


async def points(history: History, name: str = NAME) -> list[Point]:
    (evolution,) = (await history.read("", [ROOM], Reading())).evolutions
    return [point for each in evolution.attributes.get(name, {}).values() for point in each]


async def values(history: History) -> list[Any]:
    return [None if point.deleted_at else point.instance["value"] for point in await points(history)]


class Told:
    """What each commit owed."""

    def __init__(self) -> None:
        self.commits: list[list[Owed]] = []

    def __call__(self, _tenant: str, owed: Sequence[Owed]) -> None:
        self.commits.append(list(owed))


async def test_an_entity_and_its_history_are_one_transaction(
    mongodb: EmbeddedMongoDB, client: Client, prefix: str
) -> None:
    told = Told()
    store = Store(connect(mongodb.uri), prefix, (recorder(lambda _: None),), committed=[told])
    await store.prepare()
    assert await History(store).create("", room([seen(n, n) for n in range(10)]))
    (owed,) = told.commits
    inserted = [each.operation for each in owed if each.collection == TAIL and isinstance(each.operation, InsertOne)]
    documents = [dict(each._doc) for each in inserted]
    assert sorted(found.row.body["value"] for each in documents for found in rows(each)) == list(range(10))
    await store.close()


async def test_what_fails_leaves_neither_the_entity_nor_a_point(
    mongodb: EmbeddedMongoDB, client: Client, prefix: str
) -> None:
    def failing(_deriving: Deriving) -> list[Owed]:
        raise ValueError

    store = Store(connect(mongodb.uri), prefix, (recorder(lambda _: None), failing))
    await store.prepare()
    history = History(store)
    with pytest.raises(InternalError):
        await history.create("", room([seen(n, n) for n in range(10)]))
    assert await store.entity("", ROOM) is None
    assert (await history.read("", [ROOM], Reading())).evolutions == []
    await store.close()


async def test_types_and_points_of_what_exists_are_one_transaction(
    store: Store, history: History, client: Client
) -> None:
    await history.create("", room([seen(1, 1)]))
    database, more = await store.database(""), TemporalEntity(ROOM, ("https://example.org/Hall",), {NAME: [seen(2, 1)]})
    conflicts = GROUP_CONFLICTS._value.get()
    async with client.start_session() as session, await session.start_transaction():
        # Somebody else has changed the point that is replaced, and what was found of it can't be written.
        other = client[database.name]
        await other[TAIL].update_many(of_entity(ROOM), {"$set": {"other": 1}}, session=session)
        bringing = asyncio.create_task(history.create("", more))
        while GROUP_CONFLICTS._value.get() < conflicts + 3:
            entity = await store.entity("", ROOM)
            assert entity is not None
            assert entity.types == TYPES
            assert not bringing.done()
            await asyncio.sleep(0.01)
        await session.abort_transaction()
    assert not await bringing
    entity = await store.entity("", ROOM)
    assert entity is not None
    assert entity.types == (*TYPES, "https://example.org/Hall")
    assert await values(history) == [2]


async def test_points_of_several_requests_at_once_are_all_there(store: Store, history: History) -> None:
    await asyncio.gather(*(history.create("", room([seen(n, n)])) for n in range(20)))
    assert await values(history) == list(range(20))


async def test_the_newest_is_the_current_state(store: Store, history: History) -> None:
    await history.create("", room([seen(2, 2), seen(3, 3), seen(1, 1)], ("/a",)))
    entity = await store.entity("", ROOM)
    assert entity is not None
    assert [each["value"] for each in entity.attributes[NAME]] == [3]
    assert entity.scopes == ("/a",)
    assert await values(history) == [1, 2, 3]
    assert len({point.instance_id for point in await points(history)}) == 3


async def test_the_last_of_equal_times_stands(store: Store, history: History) -> None:
    await history.create("", room([seen(1, 1), seen(2, 1), seen(3, 0)]))
    entity = await store.entity("", ROOM)
    assert entity is not None
    assert [each["value"] for each in entity.attributes[NAME]] == [2]
    assert await values(history) == [3, 2]


async def test_bringing_it_again_changes_nothing(store: Store, history: History) -> None:
    brought = room([seen(1, 1), gone(2), seen(3, 3), gone(4)])
    assert await history.create("", brought)
    before = [(point.instance_id, point.deleted_at) for point in await points(history)]
    for sealing in (False, True):
        if sealing:
            await seal(await store.database(""), [ROOM])
        assert not await history.create("", brought)
        assert [(point.instance_id, point.deleted_at) for point in await points(history)] == before


@pytest.mark.parametrize(
    ("instances", "left"),
    [
        ([seen(1, 1), gone(2)], []),
        ([seen(1, 3), gone(2)], [1]),
        ([seen(1, 1), gone(2), seen(2, 1, datasetId="urn:x:d")], [2]),
        ([seen(1, 1), {"type": "Property", "deletedAt": ""}], []),
        ([gone(2, observedAt="2026-03-01T00:30:00Z"), seen(1, 1)], [1]),
    ],
)
async def test_what_was_deleted_last_is_not_in_the_current_state(
    store: Store, history: History, instances: list[Instance], left: list[Any]
) -> None:
    await history.create("", room(instances))
    entity = await store.entity("", ROOM)
    assert entity is not None
    assert [each["value"] for each in entity.attributes.get(NAME, [])] == left
    assert len(await points(history)) == len(instances)


async def test_a_deletion_keeps_the_time_that_was_sent(store: Store, history: History) -> None:
    await history.create("", room([seen(1, 1)]))
    await history.add("", ROOM, {NAME: [gone(2), {"type": "Property", "deletedAt": "2026-03-01T03:00:00.500Z"}]})
    for sealing in (False, True):
        if sealing:
            await seal(await store.database(""), [ROOM])
        found = sorted(point.deleted_at for point in await points(history) if point.deleted_at)
        assert found == ["2026-03-01T02:00:00Z", "2026-03-01T03:00:00.5Z"]


async def test_scopes_with_times_stand_instead_of_the_recorded_one(store: Store, history: History) -> None:
    scopes = [seen(["/a"], 1), seen(["/b"], 2)]
    await history.create("", TemporalEntity(ROOM, TYPES, {NAME: [seen(1, 1)], SCOPE: scopes}))
    entity = await store.entity("", ROOM)
    assert entity is not None
    assert entity.scopes == ("/b",)
    assert [(p.observed_at, p.instance["value"]) for p in await points(history, SCOPE)] == [
        ("2026-03-01T01:00:00Z", ["/a"]),
        ("2026-03-01T02:00:00Z", ["/b"]),
    ]


async def test_what_is_brought_is_recorded_whatever_the_rules_are(
    mongodb: EmbeddedMongoDB, client: Client, prefix: str
) -> None:
    off = RuleBook((), Rule(Mode.OFF))
    store = Store(connect(mongodb.uri), prefix, (recorder(lambda _: off),))
    await store.prepare()
    history = History(store)
    await history.create("", room([seen(1, 1), seen(2, 2)]))
    assert await values(history) == [1, 2]
    await store.close()


@pytest.mark.parametrize("number", [MANY - 1, MANY])
async def test_many_points_that_come_at_once_are_sealed_without_waiting_for_more(
    store: Store, history: History, database: Database, number: int
) -> None:
    def some(first: int) -> list[Instance]:
        at = datetime(2026, 3, 1, tzinfo=UTC)
        return [
            {"type": "Property", "value": each, "observedAt": f"{at + timedelta(minutes=each):%Y-%m-%dT%H:%M:%SZ}"}
            for each in range(first, first + number)
        ]

    await history.create("", room(some(0)))
    await history.add("", ROOM, {NAME: some(number)})
    await keep(database, None, Sealing(commits=200), datetime.now(UTC), at_once)
    assert await database[TAIL].count_documents({}) == (0 if number == MANY else 2)
    assert await values(history) == [*range(2 * number)]


async def at_once() -> None:
    pass
