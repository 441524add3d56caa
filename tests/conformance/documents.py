"""A web server on the loopback interface that serves @contexts to the broker under test."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import orjson


class Documents:
    """What is served, by path; it can be changed at any time. `fetched` counts by path."""

    def __init__(self) -> None:
        self.address = ""
        self.fetched: Counter[str] = Counter()
        self._served: dict[str, tuple[bytes, dict[str, str]]] = {}

    def serve(self, path: str, context: Any, **headers: str) -> str:
        """Serve a document with this @context at a path, with further header lines; its URL."""
        self._served[path] = orjson.dumps({"@context": context}), headers
        return self.address + path

    def at(self, path: str) -> tuple[bytes, dict[str, str]] | None:
        """The document at a path, counted."""
        self.fetched[path] += 1
        return self._served.get(path)


@contextmanager
def serving() -> Iterator[Documents]:
    """Documents on a free port, until the block ends."""
    documents = Documents()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = documents.at(self.path)
            self.send_response(404 if found is None else 200)
            body, headers = found or (b"", {})
            for name, value in {"Content-Type": "application/ld+json", **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        documents.address = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield documents
        finally:
            server.shutdown()
            thread.join()
