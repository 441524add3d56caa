"""Operations on entities as a table: the request, and what it does to an entity by the words of the standard.

Values are small numbers, each written once: a state tells which write made it. An operation that the broker gets later
becomes a row here.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, NamedTuple, TypeAlias

from broker.names import NULL
from tests.drills.serial import State, Step
from tests.drills.wire import Answer

NAMES: Final = ("a", "b", "c")

Request: TypeAlias = tuple[str, str, Any]
"""Method, path below the API's root, payload."""


class Operation(NamedTuple):
    """A request about some entities. `told` finds in its answer what the client is told of each of them."""

    name: str
    clause: str
    """Of GS CIM 009."""
    request: Callable[[Sequence[str], str, int], Request]
    """(ids, type, a number that no other write has) to the request; a single operation gets one id."""
    step: Callable[[State, int], tuple[State, Any]]
    told: Callable[[Answer, str], Any]
    batch: bool = False

    def step_of(self, number: int) -> Step:
        """The operation with its number."""
        return partial(self._step, number)

    def _step(self, number: int, state: State) -> tuple[State, Any]:
        return self.step(state, number)


def _property(number: int) -> dict[str, Any]:
    return {"type": "Property", "value": number}


def _name(number: int) -> str:
    """The attribute that a write of this number is about."""
    return NAMES[number % len(NAMES)]


def _other(number: int) -> str:
    return NAMES[(number + 1) % len(NAMES)]


def _attributes(number: int) -> dict[str, Any]:
    return {_name(number): _property(number), _other(number): _property(number)}


def _with(state: State, **changes: int | None) -> State:
    values = dict(state or ()) | changes
    return tuple(sorted((name, value) for name, value in values.items() if value is not None))


def _written(state: State, number: int) -> State:
    return _with(state, **{_name(number): number, _other(number): number})


# Steps


def _create(state: State, number: int) -> tuple[State, Any]:
    return (_written(None, number), 201) if state is None else (state, 409)


def _if_there(change: Callable[[State, int], State]) -> Callable[[State, int], tuple[State, Any]]:
    """404 without the entity, else the change and 204."""

    def step(state: State, number: int) -> tuple[State, Any]:
        return (state, 404) if state is None else (change(state, number), 204)

    return step


def _if_attribute(change: Callable[[State, int], State]) -> Callable[[State, int], tuple[State, Any]]:
    """404 without the entity or the attribute, else the change and 204."""

    def step(state: State, number: int) -> tuple[State, Any]:
        return (state, 404) if _name(number) not in dict(state or ()) else (change(state, number), 204)

    return step


def _append_new(state: State, number: int) -> tuple[State, Any]:
    """What is there stays as it is, and is reported."""
    if state is None:
        return state, 404
    there = dict(state)
    added = {name: number for name in (_name(number), _other(number)) if name not in there}
    return _with(state, **added), 204 if len(added) == 2 else 207


def _upsert(change: Callable[[State, int], State]) -> Callable[[State, int], tuple[State, Any]]:
    def step(state: State, number: int) -> tuple[State, Any]:
        return (_written(None, number), "created") if state is None else (change(state, number), "done")

    return step


def _each(step: Callable[[State, int], tuple[State, Any]]) -> Callable[[State, int], tuple[State, Any]]:
    """A single operation's step in a batch, which tells of success without a status."""

    def in_batch(state: State, number: int) -> tuple[State, Any]:
        state, told = step(state, number)
        return state, "done" if told in (201, 204) else told

    return in_batch


def _read(state: State, _number: int) -> tuple[State, Any]:
    return state, state


def _read_attribute(state: State, number: int) -> tuple[State, Any]:
    return state, dict(state or ()).get(_name(number))


def _purge(_state: State, _number: int) -> tuple[State, Any]:
    return None, 204


# What a client is told


def _status(answer: Answer, _entity_id: str) -> Any:
    return answer.status


def _state(entity: dict[str, Any]) -> State:
    return tuple(sorted((name, value) for name, value in entity.items() if name not in ("id", "type")))


def _entity(answer: Answer, _entity_id: str) -> Any:
    return _state(answer.json()) if answer.status == 200 else _only(answer, 404)


def _attribute(answer: Answer, _entity_id: str) -> Any:
    return answer.json()["value"] if answer.status == 200 else _only(answer, 404)


def _listed(answer: Answer, entity_id: str) -> Any:
    assert answer.status == 200, answer
    return next((_state(entity) for entity in answer.json() if entity["id"] == entity_id), None)


def _only(answer: Answer, status: int) -> None:
    assert answer.status == status, answer


