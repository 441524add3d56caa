"""Group commit against a real mongod: nothing lost, nothing doubled, each operation answered for itself."""

import asyncio
from collections.abc import Iterable

import pytest
from pymongo import InsertOne
from pymongo.asynchronous.client_session import AsyncClientSession

from broker.errors import AlreadyExists, InternalError, NonexistentTenant, ResourceNotFound
from broker.store.client import Client
from broker.store.commits import Change, Deriving, Owed, Write
from broker.store.store import Store
from tests.store.operations import LEVEL, add, create, delete, lamp, level


async def test_an_answered_write_is_read_back_by_every_worker(store: Store, other: Store) -> None:
    assert await store.commit("", [create(lamp(1))]) == ["created"]
    assert await store.entity("", lamp(1).id) == await other.entity("", lamp(1).id) == lamp(1)


async def test_an_operation_that_is_refused_fails_alone(store: Store) -> None:
    await store.commit("", [create(lamp(1))])
    outcomes = await store.commit(
        "", [create(lamp(1)), create(lamp(2)), delete("urn:ngsi-ld:Lamp:none"), create(lamp(3))]
    )
    assert isinstance(outcomes[0], AlreadyExists)
    assert isinstance(outcomes[2], ResourceNotFound)
    assert [outcomes[1], outcomes[3]] == ["created", "created"]
    assert await store.entity("", lamp(3).id) == lamp(3)


async def test_an_operation_that_breaks_fails_alone(store: Store) -> None:
    def broken(old: object, now: str) -> tuple[None, None]:
        raise ZeroDivisionError

    outcomes = await store.commit("", [create(lamp(1)), Write(lamp(2).id, broken), create(lamp(3))])
    assert outcomes[::2] == ["created", "created"]
    assert isinstance(outcomes[1], InternalError)


async def test_a_stored_entity_that_cannot_be_read_fails_alone(store: Store, client: Client, prefix: str) -> None:
    await store.commit("", [create(lamp(1)), create(lamp(2))])
    await client[prefix]["entities"].update_one({"_id": lamp(1).id}, {"$set": {"j": b"?"}})
    outcomes = await store.commit("", [add(lamp(1).id), add(lamp(2).id)])
    assert isinstance(outcomes[0], InternalError)
    assert outcomes[1] == 1


async def test_what_an_operation_does_besides_is_refused_with_it_alone(store: Store) -> None:
    database = await store.database("")

    async def refuse(result: str, session: AsyncClientSession) -> str:
        await database["others"].insert_one({"_id": "refused"}, session=session)
        raise ResourceNotFound(f"Nothing is {result}.")

    async def agree(result: str, session: AsyncClientSession) -> str:
        await database["others"].insert_one({"_id": "agreed"}, session=session)
        return f"{result} and more"

    writes = [create(lamp(1)), create(lamp(2))._replace(within=refuse), create(lamp(3))._replace(within=agree)]
    outcomes = await store.commit("", writes)
    assert outcomes[::2] == ["created", "created and more"]
    assert isinstance(outcomes[1], ResourceNotFound)
    assert await store.entity("", lamp(2).id) is None
    assert [each["_id"] async for each in database["others"].find()] == ["agreed"]


async def test_operations_on_one_entity_take_effect_in_their_order(store: Store) -> None:
    entity_id = lamp(1).id
    writes = [create(lamp(1)), add(entity_id), delete(entity_id), create(lamp(1)), add(entity_id, 5), add(entity_id)]
    assert await store.commit("", writes) == ["created", 1, "deleted", "created", 5, 6]
    assert level(await store.entity("", entity_id)) == 6


async def test_an_entity_made_and_deleted_in_one_group_leaves_nothing(store: Store) -> None:
    assert await store.commit("", [create(lamp(1)), delete(lamp(1).id)]) == ["created", "deleted"]
    assert await store.entity("", lamp(1).id) is None


async def test_concurrent_increments_of_two_workers_are_all_counted(store: Store, other: Store) -> None:
    hot = [lamp(number) for number in range(5)]
    await store.commit("", [create(entity) for entity in hot])

    async def client_of(worker: Store, rounds: int) -> None:
        for step in range(rounds):
            assert not isinstance((await worker.commit("", [add(hot[step % 5].id)]))[0], Exception)

    await asyncio.gather(*(client_of(worker, 20) for worker in (store, other) for _ in range(20)))
    assert [level(await store.entity("", entity.id)) for entity in hot] == [160] * 5


async def test_of_two_workers_that_create_one_entity_one_is_told_that_it_exists(store: Store, other: Store) -> None:
    for number in range(20):
        outcomes = await asyncio.gather(*(worker.commit("", [create(lamp(number))]) for worker in (store, other)))
        assert sorted(type(outcome).__name__ for (outcome,) in outcomes) == ["AlreadyExists", "str"]


async def test_a_caller_that_is_cancelled_leaves_its_write_to_be_committed(store: Store) -> None:
    task = asyncio.create_task(store.commit("", [create(lamp(1))]))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await store.commit("", [add(lamp(1).id)]) == [1]


