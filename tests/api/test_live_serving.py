"""Live feeds of brokers with bounds of their own, and of brokers that end, die and come back."""

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest

from tests.api.test_live import GARAGES, free, garage, made, simplified, viewers
from tests.cli.test_tenants import run
from tests.conftest import RunningBroker, new_tenant, serving, tenant_client, wait_for
from tests.sse import Feed, ready

SECONDS = 1.0
"""The time of a request, which a feed outlasts."""
LARGE = 200_000


@pytest.fixture(scope="module")
def bounded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBroker]:
    folder = tmp_path_factory.mktemp("bounded")
    with serving(folder, feed_viewers="3", feed_heartbeat="0.2", request_timeout=str(SECONDS)) as broker:
        wait_for(broker, "/ready")
        yield broker


@pytest.fixture
def api(bounded: RunningBroker) -> Iterator[httpx2.Client]:
    with tenant_client(bounded, new_tenant()) as client:
        made(client, garage(0))
        yield client


def until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_feed_outlasts_the_time_of_a_request(api: httpx2.Client) -> None:
    with ready(Feed(api, **GARAGES)) as feed:
        begun = time.monotonic()
        while time.monotonic() < begun + 3 * SECONDS:
            feed.heartbeat()
        made(api, garage(1))
        assert feed.told(1) == [("entity", simplified(1, 9))]


def test_who_hears_of_nothing_moves_on_nonetheless(api: httpx2.Client) -> None:
    with ready(Feed(api, **GARAGES)) as feed:
        begun = feed.id
        made(api, garage(1, free=0))
        until(lambda: feed.heartbeat() or feed.id != begun)
        last = feed.id
    made(api, garage(2))
    with Feed(api, last, **GARAGES) as feed:
        assert feed.told(1) == [("entity", simplified(2, 9))]


def test_there_are_no_more_viewers_than_allowed(api: httpx2.Client) -> None:
    with ExitStack() as stack:
        for _ in range(3):
            ready(stack.enter_context(Feed(api, **GARAGES)))
        refused = api.get("/entities", params=GARAGES, headers={"Accept": "text/event-stream"})
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "10"
        assert "3 viewers" in refused.json()["detail"]
        assert api.get("/entities", params=GARAGES).status_code == 200
    until(lambda: not viewers(api))
    with ready(Feed(api, **GARAGES)) as feed:
        free(api, 0, 5)
        assert feed.told(1) == [("entity", simplified(0, 5))]


