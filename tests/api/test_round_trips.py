"""What one representation can say survives every way in, the store, and the way out of every other."""

from collections.abc import Callable
from typing import Any, Final, TypeAlias
from uuid import uuid4

import httpx2
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.model.strategies import entities
from tests.thoroughness import examples

pytestmark = pytest.mark.http

Json: TypeAlias = dict[str, Any]

THROUGH_THE_STORE = settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.too_slow])


def send(api: httpx2.Client, method: str, path: str, body: Any) -> None:
    answer = api.request(method, path, content=orjson.dumps(body))
    assert answer.status_code in {201, 204}, answer.text


def bare(entity: Json) -> Json:
    """Nothing of an entity but what it must have."""
    return {"id": entity["id"], "type": entity["type"]}


def fragment(entity: Json) -> Json:
    return {name: content for name, content in entity.items() if name not in {"id", "type"}}


def create(api: httpx2.Client, entity: Json) -> None:
    send(api, "POST", "/entities", entity)


def create_in_batch(api: httpx2.Client, entity: Json) -> None:
    send(api, "POST", "/entityOperations/create", [entity])


def upsert_twice(api: httpx2.Client, entity: Json) -> None:
    send(api, "POST", "/entityOperations/upsert", [bare(entity)])
    send(api, "POST", "/entityOperations/upsert", [entity])


def replace(api: httpx2.Client, entity: Json) -> None:
    create(api, bare(entity))
    send(api, "PUT", f"/entities/{entity['id']}", entity)


def append(api: httpx2.Client, entity: Json) -> None:
    create(api, bare(entity))
    send(api, "POST", f"/entities/{entity['id']}/attrs", fragment(entity))


def merge(api: httpx2.Client, entity: Json) -> None:
    create(api, bare(entity))
    send(api, "PATCH", f"/entities/{entity['id']}", fragment(entity))


def update_by_batch(api: httpx2.Client, entity: Json) -> None:
    create(api, bare(entity))
    send(api, "POST", "/entityOperations/update", [entity])


WAYS: Final[list[Callable[[httpx2.Client, Json], None]]] = [
    create,
    create_in_batch,
    upsert_twice,
    replace,
    append,
    merge,
    update_by_batch,
]


def shown(api: httpx2.Client, entity_id: str, format: str, accept: str = "application/json") -> Json:
    answer = api.get(f"/entities/{entity_id}?format={format}", headers={"Accept": accept})
    assert answer.status_code == 200, answer.text
    out: Json = orjson.loads(answer.content)
    return out


@pytest.mark.parametrize("way", WAYS, ids=[way.__name__ for way in WAYS])
@THROUGH_THE_STORE
@given(payload=entities(), form=st.sampled_from(["normalized", "concise"]))
def test_every_way_in_leads_to_every_way_out(
    api: httpx2.Client, way: Callable[[httpx2.Client, Json], None], payload: Json, form: str
) -> None:
    first, second = (f"urn:ngsi-ld:Round:{uuid4().hex}" for _ in range(2))
    create(api, payload | {"id": first})
    way(api, shown(api, first, form) | {"id": second})

    for entity_id in (first, second):
        assert shown(api, entity_id, "normalized") == payload | {"id": entity_id}
    for format in ("concise", "simplified"):
        assert shown(api, second, format) == shown(api, first, format) | {"id": second}
    feature = shown(api, second, "normalized", "application/geo+json")
    assert feature["properties"] == {name: content for name, content in payload.items() if name != "id"}
    assert feature["geometry"] == payload.get("location", {}).get("value")
    jsonld = shown(api, second, "normalized", "application/ld+json")
    assert {**jsonld, "@context": None} == {**payload, "id": second, "@context": None}
