"""The life cycle of `broker serve`: what is killed comes back or is gone, what cannot start says why."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import httpx2
import pytest

from broker.names import API_ROOT
from broker.store import mongod
from tests.conftest import free_port
from tests.drills.serving import mongods_on

ENTITIES = f"{API_ROOT}/entities"


class Serving:
    """A `broker serve` in a process of its own."""

    def __init__(self, data: Path, **flags: object) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.data = data
        self.output = data.with_name(f"output-{self.port}")
        given = {"port": self.port, "data-dir": data, "mongodb-cache-mb": 256} | flags
        with self.output.open("wb") as told:
            self.process = subprocess.Popen(command(given), env=environment(), stdout=told, stderr=told)
        try:
            eventually(self.is_ready)
        except BaseException:
            self.kill()
            raise

    def is_ready(self) -> bool:
        assert self.process.poll() is None, self.said()
        try:
            return "Serving" in self.said() and httpx2.get(f"{self.url}/ready", timeout=5).status_code == 200
        except httpx2.TransportError:
            return False

    def said(self) -> str:
        return self.output.read_text()

    def create(self, name: str) -> int:
        body = {"id": f"urn:ngsi-ld:Thing:{name}", "type": "Thing"}
        return httpx2.post(self.url + ENTITIES, json=body, timeout=10).status_code

    def has(self, name: str) -> bool:
        return httpx2.get(f"{self.url}{ENTITIES}/urn:ngsi-ld:Thing:{name}", timeout=10).status_code == 200

    def children(self, name: str) -> list[int]:
        """The processes that it started, by a part of their command line."""
        pids = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(pid) for pid in pids if name in command_line(int(pid))]

    def end(self) -> int:
        self.process.terminate()
        return self.process.wait(30)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def command(flags: dict[str, object]) -> list[str]:
    options = [text for name, value in flags.items() for text in (f"--{name}", str(value))]
    return [sys.executable, "-m", "broker", "serve", *options]


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("NGSILD_")}


def command_line(pid: int) -> str:
    """Of a live process; empty if there is none."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode()
    except OSError:
        return ""


def listening(port: int) -> set[str]:
    """The sockets that listen on a port, as the kernel names them."""
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {f"socket:[{row[9]}]" for row in rows if row[3] == "0A" and int(row[1].rpartition(":")[2], 16) == port}


def open_sockets(pid: int) -> set[str]:
    """The sockets of a process."""
    return {str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()}


