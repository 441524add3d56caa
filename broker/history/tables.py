"""History as a table: a row for each point, as files of analysts hold it."""

from collections.abc import Collection, Iterable, Iterator
from itertools import groupby
from typing import Any, Final, TypeAlias

import orjson

from broker.errors import BadRequestData
from broker.model.entity import Instance
from broker.model.grammar import is_uri, shown
from broker.model.instants import date_time
from broker.model.kinds import KINDS
from broker.model.temporal import Evolution, Point, TemporalEntity
from broker.store.history.brought import newest

Row: TypeAlias = dict[str, Any]
Newest: TypeAlias = dict[str, dict[str, list[Instance]]]
"""Entity and attribute to the instances of which there is no newer one with their datasetId."""

ENTITY: Final = "entity"
TEXTS: Final = (
    ENTITY,
    "types",
    "attribute",
    "datasetId",
    "kind",
    "observedAt",
    "createdAt",
    "modifiedAt",
    "deletedAt",
    "instanceId",
    "unitCode",
    "instance",
)
"""Columns of texts: `types` a JSON array, `instance` the JSON of the whole instance with expanded names."""
NUMBER: Final = "number"
"""The column of values that are numbers."""
_SYSTEM: Final = frozenset({"createdAt", "modifiedAt", "deletedAt"})
MOST: Final = 2_000
"""Points of one entity that are brought at a time."""


def rows_of(evolution: Evolution) -> Iterator[Row]:
    """The rows of an evolution."""
    types = orjson.dumps(evolution.types).decode()
    for name, series in evolution.attributes.items():
        for dataset_id, points in series.items():
            for point in points:
                yield {
                    ENTITY: evolution.id,
                    "types": types,
                    "attribute": name,
                    "datasetId": dataset_id,
                    **_point(point),
                }


def _point(point: Point) -> Row:
    value = point.instance.get("value")
    return {
        "kind": point.instance["type"],
        "observedAt": point.observed_at,
        "createdAt": point.created_at,
        "modifiedAt": point.modified_at,
        "deletedAt": point.deleted_at,
        "instanceId": point.instance_id,
        "unitCode": point.instance.get("unitCode"),
        NUMBER: float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None,
        "instance": orjson.dumps(point.instance).decode(),
    }


def entities_of(rows: Iterable[Row], most: int = MOST) -> Iterator[tuple[TemporalEntity, int]]:
    """What rows bring, and of how many rows it is; those of an entity that stand together are one, up to `most`.

    Raises BadRequestData for what is no row of a history.
    """
    for _, several in groupby(rows, key=lambda row: row.get(ENTITY)):
        part: list[Row] = []
        for row in several:
            part.append(row)
            if len(part) == most:
                yield _entity(part), len(part)
                part = []
        if part:
            yield _entity(part), len(part)


def in_parts(ids: Iterable[str | None], most: int = MOST) -> set[str | None]:
    """The entities that `entities_of` gives in more than one part, by the column of entities alone."""
    seen: set[str | None] = set()
    found = set()
    for entity_id, several in groupby(ids):
        if entity_id in seen or sum(1 for _ in several) > most:
            found.add(entity_id)
        seen.add(entity_id)
    return found


def newest_of(entities: Iterable[TemporalEntity], ids: Collection[str | None]) -> Newest:
    """What decides on the current state of those that come in parts: as much as they have series."""
    found: Newest = {}
    for entity in entities:
        if entity.id in ids:
            known = found.setdefault(entity.id, {})
            for name, instances in entity.attributes.items():
                known[name] = newest([*known.get(name, ()), *instances])
    return found


def _entity(rows: list[Row]) -> TemporalEntity:
    attributes: dict[str, list[Instance]] = {}
    entity_id, types = rows[0].get(ENTITY), _json(rows[0], "types")
    if not is_uri(entity_id):
        raise BadRequestData(f"Column entity: {shown(entity_id)} is no URI.")
    if not isinstance(types, list) or not types or not all(map(is_uri, types)):
        raise BadRequestData(f"Column types: {shown(rows[0].get('types'))} is no JSON array of IRIs.")
    for row in rows:
        name = row.get("attribute")
        if not is_uri(name):
            raise BadRequestData(f"Column attribute: {shown(name)} is no IRI.")
        attributes.setdefault(str(name), []).append(_instance(row))
    return TemporalEntity(str(entity_id), tuple(types), attributes)


def _instance(row: Row) -> Instance:
    instance = _json(row, "instance")
    kind = KINDS.get(instance.get("type", "")) if isinstance(instance, dict) else None
    deleted_at = row.get("deletedAt")
    if kind is None or (kind.member in instance) == bool(deleted_at):
        raise BadRequestData(f"Column instance: {shown(row.get('instance'))} is no attribute instance.")
    kept = {member: content for member, content in instance.items() if member not in _SYSTEM}
    if not deleted_at:
        return kept
    if date_time(deleted_at) is None:
        raise BadRequestData(f"Column deletedAt: {shown(deleted_at)} is no DateTime.")
    return {**kept, "deletedAt": deleted_at}


def _json(row: Row, column: str) -> Any:
    try:
        return orjson.loads(row.get(column) or "")
    except orjson.JSONDecodeError:
        raise BadRequestData(f"Column {column}: {shown(row.get(column))} is no JSON.") from None
