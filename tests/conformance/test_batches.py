"""Rows BA of docs/conformance.md: batch operations (GS CIM 009 §5.6.7–§5.6.10, §5.6.20, §6.14–§6.17, §6.31)."""

from typing import Any

import httpx2
import pytest

from tests.conformance.exchange import BAD_REQUEST_DATA, ERRORS, INVALID_REQUEST, NULL, TYPE, Json, entity, refusal

pytestmark = pytest.mark.http

OPERATIONS = ("create", "upsert", "update", "merge", "delete")
BATCH = pytest.mark.parametrize("operation", OPERATIONS)


def post(api: httpx2.Client, operation: str, body: Any, query: str = "") -> httpx2.Response:
    return api.post(f"/entityOperations/{operation}?{query}", json=body)


def vehicle(entity_id: str, **members: Any) -> Json:
    return {"id": entity_id, "type": TYPE, **members}


def values(api: httpx2.Client, entity_id: str) -> Json:
    found = entity(api, entity_id, "format=simplified")
    return {name: value for name, value in found.items() if name not in {"id", "type"}}


def stored(api: httpx2.Client, *entities: Json) -> None:
    assert post(api, "create", list(entities)).status_code == 201


def outcome(answer: httpx2.Response) -> tuple[list[str], list[tuple[str, str]]]:
    """The ids of a 207 that succeeded, and those that failed with their error types (§5.2.16, §5.2.17)."""
    assert answer.status_code == 207, answer.text
    assert answer.headers["content-type"] == "application/json"
    result = answer.json()
    for error in result["errors"]:
        assert error["error"]["title"]
        assert error["error"]["detail"]
    return result["success"], [
        (each["entityId"], each["error"]["type"].removeprefix(ERRORS)) for each in result["errors"]
    ]


@pytest.fixture
def ids(new_id: str) -> list[str]:
    return [f"{new_id}:{i}" for i in range(4)]


# BA-01


def test_a_batch_creates(api: httpx2.Client, ids: list[str]) -> None:
    """BA-01, §5.6.7, §6.14.3.1: 201 with the ids."""
    answer = post(api, "create", [vehicle(each, n=i) for i, each in enumerate(ids)])
    assert (answer.status_code, answer.json()) == (201, ids)
    assert [values(api, each) for each in ids] == [{"n": i} for i in range(4)]


def test_what_exists_is_not_created_again(api: httpx2.Client, ids: list[str]) -> None:
    """BA-01, BA-07, §5.6.7: AlreadyExists for it, and the others are created."""
    stored(api, vehicle(ids[1], n=9))
    answer = post(api, "create", [vehicle(each, n=1) for each in ids[:3]])
    assert outcome(answer) == ([ids[0], ids[2]], [(ids[1], "AlreadyExists")])
    assert [values(api, each) for each in ids[:3]] == [{"n": 1}, {"n": 9}, {"n": 1}]


# BA-02


@pytest.mark.parametrize(
    ("query", "members", "types"),
    [
        ("", {"a": 2}, "Bus"),
        ("options=replace", {"a": 2}, "Bus"),
        ("options=update", {"a": 2, "b": 1}, ["Vehicle", "Bus"]),
    ],
)
def test_a_batch_creates_or_replaces_or_updates(
    api: httpx2.Client, ids: list[str], query: str, members: Json, types: Any
) -> None:
    """BA-02, §5.6.8, §6.15.3.1: 201 with the ids created, 204 if all existed."""
    stored(api, vehicle(ids[0], a=1, b=1))
    answer = post(api, "upsert", [vehicle(ids[0], a=2) | {"type": "Bus"}, vehicle(ids[1], a=3)], query)
    assert (answer.status_code, answer.json()) == (201, [ids[1]])
    assert (values(api, ids[0]), entity(api, ids[0])["type"]) == (members, types)
    assert values(api, ids[1]) == {"a": 3}
    again = post(api, "upsert", [vehicle(ids[0], a=4)], query)
    assert (again.status_code, again.content) == (204, b"")
    assert values(api, ids[0]) == members | {"a": 4}


