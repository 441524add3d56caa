"""How many queries a worker has mongod work on at once: `python -m benchmarks.decisions.query_gate`.

Clients ask for a number, each time for another, with as many at once as PyMongo's pool holds, and with fewer. First
alone, then beside clients whose queries take long: they look at every entity of a type.
"""

import argparse
import asyncio
import random
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from urllib.parse import quote

from rich.console import Console
from rich.table import Table

from benchmarks import query_data, query_measure, systems, traffic, wrk
from benchmarks.decisions import experiment
from benchmarks.query_kinds import KIND, KINDS
from benchmarks.verdicts import spread
from broker.names import API_ROOT

SIZES: Final = (64, 16, 8, 4, 2)
"""Of the gate. 64 are as many as the pool holds: there is no gate."""
CLIENTS: Final = 128
SLOW_CLIENTS: Final = 8
ASKED: Final = 5000


def write(folder: Path, entities: int) -> tuple[wrk.Requests, wrk.Requests]:
    """Quick queries, and slow ones."""
    tenant = f"\r\nNGSILD-Tenant: {query_measure.tenant(entities)}\r\n\r\n".encode()
    randomness = random.Random(3)
    number = next(kind for kind in KINDS if kind.name == "number")

    def requests(queries: list[str]) -> list[bytes]:
        found = [traffic.Request("GET", f"{API_ROOT}/entities?{query}") for query in queries]
        return [request.encoded().replace(b"\r\n\r\n", tenant) for request in found]

    slow = [f"type={KIND}&idPattern={quote(f'{each:05}$')}" for each in range(500)]
    return (
        wrk.write(folder / "quick", requests([number.ask(randomness, entities) for _ in range(ASKED)])),
        wrk.write(folder / "slow", requests(slow)),
    )


def main(repetitions: int, entities: int, seconds: int) -> None:
    """Measure every size in turn."""
    alone: dict[int, list[wrk.Load]] = {size: [] for size in SIZES}
    beside: dict[int, list[tuple[wrk.Load, wrk.Load]]] = {size: [] for size in SIZES}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="bench-")))
        database = stack.enter_context(experiment.mongod())
        asyncio.run(query_data.load(database.uri, systems.DATABASE, query_measure.tenant(entities), entities))
        quick, slow = write(folder, entities)
        for _ in range(repetitions):
            for size in SIZES:
                with systems.broker(database.uri, folder / "log", queries_in_flight=str(size)) as broker:
                    wrk.run(broker.address, quick, CLIENTS, 1)
                    alone[size].append(wrk.run(broker.address, quick, CLIENTS, seconds))
                    others = wrk.Client(broker.address, slow, SLOW_CLIENTS, seconds + 1)
                    found = wrk.run(broker.address, quick, CLIENTS, seconds)
                    beside[size].append((found, others.finish()))
    columns = ("a second", "p50 ms", "p99 ms", "beside slow: a second", "p50 ms", "p99 ms", "slow ones a second")
    table = Table(
        "at once", *columns, title=f"{CLIENTS} clients, {SLOW_CLIENTS} slow ones, {entities} entities; medians"
    )
    for size in SIZES:
        runs = [(load.rate, load.p50, load.p99) for load in alone[size]]
        mixed = [(load.rate, load.p50, load.p99, other.rate) for load, other in beside[size]]
        cells = [spread([run[column] for run in runs]).median for column in range(3)]
        cells += [spread([run[column] for run in mixed]).median for column in range(4)]
        table.add_row(str(size), *(f"{cell:,.0f}" for cell in cells))
    Console(width=130).print(table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--entities", type=int, default=10_000)
    parser.add_argument("--seconds", type=int, default=3)
    options = parser.parse_args()
    main(options.repetitions, options.entities, options.seconds)
