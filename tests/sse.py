"""A client of Server-Sent Events (HTML Standard, §9.2.6), for tests: it reads a live feed event by event."""

import http.client
import json
from typing import Any, NamedTuple, Self
from urllib.parse import urlencode, urlsplit

import httpx2

PATIENCE = 20.0


class Told(NamedTuple):
    """An event, as a browser would dispatch it."""

    kind: str
    data: Any
    id: str


class Feed:
    """A live feed of a query, open for a block. `id`: that of the last event, or of what came without one."""

    def __init__(self, api: httpx2.Client, last: str | None = None, /, **parameters: str) -> None:
        url = urlsplit(str(api.base_url))
        headers = {"Accept": "text/event-stream"}
        tenant = api.headers.get("ngsild-tenant")
        if tenant is not None:
            headers["NGSILD-Tenant"] = tenant
        if last is not None:
            headers["Last-Event-ID"] = last
        self.id = last or ""
        self.retry = 0
        self._connection = http.client.HTTPConnection(url.netloc, timeout=PATIENCE)
        self._connection.request("GET", f"{url.path.rstrip('/')}/entities?{urlencode(parameters)}", headers=headers)
        self.response = self._connection.getresponse()
        assert self.response.status == 200, self.response.read()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.response.close()
        self._connection.close()

    def event(self) -> Told | None:
        """The next event; None at the end of the feed."""
        kind, data = "message", ""
        while line := self.response.readline().decode():
            name, _, value = line.rstrip("\n").partition(":")
            value = value.removeprefix(" ")
            if name == "id":
                self.id = value
            elif name == "retry":
                self.retry = int(value)
            elif name == "event":
                kind = value
            elif name == "data":
                data += value
            elif not line.strip() and data:
                return Told(kind, json.loads(data), self.id)
        return None

    def heartbeat(self) -> None:
        """Wait until the feed shows that it is alive: nothing came before that."""
        while line := self.response.readline().decode():
            assert not line.startswith("data")
            if line.startswith(":"):
                while line.strip():
                    line = self.response.readline().decode()
                    if line.startswith("id: "):
                        self.id = line[4:].strip()
                return
        raise AssertionError("the feed has ended")

    def told(self, number: int) -> list[tuple[str, Any]]:
        """The next events: kind, and the entity, or its id if it is gone."""
        found = []
        for _ in range(number):
            event = self.event()
            assert event is not None
            found.append((event.kind, event.data["id"] if event.kind in ("left", "deleted") else event.data))
        return found


def ready(feed: Feed) -> Feed:
    """The feed, once it has begun."""
    event = feed.event()
    assert event is not None
    assert event.kind == "ready"
    return feed