def asleep(api: httpx2.Client) -> socket.socket:
    """A connection that has asked for a feed, and reads nothing."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect((api.base_url.host, api.base_url.port))
    connection.sendall(
        b"GET /ngsi-ld/v1/entities?type=Garage HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n"
        b"NGSILD-Tenant: %b\r\n\r\n" % api.headers["ngsild-tenant"].encode()
    )
    return connection


def large(api: httpx2.Client, number: int) -> None:
    text = {"type": "Property", "value": f"{number}" + "x" * LARGE}
    assert api.post("/entityOperations/upsert", json=[garage(0, text=text)]).is_success


def test_who_takes_nothing_is_disconnected_and_the_others_are_not(api: httpx2.Client) -> None:
    with asleep(api), ready(Feed(api, **GARAGES, pick="id,type,free")) as feed:
        until(lambda: viewers(api) == 2)
        for number in range(40):
            large(api, number)
        assert feed.told(40) == [("entity", simplified(0, 9))] * 40
        until(lambda: viewers(api) == 1)


def test_who_is_slow_begins_anew_and_costs_no_memory(tmp_path: Path) -> None:
    with serving(tmp_path, feed_queue_mb="4") as broker:
        wait_for(broker, "/ready")
        with tenant_client(broker, new_tenant()) as api:
            made(api, garage(0))
            with ExitStack() as stack:
                connections = [stack.enter_context(asleep(api)) for _ in range(20)]
                until(lambda: viewers(api) == 20)
                large(api, -1)
                before = resident(broker)
                for number in range(100):
                    large(api, number)
                assert resident(broker) - before < 30 * 2**20  # 20 MB for each, if they were kept
                for connection in connections:
                    connection.settimeout(30)
                    assert read_until(connection, b"event: reset")
                made(api, garage(1))
                for connection in connections:
                    assert read_until(connection, b"Garage:1")


def read_until(connection: socket.socket, wanted: bytes) -> bool:
    """Whether a feed tells something."""
    kept = b""
    while part := connection.recv(65536):
        kept = kept[-len(wanted) :] + part
        if wanted in kept:
            return True
    return False


def resident(broker: RunningBroker) -> int:
    """Bytes of memory of the worker."""
    worker = next(pid for pid in children(broker.process.pid) if b"broker.cli.worker" in command(pid))
    return int(Path(f"/proc/{worker}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def command(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def test_feeds_end_in_order_and_go_on_after_a_restart(tmp_path: Path) -> None:
    with serving(tmp_path, workers=2) as broker:
        wait_for(broker, "/ready")
        tenant = new_tenant()
        with tenant_client(broker, tenant) as api:
            made(api, garage(1), garage(2))
            with ExitStack() as stack:
                feeds = [ready(stack.enter_context(Feed(api, **GARAGES))) for _ in range(6)]
                free(api, 1, 5)
                for feed in feeds:
                    assert feed.told(1) == [("entity", simplified(1, 5))]
                last = feeds[0].id
                free(api, 2, 0)
                for feed in feeds:
                    assert feed.told(1) == [("left", "urn:ngsi-ld:Garage:2")]
                begun = time.monotonic()
                broker.process.send_signal(signal.SIGTERM)
                for feed in feeds:
                    assert feed.event() is None
                assert time.monotonic() - begun < 5
                assert broker.process.wait(60) == 0
    log = (tmp_path / "log").read_text()
    assert "Traceback" not in log
    assert "exception" not in log
    with serving(tmp_path, workers=2) as broker:
        wait_for(broker, "/ready")
        with tenant_client(broker, tenant) as api:
            made(api, garage(3))
            for _ in range(4):
                with Feed(api, last, **GARAGES) as feed:
                    assert feed.told(2) == [("left", "urn:ngsi-ld:Garage:2"), ("entity", simplified(3, 9))]


def test_feeds_go_on_when_a_worker_and_when_the_database_is_killed(tmp_path: Path) -> None:
    with serving(tmp_path, workers=2) as broker:
        wait_for(broker, "/ready")
        with tenant_client(broker, new_tenant()) as api:
            made(api, garage(1))
            with ready(Feed(api, **GARAGES)) as feed:
                free(api, 1, 5)
                assert feed.told(1) == [("entity", simplified(1, 5))]
                mongod = next(pid for pid in children(broker.process.pid) if b"mongod" in command(pid).split(b"\0")[0])
                os.kill(mongod, signal.SIGKILL)
                answered(api, 1, 6)
                assert feed.told(1) == [("entity", simplified(1, 6))]
                last = feed.id
                for pid in children(broker.process.pid):
                    if b"broker.cli.worker" in command(pid):
                        os.kill(pid, signal.SIGKILL)
                answered(api, 1, 7)
            with Feed(api, last, **GARAGES) as feed:
                assert feed.told(1) == [("entity", simplified(1, 7))]


def answered(api: httpx2.Client, number: int, value: int) -> None:
    """A write, sent again until it is answered."""

    def written() -> bool:
        try:
            free(api, number, value)
        except (AssertionError, httpx2.TransportError):
            return False
        return True

    until(written, 60)


def test_a_tenant_that_is_dropped_has_no_feed_any_more(tmp_path: Path) -> None:
    with serving(tmp_path) as broker:
        wait_for(broker, "/ready")
        tenant = new_tenant()
        with tenant_client(broker, tenant) as api:
            made(api, garage(1))
            with ready(Feed(api, **GARAGES)) as feed:
                dropped = run(tmp_path, "drop", tenant, "--yes")
                assert dropped.returncode == 0, dropped.stderr
                assert feed.event() is None
            gone = api.get("/entities", params=GARAGES, headers={"Accept": "text/event-stream"})
            assert gone.status_code == 404
