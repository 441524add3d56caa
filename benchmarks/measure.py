"""One measurement: a case, a system, some seconds; and the order in which they come."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Final, NamedTuple

from pymongo.collection import Collection

from benchmarks import store_data, systems, traffic, wrk
from benchmarks.cases import Case, Order, System
from benchmarks.systems import Metrics, Served, StoreLimit
from benchmarks.traffic import Answer, Request
from broker.store.commits import LANES
from broker.store.indexes import ENTITIES

QUIET: Final = 0.05
"""Seconds without an answer after which none is under way."""


class Run(NamedTuple):
    """What one system did in one repetition of one case."""

    rate: float
    """Requests a second; for raw work, as many as its operations are worth."""
    p50: float
    """Milliseconds, as `p99`."""
    p99: float
    errors: int
    cpu_us: float
    """CPU time of the process, in microseconds a request."""
    mongod_us: float
    client_cpu: float
    """Cores that the load client used; 0 for raw work, which is its own client."""
    group: float = 0
    """Mean operations in a group."""
    wrong: str = ""
    """What the errors were: statuses that the broker counted, and what the client saw."""


class Limits(NamedTuple):
    """What stands beside the broker."""

    http: Served
    store: StoreLimit | None
    """None beside another broker: what it does on its database is its own."""


class Stage(NamedTuple):
    """The systems, all running at once."""

    broker: Served
    limits: Limits | None
    """None if one broker is measured beside another."""
    mongod_pid: int
    """0 if it isn't known."""
    entities: Collection[dict[str, Any]] | None
    """The broker's collection, to remove what a case created; None of another broker: only HTTP is spoken to it."""
    folder: Path
    number_of_entities: int