def test_an_updating_upsert_replaces_attributes_whole(api: httpx2.Client, ids: list[str]) -> None:
    """BA-02, §5.6.8: `update` is Update Attributes: sub-attributes that are not sent vanish, a Null removes."""
    stored(api, vehicle(ids[0], a={"value": 1, "x": 2}, b=1))
    assert post(api, "upsert", [vehicle(ids[0], a={"value": 2}, b=NULL)], "options=update").status_code == 204
    assert entity(api, ids[0])["a"] == {"type": "Property", "value": 2}
    assert values(api, ids[0]) == {"a": 2}


@pytest.mark.parametrize("query", ["options=replace,update", "options=noOverwrite", "options=x"])
def test_options_of_another_operation_are_refused(api: httpx2.Client, ids: list[str], query: str) -> None:
    """BA-02, §6.15.3.1, §6.3.20."""
    assert refusal(post(api, "upsert", [vehicle(ids[0])], query)) == INVALID_REQUEST


# BA-03


def test_a_batch_updates(api: httpx2.Client, ids: list[str]) -> None:
    """BA-03, §5.6.9, §6.16.3.1: as Append Attributes, which overwrites."""
    stored(api, vehicle(ids[0], a=1, b=1), vehicle(ids[1], a=1))
    answer = post(api, "update", [vehicle(ids[0], a=2, c=3), vehicle(ids[1], a=5)])
    assert (answer.status_code, answer.content) == (204, b"")
    assert (values(api, ids[0]), values(api, ids[1])) == ({"a": 2, "b": 1, "c": 3}, {"a": 5})


def test_a_batch_update_may_leave_alone_what_is_there(api: httpx2.Client, ids: list[str]) -> None:
    """BA-03, §5.6.9, §6.16.3.1: noOverwrite."""
    stored(api, vehicle(ids[0], a=1))
    answer = post(api, "update", [vehicle(ids[0], a=2, c=3)], "options=noOverwrite")
    assert answer.status_code in {204, 207}
    assert values(api, ids[0]) == {"a": 1, "c": 3}
    assert post(api, "update", [vehicle(ids[0], d=4)], "options=noOverwrite").status_code == 204


# BA-04


def test_a_batch_deletes(api: httpx2.Client, ids: list[str]) -> None:
    """BA-04, §5.6.10, §6.17.3.1: an array of ids."""
    stored(api, *(vehicle(each) for each in ids[:3]))
    answer = post(api, "delete", ids[:2])
    assert (answer.status_code, answer.content) == (204, b"")
    assert [api.get(f"/entities/{each}").status_code for each in ids[:3]] == [404, 404, 200]


@pytest.mark.parametrize("element", ["no uri", 5, None, {}, {"id": "urn:a:b"}, []])
def test_only_ids_are_deleted(api: httpx2.Client, ids: list[str], element: Any) -> None:
    """BA-04, BA-09, §5.6.10."""
    stored(api, vehicle(ids[0]))
    assert refusal(post(api, "delete", [ids[0], element])) == BAD_REQUEST_DATA
    assert api.get(f"/entities/{ids[0]}").status_code == 200


# BA-05


def test_a_batch_merges(api: httpx2.Client, ids: list[str]) -> None:
    """BA-05, §5.6.20, §6.31.3.1: as Merge Entity, at any depth."""
    stored(api, vehicle(ids[0], a={"value": {"x": 1, "y": 2}, "s": 1}, b=1), vehicle(ids[1], a=1))
    fragment = {"type": "Property", "value": {"x": NULL, "z": 3}}
    answer = post(api, "merge", [vehicle(ids[0], a=fragment, b=NULL), vehicle(ids[1], c=2)])
    assert (answer.status_code, answer.content) == (204, b"")
    merged = {"type": "Property", "value": {"y": 2, "z": 3}, "s": {"type": "Property", "value": 1}}
    assert entity(api, ids[0]) == vehicle(ids[0], a=merged)
    assert values(api, ids[1]) == {"a": 1, "c": 2}


# BA-07


