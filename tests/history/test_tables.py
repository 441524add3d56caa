"""Rows of a file, however they are cut into parts, make the current state that a plain list of instances makes."""

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from broker.history.tables import Row, entities_of, in_parts, newest_of
from broker.model.entity import Entity
from broker.store.history.brought import current

IDS = ("urn:ngsi-ld:Room:1", "urn:ngsi-ld:Room:2")
NAMES = ("https://example.org/temperature", "https://example.org/note")
DATASETS = (None, "urn:ngsi-ld:Dataset:a")
TIMES = (None, "2026-03-01T10:00:00Z", "2026-03-01T10:00:00.5Z", "2026-03-01T11:00:00Z")


@st.composite
def rows(draw: st.DrawFn) -> Row:
    """A point, or what a deletion left."""
    time, value = draw(st.sampled_from(TIMES)), draw(st.integers(0, 99))
    deleted = time is not None and draw(st.integers(0, 4)) == 0
    dataset_id = draw(st.sampled_from(DATASETS))
    instance: dict[str, Any] = {"type": "Property", **({"datasetId": dataset_id} if dataset_id else {})}
    if not deleted:
        instance |= {"value": value, **({"observedAt": time} if time else {})}
    return {
        "entity": draw(st.sampled_from(IDS)),
        "types": '["https://example.org/Room"]',
        "attribute": draw(st.sampled_from(NAMES)),
        "deletedAt": time if deleted else None,
        "instance": orjson.dumps(instance).decode(),
    }


def expected(table: list[Row], entity_id: str) -> dict[tuple[str, str | None], Any]:
    """The value of the latest row of each attribute and datasetId, of equally late ones of the last; no deletions."""
    latest: dict[tuple[str, str | None], tuple[str, Any]] = {}
    for row in table:
        instance = orjson.loads(row["instance"])
        key = row["attribute"], instance.get("datasetId")
        time = (instance.get("observedAt") or row["deletedAt"] or "").replace("00Z", "00.0Z")
        if row["entity"] == entity_id and (key not in latest or time >= latest[key][0]):
            latest[key] = time, instance.get("value")
    return {key: value for key, (_, value) in latest.items() if value is not None}


@given(st.lists(rows(), max_size=40), st.integers(1, 6), st.booleans())
def test_the_current_state_is_that_of_a_plain_list(table: list[Row], most: int, together: bool) -> None:
    if together:
        table.sort(key=lambda row: row["entity"])
    several = in_parts((row["entity"] for row in table), most)
    newest = newest_of((entity for entity, _ in entities_of(table, most)), several)
    made: dict[str, Entity] = {}
    for entity, _ in entities_of(table, most):
        state = current(entity.id, entity.types, newest.get(entity.id, entity.attributes))
        made.setdefault(entity.id, state)
    assert made.keys() == {row["entity"] for row in table}
    for entity_id, state in made.items():
        shown = {
            (name, instance.get("datasetId")): instance["value"]
            for name, instances in state.attributes.items()
            for instance in instances
        }
        assert shown == expected(table, entity_id)


def test_nothing_is_kept_of_entities_that_come_at_once() -> None:
    assert in_parts(["a", "a", "b", "b", "b", "c", "a"], 2) == {"a", "b"}
    assert in_parts(["a", "a", "b", "b", "c"], 2) == set()