class Subject:
    """A case, ready to be measured: its requests written, the broker's answer known and checked."""

    def __init__(self, case: Case, stage: Stage) -> None:
        self.case = case
        self._stage = stage
        self._group = 0.0
        self._requests = wrk.write(
            stage.folder / case.name, (request.encoded() for request in case.requests(stage.number_of_entities))
        )
        self.answer = self._capture(next(case.requests(stage.number_of_entities)))

    def measure(self, system: System, seconds: int | None = None) -> Run | None:
        """Measure a system for as long as the case says; None if the case has no such system."""
        limits = self._stage.limits
        match system:
            case System.BROKER:
                return self._broker(seconds or self.case.seconds)
            case System.HTTP if limits is not None:
                return self._http(seconds or max(1, self.case.seconds - 1))
            case System.STORE if limits is not None and limits.store is not None:
                least = 1 if self.case.turns == 1 else 0.5
                return self._raw(self._limit_order(seconds or max(least, self.case.seconds - 0.5)))
            case System.NAIVE if limits is not None and limits.store is not None and self.case.naive is not None:
                size = self.case.size if self.case.grouped else 1
                return self._raw(
                    Order(self.case.naive, self.case.clients, seconds or self.case.seconds / 2, size, self.case.kind)
                )
        return None

    def _capture(self, request: Request) -> Answer:
        answer = traffic.send(self._stage.broker.address, request)
        if answer.status != self.case.status:
            raise RuntimeError(
                f"Case {self.case.name}: the broker answers {answer.status}, not {self.case.status}: "
                f"{answer.body[:500]!r}"
            )
        self._remove_created(1)
        return answer

    def _broker(self, seconds: int) -> Run:
        broker = self._stage.broker
        before = self._quiet()
        load, cpu, mongod = self._load(broker, seconds)
        counted = self._metrics().since(before)
        removed = self._remove_created(load.sent + self.case.clients)
        if counted.groups:
            self._group = counted.grouped / counted.groups
        right = {str(self.case.status), systems.CLIENT_GONE}
        wrong = {status: int(count) for status, count in counted.answers.items() if status not in right}
        errors = max(load.errors, sum(wrong.values()))
        said = f"answers {wrong}, {load.errors} seen by the client" if errors else ""
        due = (load.sent - load.errors) * self.case.size
        if removed is not None and removed < due:
            errors += due - removed
            said += f" {due - removed} of {due} acknowledged entities were lost"
        return Run(load.rate, load.p50, load.p99, errors, cpu, mongod, load.cpu, self._group, said)

    def _quiet(self) -> Metrics:
        """What this broker has counted when it has answered all that a client before has left behind."""
        found = self._metrics()
        while True:
            sleep(QUIET)
            now = self._metrics()
            if now.answers == found.answers:
                return now
            found = now

    def _metrics(self) -> Metrics:
        """What this broker counts; of another one nothing is known."""
        return Metrics({}, 0, 0, 0) if self._stage.entities is None else systems.metrics(self._stage.broker)

    @property
    def _limits(self) -> Limits:
        assert self._stage.limits is not None
        return self._stage.limits

    def _http(self, seconds: int) -> Run:
        systems.answer_with(self._limits.http, self.answer)
        load, cpu, _ = self._load(self._limits.http, seconds)
        return Run(load.rate, load.p50, load.p99, load.errors, cpu, 0, load.cpu)

    def _load(self, served: Served, seconds: int) -> tuple[wrk.Load, float, float]:
        """A run of the client, and the CPU time a request, in microseconds, of the server and of mongod."""
        server, mongod = systems.cpu_seconds(served.pid), systems.cpu_seconds(self._stage.mongod_pid)
        load = wrk.run(served.address, self._requests, self.case.clients, seconds)
        used = systems.cpu_seconds(served.pid) - server, systems.cpu_seconds(self._stage.mongod_pid) - mongod
        per_request = 1e6 / max(1, load.sent)
        return load, used[0] * per_request, used[1] * per_request

    def _limit_order(self, seconds: float) -> Order:
        if not self.case.grouped:
            return Order(self.case.limit, self.case.clients, seconds, self.case.size, self.case.kind)
        lane = next(lane for lane in LANES if self.case.size <= lane.request_size)
        waiting = self.case.clients * self.case.size
        group = max(1, round(self._group or min(lane.group_size, waiting)))
        in_flight = min(lane.groups_in_flight, math.ceil(waiting / group))
        return Order(self.case.limit, in_flight, seconds, group)

    def _raw(self, order: Order) -> Run:
        store = self._limits.store
        assert store is not None
        cpu, mongod = systems.cpu_seconds(store.pid), systems.cpu_seconds(self._stage.mongod_pid)
        done = store.do(order)
        used = systems.cpu_seconds(store.pid) - cpu, systems.cpu_seconds(self._stage.mongod_pid) - mongod
        store.clean()
        requests = done["operations"] / (self.case.size if self.case.grouped else 1)
        per_request = 1e6 / max(1.0, requests)
        group = order.size if self.case.grouped else 0
        return Run(
            requests / done["seconds"],
            done["p50"],
            done["p99"],
            0,
            used[0] * per_request,
            used[1] * per_request,
            0,
            group,
        )

    def _remove_created(self, requests: int) -> int | None:
        """Until nothing more comes: requests whose client went away are committed all the same.

        How many there were, if that is known and the case creates any.
        """
        if not self.case.creates:
            return None
        entities = self._stage.entities
        if entities is None:
            for request in traffic.deletes(requests * self.case.size):
                traffic.send(self._stage.broker.address, request)
            return None
        removed = 0
        while any((gone := store_data.remove_created(entities.database)).values()):
            removed += gone[ENTITIES]
            sleep(0.3)
        return removed


def load(broker: Served, entities: int) -> float:
    """Bring the sample entities into the broker; the seconds it took."""
    start = monotonic()
    for request in traffic.loads(entities):
        answer = traffic.send(broker.address, request)
        if answer.status not in (201, 204):
            raise RuntimeError(f"The broker answers {answer.status} to the sample entities: {answer.body[:500]!r}")
    return monotonic() - start


def interleaved(cases: Sequence[Case], repetitions: int) -> Iterator[tuple[int, Case, System]]:
    """Every measurement, in order: systems beside each other, reversed in every other turn."""
    forward = tuple(System)
    for repetition in range(repetitions):
        for case in cases:
            for turn in range(repetition * case.turns, (repetition + 1) * case.turns):
                yield from ((repetition, case, system) for system in (forward if turn % 2 == 0 else forward[::-1]))