@pytest.mark.parametrize("operation", ["update", "merge", "delete"])
def test_what_does_not_exist_is_told(api: httpx2.Client, ids: list[str], operation: str) -> None:
    """BA-07, §5.2.16, §5.2.17, §5.6.9, §5.6.10, §5.6.20: ResourceNotFound for it; the others are written."""
    stored(api, vehicle(ids[0], a=1), vehicle(ids[2], a=1))
    body: list[Any] = ids[:3] if operation == "delete" else [vehicle(each, a=2) for each in ids[:3]]
    assert outcome(post(api, operation, body)) == ([ids[0], ids[2]], [(ids[1], "ResourceNotFound")])
    for each in (ids[0], ids[2]):
        if operation == "delete":
            assert api.get(f"/entities/{each}").status_code == 404
        else:
            assert values(api, each) == {"a": 2}


@pytest.mark.parametrize("operation", ["create", "upsert", "update", "merge"])
def test_what_breaks_a_rule_is_told(api: httpx2.Client, ids: list[str], operation: str) -> None:
    """BA-07, §5.2.16, §5.2.17: BadRequestData for the entity; the others are written."""
    if operation in {"update", "merge"}:
        stored(api, *(vehicle(each, a=1) for each in ids[:3]))
    bad: Json = {"type": "Relationship", "object": "no uri"}
    answer = post(api, operation, [vehicle(ids[0], a=2), vehicle(ids[1], a=bad), vehicle(ids[2], a=2)])
    assert outcome(answer) == ([ids[0], ids[2]], [(ids[1], "BadRequestData")])
    assert "a" in answer.json()["errors"][0]["error"]["detail"]
    assert [values(api, each) for each in (ids[0], ids[2])] == [{"a": 2}, {"a": 2}]


# BA-08


def test_of_two_creates_the_first_wins(api: httpx2.Client, ids: list[str]) -> None:
    """BA-08, §5.6.7: an id that is there twice is created once; the later ones are errors."""
    answer = post(api, "create", [vehicle(ids[0], a=1), vehicle(ids[0], a=2)])
    assert outcome(answer) == ([ids[0]], [(ids[0], "AlreadyExists")])
    assert values(api, ids[0]) == {"a": 1}


@pytest.mark.parametrize(
    ("operation", "query", "expected"),
    [
        ("upsert", "options=replace", {"c": 5}),
        ("upsert", "options=update", {"a": 3, "b": 4, "c": 5}),
        ("update", "", {"a": 3, "b": 4, "c": 5}),
        ("merge", "", {"a": 3, "b": 4, "c": 5}),
    ],
)
def test_duplicates_are_written_in_turn(
    api: httpx2.Client, ids: list[str], operation: str, query: str, expected: Json
) -> None:
    """BA-08, §5.6.8, §5.6.9, §5.6.20: in the order of the array."""
    stored(api, vehicle(ids[0], a=1))
    body = [vehicle(ids[0], a=2, b=4), vehicle(ids[0], a=3), vehicle(ids[0], c=5)]
    assert post(api, operation, body, query).status_code == 204
    assert values(api, ids[0]) == expected


def test_of_two_deletes_the_later_is_an_error(api: httpx2.Client, ids: list[str]) -> None:
    """BA-08, §5.6.10."""
    stored(api, vehicle(ids[0]))
    assert outcome(post(api, "delete", [ids[0], ids[0]])) == ([ids[0]], [(ids[0], "ResourceNotFound")])


# BA-09


@BATCH
@pytest.mark.parametrize("body", [[], {}, [None], "x", 5])
def test_an_empty_batch_or_a_null_in_one_is_refused(api: httpx2.Client, operation: str, body: Any) -> None:
    """BA-09, §6.14.3.1 and its like: BadRequestData."""
    assert refusal(post(api, operation, body)) == BAD_REQUEST_DATA


@BATCH
def test_a_null_in_a_batch_spoils_it_whole(api: httpx2.Client, ids: list[str], operation: str) -> None:
    """BA-09, §6.14.3.1 and its like: nothing of it is written."""
    stored(api, vehicle(ids[0], a=1))
    good: Any = ids[0] if operation == "delete" else vehicle(ids[1] if operation == "create" else ids[0], a=2)
    assert refusal(post(api, operation, [good, None])) == BAD_REQUEST_DATA
    assert values(api, ids[0]) == {"a": 1}
    assert api.get(f"/entities/{ids[1]}").status_code == 404
