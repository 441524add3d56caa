"""Single updates beside a client that sends batches of 1000 without a pause: how much longer do they wait?"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks import systems, traffic, wrk
from benchmarks.systems import Served

WORKERS: Final = (1, 2)
CLIENTS: Final = 32
BATCH: Final = 1000
SECONDS: Final = 2


class Starvation(NamedTuple):
    """One repetition: the single updates alone and beside the batches."""

    workers: int
    alone: wrk.Load
    beside: wrk.Load
    batches: wrk.Load
    conflicts: float

    @property
    def ratio(self) -> float:
        """p99 of the single updates beside the batches, over p99 without."""
        return self.beside.p99 / self.alone.p99 if self.alone.p99 else 0.0

    @property
    def errors(self) -> int:
        """Requests that failed."""
        silent = sum(not load.sent for load in (self.alone, self.beside))
        return self.alone.errors + self.beside.errors + self.batches.errors + silent


def measure(broker: Served, workers: int, folder: Path, entities: int, repetitions: int) -> Iterator[Starvation]:
    """Measure a broker that runs."""
    singles = wrk.write(folder / "singles", (request.encoded() for request in traffic.updates(entities)))
    upserts = wrk.write(folder / "upserts", (request.encoded() for request in traffic.upserts_again(entities, BATCH)))
    for _ in range(repetitions):
        alone = wrk.run(broker.address, singles, CLIENTS, SECONDS)
        before = systems.metrics(broker)
        batches = wrk.Client(broker.address, upserts, 1, SECONDS + 1)
        beside = wrk.run(broker.address, singles, CLIENTS, SECONDS)
        ended = batches.finish()
        conflicts = systems.metrics(broker).since(before).conflicts
        yield Starvation(workers, alone, beside, ended, conflicts)
