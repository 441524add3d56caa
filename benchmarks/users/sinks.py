"""Receivers of notifications within the load process: quick ones, slow ones, and addresses where nobody listens."""

import socket
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, Final

import gevent
import orjson
from gevent.pywsgi import WSGIServer

from benchmarks.users.ledger import Notice, observed

SLOW_SECONDS: Final = 5.0
FAST, SLOW, DEAD = "fast", "slow", "dead"


class Sinks:
    """One HTTP server; the last segment of the path names the subscription."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._server: WSGIServer | None = None
        self.seen: dict[Notice, set[str]] = defaultdict(set)
        """Instants of the reports that came."""

    def url(self, kind: str, name: str) -> str:
        """The endpoint of a subscription."""
        port = self._listen() if kind != DEAD else _closed_port()
        return f"http://{self._host}:{port}/{kind}/{name}"

    def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.stop(timeout=1)
            self._server = None

    def _listen(self) -> int:
        if self._server is None:
            self._server = WSGIServer((self._host, 0), self._answer, log=None)
            self._server.start()
        port = self._server.server_port
        assert port is not None
        return port

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        body = environ["wsgi.input"].read()
        _, kind, name = environ["PATH_INFO"].split("/", 2)
        for entity in orjson.loads(body)["data"]:
            self.seen[Notice(name, entity["id"])].add(observed(entity))
        if kind == SLOW:
            gevent.sleep(SLOW_SECONDS)
        start("204 No Content", [])
        return ()


def _closed_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
