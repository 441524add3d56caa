"""Where the type stands in the index of geometries: `python -m benchmarks.decisions.geo_index`.

Candidates: what they cost to write and to update, and what mongod looks at to find those of one type of ten in a place.

- name: the index {g.k, g.v} with g: [{k: name, v: geometry}]
- name and type: the same index with g: [{k: [name, "type name"], v: geometry}]; the broker's shape
- two indexes: that of `name`, and {t, g.k, g.v}
"""

import argparse
import random
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Final

from pymongo import GEOSPHERE, InsertOne, MongoClient, UpdateOne
from pymongo.collection import Collection
from rich.console import Console
from rich.table import Table

from benchmarks.decisions import experiment
from benchmarks.verdicts import spread

Document = dict[str, Any]

NAME: Final = "https://uri.etsi.org/ngsi-ld/location"
TYPES: Final = [f"https://uri.etsi.org/ngsi-ld/default-context/Type{number}" for number in range(10)]
GROUP: Final = 250
GEOMETRY: Final = [("g.k", 1), ("g.v", GEOSPHERE)]
TYPED: Final = [("t", 1), ("g.k", 1), ("g.v", GEOSPHERE)]
PLACES: Final = {"10 % of the city": (0.12, 0.08), "1 %": (0.03, 0.02), "0.1 %": (0.01, 0.007)}


@dataclass(frozen=True)
class Shape:
    """A candidate: the keys of a geometry, its indexes, and how a type and a place are asked for."""

    name: str
    keys: Callable[[str], Any]
    indexes: tuple[list[tuple[str, Any]], ...]
    asks_for: str
    hint: list[tuple[str, Any]]


SHAPES: Final = (
    Shape("name", lambda _: NAME, (GEOMETRY,), NAME, GEOMETRY),
    Shape("name and type", lambda each: [NAME, f"{each} {NAME}"], (GEOMETRY,), f"{TYPES[3]} {NAME}", GEOMETRY),
    Shape("two indexes", lambda _: NAME, (GEOMETRY, TYPED), NAME, TYPED),
)


def place(number: int) -> Document:
    """Where an entity is: nine points, of ten, and a small line or area."""
    x, y = 13.4 + random.gauss(0, 0.15), 52.5 + random.gauss(0, 0.09)
    if number % 20 == 0:
        ring = [[x, y], [x + 0.001, y], [x + 0.001, y + 0.001], [x, y + 0.001], [x, y]]
        return {"type": "Polygon", "coordinates": [ring]}
    if number % 20 == 1:
        return {"type": "LineString", "coordinates": [[x, y], [x + 0.002, y + 0.001]]}
    return {"type": "Point", "coordinates": [x, y]}


def document(shape: Shape, number: int, geometry: Document) -> Document:
    """An entity with five values besides."""
    type_name = TYPES[number % len(TYPES)]
    values = [{"k": f"attribute{each}", "v": number * each % 997} for each in range(5)]
    places = [{"k": shape.keys(type_name), "v": geometry}]
    return {"_id": number, "t": [type_name], "a": values, "g": places, "j": bytes(600)}


def grouped(client: MongoClient[Document], entities: Collection[Document], operations: list[Any]) -> float:
    """Milliseconds of a group in one transaction, as the broker commits it."""
    began = perf_counter()
    with client.start_session() as session, session.start_transaction():
        entities.bulk_write(operations, ordered=False, session=session)
    return (perf_counter() - began) * 1000


def write(client: MongoClient[Document], number: int) -> dict[str, tuple[float, float]]:
    """Make the collections, in turn; per candidate the milliseconds of a group inserted, and of one updated."""
    took: dict[str, tuple[list[float], list[float]]] = {shape.name: ([], []) for shape in SHAPES}
    for shape in SHAPES:
        entities = client["geo"][shape.name]
        entities.create_index([("t", 1), ("_id", 1)])
        entities.create_index([("a.k", 1), ("a.v", 1)])
        for index in shape.indexes:
            entities.create_index(index)
    for start in range(0, number, GROUP):
        places = [place(each) for each in range(start, start + GROUP)]
        for shape in SHAPES:
            made = [document(shape, start + each, geometry) for each, geometry in enumerate(places)]
            changes = [{"$set": {"j": bytes(601), "a": [*each["a"][1:], {"k": "n", "v": start}]}} for each in made]
            updates = [UpdateOne({"_id": each["_id"]}, change) for each, change in zip(made, changes, strict=True)]
            entities = client["geo"][shape.name]
            took[shape.name][0].append(grouped(client, entities, [InsertOne(each) for each in made]))
            took[shape.name][1].append(grouped(client, entities, updates))
    return {name: (spread(inserts).median, spread(updates).median) for name, (inserts, updates) in took.items()}


def box(width: float, height: float) -> Document:
    """A part of the city from its middle on."""
    x, y = 13.4, 52.5
    ring = [[x, y], [x + width, y], [x + width, y + height], [x, y + height], [x, y]]
    return {"type": "Polygon", "coordinates": [ring]}


def ask(entities: Collection[Document], shape: Shape, region: Document) -> str:
    """Keys that are examined for each entity that is found, how many that are, and the milliseconds."""
    within = {"k": {"$in": [shape.asks_for, "@anywhere"]}, "v": {"$geoIntersects": {"$geometry": region}}}
    query = {"t": TYPES[3], "g": {"$elemMatch": within}}
    looked = entities.find(query).hint(shape.hint).explain()["executionStats"]
    took = []
    for _ in range(9):
        began = perf_counter()
        found = len(entities.find(query, {"_id": 1}, batch_size=100_000).hint(shape.hint).to_list())
        took.append((perf_counter() - began) * 1000)
    return f"{looked['totalKeysExamined'] / found:.1f} of {found}, {spread(took).median:.1f} ms"


def main(uri: str, number: int) -> None:
    """Measure all candidates side by side."""
    table = Table("", "insert", "update", "index, MiB", *PLACES, title=f"{number} entities; ms for {GROUP}", padding=0)
    with MongoClient[Document](uri, w="majority", journal=True) as client:
        written = write(client, number)
        for shape in SHAPES:
            entities = client["geo"][shape.name]
            sizes = client["geo"].command("collStats", shape.name)["indexSizes"]
            size = sum(each for name, each in sizes.items() if "g.v" in name) / 2**20
            answers = [ask(entities, shape, box(*each)) for each in PLACES.values()]
            table.add_row(shape.name, *(f"{each:.1f}" for each in (*written[shape.name], size)), *answers)
    Console(width=130).print(table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entities", type=int, default=100_000)
    with experiment.mongod() as running:
        main(running.uri, parser.parse_args().entities)
