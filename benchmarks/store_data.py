"""What the raw work writes: what the broker stores and owes, made by the broker's own code before anything is measured.

With an entity go the points of its history, if it is new its entry in the directory of histories, and counts.
"""

import random
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from pymongo import DeleteOne, InsertOne, UpdateOne
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.database import Database as SyncDatabase

from benchmarks import sample, traffic
from broker.hosting.bundled import Bundled
from broker.jsonld.compiler import Compiler
from broker.model import merge
from broker.model.entity import Entity, decode
from broker.model.parse import parse_entity, parse_fragment
from broker.model.recording import recorded
from broker.names import CORE_CONTEXT
from broker.store import counts, indexes, shapes
from broker.store.commits import Change, Deriving
from broker.store.history.directory import Entries
from broker.store.history.tail import documents, line
from broker.store.indexes import COUNTS, ENTITIES, EVOLUTIONS, TAIL

Document: TypeAlias = dict[str, Any]
Write: TypeAlias = InsertOne[Document] | UpdateOne | DeleteOne
Database: TypeAlias = AsyncDatabase[Document]

MOST: Final = 10_000
"""Entities that the raw work writes to; reads take them all."""
LATER: Final = "2026-11-20T09:00:00.123456Z"


class Step(NamedTuple):
    """What a step of an entity writes."""

    entity: Document
    """The document of a new entity, or the update of one."""
    points: Document
    """The fields of its document of the tail."""
    entry: Document | None = None
    """The update of its entry in the directory."""


class Changes:
    """Updates of stored entities, two for each: they take turns, so that every one changes something."""

    def __init__(self, pairs: Mapping[str, tuple[Step, Step]]) -> None:
        self._pairs = pairs
        self._turns = dict.fromkeys(pairs, 0)
        self.ids: Sequence[str] = tuple(pairs)

    def next(self, entity_id: str) -> Step:
        """The update whose turn it is."""
        turn = self._turns[entity_id] ^ 1
        self._turns[entity_id] = turn
        return self._pairs[entity_id][turn]

    def pick(self, size: int, part: int, parts: int) -> list[str]:
        """Random ids of one of several parts that have none in common."""
        mine = self.ids[part::parts]
        return random.sample(mine, min(size, len(mine)))


class Data:
    """Everything that the raw work needs."""

    def __init__(self, ids: list[str], documents: list[Document]) -> None:
        self.ids = ids
        self.documents = documents
        self.entities = [decode(document["j"]) for document in documents]
        self.names = Compiler(Bundled()[CORE_CONTEXT]).core
        self._templates = [Step(document, *_owed(new)) for document, new in zip(documents, self.entities, strict=True)]
        self._created = 0

    def attribute_changes(self) -> Changes:
        """Updates of one attribute."""
        return Changes({old.id: (self._updated(old, 1), self._updated(old, 2)) for old in self.entities})

    def replacements(self) -> Changes:
        """Upserts of whole entities."""
        versions = list(traffic.VERSIONS)
        return Changes(
            {
                old.id: (self._replaced(old, number, versions[0]), self._replaced(old, number, versions[1]))
                for number, old in enumerate(self.entities)
            }
        )

    def new_entities(self, size: int) -> list[tuple[str, Step]]:
        """Entities under ids that no other has."""
        found = []
        for _ in range(size):
            self._created += 1
            template = self._templates[self._created % len(self._templates)]
            entity_id = f"{traffic.NEW}{self._created:09}"
            found.append((entity_id, template._replace(entity={**template.entity, "_id": entity_id})))
        return found

    def counted(self, size: int, slot: int) -> list[Write]:
        """What so many new entities do to the counts: as good as the same for any of them."""
        changes = [Change(new.id, None, new, 1, LATER) for new in self.entities[:size]]
        return [owed.operation for owed in counts.derive(Deriving("", changes, slot)) if owed.collection == COUNTS]

    def _updated(self, old: Entity, version: int) -> Step:
        fragment = parse_fragment(sample.update(version), self.names)
        return _step(old, merge.update(old, fragment, LATER)[0], version)

    def _replaced(self, old: Entity, number: int, version: int) -> Step:
        new = merge.replace(old, parse_entity(sample.entity(number, version), self.names), LATER)
        return _step(old, new, version)


def _step(old: Entity, new: Entity, version: int) -> Step:
    return Step(shapes.update(old, new, version), _points(old, new))


def _owed(new: Entity) -> tuple[Document, Document]:
    """The points and the entry of a new entity."""
    entries = Entries()
    entries.note(new.id, None, new, set(new.attributes), new.created_at)
    return _points(None, new), entries.updates[new.id]


def _points(old: Entity | None, new: Entity) -> Document:
    (found,) = documents(new.id, 0, [line(2, point) for point in recorded(old, new, LATER)])
    del found["_id"]
    return found


async def copy(source: Database, target: Database, entities: int) -> Data:
    """Copy the broker's documents into a database of the raw work's own, with the same indexes."""
    await target.client.drop_database(target.name)
    await (await source[ENTITIES].aggregate([{"$out": {"db": target.name, "coll": ENTITIES}}])).to_list()
    await indexes.prepare(target)
    ids = [sample.entity_id(number) for number in range(entities)]
    found = {document["_id"]: document async for document in target[ENTITIES].find({"_id": {"$in": ids[:MOST]}})}
    return Data(ids, [found[entity_id] for entity_id in ids[:MOST]])


CREATED: Final = {"_id": {"$gte": traffic.NEW, "$lt": traffic.NEW[:-1] + ";"}}
"""The filter of everything that a case created."""
KEPT_IN: Final = (ENTITIES, TAIL, EVOLUTIONS)
"""Where it is."""


def remove_created(database: SyncDatabase[Document]) -> int:
    """Remove everything that a case created from the broker's database; how much that was."""
    return sum(database[each].delete_many(CREATED).deleted_count for each in KEPT_IN)
