"""The entities that queries are measured on: the same answers whatever their number.

Each group of values is held by PER_GROUP entities of each type, evenly over the order of ids; points lie in a grid of
constant width, so that a distance finds as many. They are written as the broker's own code shapes them, not over HTTP:
a million takes minutes.
"""

import random
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from math import cos, isqrt, radians
from typing import Any, Final

from pymongo import MongoClient
from pymongo.write_concern import WriteConcern

from broker.hosting.bundled import Bundled
from broker.jsonld.compiler import Compiler
from broker.model.merge import create
from broker.model.parse import parse_entity
from broker.names import CORE_CONTEXT
from broker.store import counts, shapes
from broker.store.client import connect
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


async def load(uri: str, prefix: str, tenant: str, entities: int) -> None:
    """Make a tenant, and its entities."""
    client = connect(uri)
    await Tenants(client, prefix, UNLIMITED).database(tenant, create=True)
    await client.close()
    starts = range(0, entities, CHUNK)
    with ProcessPoolExecutor(LOADERS) as pool:
        for _ in pool.map(_load_chunk, repeat(uri), repeat(database_name(prefix, tenant)), starts, repeat(entities)):
            pass


def _load_chunk(uri: str, database: str, start: int, entities: int) -> None:
    names = Compiler(Bundled()[CORE_CONTEXT]).core
    changes: list[Change] = []
    documents: list[Payload] = []
    for number in range(start, min(start + CHUNK, entities)):
        made = create(parse_entity(entity(number, entities), names), INSTANT)
        changes.append(Change(made.id, None, made, 1, INSTANT))
        documents.append(shapes.document(made, 1))
    owed = list(counts.derive(Deriving(database, changes, 0)))
    with MongoClient[Payload](uri) as client:
        stored = client.get_database(database, write_concern=WriteConcern(1, j=False))
        stored[ENTITIES].insert_many(documents, ordered=False)
        for each in owed:
            stored[each.collection].bulk_write([each.operation])
