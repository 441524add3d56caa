"""The kinds of queries, measured: latencies at several numbers of entities side by side, and what mongod looks at.

All sizes are tenants of one broker. A client asks for all kinds at all sizes in random order, each time for something
else: they share every moment of the machine, nothing is answered twice, and no kind has mongod's plans for itself.
"""

import http.client
import random
from collections.abc import Callable, Sequence
from statistics import mean, quantiles
from typing import Any, NamedTuple

import orjson
from pymongo import MongoClient

from benchmarks.query_kinds import KINDS, Kind
from benchmarks.systems import DATABASE, Served
from broker.names import API_ROOT, TENANT_HEADER
from broker.store.indexes import ENTITIES
from broker.store.tenants import database_name


class Latency(NamedTuple):
    """Of one kind at one size in one repetition; milliseconds."""

    p50: float
    p95: float
    hits: float


class Looked(NamedTuple):
    """What mongod looked at for one kind at one size: means, and the most keys of one request."""

    keys: float
    most_keys: int
    documents: float
    plans: list[str]


class Client:
    """One client of the broker, on one connection."""

    def __init__(self, broker: Served) -> None:
        self._connection = http.client.HTTPConnection(broker.address, timeout=60)

    def ask(self, query: str, size: int) -> list[Any]:
        """The entities of an answer. Raises RuntimeError if it is none."""
        headers = {TENANT_HEADER: tenant(size), "Accept": "application/json"}
        self._connection.request("GET", f"{API_ROOT}/entities?{query}", headers=headers)
        response = self._connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise RuntimeError(f"The broker answers {response.status} to {query}: {body[:300]!r}")
        found: list[Any] = orjson.loads(body)
        return found


def tenant(size: int) -> str:
    """The tenant of so many entities."""
    return f"q{size}"


def latencies(
    broker: Served, sizes: Sequence[int], requests: int, clock: Callable[[], float], seed: int
) -> dict[str, dict[int, Latency]]:
    """A repetition: kind to size to latency."""
    client, randomness = Client(broker), random.Random(seed)
    took: dict[tuple[str, int], list[float]] = {(kind.name, size): [] for kind in KINDS for size in sizes}
    hits: dict[tuple[str, int], list[int]] = {key: [] for key in took}
    asked = [(kind, size) for kind in KINDS for size in sizes]
    for _ in range(requests):
        for kind, size in randomness.sample(asked, len(asked)):
            query = kind.ask(randomness, size)
            began = clock()
            found = client.ask(query, size)
            took[kind.name, size].append((clock() - began) * 1000)
            hits[kind.name, size].append(len(found))
    return {
        kind.name: {size: _latency(took[kind.name, size], hits[kind.name, size]) for size in sizes} for kind in KINDS
    }


def _latency(took: Sequence[float], hits: Sequence[int]) -> Latency:
    cuts = quantiles(took, n=20, method="inclusive")
    return Latency(cuts[9], cuts[18], mean(hits))


def looked_at(uri: str, broker: Served, size: int, requests: int = 10, seed: int = 5) -> dict[str, Looked]:
    """Kind to what mongod looks at, by its profiler; kinds take turns, so that none has the plans for itself."""
    client, randomness = Client(broker), random.Random(seed)
    found: dict[str, list[tuple[int, int]]] = {kind.name: [] for kind in KINDS}
    plans: dict[str, set[str]] = {kind.name: set() for kind in KINDS}
    with MongoClient[dict[str, Any]](uri) as mongo:
        database = mongo[database_name(DATABASE, tenant(size))]
        for _ in range(requests):
            for kind in randomness.sample(KINDS, len(KINDS)):
                lines = _profiled(database, client, kind, randomness, size)
                keys = sum(line.get("keysExamined", 0) for line in lines)
                found[kind.name].append((keys, sum(line.get("docsExamined", 0) for line in lines)))
                plans[kind.name] |= {line["planSummary"] for line in lines if "planSummary" in line}
    return {
        name: Looked(mean(keys for keys, _ in each), max(each)[0], mean(docs for _, docs in each), sorted(plans[name]))
        for name, each in found.items()
    }


def _profiled(database: Any, client: Client, kind: Kind, randomness: random.Random, size: int) -> list[dict[str, Any]]:
    query = kind.ask(randomness, size)
    database["system.profile"].drop()
    database.command("profile", 2)
    client.ask(query, size)
    database.command("profile", 0)
    return list(database["system.profile"].find({"ns": f"{database.name}.{ENTITIES}"}))
