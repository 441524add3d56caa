"""Recording: the deriver that gives every committed step its points (GS CIM 009 §4.5.6).

One document of the tail for each entity and commit. Rules that look back to the last recorded point keep it with the
entity (`Deriving.marks`), where the group has it at hand.
"""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from pymongo import InsertOne, UpdateOne

from broker.model.entity import Entity
from broker.model.recording import Marks, Recorded, Rules, kept, recorded
from broker.model.series import microseconds
from broker.store.commits import Change, Deriver, Deriving, Owed
from broker.store.history import brought
from broker.store.history.brought import Brought
from broker.store.history.directory import Entries
from broker.store.history.tail import documents, line, line_of
from broker.store.indexes import ENTITIES, EVOLUTIONS, TAIL

RulesOf: TypeAlias = Callable[[str], Rules | None]
"""Tenant to its rules; None: everything is recorded."""


def recorder(rules_of: RulesOf) -> Deriver:
    """The deriver."""

    def derive(deriving: Deriving) -> Iterator[Owed]:
        recording = _Recording(deriving, rules_of(deriving.tenant))
        for change in deriving.changes:
            recording.take(change)
        return recording.owed()

    return derive


class _Recording:
    """What a group of changes adds to history."""

    def __init__(self, deriving: Deriving, rules: Rules | None) -> None:
        self._deriving = deriving
        self._rules = rules
        self._entries = Entries()
        self._lines: dict[str, list[list[Any]]] = {}
        self._marks: dict[str, Marks] = {}

    def take(self, change: Change) -> None:
        """Record a change."""
        if change.brought is not None and change.new is not None:
            self._take_whole(change, change.new, change.brought)
            return
        points = recorded(change.old, change.new, change.instant)
        if points and self._rules is not None:
            points = self._kept(change, points, self._rules)
            if not points:
                return
        entity_id = change.entity_id
        if points:
            sequence = 2 * change.revision
            self._lines.setdefault(entity_id, []).extend([line(sequence, point) for point in points])
        names = {point.name for point in points}
        self._entries.note(entity_id, change.old, change.new, names, change.instant)
        if self._rules is not None and change.new is not None:
            late = _late(change, points)
            if late is not None:
                self._entries.note_age(entity_id, change.new, late, change.instant)

    def _take_whole(self, change: Change, new: Entity, history: Brought) -> None:
        """Record the history that an entity was brought with, and nothing else, whatever the rules are."""
        lines = [line_of(found) for found in brought.rows(history, change.revision, change.instant)]
        if lines:
            self._lines.setdefault(change.entity_id, []).extend(lines)
        self._entries.note(change.entity_id, None, new, set(history), change.instant)
        self._entries.note_number(change.entity_id, change.revision + brought.count(history))
        oldest = brought.oldest(history)
        if oldest is not None:
            self._entries.note_age(change.entity_id, new, oldest, change.instant)

    def owed(self) -> Iterator[Owed]:
        """All of it as writes."""
        time = microseconds(self._deriving.changes[0].instant)
        for entity_id, lines in self._lines.items():
            for document in documents(entity_id, time, lines):
                yield Owed(TAIL, InsertOne(document))
        for operation in self._entries.operations():
            yield Owed(EVOLUTIONS, operation)
        for entity_id, marks in self._marks.items():
            before = self._deriving.marks.get(entity_id, {})
            changed = {f"h.{key}": mark for key, mark in marks.items() if before.get(key) != mark}
            if changed:
                yield Owed(ENTITIES, UpdateOne({"_id": entity_id}, {"$set": changed}))

    def _kept(self, change: Change, points: list[Recorded], rules: Rules) -> list[Recorded]:
        types = _types(change.new if change.new is not None else change.old)
        marks = self._marks.get(change.entity_id)
        if marks is None:
            known = self._deriving.marks.get(change.entity_id, {})
            marks = self._marks[change.entity_id] = {key: list(mark) for key, mark in known.items()}
        return [point for point in points if kept(point, rules(types, point.name), change.old, marks)]


def _late(change: Change, points: list[Recorded]) -> int | None:
    """The oldest observation of an earlier day, in microseconds since 1970."""
    seen = [each.instance["observedAt"] for each in points if "observedAt" in each.instance]
    oldest = min(seen, default=None)
    return None if oldest is None or oldest[:10] >= change.instant[:10] else microseconds(oldest)


def _types(entity: Entity | None) -> tuple[str, ...]:
    return () if entity is None else entity.types
