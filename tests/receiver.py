"""A receiver of notifications on the loopback interface, for tests of what the broker delivers."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic, sleep
from typing import Any, Final, NamedTuple

import orjson

PATIENCE: Final = 10.0
"""Seconds that something is waited for."""


class Received(NamedTuple):
    """A notification, as it came."""

    path: str
    headers: dict[str, str]
    """Names in lower case."""
    body: dict[str, Any]
    at: float
    """By the monotonic clock."""

    @property
    def data(self) -> list[dict[str, Any]]:
        """The entities."""
        data = self.body["data"]
        entities: list[dict[str, Any]] = data["features"] if isinstance(data, dict) else data
        return entities


class Receiver:
    """What has come, in order. `answer` gives the status of the answer to a path; it may take its time."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.answer: Callable[[str], int] = lambda path: 200
        self._received: list[Received] = []
        self._news = threading.Condition()

    def url(self, path: str) -> str:
        return self.address + path

    def take(self, received: Received) -> None:
        with self._news:
            self._received.append(received)
            self._news.notify_all()

    def all(self, path: str | None = None) -> list[Received]:
        """What has come, to one path if one is given."""
        with self._news:
            return [each for each in self._received if path in (None, each.path)]

    def wait(self, number: int, path: str | None = None, patience: float = PATIENCE) -> list[Received]:
        """The first so many; AssertionError if they do not come."""
        deadline = monotonic() + patience
        while len(found := self.all(path)) < number:
            assert monotonic() < deadline, f"{len(found)} of {number} notifications: {found}"
            sleep(0.01)
        return found[:number]

    def quiet(self, seconds: float, path: str | None = None) -> None:
        """AssertionError if something comes within some seconds."""
        before = len(self.all(path))
        sleep(seconds)
        assert self.all(path)[before:] == []


@contextmanager
def receiving(port: int = 0) -> Iterator[Receiver]:
    """A Receiver on a free port, until the block ends."""
    receiver: Receiver

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = receiver.answer(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.take(Received(self.path, headers, orjson.loads(body), monotonic()))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        server.daemon_threads = True
        receiver = Receiver(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
