"""How an entity lies in MongoDB: `python -m benchmarks.decisions.document_shape`.

Candidates, each with every attribute indexed: what they cost to write, to update, to read, and to keep.

- bytes, array: the entity serialised beside an array [{k: name, v: value}] with one multikey index; the broker's shape
- bytes, wildcard: the entity serialised beside a map {name: value} with a wildcard index
- members, array: the entity as nested members, beside the array
- members, wildcard: the entity as nested members; a wildcard index over them and nothing else
"""

import argparse
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from time import monotonic, perf_counter
from typing import Any, Final

import orjson
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient, UpdateOne
from pymongo.collection import Collection
from rich.console import Console
from rich.table import Table

from benchmarks import sample, systems
from benchmarks.decisions import experiment
from benchmarks.decisions.experiment import Mongod
from benchmarks.verdicts import spread

Document = dict[str, Any]
Entities = Collection[Document]

BULK: Final = 250
UPDATES: Final = 5_000
PAGE: Final = 1_000
PAGES: Final = 20
TEMPLATES: Final = 2_000
RAW: Final[CodecOptions[RawBSONDocument]] = CodecOptions(document_class=RawBSONDocument)
HOT: Final = "temperature"


def scalar(attribute: Document) -> Any:
    """What is indexed of an attribute."""
    value = attribute.get("value", attribute.get("object"))
    return None if isinstance(value, dict | list) else value


def attributes(entity: Document) -> dict[str, Document]:
    """The attributes of a normalized entity."""
    return {name: member for name, member in entity.items() if name not in ("id", "type")}


def keys(entity: Document) -> list[Document]:
    """The array of an entity's index keys."""
    return [{"k": name, "v": scalar(member)} for name, member in attributes(entity).items()]


def bytes_and_array(entity: Document) -> Document:
    """The broker's shape."""
    return {"t": entity["type"], "j": orjson.dumps(entity), "a": keys(entity)}


def bytes_and_map(entity: Document) -> Document:
    """A map of values beside the bytes."""
    values = {name: scalar(member) for name, member in attributes(entity).items()}
    return {"t": entity["type"], "j": orjson.dumps(entity), "m": values}


def members_and_array(entity: Document) -> Document:
    """The entity as it is, and the array."""
    return {"t": entity["type"], "e": attributes(entity), "a": keys(entity)}


def members(entity: Document) -> Document:
    """The entity as it is."""
    return {"t": entity["type"], "e": attributes(entity)}


@dataclass(frozen=True)
class Shape:
    """A candidate."""

    name: str
    document: Callable[[Document], Document]
    index: list[tuple[str, int]]
    update: Callable[[Document], Document]
    """The `$set` after HOT changed."""
    query: Callable[[Any], Document]
    """The filter: HOT has this value."""
    decode: Callable[[Document], Any]
    """The document as read, to an entity in memory."""


SHAPES: Final = (
    Shape(
        "bytes, array",
        bytes_and_array,
        [("a.k", 1), ("a.v", 1)],
        lambda entity: {"j": orjson.dumps(entity), "a": keys(entity)},
        lambda value: {"a": {"$elemMatch": {"k": HOT, "v": value}}},
        lambda document: orjson.loads(document["j"]),
    ),
    Shape(
        "bytes, wildcard",
        bytes_and_map,
        [("m.$**", 1)],
        lambda entity: {"j": orjson.dumps(entity), f"m.{HOT}": scalar(entity[HOT])},
        lambda value: {f"m.{HOT}": value},
        lambda document: orjson.loads(document["j"]),
    ),
    Shape(
        "members, array",
        members_and_array,
        [("a.k", 1), ("a.v", 1)],
        lambda entity: {f"e.{HOT}": entity[HOT], "a": keys(entity)},
        lambda value: {"a": {"$elemMatch": {"k": HOT, "v": value}}},
        lambda document: document["e"],
    ),
    Shape(
        "members, wildcard",
        members,
        [("e.$**", 1)],
        lambda entity: {f"e.{HOT}": entity[HOT]},
        lambda value: {f"e.{HOT}.value": value},
        lambda document: document["e"],
    ),
)


