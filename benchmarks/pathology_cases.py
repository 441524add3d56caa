"""What brokers are known to be slow at, as a table: the usual request, and the one that used to cost too much.

Both are sent to the same broker in turn, over one connection. Where a state of the broker is what costs (subscriptions,
dead receivers), two tenants hold the same entities and differ in that state alone.
"""

import http.client
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode

import orjson

from benchmarks import sample
from benchmarks.systems import Served, free_port
from broker.names import API_ROOT, CONTEXT_REL, TENANT_HEADER

KIND: Final = sample.TYPES[0]
BATCH: Final = 1000
QUIET, MANY, DEAD = "quiet", "many", "dead"
"""Tenants: as it is; with thousands of subscriptions; with receivers that are dead or slow."""
SUBSCRIPTIONS: Final = 2_000
DEAD_RECEIVERS: Final = 20
SERIES: Final = 5_000
"""Points of the long history; the short one has a fiftieth."""
SEALED_SECONDS: Final = 12.0
"""After which the broker has looked for what is to be sealed, as it does every five."""
SINK_SECONDS: Final = 30.0

Ask = Callable[[], float]
"""Sends one request; seconds it took. Raises RuntimeError if the answer is a wrong one."""


class Pair(NamedTuple):
    """The usual request and the one that stands beside it."""

    usual: Ask
    other: Ask


class Pathology(NamedTuple):
    """A row of the report; its ratio is other ÷ usual, of medians."""

    name: str
    title: str
    prepare: Callable[["Stage"], Pair]
    rounds: int = 100
    """Requests of each in a repetition."""


class Sink:
    """A receiver that notes when something comes."""

    def __init__(self) -> None:
        self.came = threading.Event()
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                """Answer 204; those below /slow after ten seconds."""
                self.rfile.read(int(self.headers["Content-Length"]))
                if self.path.startswith("/slow"):
                    time.sleep(10)
                else:
                    sink.came.set()
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"