async def test_a_batch_larger_than_a_group_is_answered_in_its_order(store: Store) -> None:
    entities = [lamp(number) for number in range(600)]
    await store.commit("", [create(entity) for entity in entities[::2]])
    outcomes = await store.commit("", [create(entity) for entity in entities])
    assert [type(outcome).__name__ for outcome in outcomes] == ["AlreadyExists", "str"] * 300


async def test_a_read_of_a_tenant_that_nobody_made_is_refused(store: Store) -> None:
    with pytest.raises(NonexistentTenant):
        await store.entity("atlantis", lamp(1).id)


async def test_tenants_do_not_see_each_other(store: Store, other: Store) -> None:
    await store.commit("north", [create(lamp(1))], create_tenant=True)
    await store.commit("NORTH", [create(lamp(2))], create_tenant=True)
    assert await other.entity("north", lamp(1).id) == lamp(1)
    assert await other.entity("NORTH", lamp(1).id) is None
    assert await other.entity("", lamp(1).id) is None


async def test_what_derivers_owe_is_written_with_the_change_for_each_step_in_order(client: Client, prefix: str) -> None:
    def steps(deriving: Deriving) -> Iterable[Owed]:
        for change in deriving.changes:
            value = change.new.attributes[LEVEL][0]["value"] if change.new else None
            point = {"entity": change.entity_id, "revision": change.revision, "value": value}
            yield Owed("points", InsertOne(point))

    store = Store(client, prefix, [steps])
    entity_id = lamp(1).id
    await store.commit("", [create(lamp(1)), add(entity_id), add(entity_id), create(lamp(1)), delete(entity_id)])
    points = await client[prefix]["points"].find({}, {"_id": 0, "entity": 0}, sort=[("revision", 1)]).to_list()
    assert [point["value"] for point in points] == [0, 1, 2, None]
    revisions = [point["revision"] for point in points]
    assert revisions == list(range(revisions[0], revisions[0] + 4))


async def test_revisions_of_an_entity_grow_though_it_was_deleted_in_between(client: Client, prefix: str) -> None:
    revisions: list[int] = []

    def watch(deriving: Deriving) -> Iterable[Owed]:
        revisions.extend(change.revision for change in deriving.changes)
        return ()

    store = Store(client, prefix, [watch])
    for write in (create(lamp(1)), add(lamp(1).id), delete(lamp(1).id), create(lamp(1)), add(lamp(1).id)):
        await store.commit("", [write])
    assert revisions == sorted(set(revisions))


async def test_a_write_owes_documents_of_the_control_database_too(client: Client, prefix: str) -> None:
    store = Store(client, prefix, [lambda deriving: [Owed("outbox", InsertOne({"of": deriving.tenant}), control=True)]])
    await store.commit("north", [create(lamp(1))], create_tenant=True)
    assert [each["of"] async for each in client[f"{prefix}-control"]["outbox"].find()] == ["north"]


async def test_what_is_owed_is_told_once_it_is_committed_and_only_then(client: Client, prefix: str) -> None:
    told: list[tuple[str, int]] = []
    one = Owed("outbox", InsertOne({}), control=True)
    store = Store(client, prefix, [lambda _: [one]], committed=[lambda tenant, owed: told.append((tenant, len(owed)))])
    await store.commit("", [create(lamp(1))])
    await store.commit("", [create(lamp(1))])  # refused
    counts = 2
    assert told == [("", 1 + counts)]


async def test_what_has_expired_is_gone_at_once_for_reads_and_writes(store: Store) -> None:
    past = lamp(1)._replace(expires_at="2020-01-01T00:00:00Z")
    await store.commit("", [create(past)])
    assert await store.entity("", past.id) is None
    assert isinstance((await store.commit("", [add(past.id)]))[0], ResourceNotFound)
    assert await store.commit("", [create(lamp(1))]) == ["created"]
    assert await store.entity("", past.id) == lamp(1)


async def test_an_expired_attribute_is_gone_and_the_others_stay(store: Store) -> None:
    old = {"type": "Property", "value": 1, "expiresAt": "2020-01-01T00:00:00Z"}
    await store.commit("", [create(lamp(1, old=old))])
    assert await store.entity("", lamp(1).id) == lamp(1)


async def test_the_sweep_removes_what_has_expired_and_derivers_see_it(client: Client, prefix: str) -> None:
    seen: list[Change] = []

    def watch(deriving: Deriving) -> Iterable[Owed]:
        seen.extend(deriving.changes)
        return ()

    store = Store(client, prefix, [watch])
    gone = lamp(1)._replace(expires_at="2020-01-01T00:00:00Z")
    part = lamp(2, old={"type": "Property", "value": 1, "expiresAt": "2020-01-01T00:00:00Z"})
    later = lamp(3)._replace(expires_at="2999-01-01T00:00:00Z")
    await store.commit("", [create(gone), create(part), create(later)])
    seen.clear()
    await store.sweep()
    assert {(change.entity_id, change.new) for change in seen if change.new is None} == {(gone.id, None)}
    stored = await client[prefix]["entities"].find({}, {"_id": 1, "x": 1}, sort=[("_id", 1)]).to_list()
    assert stored == [{"_id": part.id}, {"_id": later.id, "x": later.expires_at}]
    assert await store.entity("", part.id) == lamp(2)
