"""Linked entities are fetched level by level (GS CIM 009 §4.5.23)."""

from typing import Any

import pytest
from prometheus_client import REGISTRY

from broker.call import DEFAULT_TENANT, Call
from broker.entities.join import linked
from broker.errors import TooComplexQuery
from broker.model.entity import Entity
from broker.model.join import Join
from broker.model.render import Representation
from broker.store.store import Store
from tests.model.context import NAMES
from tests.store.operations import create, lamp

CALL = Call(DEFAULT_TENANT, NAMES, deadline=0.0)


def linking(number: int | str, *targets: int | str) -> Entity:
    """A lamp with relationships to others."""
    uris: Any = [f"urn:ngsi-ld:Lamp:{target}" for target in targets]
    return lamp(number, next={"type": "Relationship", "object": uris})


def reads() -> tuple[float, float]:
    """Queries by id until now, and the ids in them."""
    count, total = (REGISTRY.get_sample_value(f"ngsild_read_batch_size_{each}") for each in ("count", "sum"))
    assert count is not None
    assert total is not None
    return count, total


async def test_a_level_of_links_is_one_query_and_each_entity_is_asked_for_once(store: Store) -> None:
    page = [linking(number, "a", f"b{number}", "none") for number in range(50)]
    others = [linking("a", "c", 0), linking("c"), *(linking(f"b{number}", "c") for number in range(50))]
    await store.commit(DEFAULT_TENANT, [create(entity) for entity in page + others])
    queries, ids = reads()
    found = await linked(store, CALL, page, Join("inline", level=3), Representation())
    assert found.entities.keys() == {entity.id for entity in page + others}
    more_queries, more_ids = reads()
    assert more_queries - queries <= 4
    assert more_ids - ids == 50 + 2 + 1  # b0 to b49, a and none; c


async def test_what_is_not_followed_is_not_read(store: Store) -> None:
    await store.commit(DEFAULT_TENANT, [create(linking("b", "c")), create(linking("c"))])
    before = reads()
    page = [linking("a", "b", "a")]
    hidden = Representation(omit=frozenset({"https://example.org/next"}))
    await linked(store, CALL, page, Join("flat", level=5), hidden)
    await linked(store, CALL, page, Join("flat", contained_by=frozenset({"urn:ngsi-ld:Lamp:b"})), Representation())
    assert reads() == before
    found = await linked(store, CALL, page, Join("flat"), Representation())
    assert found.entities.keys() == {"urn:ngsi-ld:Lamp:a", "urn:ngsi-ld:Lamp:b"}


async def test_the_look_ups_are_bounded_before_they_are_made(store: Store) -> None:
    before = reads()
    with pytest.raises(TooComplexQuery, match="more than 10 linked"):
        await linked(store, CALL, [linking("a", *range(11))], Join("flat", most=10), Representation())
    assert reads() == before
