"""Whether alike queries should tell mongod so: `python -m benchmarks.decisions.plan_marks`.

Queries by type and `q`, some that find 20 entities and some that find a fifth of all, take turns on one mongod: with
the mark of broker/query/likeness.py in their filters, and without it. mongod's profiler tells what the plan that
answered looked at, and how many plans were given up; without the profiler, mongod's CPU time tells what that costs.
"""

import argparse
import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from statistics import mean, median
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs

from pymongo import MongoClient
from rich.console import Console
from rich.table import Table

from benchmarks import query_data, query_measure, systems
from benchmarks.decisions import experiment
from benchmarks.intervals import interval
from benchmarks.query_kinds import KINDS, PAGE, Kind
from broker.hosting.bundled import Bundled
from broker.jsonld.compiler import Compiler
from broker.names import CORE_CONTEXT
from broker.query import q as language
from broker.query.ast import HasType
from broker.query.plan import Query, Selector
from broker.query.to_mongo import Mongo, entity_filter
from broker.store.deciding import projection
from broker.store.indexes import ENTITIES
from broker.store.tenants import database_name

NAMES: Final = Compiler(Bundled()[CORE_CONTEXT]).core
ASKED: Final = tuple(
    kind
    for kind in KINDS
    if kind.name in ("equality", "number", "range", "relationship", "rare", "popular", "spread", "broad")
)


class Looked(NamedTuple):
    """What one query took."""

    keys: int
    documents: int
    replanned: bool


def query_of(kind: Kind, randomness: random.Random, entities: int) -> Query:
    """A query of this kind, as the broker reads it."""
    given = parse_qs(kind.ask(randomness, entities))
    types = tuple(Selector(HasType(NAMES.expand(name))) for name in given.get("type", ()))
    return Query(types, q=language.parse(given["q"][0], NAMES), limit=PAGE + 1)


def unmarked(mongo: Mongo) -> Mongo:
    """The filter without its mark: a condition on a field that no document has."""
    conditions = [each for each in mongo["$and"] if not next(iter(each)).startswith("~")]
    return conditions[0] if len(conditions) == 1 else {"$and": conditions}


def ask(database: Any, query: Query, *, marked: bool) -> None:
    """As `broker.store.queries` asks."""
    mongo = entity_filter(query).mongo
    size = query.limit
    found = database[ENTITIES].find(
        mongo if marked else unmarked(mongo), projection(query), sort=[("_id", 1)], limit=-size, batch_size=size
    )
    found.to_list()


def trial(database: Any, rounds: int, entities: int, *, marked: bool) -> Iterator[tuple[str, Looked]]:
    """All kinds in turn, in random order, on plans that nobody has asked for yet."""
    randomness = random.Random(7)
    database.command("planCacheClear", ENTITIES)
    for _ in range(rounds):
        for kind in randomness.sample(ASKED, len(ASKED)):
            query = query_of(kind, randomness, entities)
            database["system.profile"].drop()
            database.command("profile", 2)
            ask(database, query, marked=marked)
            database.command("profile", 0)
            for line in database["system.profile"].find({"ns": f"{database.name}.{ENTITIES}"}):
                yield kind.name, Looked(line["keysExamined"], line["docsExamined"], "replanned" in line)


def cost(database: Any, pid: int, rounds: int, entities: int, *, marked: bool, seed: int) -> float:
    """Microseconds of mongod's CPU for a query, all kinds in turn."""
    randomness = random.Random(seed)
    queries = [
        query_of(kind, randomness, entities) for _ in range(rounds) for kind in randomness.sample(ASKED, len(ASKED))
    ]
    before = systems.cpu_seconds(pid)
    for query in queries:
        ask(database, query, marked=marked)
    return (systems.cpu_seconds(pid) - before) * 1e6 / len(queries)


def main(rounds: int, entities: int, repetitions: int) -> None:
    """Show what mongod looked at."""
    with experiment.mongod() as running, MongoClient[dict[str, Any]](running.uri) as client:
        tenant = query_measure.tenant(entities)
        asyncio.run(query_data.load(running.uri, systems.DATABASE, tenant, entities))
        database = client[database_name(systems.DATABASE, tenant)]
        found = {marked: [*trial(database, rounds, entities, marked=marked)] for marked in (True, False)}
        costs: dict[bool, list[float]] = {True: [], False: []}
        for repetition in range(repetitions):
            for marked in (True, False) if repetition % 2 else (False, True):
                spent = cost(database, running.pid, rounds, entities, marked=marked, seed=repetition)
                costs[marked].append(spent)
    columns = [f"{what}: {column}" for what in ("marked", "not") for column in ("keys", "most", "documents")]
    table = Table("kind", "finds", *columns, title=f"{entities:,} entities, {rounds} of each kind; means")
    for kind in ASKED:
        cells = []
        for marked in (True, False):
            each = [looked for name, looked in found[marked] if name == kind.name]
            most = max(looked.keys for looked in each)
            cells += [mean(looked.keys for looked in each), most, mean(looked.documents for looked in each)]
        table.add_row(kind.title, str(kind.single or "many"), *(f"{cell:,.0f}" for cell in cells))
    again = Counter(marked for marked, each in found.items() for _, looked in each if looked.replanned)
    console = Console(width=150)
    console.print(table)
    asked = rounds * len(ASKED)
    console.print(
        f"Plans given up and made anew, of {asked} queries: {again[True]} with marks, {again[False]} without."
    )
    ratio = interval([without / marked for without, marked in zip(costs[False], costs[True], strict=True)])
    console.print(
        f"CPU of mongod for a query: {median(costs[True]):,.0f} µs with marks, {median(costs[False]):,.0f} without: "
        f"{ratio.median:.2f} times as much ({ratio.low:.2f}–{ratio.high:.2f}, {repetitions} pairs)."
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--entities", type=int, default=20_000)
    parser.add_argument("--repetitions", type=int, default=10)
    options = parser.parse_args()
    main(options.rounds, options.entities, options.repetitions)