def eventually(holds: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(0.05)


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "data"
    shutil.rmtree(tmp_path, ignore_errors=True)  # 300 MB each


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A broker with two workers, for tests that leave it serving."""
    broker = Serving(tmp_path_factory.mktemp("pair") / "data", workers=2)
    yield broker
    assert broker.end() == 0, broker.said()


def refusal(flags: dict[str, object], prefix: Sequence[str] = (), variables: dict[str, str] | None = None) -> str:
    """What a `broker serve` that cannot start says; it ends with 1 and shows no traceback."""
    told = subprocess.run(
        [*prefix, *command(flags)], env=environment() | (variables or {}), capture_output=True, text=True, timeout=60
    )
    assert told.returncode == 1, told.stdout + told.stderr
    assert "Traceback" not in told.stderr
    assert told.stderr.startswith("Error: ")
    assert len(told.stderr.strip().splitlines()) == 2, "one line says what is wrong, one what to do"
    return told.stderr


def test_a_worker_that_dies_is_started_again_while_the_other_serves(pair: Serving) -> None:
    before = pair.children("cli.worker")
    os.kill(before[0], signal.SIGKILL)
    eventually(lambda: len(pair.children("cli.worker")) == 2 and before[0] not in pair.children("cli.worker"))
    assert before[1] in pair.children("cli.worker")
    eventually(pair.is_ready)


def test_a_mongod_that_dies_is_started_again_with_its_data_and_the_workers_stay(pair: Serving) -> None:
    assert pair.create("kept") == 201
    workers, mongods = pair.children("cli.worker"), pair.children("mongod")
    os.kill(mongods[0], signal.SIGKILL)
    eventually(lambda: not command_line(mongods[0]))
    eventually(lambda: len(pair.children("mongod")) == 1)
    eventually(pair.is_ready)
    assert pair.has("kept")
    assert pair.children("cli.worker") == workers


def test_both_workers_are_reached_at_one_port(pair: Serving) -> None:
    def holders() -> set[int]:
        return {pid for pid in pair.children("cli.worker") if open_sockets(pid) & listening(pair.port)}

    eventually(lambda: len(holders()) == 2)
    assert len(listening(pair.port)) == 2


def test_a_second_broker_on_the_data_directory_is_refused(pair: Serving) -> None:
    said = refusal({"port": free_port(), "data-dir": pair.data})
    assert f"Another broker (process {pair.process.pid}) uses the data directory" in said


def test_a_busy_port_is_refused_and_its_holder_named(pair: Serving, data: Path) -> None:
    said = refusal({"port": pair.port, "data-dir": data})
    assert re.search(rf"Port {pair.port} on 127\.0\.0\.1 is in use by .* \(process \d+\)", said)
    assert "--port" in said


def test_ctrl_c_ends_everything_cleanly_after_the_requests_in_flight(data: Path) -> None:
    broker = Serving(data)
    mongods = broker.children("mongod")
    body = b'{"id": "urn:ngsi-ld:Thing:slow", "type": "Thing"}'
    with socket.create_connection(("127.0.0.1", broker.port)) as slow:
        head = f"POST {ENTITIES} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        slow.sendall(head.encode() + b"\r\n\r\n" + body[:10])
        time.sleep(0.3)
        broker.process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        slow.sendall(body[10:])
        slow.settimeout(10)
        assert slow.recv(100).startswith(b"HTTP/1.1 201")
    assert broker.process.wait(30) == 0, broker.said()
    assert not command_line(mongods[0])
    assert "Traceback" not in broker.said()


def test_a_second_signal_hastens_the_end(data: Path) -> None:
    broker = Serving(data)
    with socket.create_connection(("127.0.0.1", broker.port)) as stuck:
        stuck.sendall(f"POST {ENTITIES} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n".encode())
        time.sleep(0.3)
        started = time.monotonic()
        broker.process.terminate()
        time.sleep(0.5)
        broker.process.terminate()
        assert broker.process.wait(30) == 0
    assert time.monotonic() - started < 8


def test_kill_9_leaves_no_process_behind_and_the_next_start_has_the_data(data: Path) -> None:
    broker = Serving(data)
    assert broker.create("kept") == 201
    left = [*broker.children("mongod"), *broker.children("cli.worker")]
    assert len(left) == 2
    broker.kill()
    eventually(lambda: not any(command_line(pid) for pid in left), seconds=5)
    broker = Serving(data)
    try:
        assert broker.has("kept")
    finally:
        assert broker.end() == 0


def test_asked_to_end_while_it_starts_it_ends_cleanly(data: Path) -> None:
    with subprocess.Popen(
        command({"port": free_port(), "data-dir": data}), env=environment(), stderr=subprocess.PIPE
    ) as starting:
        eventually(lambda: (data / "mongodb" / "mongod.log").exists())
        starting.terminate()
        assert starting.wait(30) == 0
    assert mongods_on(data / "mongodb" / "data") == []


@pytest.mark.parametrize(
    ("flags", "variables", "said"),
    [
        ({}, {"NGSILD_PROT": "1"}, "NGSILD_PROT is no setting of the broker"),
        ({"port": "many"}, {}, "NGSILD_PORT: "),
        ({"host": "no.such.host.invalid"}, {}, "The host no.such.host.invalid is unknown"),
        ({"host": "192.0.2.1"}, {}, "This machine has no address 192.0.2.1"),
        ({"mongodb-uri": "mongodb://host/?replicaSet"}, {}, "NGSILD_MONGODB_URI cannot be used"),
        ({"tls-cert": "/no/cert.pem", "tls-key": "/no/key.pem"}, {}, "/no/cert.pem cannot be read: No such file"),
        ({"tls-cert": __file__, "tls-key": __file__}, {}, "do not serve TLS"),
    ],
)
def test_what_cannot_start_says_why_in_a_sentence(
    data: Path, flags: dict[str, object], variables: dict[str, str], said: str
) -> None:
    given = {"port": free_port(), "data-dir": data} | flags
    assert said in refusal(given, variables=variables)


def test_a_mongod_that_runs_alone_is_told_at_the_start(data: Path) -> None:
    data.mkdir()
    mongod_port = free_port()
    alone = [str(mongod.binary()), "--dbpath", str(data), "--port", str(mongod_port), "--bind_ip", "127.0.0.1"]
    with subprocess.Popen(alone, stdout=subprocess.DEVNULL) as running:
        try:
            said = refusal({"port": free_port(), "mongodb-uri": f"mongodb://127.0.0.1:{mongod_port}"})
        finally:
            running.terminate()
    assert "MongoDB runs alone" in said
    assert "rs.initiate()" in said


@pytest.mark.skipif(os.geteuid() == 0 and not shutil.which("setpriv"), reason="root may write everywhere")
def test_an_unwritable_data_directory_is_refused(data: Path) -> None:
    data.mkdir(mode=0o500)
    powerless = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    said = refusal({"port": free_port(), "data-dir": data}, powerless)
    assert f"The data directory {data}/mongodb cannot be written: Permission denied" in said


def test_an_address_that_others_reach_is_served_with_a_warning() -> None:
    """The start is made to fail after the warning, so that the test opens no port to the network."""
    flags = {"port": free_port(), "host": "0.0.0.0", "mongodb-uri": "mongodb://host/?x"}  # noqa: S104 (never bound)
    told = subprocess.run(command(flags), env=environment(), capture_output=True, text=True, timeout=60)
    assert re.match(
        r"Warning: the broker listens on 0\.0\.0\.0 .*anybody who reaches port \d+ can read, change", told.stderr
    )


@pytest.mark.drill
def test_a_broker_killed_ten_times_starts_each_time(data: Path) -> None:
    for turn in range(10):
        broker = Serving(data, workers=2)
        assert all(broker.has(str(earlier)) for earlier in range(turn))
        assert broker.create(str(turn)) == 201
        broker.kill()
