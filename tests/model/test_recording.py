"""What of a write is recorded: every attribute instance in it, sent alike or not, and what it removes."""

from collections.abc import Callable

import pytest

from broker.model import merge
from broker.model.entity import Entity, Instance
from broker.model.merge import SCOPE
from broker.model.parse import Fragment
from broker.model.recording import differ, recorded
from broker.names import NULL

NOW, LATER = "2026-11-21T08:00:00Z", "2026-11-21T09:00:00Z"
OTHER = "urn:ngsi-ld:Dataset:other"


def prop(value: object, **members: object) -> Instance:
    return {"type": "Property", "value": value, **members}


OLD = Entity("urn:x:1", ("T",), {"a": [prop(1), prop(2, datasetId=OTHER)], "b": [prop(3)]}, NOW, NOW, ("/x",))
SAME = Fragment("urn:x:1", ("T",), {"a": [prop(1)]})

STEPS: dict[str, tuple[Callable[[], Entity | None], list[tuple[str, str | None, bool]]]] = {
    "update alike": (lambda: merge.update(OLD, SAME, LATER)[0], [("a", None, False)]),
    "append alike": (lambda: merge.append(OLD, SAME, LATER)[0], [("a", None, False)]),
    "append without overwriting": (lambda: merge.append(OLD, SAME, LATER, overwrite=False)[0], []),
    "merge alike": (lambda: merge.merge(OLD, SAME, LATER), [("a", None, False)]),
    "partial update": (
        lambda: merge.partial_update(OLD, "a", prop(5, datasetId=OTHER), LATER),
        [("a", OTHER, False)],
    ),
    "replace of an attribute": (lambda: merge.replace_attribute(OLD, "a", prop(1), LATER), [("a", None, False)]),
    "replace of the entity": (
        lambda: merge.replace(OLD, SAME._replace(scopes=("/x",)), LATER),
        [("a", None, False), ("a", OTHER, True), ("b", None, True)],
    ),
    "removal by a Null": (
        lambda: merge.update(OLD, Fragment("urn:x:1", (), {"a": [{"type": NULL}]}), LATER)[0],
        [("a", None, True)],
    ),
    "deletion of an attribute": (
        lambda: merge.delete_attribute(OLD, "a", None, True, LATER),
        [("a", None, True), ("a", OTHER, True)],
    ),
    "deletion of the scope": (lambda: merge.delete_attribute(OLD, SCOPE, None, False, LATER), [(SCOPE, None, True)]),
    "another scope": (
        lambda: merge.update(OLD, Fragment("urn:x:1", (), {}, ("/y",)), LATER)[0],
        [(SCOPE, None, False)],
    ),
    "deletion": (lambda: None, [("a", None, True), ("a", OTHER, True), ("b", None, True), (SCOPE, None, True)]),
}


@pytest.mark.parametrize("name", STEPS)
def test_what_a_step_records(name: str) -> None:
    step, expected = STEPS[name]
    found = [
        (point.name, point.instance.get("datasetId"), point.deleted_at is not None)
        for point in recorded(OLD, step(), LATER)
    ]
    assert found == expected


def test_a_create_records_everything() -> None:
    found = [(point.name, point.instance.get("value")) for point in recorded(None, OLD, NOW)]
    assert found == [("a", 1), ("a", 2), ("b", 3), (SCOPE, ["/x"])]


def test_a_deletion_has_no_value() -> None:
    (point,) = recorded(OLD, merge.delete_attribute(OLD, "b", None, False, LATER), LATER)
    assert (point.instance, point.deleted_at) == ({"type": "Property"}, LATER)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (prop(1), prop(1), False),
        (prop(1, observedAt=NOW), prop(1, observedAt=LATER), False),
        (prop(1), prop(1, modifiedAt=LATER), False),
        (prop(1), prop(1.0), True),
        (prop(True), prop(1), True),
        (prop([1, 2]), prop([1, 3]), True),
        (prop(1), prop(1, unitCode="CEL"), True),
        (prop(1, attributes={"s": [prop(1)]}), prop(1, attributes={"s": [prop(1, modifiedAt=NOW)]}), False),
        (prop(1, attributes={"s": [prop(1)]}), prop(1, attributes={"s": [prop(2)]}), True),
    ],
)
def test_what_is_a_change(old: Instance, new: Instance, expected: bool) -> None:
    assert differ(old, new) is expected
