"""What the clients ask: HTTP requests on the sample entities, made before anything is measured."""

import http.client
import random
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Final, NamedTuple

import orjson

from benchmarks import sample
from broker.names import API_ROOT

NEW: Final = "urn:ngsi-ld:New:"
"""Prefix of the ids of entities that a case creates; they are removed after it."""
READS: Final = 20_000
UPDATES: Final = 20_000
VERSIONS: Final = (1, 2)
"""Entities that are upserted again alternate between these."""
NEW_ENTITIES: Final = 64_000


class Request(NamedTuple):
    """An HTTP request: its path, and a JSON body for all methods but GET."""

    method: str
    path: str
    body: bytes = b""
    accept: str = "application/json"

    def encoded(self) -> bytes:
        """The request as HTTP/1.1 writes it."""
        content = b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(self.body) if self.body else b""
        head = f"{self.method} {self.path} HTTP/1.1\r\nHost: localhost\r\nAccept: {self.accept}\r\n"
        return head.encode() + content + b"\r\n" + self.body


class Answer(NamedTuple):
    """An HTTP answer; headers without those that the server makes for itself."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


_SERVERS_OWN: Final = frozenset({"date", "server", "connection", "content-length", "transfer-encoding"})


def send(address: str, request: Request) -> Answer:
    """Send one request over a connection of its own."""
    connection = http.client.HTTPConnection(address, timeout=60)
    try:
        headers = {"Accept": request.accept} | ({"Content-Type": "application/json"} if request.body else {})
        connection.request(request.method, request.path, request.body or None, headers)
        response = connection.getresponse()
        kept = [(name, value) for name, value in response.getheaders() if name.lower() not in _SERVERS_OWN]
        return Answer(response.status, kept, response.read())
    finally:
        connection.close()


def point_reads(entities: int) -> Iterator[Request]:
    """Reads of random entities."""
    randomness = random.Random(sample.SEED)
    for _ in range(READS):
        yield Request("GET", f"{API_ROOT}/entities/{sample.entity_id(randomness.randrange(entities))}")


def updates(entities: int) -> Iterator[Request]:
    """Updates of one attribute of random entities."""
    randomness = random.Random(sample.SEED)
    for version in range(UPDATES):
        path = f"{API_ROOT}/entities/{sample.entity_id(randomness.randrange(entities))}/attrs"
        yield Request("PATCH", path, orjson.dumps(sample.update(version)))


def loads(entities: int, size: int = 1000) -> Iterator[Request]:
    """Upserts that bring all the sample entities into an empty broker."""
    for start in range(0, entities, size):
        yield _upsert([_entity(number, 0) for number in range(start, min(start + size, entities))])
    yield _upsert([orjson.dumps(sample.listed(number)) for number in range(sample.LISTED)])


def upserts_again(entities: int, size: int) -> Iterator[Request]:
    """Upserts of entities that are there, 10 000 of them in two versions."""
    known = min(entities, 10_000)
    for version in VERSIONS:
        for start in range(0, known - size + 1, size):
            yield _upsert([_entity(number, version) for number in range(start, start + size)])


def upserts_new(entities: int, size: int) -> Iterator[Request]:
    """Upserts of entities that are new."""
    bodies = (_renamed(number, min(entities, 10_000)) for number in range(NEW_ENTITIES))
    while chunk := list(islice(bodies, size)):
        yield _upsert(chunk)


def deletes(entities: int, size: int = 1000) -> Iterator[Request]:
    """Deletions of the first of the new entities."""
    ids = [f"{NEW}{number:07}" for number in range(min(entities, NEW_ENTITIES))]
    for start in range(0, len(ids), size):
        yield Request("POST", f"{API_ROOT}/entityOperations/delete", orjson.dumps(ids[start : start + size]))


def page(query: str) -> Iterator[Request]:
    """The same page, again and again."""
    yield Request("GET", f"{API_ROOT}/entities?{query}")


@cache
def _entity(number: int, version: int) -> bytes:
    return orjson.dumps(sample.entity(number, version))


def _renamed(number: int, known: int) -> bytes:
    """A sample entity under an id of its own."""
    known_number = number % known
    old = f'"id":"{sample.entity_id(known_number)}"'.encode()
    return _entity(known_number, 0).replace(old, f'"id":"{NEW}{number:07}"'.encode(), 1)


def _upsert(entities: list[bytes]) -> Request:
    return Request("POST", f"{API_ROOT}/entityOperations/upsert", b"[" + b",".join(entities) + b"]")
