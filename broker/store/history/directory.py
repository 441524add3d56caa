"""The directory: which entities have a history.

    {_id: entity id,
     t: [type IRI, …],                    all it ever had
     l: [type IRI, …],                    those it has, or had last
     a: [attribute name, …],              all it ever had
     c: DateTime, m: DateTime,            createdAt; when it was last modified, as of the last sealing or deletion
     d: DateTime,                         deletedAt, while it is deleted
     k: microseconds since 1970,          no sealed point is older, nor one that came late
     b: {series key: name},               the open block of each series: the _id without what all of the series have
     n: number,                           of the last point that the temporal API added
     x: true}                             its history was deleted while it exists: it has one again with the next point

It is written when an entity is created, deleted, or gets types or attributes that it did not have, never with mere
values. What it lacks, of an entity that was there before its history was recorded, the sealing adds.
"""

from typing import Any, NamedTuple, TypeAlias

from pymongo import UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession

from broker.model.entity import Entity, decode
from broker.model.merge import SCOPE
from broker.store.client import Database
from broker.store.indexes import ENTITIES, EVOLUTIONS

Document: TypeAlias = dict[str, Any]


class Entry(NamedTuple):
    """What the directory knows of an entity."""

    types: tuple[str, ...]
    created_at: str
    modified_at: str
    deleted_at: str | None
    emptied: bool


async def entries(database: Database, ids: list[str], session: AsyncClientSession | None = None) -> dict[str, Entry]:
    """The entries of entities; of those that it lacks, as their current state has it."""
    found = {
        each["_id"]: Entry(tuple(each["l"]), each["c"], each["m"], each.get("d"), "x" in each)
        async for each in database[EVOLUTIONS].find(
            {"_id": {"$in": ids}}, {"l": 1, "c": 1, "m": 1, "d": 1, "x": 1}, session=session, batch_size=len(ids) + 1
        )
    }
    missing = [each for each in ids if each not in found]
    if missing:
        current = database[ENTITIES].find({"_id": {"$in": missing}}, {"j": 1}, session=session)
        async for each in current:
            entity = decode(each["j"])
            found[entity.id] = Entry(entity.types, entity.created_at, entity.modified_at, None, True)
    return found


class Entries:
    """What a group of changes does to the directory: one update for each entity."""

    def __init__(self) -> None:
        self.updates: dict[str, Document] = {}
        """Entity id to the update of its entry."""

    def note(self, entity_id: str, old: Entity | None, new: Entity | None, names: set[str], instant: str) -> None:
        """A step; `names`: the attributes of which it recorded points."""
        if new is None:
            self._set(entity_id, old, names, {"d": instant, "m": instant})
        elif old is None:
            self._set(entity_id, new, names, {"c": new.created_at, "m": instant})
        elif old.types != new.types or _has_new(old, names):
            self._set(entity_id, new, names, {"m": instant})

    def note_age(self, entity_id: str, new: Entity, observed: int, instant: str) -> None:
        """Points that were observed long before they are recorded, `observed` microseconds after 1970 the oldest."""
        self._set(entity_id, new, set(), {"m": instant})
        noted = self.updates[entity_id].setdefault("$min", {"k": observed})
        noted["k"] = min(noted["k"], observed)

    def note_number(self, entity_id: str, number: int) -> None:
        """The number after the last point that came with a new entity, which is noted already."""
        self.updates[entity_id]["$max"] = {"n": number}

    def operations(self) -> list[UpdateOne]:
        """The updates of the directory."""
        return [UpdateOne({"_id": key}, update, upsert=True) for key, update in self.updates.items()]

    def _set(self, entity_id: str, entity: Entity | None, names: set[str], fields: Document) -> None:
        update = self.updates.setdefault(
            entity_id, {"$set": {}, "$addToSet": {"t": {"$each": []}, "a": {"$each": []}}, "$unset": {"x": ""}}
        )
        update["$set"].update(fields)
        if "d" in fields:
            update["$unset"].pop("d", None)
        elif "c" in fields:
            update["$set"].pop("d", None)
            update["$unset"]["d"] = ""
        if entity is not None:
            update["$set"]["l"] = list(entity.types)
            update["$addToSet"]["t"]["$each"] += entity.types
            if "c" not in update["$set"]:
                update["$setOnInsert"] = {"c": entity.created_at}
            else:
                update.pop("$setOnInsert", None)
        update["$addToSet"]["a"]["$each"] += sorted(names)


async def adopt(database: Database, entity_id: str, session: AsyncClientSession) -> None:
    """Make the entry of an entity that has a history and none."""
    found = await database[ENTITIES].find_one({"_id": entity_id}, {"j": 1}, session=session)
    if found is None:
        return
    entity = decode(found["j"])
    entries = Entries()
    entries.note(entity_id, None, entity, set(entity.attributes), entity.modified_at)
    await database[EVOLUTIONS].bulk_write(entries.operations(), session=session)


def _has_new(entity: Entity, names: set[str]) -> bool:
    if names <= entity.attributes.keys():
        return False
    return any(name not in entity.attributes for name in names if name != SCOPE or not entity.scopes)