def templates() -> list[Document]:
    """Sample entities; numbers of HOT are distinct enough for a selective filter."""
    found = []
    for number in range(TEMPLATES):
        entity = sample.entity(number)
        entity[HOT] = sample.observed(round(number / 100, 2), "CEL")
        found.append(entity)
    return found


def insert(entities: Entities, shape: Shape, made: Sequence[Document], number: int) -> None:
    """Insert documents, made of the templates, in bulks."""
    for start in range(0, number, BULK):
        bulk = [{"_id": each, **made[each % TEMPLATES]} for each in range(start, min(start + BULK, number))]
        entities.insert_many(bulk, ordered=False)


def update(entities: Entities, shape: Shape, base: Sequence[Document], number: int) -> None:
    """Update HOT of random entities, in bulks."""
    for _ in range(UPDATES // BULK):
        operations = []
        for each in random.sample(range(number), BULK):
            entity = {**base[each % TEMPLATES], HOT: sample.observed(random.random() + 100, "CEL")}
            operations.append(UpdateOne({"_id": each}, {"$set": shape.update(entity)}))
        entities.bulk_write(operations, ordered=False)


def read(entities: Entities, shape: Shape, number: int) -> None:
    """Read pages and decode them."""
    for _ in range(PAGES):
        start = random.randrange(number - PAGE)
        found = entities.find({"_id": {"$gte": start}}, {"a": 0, "m": 0}, limit=PAGE, batch_size=PAGE).sort("_id")
        for document in found.to_list():
            shape.decode(document)


def read_raw(entities: Entities, _shape: Shape, number: int) -> None:
    """Read pages without decoding them."""
    raw = entities.with_options(codec_options=RAW)
    for _ in range(PAGES):
        start = random.randrange(number - PAGE)
        found = raw.find({"_id": {"$gte": start}}, {"a": 0, "m": 0}, limit=PAGE, batch_size=PAGE).sort("_id")
        assert len(found.to_list()) == PAGE


def ask(entities: Entities, shape: Shape) -> float:
    """Milliseconds of a selective filter: the median of many."""
    took = []
    for _ in range(100):
        value = round(random.randrange(TEMPLATES) / 100, 2)
        began = perf_counter()
        entities.find(shape.query(value), {"_id": 1}, limit=20).to_list()
        took.append((perf_counter() - began) * 1000)
    return spread(took).median


def main(database: Mongod, number: int) -> None:
    """Measure each candidate by itself, on its own collection."""
    base = templates()
    title = f"{number} entities; microseconds an entity: elapsed, and CPU time of mongod; MiB"
    table = Table(
        "", "insert", "mongod", "update", "mongod", "read", "read raw", "filter ms", "data", "index", title=title
    )
    with MongoClient[Document](database.uri, w="majority", journal=True) as client:
        for shape in SHAPES:
            entities = client["shapes"][shape.name]
            entities.create_index(shape.index)
            made = [shape.document(entity) for entity in base]
            inserted = _timed(database, partial(insert, entities, shape, made, number), number)
            updated = _timed(database, partial(update, entities, shape, base, number), UPDATES)
            pages = _timed(database, partial(read, entities, shape, number), PAGES * PAGE)
            raw = _timed(database, partial(read_raw, entities, shape, number), PAGES * PAGE)
            stats = client["shapes"].command("collStats", shape.name)
            (index,) = (size for name, size in stats["indexSizes"].items() if name != "_id_")
            sizes = (f"{size / 2**20:.1f}" for size in (stats["size"], index))
            times = (*inserted, *updated, pages[0], raw[0])
            table.add_row(shape.name, *(f"{time:.1f}" for time in times), f"{ask(entities, shape):.2f}", *sizes)
            entities.drop()
    Console(width=130).print(table)


def _timed(database: Mongod, work: Callable[[], None], number: int) -> tuple[float, float]:
    """Microseconds for each of a number: elapsed, and of mongod's CPU."""
    cpu = systems.cpu_seconds(database.pid)
    began = monotonic()
    work()
    elapsed = monotonic() - began
    return elapsed * 1e6 / number, (systems.cpu_seconds(database.pid) - cpu) * 1e6 / number


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entities", type=int, default=100_000)
    with experiment.mongod() as running:
        main(running, parser.parse_args().entities)
