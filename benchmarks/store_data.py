"""The documents that the raw work writes: those that the broker stores, made from them before anything is measured."""

import random
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from pymongo.asynchronous.database import AsyncDatabase

from benchmarks import sample, traffic
from broker.hosting.bundled import Bundled
from broker.jsonld.compiler import Compiler
from broker.model import merge
from broker.model.entity import Entity, decode
from broker.model.parse import parse_entity, parse_fragment
from broker.names import CORE_CONTEXT
from broker.store import indexes, shapes
from broker.store.indexes import ENTITIES

Document: TypeAlias = dict[str, Any]
Database: TypeAlias = AsyncDatabase[Document]

MOST: Final = 10_000
"""Entities that the raw work writes to; reads take them all."""
LATER: Final = "2026-11-20T09:00:00.123456Z"


class Changes:
    """Updates of stored entities, two for each: they take turns, so that every one changes something."""

    def __init__(self, pairs: Mapping[str, tuple[Document, Document]]) -> None:
        self._pairs = pairs
        self._turns = dict.fromkeys(pairs, 0)
        self.ids: Sequence[str] = tuple(pairs)

    def next(self, entity_id: str) -> Document:
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

    def new_documents(self, size: int) -> list[Document]:
        """Documents under ids that no other has."""
        found = []
        for _ in range(size):
            self._created += 1
            template = self.documents[self._created % len(self.documents)]
            found.append({**template, "_id": f"{traffic.NEW}{self._created:09}"})
        return found

    def _updated(self, old: Entity, version: int) -> Document:
        fragment = parse_fragment(sample.update(version), self.names)
        return shapes.update(old, merge.update(old, fragment, LATER)[0], version)

    def _replaced(self, old: Entity, number: int, version: int) -> Document:
        new = merge.replace(old, parse_entity(sample.entity(number, version), self.names), LATER)
        return shapes.update(old, new, version)


async def copy(source: Database, target: Database, entities: int) -> Data:
    """Copy the broker's documents into a database of the raw work's own, with the same indexes."""
    await target.client.drop_database(target.name)
    await (await source[ENTITIES].aggregate([{"$out": {"db": target.name, "coll": ENTITIES}}])).to_list()
    await indexes.prepare(target)
    ids = [sample.entity_id(number) for number in range(entities)]
    found = {document["_id"]: document async for document in target[ENTITIES].find({"_id": {"$in": ids[:MOST]}})}
    return Data(ids, [found[entity_id] for entity_id in ids[:MOST]])


def created_filter() -> Document:
    """The filter of everything that a case created."""
    return {"_id": {"$gte": traffic.NEW, "$lt": traffic.NEW[:-1] + ";"}}
