"""`python -m benchmarks.tails`: how much longer than the usual update does the slowest of a hundred take?

In each repetition wrk finds what the broker can do with 128 clients; then updates come at 70 % of that, at random
instants, and count from when they were due. The same rate against H tells how much of the times is the client's own.
"""

import random
import tempfile
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter, process_time
from typing import Annotated, Any, Final, NamedTuple

import typer
import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks import measure, open_loop, parts, report, sample, systems, tables, traffic, wrk
from benchmarks.report import Part
from benchmarks.systems import Served
from benchmarks.traffic import Answer
from benchmarks.verdicts import Values, spread

CACHE_MB: Final = 1024
CLIENTS: Final = 128
"""Of the closed loop."""
PART: Final = 0.7
NO_CONTENT: Final = 204
KEY: Final = ("update-70", "p99/p50")

console = Console(width=tables.WIDTH)


class Times(NamedTuple):
    """Milliseconds from when requests were due, and the cores that the client used."""

    p50: float
    p99: float
    errors: int
    client: float


class Round(NamedTuple):
    """One repetition. Rates are requests a second."""

    capacity: float
    broker: Times
    http: Times
    """The same rate against H."""

    @property
    def ratio(self) -> float:
        """p99 over p50."""
        return self.broker.p99 / self.broker.p50


def main(
    repetitions: Annotated[int, typer.Option(min=1)] = 5,
    seconds: Annotated[int, typer.Option(min=1, help="Of each turn.")] = 8,
    entities: Annotated[int, typer.Option(min=2000, help="In the database.")] = 10_000,
) -> None:
    """Measure updates at 70 % of the load, and judge them by benchmarks/targets.toml."""
    wrk.require()
    parts.finish(part(repetitions, seconds, entities), report.about(repetitions, entities), console)


def part(repetitions: int, seconds: int, entities: int) -> Part:
    """Measure updates at 70 % of the load, and show them."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        uri, _ = stack.enter_context(systems.mongod(folder / "data", CACHE_MB))
        broker = stack.enter_context(systems.broker(uri, folder / "broker.log"))
        http = stack.enter_context(systems.http_limit(folder / "http.log"))
        systems.answer_with(http, Answer(NO_CONTENT, [], b""))
        measure.load(broker, entities)
        requests = [request.encoded() for request in traffic.updates(entities)]
        closed = wrk.write(folder / "updates", requests)
        wrk.run(broker.address, closed, CLIENTS, seconds)
        rounds = []
        for _ in range(repetitions):
            capacity = wrk.run(broker.address, closed, CLIENTS, seconds).rate
            rounds.append(
                Round(
                    capacity,
                    _open(broker, requests, capacity * PART, seconds),
                    _open(http, requests, capacity * PART, seconds / 2),
                )
            )
    _show(rounds)
    values = Values([each.ratio for each in rounds], _void(rounds))
    return Part("tails", {"rounds": [_document(each) for each in rounds]}, {KEY: values})


def _open(served: Served, requests: list[bytes], rate: float, seconds: float) -> Times:
    """A turn of the open loop."""
    randomness = random.Random(sample.SEED)
    following = cycle(requests)
    spent, began = process_time(), perf_counter()
    found = uvloop.run(
        open_loop.send(served.address, lambda: (None, next(following)), rate, seconds, randomness),
    )
    client = (process_time() - spent) / (perf_counter() - began)
    cuts = quantiles([each.seconds * 1000 for each in found], n=100)
    return Times(cuts[49], cuts[98], sum(each.answer.status != NO_CONTENT for each in found), client)


def _void(rounds: list[Round]) -> str:
    """Why the ratio says nothing; empty if it does."""
    if errors := sum(each.broker.errors + each.http.errors for each in rounds):
        return f"{errors} requests failed"
    busy = median(each.http.client for each in rounds)
    return f"the load client used {busy:.0%} of a core" if busy >= wrk.MOST_CPU else ""


def _document(found: Round) -> dict[str, Any]:
    return {"capacity": found.capacity, "broker": found.broker._asdict(), "H": found.http._asdict()}


def _show(rounds: list[Round]) -> None:
    table = Table("", "median", "least", "greatest", title=f"Updates at {PART:.0%} of the load")
    rows = {
        "updates a second, closed loop": [each.capacity for each in rounds],
        "p50 ms": [each.broker.p50 for each in rounds],
        "p99 ms": [each.broker.p99 for each in rounds],
        "p99 ÷ p50": [each.ratio for each in rounds],
        "p50 ms of H at the same rate": [each.http.p50 for each in rounds],
        "p99 ms of H at the same rate": [each.http.p99 for each in rounds],
        "cores that the client used": [each.http.client for each in rounds],
    }
    for title, values in rows.items():
        table.add_row(title, *(f"{value:,.2f}" for value in spread(values)))
    console.print(table)


if __name__ == "__main__":
    typer.run(main)
