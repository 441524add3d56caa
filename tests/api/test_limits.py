"""The bounds of bodies, batches and entities over HTTP: what is beyond them is refused, and says which bound it was.

GS CIM 009 §6.3.2 has 413 for bodies, and leaves thresholds to the broker.
"""

from typing import Any

import httpx2
import pytest

from broker.settings import load
from tests.api.test_entities import assert_problem, create

pytestmark = pytest.mark.http

LIMITS = load()


def nested(levels: int) -> Any:
    """A value of so many levels of objects."""
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


def test_a_body_beyond_the_largest_is_413_whatever_it_holds(api: httpx2.Client) -> None:
    answer = api.post("/entities", content=b" " * (LIMITS.max_body + 1))
    assert (answer.status_code, answer.content) == (413, b"")


def test_json_nests_as_deeply_as_it_may(api: httpx2.Client, new_id: str) -> None:
    value = nested(LIMITS.max_depth - 2)  # the entity and the attribute are two levels
    assert create(api, new_id, deep={"type": "Property", "value": value}).status_code == 201
    assert api.get(f"/entities/{new_id}").json()["deep"]["value"] == value
    deeper = create(api, f"{new_id}:2", deep={"type": "Property", "value": {"a": value}})
    assert str(LIMITS.max_depth) in assert_problem(deeper, 400, "InvalidRequest")


def test_a_batch_has_as_many_elements_as_it_may(api: httpx2.Client) -> None:
    ids = [f"urn:x:{number}" for number in range(LIMITS.max_batch + 1)]
    detail = assert_problem(api.post("/entityOperations/delete", json=ids), 403, "TooManyResults")
    assert str(LIMITS.max_batch) in detail
    assert api.post("/entityOperations/delete", json=ids[1:]).status_code == 207


def test_an_entity_is_no_larger_than_it_may_be(api: httpx2.Client, new_id: str) -> None:
    text = {"type": "Property", "value": "x" * (LIMITS.max_entity - 500)}
    assert create(api, new_id, text=text).status_code == 201
    more = {"more": {"type": "Property", "value": "y" * 1000}}
    for answer in (
        create(api, f"{new_id}:2", text=text, **more),
        api.post(f"/entities/{new_id}/attrs", json=more),
        api.patch(f"/entities/{new_id}/attrs", json=more),
        api.patch(f"/entities/{new_id}", json=more),
        api.put(f"/entities/{new_id}", json={"type": "Vehicle", "text": text, **more}),
        api.put(f"/entities/{new_id}/attrs/text", json={**text, **more}),
        api.put(f"/entities/{new_id}/attrs/text/value", json="x" * LIMITS.max_entity),
    ):
        detail = assert_problem(answer, 400, "BadRequestData")
        assert new_id in detail
        assert f"{LIMITS.max_entity} are the most" in detail
    assert "more" not in api.get(f"/entities/{new_id}").json()


def test_in_a_batch_the_large_one_is_refused_and_the_others_are_not(api: httpx2.Client, new_id: str) -> None:
    large = {"id": f"{new_id}:large", "type": "Vehicle", "text": "x" * LIMITS.max_entity}
    small = {"id": f"{new_id}:small", "type": "Vehicle", "text": "x"}
    answer = api.post("/entityOperations/create", json=[large, small])
    assert answer.status_code == 207
    assert answer.json()["success"] == [small["id"]]
    ((refused),) = answer.json()["errors"]
    assert refused["entityId"] == large["id"]
    assert "are the most" in refused["error"]["detail"]


def test_an_entity_may_be_made_of_geometries_alone(api: httpx2.Client, new_id: str) -> None:
    """Those of a large entity are not indexed: their index would be larger than a transaction may be."""
    line = {"type": "LineString", "coordinates": [[number % 170, number % 80] for number in range(25_000)]}
    lines = {f"line{number}": {"type": "GeoProperty", "value": line} for number in range(18)}
    assert create(api, new_id, **lines).status_code == 201
    assert api.get(f"/entities/{new_id}?pick=line17").json()["line17"]["value"] == line
    one_more = {"type": "LineString", "coordinates": [[0, 0]] * 50_001}
    detail = assert_problem(create(api, f"{new_id}:2", line=one_more), 400, "BadRequestData")
    assert "line" in detail
    assert "positions" in detail
