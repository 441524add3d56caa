"""Serves the suite's own @contexts, and stand-ins for those of third parties, on the loopback interface."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

_URL: Final = re.compile(r"https?://[^\s\"'<>|\\(){}$,;]+?\.json(?:ld)?(?![\w.])")
_KEPT_HOSTS: Final = frozenset({"uri.etsi.org", "localhost", "127.0.0.1", "0.0.0.0", "www.w3.org", "example.org"})  # noqa: S104
COMPOUND: Final = "/ngsi-ld-test-suite-compound.jsonld"
"""Ends the URL of the @context that most fixtures use."""


class Contexts:
    """A server, and the URLs that point to it instead of to where they pointed."""

    def __init__(self, suite: Path, host: str) -> None:
        self.urls: dict[str, str] = {}
        """URL in the suite to URL here."""
        self._documents: dict[str, bytes] = {}
        self._own = {path.name: path for path in (suite / "resources/jsonld-contexts").glob("*.json*")}
        self._server = ThreadingHTTPServer((host, 0), _handler(self._documents))
        self._server.daemon_threads = True
        self._base = f"http://{host}:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def rewrite(self, text: str) -> str:
        """A text whose remote @contexts are those of this server."""
        return _URL.sub(lambda found: self._swapped(found.group(0)), text)

    def fill(self) -> None:
        """Give every URL that was rewritten a document; that can bring up further ones."""
        while len(self._documents) < len(self.urls):
            for url, local in list(self.urls.items()):
                self._documents[urlsplit(local).path] = self._document(url).encode()

    def close(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._server.server_close()

    def _swapped(self, url: str) -> str:
        host = urlsplit(url).hostname or ""
        if "." not in host or host in _KEPT_HOSTS:
            return url
        parts = urlsplit(url)
        return self.urls.setdefault(url, f"{self._base}/{parts.netloc}{parts.path}")

    def _document(self, url: str) -> str:
        name = url.rsplit("/", 1)[-1]
        own = self._own.get(name)
        if own is None and "testsuite" in url.lower().replace("-", "") and "compound" in name:
            own = next((path for other, path in self._own.items() if "compound" in other), None)  # of a mirror
        if own is not None:
            return self.rewrite(own.read_text())
        term = re.sub(r"\W", "", name)
        return json.dumps({"@context": {term: f"https://example.org/stand-in#{term}"}})


def _handler(documents: dict[str, bytes]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = documents.get(urlsplit(self.path).path)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Type", "application/ld+json")
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            if body and self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    return Handler
