"""The entities that queries are measured on: the same answers whatever their number.

Each group of values is held by PER_GROUP entities of each type, evenly over the order of ids; points lie in a grid of
constant width, so that a distance finds as many. They are written as the broker's own code shapes them, not over HTTP,
and indexed when they are there: a million takes minutes.
"""

import asyncio
import random
from concurrent.futures import ProcessPoolExecutor
from math import cos, isqrt, radians
from multiprocessing import get_context
from operator import itemgetter
from typing import Any, Final

from pymongo import AsyncMongoClient, MongoClient
from pymongo.write_concern import WriteConcern

from broker.hosting.bundled import Bundled
from broker.jsonld.compiler import Compiler
from broker.model.entity import Entity
from broker.model.merge import create
from broker.model.parse import parse_entity
from broker.names import CORE_CONTEXT
from broker.store import counts, indexes, shapes
from broker.store.client import Client, Database
from broker.store.commits import Change, Deriving
from broker.store.indexes import ENTITIES
from broker.store.tenants import UNLIMITED, Tenants, database_name

Payload = dict[str, Any]

TYPES: Final = ("Vehicle", "Streetlight", "ParkingSpot", "WasteContainer")
PER_GROUP: Final = 20
"""Entities of one type that share a group."""
IN_GROUP: Final = PER_GROUP * len(TYPES)
SPACING: Final = 20.0
"""Metres between neighbours."""
CENTRE: Final = (8.5, 47.4)
METRE: Final = 1 / 111_320
CHUNK: Final = 2000
INSTANT: Final = "2026-11-20T08:00:00Z"
LOADERS: Final = 2
SAMPLE: Final = 50
"""Documents that are compared before stored data are used again."""


def groups(entities: int) -> int:
    """How many groups there are."""
    return entities // IN_GROUP


def group_of(number: int, entities: int) -> int:
    """The group of an entity."""
    return number // len(TYPES) % groups(entities)


def place(number: int, entities: int) -> tuple[float, float]:
    """Where an entity is: in a square grid around CENTRE."""
    side = isqrt(entities - 1) + 1
    return position((number % side - side / 2) * SPACING, (number // side - side / 2) * SPACING)


def position(east: float, north: float) -> tuple[float, float]:
    """Longitude and latitude of a point, metres from CENTRE."""
    longitude = CENTRE[0] + east * METRE / cos(radians(CENTRE[1]))
    return round(longitude, 7), round(CENTRE[1] + north * METRE, 7)


def entity(number: int, entities: int) -> Payload:
    """An entity, normalized: nine attributes, about 1 KB."""
    group = group_of(number, entities)
    shuffled = random.Random(number)
    return {
        "id": entity_id(number),
        "type": TYPES[number % len(TYPES)],
        "scope": f"/city/d{group % 97}/s{group}",
        "name": {"type": "Property", "value": f"Thing {number}"},
        "number": {"type": "Property", "value": number},
        "group": {"type": "Property", "value": group},
        "rare": {"type": "Property", "value": number % (entities // PER_GROUP)},
        "state": {"type": "Property", "value": "closed" if shuffled.random() < 0.1 else "open"},
        "load": {"type": "Property", "value": round(shuffled.random(), 4), "unitCode": "P1", "observedAt": INSTANT},
        "cabinet": {"type": "Relationship", "object": cabinet(group)},
        "address": {
            "type": "Property",
            "value": {"streetAddress": f"Long Street {group}", "addressLocality": "Riverton", "postalCode": "8001"},
        },
        "location": {
            "type": "GeoProperty",
            "value": {"type": "Point", "coordinates": list(place(number, entities))},
        },
    }


def entity_id(number: int) -> str:
    """The id of an entity."""
    return f"urn:ngsi-ld:{TYPES[number % len(TYPES)]}:{number:08}"


def cabinet(group: int) -> str:
    """What the entities of a group point to."""
    return f"urn:ngsi-ld:Cabinet:{group:07}"


async def load(uri: str, prefix: str, tenant: str, entities: int) -> bool:
    """Make a tenant, and its entities; whether that was to be done: what is stored already stays."""
    client: Client = AsyncMongoClient(uri, w="majority", journal=True)  # an index takes longer than the broker waits
    try:
        database = await Tenants(client, prefix, UNLIMITED).database(tenant, create=True)
        if await _is_stored(database, entities):
            return False
        await client.drop_database(database)
        await indexes.prepare(database, dict.fromkeys(indexes.INDEXES, ()))
        await _fill(uri, database.name, entities)
        await indexes.prepare(database)  # built at once, they cost less than growing with each insert
    finally:
        await client.close()
    return True


def warm(uri: str, prefix: str, tenant: str) -> None:
    """Have mongod read all documents and keys of a tenant once: they stay in its cache as far as it is large enough."""
    with MongoClient[Payload](uri) as client:
        stored = client[database_name(prefix, tenant)][ENTITIES]
        list(stored.aggregate([{"$group": {"_id": None, "bytes": {"$sum": {"$bsonSize": "$$ROOT"}}}}]))
        for index, field in (("attribute", "a.k"), ("type", "t"), ("_id_", "_id")):
            stored.count_documents({field: {"$gte": ""}}, hint=index)


async def _is_stored(database: Database, entities: int) -> bool:
    """Whether a database holds what would be written to it."""
    stored = database[ENTITIES]
    if await stored.estimated_document_count() != entities:
        return False
    sample = _documents(range(0, entities, max(1, entities // SAMPLE)), entities)
    found = await stored.find({"_id": {"$in": [each["_id"] for each in sample]}}).to_list()
    return sorted(found, key=itemgetter("_id")) == sorted(sample, key=itemgetter("_id"))


async def _fill(uri: str, database: str, entities: int) -> None:
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(LOADERS, mp_context=get_context("spawn")) as pool:
        parts = [
            loop.run_in_executor(pool, _load_part, uri, database, range(first, entities, LOADERS), entities)
            for first in range(LOADERS)
        ]
        await asyncio.gather(*parts)


def _load_part(uri: str, database: str, numbers: range, entities: int) -> None:
    with MongoClient[Payload](uri) as client:
        stored = client.get_database(database, write_concern=WriteConcern(1, j=False))
        for start in range(0, len(numbers), CHUNK):
            made = _made(numbers[start : start + CHUNK], entities)
            stored[ENTITIES].insert_many([shapes.document(each, 1) for each in made], ordered=False)
            changes = [Change(each.id, None, each, 1, INSTANT) for each in made]
            for owed in counts.derive(Deriving(database, changes, numbers[0])):
                stored[owed.collection].bulk_write([owed.operation])


def _documents(numbers: range, entities: int) -> list[Payload]:
    return [shapes.document(each, 1) for each in _made(numbers, entities)]


def _made(numbers: range, entities: int) -> list[Entity]:
    names = Compiler(Bundled()[CORE_CONTEXT]).core
    return [create(parse_entity(entity(number, entities), names), INSTANT) for number in numbers]
