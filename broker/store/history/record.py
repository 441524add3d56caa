"""Recording: the deriver that gives every committed step its points (GS CIM 009 §4.5.6).

One document of the tail for each entity and commit. Rules that look back to the last recorded point keep it with the
entity (`Deriving.marks`), where the group has it at hand.
"""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from pymongo import InsertOne, UpdateOne

from broker.model.entity import Entity
from broker.model.recording import Recorded, Rules, kept, recorded
from broker.model.series import microseconds
from broker.store.commits import Change, Deriver, Deriving, Owed
from broker.store.history.directory import Entries
from broker.store.history.tail import documents, line
from broker.store.indexes import ENTITIES, EVOLUTIONS, TAIL

RulesOf: TypeAlias = Callable[[str], Rules | None]
"""Tenant to its rules; None: everything is recorded."""


def recorder(rules_of: RulesOf) -> Deriver:
    """The deriver."""

    def derive(deriving: Deriving) -> Iterator[Owed]:
        rules = rules_of(deriving.tenant)
        entries = Entries()
        lines: dict[str, list[list[Any]]] = {}
        marks = {} if rules is None else {each: dict(known) for each, known in deriving.marks.items()}
        for change in deriving.changes:
            entity_id = change.entity_id
            points = list(recorded(change.old, change.new, change.instant))
            if rules is not None and points:
                points = _kept(change, points, rules, marks.setdefault(entity_id, {}))
                if not points:
                    continue
            if points:
                lines.setdefault(entity_id, []).extend(line(2 * change.revision, point) for point in points)
            entries.note(entity_id, change.old, change.new, {point.name for point in points}, change.instant)
        time = microseconds(deriving.changes[0].instant)
        for entity_id, points_of in lines.items():
            for document in documents(entity_id, time, points_of):
                yield Owed(TAIL, InsertOne(document))
        for operation in entries.operations():
            yield Owed(EVOLUTIONS, operation)
        if rules is not None:
            yield from _remembered(deriving, marks)

    return derive


def _kept(change: Change, points: list[Recorded], rules: Rules, marks: dict[str, Any]) -> list[Recorded]:
    types = _types(change.new if change.new is not None else change.old)
    return [point for point in points if kept(point, rules(types, point.name), change.old, marks)]


def _types(entity: Entity | None) -> tuple[str, ...]:
    return () if entity is None else entity.types


def _remembered(deriving: Deriving, marks: dict[str, dict[str, Any]]) -> Iterator[Owed]:
    """The marks that have changed, kept with their entities."""
    for entity_id, known in marks.items():
        before = deriving.marks.get(entity_id, {})
        changed = {f"h.{key}": mark for key, mark in known.items() if before.get(key) != mark}
        if changed:
            yield Owed(ENTITIES, UpdateOne({"_id": entity_id}, {"$set": changed}))
