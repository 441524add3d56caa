"""A running broker for the tests that speak HTTP: the real supervisor, workers and mongod, on a port of its own."""

import io
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest
import structlog
from hypothesis import HealthCheck, settings

from broker.names import ADMIN_ROOT, API_ROOT, TENANT_HEADER
from tests.thoroughness import RANDOM, examples

settings.register_profile(
    "busy machine",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=not RANDOM,
    max_examples=examples(100),
)
settings.load_profile("busy machine")

KILLS = 20
START_SECONDS = 60
ADMIN_TOKEN = "token of the tests"
OPERATOR = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
"""What shows that a request is the operator's."""
END_SECONDS = 30


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kills", type=int, default=KILLS, help=f"Kills of each drill that kills; {KILLS} if absent.")


@dataclass(frozen=True)
class RunningBroker:
    """`broker serve`, as the tests see it."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path
    workers: int


@pytest.fixture(scope="session")
def running_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBroker]:
    """A broker with as many workers as NGSILD_TEST_WORKERS says, on an empty database."""
    workers = int(os.environ.get("NGSILD_TEST_WORKERS", "1"))
    with serving(tmp_path_factory.mktemp("broker"), workers=workers) as broker:
        wait_for(broker, "/ready")
        yield broker


@contextmanager
def serving(folder: Path, *, workers: int = 1, **settings: str) -> Iterator[RunningBroker]:
    """`broker serve` on a free port, its data and its log in `folder`; `settings` by their names, `mongodb_uri="…"`."""
    port = free_port()
    given = {
        "port": str(port),
        "workers": str(workers),
        "data_dir": str(folder / "data"),
        "allowed_networks": "127.0.0.0/8",
        "mongodb_cache_mb": "256",
        "admin_token": ADMIN_TOKEN,
    } | settings
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NGSILD_")}
    environment |= {f"NGSILD_{name.upper()}": value for name, value in given.items()}
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "broker", "serve"], env=environment, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            yield RunningBroker(f"http://127.0.0.1:{given['port']}", process, log, workers)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def wait_for(broker: RunningBroker, path: str) -> None:
    """Wait until GET `path` succeeds; fail with the log if it doesn't."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if broker.process.poll() is not None:
            break
        try:
            if httpx2.get(f"{broker.url}{path}", timeout=5).is_success:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.1)
    pytest.fail(f"The broker does not serve:\n{broker.log.read_text()[-4000:]}", pytrace=False)


@pytest.fixture(scope="session")
def server(running_broker: RunningBroker) -> Iterator[httpx2.Client]:
    """A client of the running broker: paths from the root, the default tenant."""
    with httpx2.Client(base_url=running_broker.url, timeout=30) as client:
        yield client


@pytest.fixture(scope="session")
def admin(running_broker: RunningBroker) -> Iterator[httpx2.Client]:
    """A client of the running broker's `/admin/v1`, with the operator's token."""
    with httpx2.Client(base_url=running_broker.url + ADMIN_ROOT, headers=OPERATOR, timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def api(running_broker: RunningBroker) -> Iterator[httpx2.Client]:
    """A client of the API in a tenant that the tests of one module share: a tenant takes mongod 0.1 s and 28 files."""
    with tenant_client(running_broker, new_tenant()) as client:
        yield client


@pytest.fixture
def fresh(running_broker: RunningBroker) -> Iterator[httpx2.Client]:
    """A client of the API in a tenant of one test alone; the first create makes it."""
    with tenant_client(running_broker, new_tenant()) as client:
        yield client


@pytest.fixture
def log_stream() -> Iterator[io.StringIO]:
    """A stream for the logs of one test, which may configure them."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield io.StringIO()
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture
def new_id() -> str:
    """The id of an entity that no other test has."""
    return f"urn:ngsi-ld:Thing:{uuid4().hex}"


def new_tenant() -> str:
    """The name of a tenant that does not exist."""
    return f"t{uuid4().hex[:16]}"


def tenant_client(broker: RunningBroker, tenant: str) -> httpx2.Client:
    """A client of the API: paths from its root, requests of this tenant."""
    headers = {TENANT_HEADER: tenant, "Content-Type": "application/json"}
    return httpx2.Client(base_url=broker.url + API_ROOT, headers=headers, timeout=30)
