"""The processes that are measured, each started here and ended here."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from benchmarks import traffic
from benchmarks.cases import Order
from benchmarks.traffic import Answer, Request
from broker.store.embedded import EmbeddedMongoDB
from broker.store.mongod import running_on

START_SECONDS: Final = 60
DATABASE: Final = "bench"
CLIENT_GONE: Final = "499"
"""The broker's status of a request whose client closed the connection: wrk does so at the end of its time."""


class Served(NamedTuple):
    """A process that answers HTTP."""

    address: str
    pid: int


class Metrics(NamedTuple):
    """What the broker counted since its start."""

    answers: dict[str, float]
    """HTTP status to number."""
    groups: float
    grouped: float
    """Operations in those groups."""
    conflicts: float

    def since(self, before: "Metrics") -> "Metrics":
        """The difference."""
        answers = {status: count - before.answers.get(status, 0) for status, count in self.answers.items()}
        return Metrics(
            {status: count for status, count in answers.items() if count},
            self.groups - before.groups,
            self.grouped - before.grouped,
            self.conflicts - before.conflicts,
        )


def metrics(broker: Served, operations: frozenset[str] = frozenset({"metrics", "ready"})) -> Metrics:
    """Read /metrics; answers to `operations` are not counted."""
    text = traffic.send(broker.address, Request("GET", "/metrics", accept="text/plain")).body.decode()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    answers: dict[str, float] = {}
    totals: dict[str, float] = {}
    for name, labels, value, *_ in samples:
        if name == "ngsild_requests_total" and labels["operation"] not in operations:
            answers[labels["status"]] = answers.get(labels["status"], 0) + value
        else:
            totals[name] = totals.get(name, 0) + value
    return Metrics(
        answers,
        totals.get("ngsild_group_size_count", 0),
        totals.get("ngsild_group_size_sum", 0),
        totals.get("ngsild_group_conflicts_total", 0),
    )


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and its children until now; 0 of none (`pid` 0)."""
    if not pid:
        return 0.0
    processes = _processes()
    return sum(processes[each][1] for each in _family(pid, processes) & processes.keys()) / os.sysconf("SC_CLK_TCK")


def family(pid: int) -> set[int]:
    """A process and its children, and theirs."""
    return _family(pid, _processes())


def _processes() -> dict[int, tuple[int, int]]:
    return {int(stat.parent.name): _stat(stat) for stat in Path("/proc").glob("[0-9]*/stat")}


def _family(pid: int, processes: dict[int, tuple[int, int]]) -> set[int]:
    found = {pid}
    while more := {each for each, (parent, _) in processes.items() if parent in found} - found:
        found |= more
    return found


def _stat(path: Path) -> tuple[int, int]:
    """The parent of a process, and its ticks of CPU time (proc(5))."""
    try:
        fields = path.read_text().rpartition(")")[2].split()
    except OSError:  # it ended
        return 0, 0
    return int(fields[1]), int(fields[11]) + int(fields[12])


@contextmanager
def mongod(folder: Path, cache_mb: int) -> Iterator[tuple[str, int]]:
    """The embedded MongoDB: its connection string and its process."""
    with EmbeddedMongoDB(folder, cache_mb=cache_mb) as database:
        running = running_on(database.data)
        assert running is not None
        yield database.uri, running.pid


@contextmanager
def broker(
    uri: str, log: Path, workers: int = 1, *, database: str = DATABASE, tree: Path | None = None, **settings: str
) -> Iterator[Served]:
    """`broker serve` on a MongoDB that runs; of another tree of the sources, if one is named.

    More `settings` by their names, `queries_in_flight="4"`.
    """
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NGSILD_")} | {
        "NGSILD_PORT": str(port),
        "NGSILD_WORKERS": str(workers),
        "NGSILD_MONGODB_URI": uri,
        "NGSILD_DATABASE": database,
        **{f"NGSILD_{name.upper()}": value for name, value in settings.items()},
    }
    if tree is not None:
        environment["PYTHONPATH"] = str(tree)
    with _process([sys.executable, "-m", "broker", "serve"], log, environment, tree=tree) as process:
        served = Served(f"127.0.0.1:{port}", process.pid)
        _await(served, Request("GET", "/ready"), 200, process, log)
        yield served


@contextmanager
def http_limit(log: Path) -> Iterator[Served]:
    """The Starlette routes."""
    port = free_port()
    with _process([sys.executable, "-m", "benchmarks.http_limit", str(port)], log) as process:
        served = Served(f"127.0.0.1:{port}", process.pid)
        _await(served, Request("GET", "/"), 404, process, log)
        yield served


def answer_with(limit: Served, answer: Answer) -> None:
    """Let the Starlette routes answer so from now on."""
    body = json.dumps({"status": answer.status, "headers": answer.headers, "body": answer.body.decode()}).encode()
    changed = traffic.send(limit.address, Request("PUT", "/answer", body))
    assert changed.status == 204, changed


class StoreLimit:
    """The process that does raw work on MongoDB."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.pid = process.pid
        self._process = process
        self._say("ready")

    def do(self, order: Order) -> dict[str, float]:
        """Have an order done: `operations`, `seconds`, `p50`, `p99`."""
        self._pipe(self._process.stdin).write(json.dumps(order._asdict()).encode() + b"\n")
        self._pipe(self._process.stdin).flush()
        return self._say("operations")

    def clean(self) -> None:
        """Wait until what the order created is gone."""
        self._say("clean")

    def _say(self, expected: str) -> dict[str, float]:
        line = self._pipe(self._process.stdout).readline()
        if not line:
            raise RuntimeError("The process that works on MongoDB ended; its log says why.")
        said: dict[str, float] = json.loads(line)
        assert expected in said, said
        return said

    @staticmethod
    def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
        assert pipe is not None
        return pipe


@contextmanager
def store_limit(uri: str, log: Path, entities: int) -> Iterator[StoreLimit]:
    """The process that does raw work, with the broker's documents in a database of its own."""
    command = [sys.executable, "-m", "benchmarks.store_limit", uri, DATABASE, str(entities)]
    with _process(command, log, pipes=True) as process:
        try:
            yield StoreLimit(process)
        finally:
            if process.stdin is not None:
                process.stdin.close()
            _wait(process, 10)


@contextmanager
def sinks(log: Path) -> Iterator[Served]:
    """The receivers of a city's notifications."""
    port = free_port()
    with _process([sys.executable, "-m", "benchmarks.city_sinks", str(port)], log) as process:
        served = Served(f"127.0.0.1:{port}", process.pid)
        _await(served, Request("GET", "/count"), 200, process, log)
        yield served


@contextmanager
def _process(
    command: list[str],
    log: Path,
    environment: dict[str, str] | None = None,
    *,
    pipes: bool = False,
    tree: Path | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is ended with the block."""
    pipe = subprocess.PIPE if pipes else None
    with log.open("ab") as output:
        process = subprocess.Popen(command, env=environment, cwd=tree, stdin=pipe, stdout=pipe or output, stderr=output)
    try:
        yield process
    finally:
        process.terminate()
        _wait(process, 30)


def _wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _await(served: Served, request: Request, status: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if traffic.send(served.address, request).status == status:
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise RuntimeError(f"A process does not serve; its log:\n{log.read_text()[-4000:]}")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