@contextmanager
def sink() -> Iterator[Sink]:
    """A receiver that listens."""
    found = Sink()
    thread = threading.Thread(target=found.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        found.server.shutdown()
        found.server.server_close()


class Stage:
    """The broker with its sample entities, and one connection to it."""

    def __init__(self, broker: Served, entities: int, receiver: Sink) -> None:
        self.entities = entities
        self.receiver = receiver
        self.random = random.Random(sample.SEED)
        self._address = broker.address
        self._connection = http.client.HTTPConnection(broker.address, timeout=120)

    def send(
        self, method: str, path: str, document: Any = None, *, tenant: str = "", link: str = "", also: int = 0
    ) -> tuple[float, bytes, Any]:
        """One request: seconds, body, headers. Raises RuntimeError unless it succeeds, or is answered `also`."""
        headers = {"Accept": "application/json"}
        headers |= {TENANT_HEADER: tenant} if tenant else {}
        headers |= {"Link": f'<{link}>; rel="{CONTEXT_REL}"; type="application/ld+json"'} if link else {}
        body = None if document is None else orjson.dumps(document)
        headers |= {"Content-Type": "application/json"} if body is not None else {}
        began = time.perf_counter()
        self._connection.request(method, API_ROOT + path, body, headers)
        response = self._connection.getresponse()
        answer = response.read()
        took = time.perf_counter() - began
        if response.status >= 300 and response.status != also:
            raise RuntimeError(f"{method} {path[:200]} is answered {response.status}: {answer[:300]!r}")
        return took, answer, response.headers

    def fill(self, tenant: str, entities: int) -> None:
        """Bring the first sample entities into a tenant."""
        for start in range(0, entities, BATCH):
            batch = [sample.entity(number) for number in range(start, min(entities, start + BATCH))]
            self.send("POST", "/entityOperations/upsert", batch, tenant=tenant)

    def get(self, path: str, **parameters: str | int) -> Ask:
        """Sends the same GET again and again."""
        whole = f"{path}?{urlencode(parameters, quote_via=quote)}"
        return lambda: self.send("GET", whole)[0]

    def update(self, tenant: str) -> Ask:
        """Sends an update of one attribute of a random entity."""

        def ask() -> float:
            number = self.random.randrange(0, BATCH, len(sample.TYPES))
            path = f"/entities/{sample.entity_id(number)}/attrs"
            return self.send("PATCH", path, sample.update(self.random.randrange(10**6)), tenant=tenant)[0]

        return ask

    def told(self, tenant: str) -> Ask:
        """Sends an update and waits until the receiver has been told: seconds from one to the other."""
        update = self.update(tenant)

        def ask() -> float:
            self.receiver.came.clear()
            began = time.perf_counter()
            update()
            if not self.receiver.came.wait(SINK_SECONDS):
                raise RuntimeError(f"No notification within {SINK_SECONDS:.0f} s.")
            return time.perf_counter() - began

        return ask

    def subscribe(self, tenant: str, uri: str, condition: str) -> None:
        """Subscribe to all entities of the kind that meet a condition."""
        document = {
            "type": "Subscription",
            "entities": [{"type": KIND}],
            "watchedAttributes": ["temperature"],
            "q": condition,
            "notification": {"attributes": ["temperature"], "endpoint": {"uri": uri, "accept": "application/json"}},
        }
        self.send("POST", "/subscriptions", document, tenant=tenant)


def _deep_page(stage: Stage) -> Pair:
    """The first pages, and the last ones, by the links from page to page; every entity is there once."""
    first = path = f"/entities?type={KIND}&limit=100"
    pages, ids = [], []
    while path:
        pages.append(path)
        _, body, headers = stage.send("GET", path)
        ids += [entity["id"] for entity in orjson.loads(body)]
        path = _next(headers)
    if len(ids) != len(set(ids)) or len(ids) != len(range(0, stage.entities, len(sample.TYPES))):
        raise RuntimeError(f"{len(ids)} entities on the pages, {len(set(ids))} different ones: duplicates or gaps.")
    return Pair(lambda: stage.send("GET", first)[0], lambda: stage.send("GET", pages[-2])[0])


def _next(headers: Any) -> str:
    for link in headers.get_all("Link") or ():
        for part in link.split(", <"):
            if 'rel="next"' in part:
                url = part.strip("<").partition(">")[0]
                return str(url[url.index(API_ROOT) + len(API_ROOT) :] if API_ROOT in url else url)
    return ""


def _count(stage: Stage) -> Pair:
    return Pair(stage.get("/entities", type=KIND, limit=20), stage.get("/entities", type=KIND, limit=20, count="true"))


def _filter(stage: Stage) -> Pair:
    """One entity by its id; and by the value of an attribute that nobody declared an index for."""
    name = f"{KIND} {len(sample.TYPES) * 25}"
    return Pair(stage.get("/entities", type=KIND, limit=1), stage.get("/entities", type=KIND, q=f'name=="{name}"'))


def _map(stage: Stage) -> Pair:
    """A page of twenty, and those of the type within 400 m of a point: as many, with 20 000 in the city."""
    near = {"georel": "near;maxDistance==400", "geometry": "Point", "coordinates": "[8.53,47.39]"}
    return Pair(stage.get("/entities", type=KIND, limit=20), stage.get("/entities", type=KIND, limit=20, **near))


def _subscriptions(stage: Stage) -> Pair:
    for number in range(SUBSCRIPTIONS):
        stage.subscribe(MANY, stage.receiver.address, f"temperature>{1000 + number}")
    return Pair(stage.update(QUIET), stage.update(MANY))


def _dead_receivers(stage: Stage) -> Pair:
    closed = f"http://127.0.0.1:{free_port()}"
    for tenant in (QUIET, DEAD):
        stage.subscribe(tenant, stage.receiver.address, "temperature>-1000")
    for number in range(DEAD_RECEIVERS):
        stage.subscribe(DEAD, f"{closed}/{number}", "temperature>-1000")
        stage.subscribe(DEAD, f"{stage.receiver.address}/slow/{number}", "temperature>-1000")
    return Pair(stage.told(QUIET), stage.told(DEAD))


def _batches(stage: Stage) -> Pair:
    """An entity in a batch of 100, and one in a batch of 1000."""
    versions = iter(range(10**6))

    def upsert(size: int) -> Ask:
        def ask() -> float:
            version = next(versions) % 2 + 1
            batch = [sample.entity(number, version) for number in range(size)]
            return stage.send("POST", "/entityOperations/upsert", batch)[0] / size

        return ask

    return Pair(upsert(100), upsert(BATCH))


def _contexts(stage: Stage) -> Pair:
    """A read, and a read that names an @context which can't be had: refused at once after the first."""
    path = f"/entities/{sample.entity_id(0)}"
    link = f"http://127.0.0.1:{free_port()}/context.jsonld"
    stage.send("GET", path, link=link, also=504)
    return Pair(lambda: stage.send("GET", path)[0], lambda: stage.send("GET", path, link=link, also=504)[0])


def _history(stage: Stage) -> Pair:
    """The last 100 points of a short history and of a long one."""
    for name, number in (("short", SERIES // 50), ("long", SERIES)):
        for start in range(0, number, BATCH):
            points = [
                {"type": "Property", "value": each % 77, "observedAt": _instant(each)}
                for each in range(start, min(number, start + BATCH))
            ]
            entity = {"id": f"urn:ngsi-ld:Series:{name}", "type": "Series", "level": points}
            stage.send("POST", "/temporal/entities", entity)
    time.sleep(SEALED_SECONDS)
    given: dict[str, str | int] = {"lastN": 100, "options": "temporalValues", "timeproperty": "observedAt"}
    short, long = (stage.get(f"/temporal/entities/urn:ngsi-ld:Series:{name}", **given) for name in ("short", "long"))
    return Pair(short, long)


def _aggregates(stage: Stage) -> Pair:
    """All points of a history one by one, and their hourly means."""
    path = "/temporal/entities/urn:ngsi-ld:Series:long"
    since = {"timerel": "after", "timeAt": _instant(0), "timeproperty": "observedAt"}
    means = {"options": "aggregatedValues", "aggrMethods": "avg", "aggrPeriodDuration": "PT1H"}
    return Pair(stage.get(path, options="temporalValues", lastN=1000, **since), stage.get(path, **means, **since))


def _instant(number: int) -> str:
    """A point a minute."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1_780_000_000 + 60 * number))


PATHOLOGIES: Final = (
    Pathology("deep-page", "last page beside the first, by links", _deep_page),
    Pathology("count", "a page with a count beside one without", _count),
    Pathology("filter", "q on any attribute, 1 hit, beside a page of one", _filter),
    Pathology("map", "entities near a point beside a page", _map),
    Pathology("subscriptions", f"update with {SUBSCRIPTIONS} idle subscriptions beside none", _subscriptions),
    Pathology(
        "dead-receivers", f"notification beside {DEAD_RECEIVERS} dead, as many slow receivers", _dead_receivers, 30
    ),
    Pathology("batch", "an entity in a batch of 1000 beside one of 100", _batches, 10),
    Pathology("context", "a read that names a lost @context beside one that names none", _contexts),
    Pathology("history", f"last 100 of {SERIES} points beside those of {SERIES // 50}", _history),
    Pathology("aggregates", f"hourly means of {SERIES} points beside the last 1000 of them", _aggregates, 30),
)
