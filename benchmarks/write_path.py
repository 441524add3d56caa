"""`python -m benchmarks.write_path`: what the steps of a write cost the broker, in microseconds of CPU an entity.

In one process without a database: what the broker itself does between the body of a request and the driver. The least
of several rounds over the same entities, so that other programs on the machine hardly matter. With PYTHONPATH set to
another checkout it measures the code of that one.
"""

import asyncio
import gc
from collections.abc import Callable, Sequence
from time import process_time
from typing import Annotated, Any, Final, NamedTuple

import bson
import orjson
import typer
from pymongo import InsertOne, UpdateOne
from rich.console import Console
from rich.table import Table

from benchmarks import sample
from broker.cli.worker import COLLECT_AFTER
from broker.hosting.bundled import Bundled
from broker.jsonld.compiler import Compiler
from broker.model import merge
from broker.model.entity import Entity, decode, encode
from broker.model.parse import as_entity, parse_fragment
from broker.names import CORE_CONTEXT
from broker.store import counts, shapes
from broker.store.commits import Change, Deriver, Deriving, Owed
from broker.store.history.record import recorder
from broker.store.subscriptions import Changed
from broker.subscriptions import names
from broker.subscriptions.registry import Registry

GROUP: Final = 30
BEFORE: Final = "2026-11-20T08:00:00.123456Z"
NOW: Final = "2026-11-20T09:00:00.123456Z"
CONTEXT: Final = Compiler(Bundled()[CORE_CONTEXT]).core


class Kind(NamedTuple):
    """A kind of write: the bodies of requests, an entity each, and what becomes of the entities that are there."""

    name: str
    bodies: Sequence[bytes]
    olds: Sequence[Entity | None]
    apply: Callable[[Entity | None, Any], Entity]


def kinds() -> list[Kind]:
    """Batch upserts of entities that are there and of new ones, and updates of one attribute."""
    olds = [merge.create(as_entity(_parsed(sample.entity(number))), BEFORE) for number in range(GROUP)]
    stored = [decode(encode(old)) for old in olds]
    whole = [orjson.dumps(sample.entity(number, 1)) for number in range(GROUP)]
    updates = [orjson.dumps(sample.update(number)) for number in range(GROUP)]
    return [
        Kind("upsert again", whole, stored, lambda old, new: merge.replace(_known(old), as_entity(new), NOW)),
        Kind("upsert new", whole, [None] * GROUP, lambda _, new: merge.create(as_entity(new), NOW)),
        Kind("update", updates, stored, lambda old, new: merge.update(_known(old), new, NOW)[0]),
    ]


def _parsed(payload: Any) -> Any:
    return parse_fragment(payload, CONTEXT)


def _known(entity: Entity | None) -> Entity:
    assert entity is not None
    return entity


def steps(kind: Kind) -> dict[str, Callable[[], Any]]:
    """What is measured, by name: each a whole group."""
    payloads = [orjson.loads(body) for body in kind.bodies]
    fragments = [_parsed(payload) for payload in payloads]
    news = [kind.apply(old, fragment) for old, fragment in zip(kind.olds, fragments, strict=True)]
    pairs = list(zip(kind.olds, news, strict=True))
    changes = [Change(new.id, old, new, 1, NOW) for old, new in pairs]
    deriving = Deriving("", changes, 1)
    stored = [encode(old) for old in kind.olds if old is not None]
    history = recorder(lambda _: None)
    written = [*_operations(pairs), *(owed.operation for each in (counts.derive, history) for owed in each(deriving))]
    commands = [_document(operation) for operation in written]

    def derived(deriver: Deriver) -> Callable[[], list[Owed]]:
        return lambda: list(deriver(deriving))

    return {
        "JSON": lambda: [orjson.loads(body) for body in kind.bodies],
        "parse": lambda: [_parsed(payload) for payload in payloads],
        "decode": lambda: [decode(each) for each in stored],
        "apply": lambda: [kind.apply(old, new) for old, new in zip(kind.olds, fragments, strict=True)],
        "counts": derived(counts.derive),
        "history": derived(history),
        "no subscription": derived(_registry().derive),
        "one to another type": derived(_registry("Building").derive),
        "one to each type": derived(_registry(*sample.TYPES).derive),
        "document": lambda: list(_operations(pairs)),
        "BSON": lambda: [bson.encode(command) for command in commands],
    }


def _operations(pairs: Sequence[tuple[Entity | None, Entity]]) -> list[UpdateOne | InsertOne[dict[str, Any]]]:
    return [
        InsertOne(shapes.document(new, 2)) if old is None else UpdateOne({"_id": new.id}, shapes.update(old, new, 2))
        for old, new in pairs
    ]


def _document(operation: Any) -> dict[str, Any]:
    """What the driver encodes."""
    if isinstance(operation, InsertOne):
        return dict(operation._doc)
    return {"q": operation._filter, "u": operation._doc}


def _registry(*types: str) -> Registry:
    """A worker's subscriptions: one to each of the types, for a number that no entity has."""
    documents: list[dict[str, Any]] = [
        {
            "id": f"urn:ngsi-ld:Subscription:{each}",
            "type": "Subscription",
            "entities": [{"type": each}],
            "q": "occupancy>10",
            "notification": {"endpoint": {"uri": "https://receiver.example/"}},
        }
        for each in types
    ]
    kept = [Changed(each["id"], orjson.dumps(names.expanded(each, CONTEXT)), 1) for each in documents]

    async def load(_tenant: str, _since: int) -> Sequence[Changed]:
        return kept

    registry = Registry(load)
    asyncio.run(registry.reload(""))
    return registry


def measured(work: Callable[[], Any], rounds: int) -> float:
    """Microseconds of CPU for each of a group, in the best round."""
    best = float("inf")
    for _ in range(rounds):
        start = process_time()
        work()
        best = min(best, process_time() - start)
    return best * 1e6 / GROUP


def main(rounds: Annotated[int, typer.Option(min=1)] = 400) -> None:
    """Measure every step of every kind of write."""
    gc.freeze()  # as a worker has it
    gc.set_threshold(*COLLECT_AFTER)
    columns = {kind.name: {name: measured(work, rounds) for name, work in steps(kind).items()} for kind in kinds()}
    table = Table("µs of CPU an entity", *columns)
    for name in next(iter(columns.values())):
        table.add_row(name, *(f"{column[name]:.2f}" for column in columns.values()))
    Console(width=100).print(table)


if __name__ == "__main__":
    typer.run(main)
