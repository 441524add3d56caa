"""What an update costs mongod, by indexes and by what is set: `python -m benchmarks.decisions.update_cost`.

Groups of 128 updates of one attribute, each group a transaction of one client; no reads, no merging.
"""

import argparse
import random
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final

import uvloop
from pymongo import ASCENDING, GEOSPHERE, IndexModel, UpdateOne

from benchmarks import sample
from benchmarks.decisions import experiment
from benchmarks.decisions.experiment import Mongod, Outcome
from broker.hosting.bundled import Bundled
from broker.jsonld.compiler import Compiler
from broker.model import merge
from broker.model.parse import parse_entity, parse_fragment
from broker.names import CORE_CONTEXT
from broker.store import shapes
from broker.store.client import DURABLE, SNAPSHOT, connect

NUMBER: Final = 10_000
GROUP: Final = 128
NOW: Final = "2026-11-20T09:00:00.123456Z"
NAMES: Final = Compiler(Bundled()[CORE_CONTEXT]).core

_ATTRIBUTE: Final = IndexModel([("a.k", ASCENDING), ("a.v", ASCENDING)])
_TYPE: Final = IndexModel([("t", ASCENDING), ("_id", ASCENDING)])
_GEOMETRY: Final = IndexModel([("g.k", ASCENDING), ("g.v", GEOSPHERE)])
_TYPE_GEOMETRY: Final = IndexModel([("t", ASCENDING), ("g.k", ASCENDING), ("g.v", GEOSPHERE)])
_SCOPE: Final = IndexModel([("s", ASCENDING), ("_id", ASCENDING)])

INDEXES: Final[dict[str, list[IndexModel]]] = {
    "no index": [],
    "attributes": [_ATTRIBUTE],
    "attributes, type, geometry (the store's)": [_ATTRIBUTE, _TYPE, _GEOMETRY],
    "and scope": [_ATTRIBUTE, _TYPE, _GEOMETRY, _SCOPE],
    "and type with geometry": [_ATTRIBUTE, _TYPE, _GEOMETRY, _SCOPE, _TYPE_GEOMETRY],
}


class Trials:
    """Updates of the same entities, in a collection for each set of indexes."""

    def __init__(self, database: Mongod, seconds: float) -> None:
        self._database = database
        self._seconds = seconds
        self._client = connect(database.uri)
        self._entities = [merge.create(parse_entity(sample.entity(number), NAMES), NOW) for number in range(NUMBER)]
        self._fragments = [parse_fragment(sample.update(version), NAMES) for version in range(1_000)]

    async def load(self) -> None:
        """Make the collections."""
        documents = [shapes.document(entity, 1) for entity in self._entities]
        for name, indexes in INDEXES.items():
            collection = self._client["update"][name]
            await collection.insert_many(documents, ordered=False)
            if indexes:
                await collection.create_indexes(indexes)

    async def run(self, collection: str, element_alone: bool) -> Outcome:
        """Groups of updates that set the whole of `a`, or only its changed member."""
        target = self._client["update"][collection]

        async def operation(_client: int) -> int:
            numbers = random.sample(range(NUMBER), GROUP)
            updates = [UpdateOne({"_id": self._entities[n].id}, self._update(n, element_alone)) for n in numbers]
            async with self._client.start_session() as session:
                await session.start_transaction(read_concern=SNAPSHOT, write_concern=DURABLE)
                await target.bulk_write(updates, ordered=False, session=session)
                await session.commit_transaction()
            return GROUP

        return await experiment.measured(self._database, 1, self._seconds, operation)

    def _update(self, number: int, element_alone: bool) -> dict[str, Any]:
        old = self._entities[number]
        new, _ = merge.update(old, random.choice(self._fragments), NOW)
        update = shapes.update(old, new, 2)
        if element_alone:
            before, after = shapes.document(old, 1)["a"], update["$set"].pop("a")
            update["$set"].update(_differences(before, after))
        return update


def _differences(before: Sequence[dict[str, Any]], after: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The members of `a` that differ, by their paths."""
    pairs = enumerate(zip(before, after, strict=True))
    return {f"a.{position}.v": new["v"] for position, (old, new) in pairs if old != new}


async def main(database: Mongod, repetitions: int, seconds: float) -> None:
    """Measure everything."""
    trials = Trials(database, seconds)
    await trials.load()
    plans: dict[str, Callable[[], Awaitable[Outcome]]] = {
        name: partial(trials.run, name, element_alone=False) for name in INDEXES
    }
    stored = next(name for name in INDEXES if "store's" in name)
    plans[f"{stored}, only the changed member set"] = partial(trials.run, stored, element_alone=True)
    experiment.show("updates in groups of 128", await experiment.interleaved(plans, repetitions))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.5)
    arguments = parser.parse_args()
    with experiment.mongod() as running:
        uvloop.run(main(running, arguments.repetitions, arguments.seconds))
