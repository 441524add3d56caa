"""Entity maps in the control database: bounded, removed with their tenant, found by every worker."""

from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest

from broker.errors import NonexistentTenant, TooManyResults
from broker.store import entity_maps
from broker.store.client import Client
from broker.store.entity_maps import ENTITY_MAPS, EntityMap
from broker.store.store import Store
from broker.store.tenants import Tenants
from tests.store.operations import create, lamp

SOON = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
IDS = [f"urn:x:{number}" for number in range(10)]


async def test_another_worker_finds_a_map_and_reads_a_part_of_it(store: Store, other: Store) -> None:
    made = await (await store.entity_maps("")).create(IDS, SOON)
    maps = await other.entity_maps("")
    assert await maps.part(made.id) == made == EntityMap(made.id, SOON, IDS, 10)
    assert await maps.part(made.id, 8, 5) == EntityMap(made.id, SOON, IDS[8:], 10)
    await maps.remove(made.id, IDS[:5])
    assert await maps.part(made.id, 0, 1) == EntityMap(made.id, SOON, IDS[5:6], 5)


async def test_the_map_that_expires_first_makes_room_for_a_further_one(store: Store) -> None:
    maps = await store.entity_maps("")
    with patch.object(entity_maps, "MOST_MAPS", 2):
        first, second, third = [await maps.create(IDS, SOON + timedelta(hours=hours)) for hours in (2, 1, 3)]
    assert await maps.part(second.id) is None
    assert await maps.part(first.id) == first
    assert await maps.part(third.id) == third


async def test_ids_that_no_document_holds_are_refused(store: Store) -> None:
    with pytest.raises(TooManyResults):
        await (await store.entity_maps("")).create(["urn:x:" + "y" * 2**20] * 13, SOON)


async def test_the_maps_of_a_tenant_go_with_it(store: Store, client: Client, prefix: str) -> None:
    await store.commit("city", [create(lamp(1))], create_tenant=True)
    await (await store.entity_maps("city")).create(IDS, SOON)
    kept = await (await store.entity_maps("")).create(IDS, SOON)

    async def at_once(_seconds: float) -> None:
        """Waits for nobody."""

    await Tenants(client, prefix).drop("city", at_once)
    left = await client[f"{prefix}-control"][ENTITY_MAPS].find().to_list()
    assert [document["_id"] for document in left] == [f"/{kept.id}"]


async def test_a_tenant_that_is_not_there_has_no_maps(store: Store) -> None:
    with pytest.raises(NonexistentTenant):
        await store.entity_maps("nowhere")