def _of_batch(answer: Answer, entity_id: str) -> Any:
    """Of an entity in a batch: that it was done, or the status of its error."""
    assert answer.status in (201, 204, 207), answer
    if answer.status == 207:
        result = answer.json()
        errors = {error["entityId"]: error["error"]["status"] for error in result["errors"]}
        assert (entity_id in errors) != (entity_id in result["success"]), answer
        return errors.get(entity_id, "done")
    return "done"


def _of_upsert(answer: Answer, entity_id: str) -> Any:
    assert answer.status in (201, 204), answer
    return "created" if answer.status == 201 and entity_id in answer.json() else "done"


# Requests


def _single(method: str, path: str, body: Callable[[int], Any] = lambda _: None) -> Callable[..., Request]:
    """A request about one entity; `{id}`, `{type}` and `{name}` in its path."""

    def request(ids: Sequence[str], type_: str, number: int) -> Request:
        return method, path.format(id=ids[0], type=type_, name=_name(number)), body(number)

    return request


def _batch(name: str) -> Callable[..., Request]:
    def request(ids: Sequence[str], type_: str, number: int) -> Request:
        return "POST", f"/entityOperations/{name}", [{"id": each, "type": type_} | _attributes(number) for each in ids]

    return request


def _creation(ids: Sequence[str], type_: str, number: int) -> Request:
    return "POST", "/entities", {"id": ids[0], "type": type_} | _attributes(number)


def _deletions(ids: Sequence[str], _type: str, _number: int) -> Request:
    return "POST", "/entityOperations/delete", list(ids)


def _merged(number: int) -> dict[str, Any]:
    return {_name(number): _property(number), _other(number): NULL}


_written_one = _if_attribute(lambda state, number: _with(state, **{_name(number): number}))
_written_if_there = _if_there(_written)

OPERATIONS: Final = (
    Operation("create", "5.6.1", _creation, _create, _status),
    Operation("retrieve", "5.7.1", _single("GET", "/entities/{id}?format=simplified"), _read, _entity),
    Operation(
        "retrieve attribute", "5.7.11", _single("GET", "/entities/{id}/attrs/{name}"), _read_attribute, _attribute
    ),
    Operation("delete", "5.6.6", _single("DELETE", "/entities/{id}"), _if_there(lambda *_: None), _status),
    Operation("update", "5.6.2", _single("PATCH", "/entities/{id}/attrs", _attributes), _written_if_there, _status),
    Operation("append", "5.6.3", _single("POST", "/entities/{id}/attrs", _attributes), _written_if_there, _status),
    Operation(
        "append new",
        "5.6.3",
        _single("POST", "/entities/{id}/attrs?options=noOverwrite", _attributes),
        _append_new,
        _status,
    ),
    Operation(
        "partial update", "5.6.4", _single("PATCH", "/entities/{id}/attrs/{name}", _property), _written_one, _status
    ),
    Operation(
        "replace attribute", "5.6.19", _single("PUT", "/entities/{id}/attrs/{name}", _property), _written_one, _status
    ),
    Operation(
        "delete attribute",
        "5.6.5",
        _single("DELETE", "/entities/{id}/attrs/{name}"),
        _if_attribute(lambda state, number: _with(state, **{_name(number): None})),
        _status,
    ),
    Operation(
        "merge",
        "5.6.17",
        _single("PATCH", "/entities/{id}", _merged),
        _if_there(lambda state, number: _with(state, **{_name(number): number, _other(number): None})),
        _status,
    ),
    Operation(
        "replace",
        "5.6.18",
        _single("PUT", "/entities/{id}", _attributes),
        _if_there(lambda _, number: _written(None, number)),
        _status,
    ),
    Operation("query", "5.7.2", _single("GET", "/entities?type={type}&format=simplified"), _read, _listed, batch=True),
    Operation("purge", "5.6.21", _single("DELETE", "/entities?type={type}"), _purge, _status, batch=True),
    Operation("batch create", "5.6.7", _batch("create"), _each(_create), _of_batch, batch=True),
    Operation(
        "batch replace",
        "5.6.8",
        _batch("upsert"),
        _upsert(lambda _, number: _written(None, number)),
        _of_upsert,
        batch=True,
    ),
    Operation("batch upsert", "5.6.8", _batch("upsert?options=update"), _upsert(_written), _of_upsert, batch=True),
    Operation("batch update", "5.6.9", _batch("update"), _each(_written_if_there), _of_batch, batch=True),
    Operation("batch merge", "5.6.20", _batch("merge"), _each(_written_if_there), _of_batch, batch=True),
    Operation("batch delete", "5.6.10", _deletions, _each(_if_there(lambda *_: None)), _of_batch, batch=True),
)
