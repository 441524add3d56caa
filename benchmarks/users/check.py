"""After the load: is all there that was acknowledged? Entities, points of history, notifications."""

from collections.abc import Iterator
from time import monotonic
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import gevent
import orjson
from geventhttpclient import HTTPClient
from geventhttpclient.url import URL

from benchmarks.users.asked import Asked
from benchmarks.users.options import Shared
from broker.cli.city.domains import FLEETS
from broker.cli.city.fleet import Fleet
from broker.names import CORE_CONTEXT, TENANT_HEADER

PAGE: Final = 100
HISTORIES: Final = 2_000
"""Entities whose points are counted, at most."""
SETTLE: Final = 20.0
"""Seconds that the last notifications may take."""
_NO_SUCH: Final = frozenset({404, 405, 501})


class Check(NamedTuple):
    """How many were looked for, and what each of those lacks that lack something."""

    name: str
    checked: int
    lost: dict[str, str]


def checks(host: str, shared: Shared) -> Iterator[Check]:
    """All that this process' users can vouch for."""
    broker = Broker(host, shared.tenant)
    ledger = shared.ledger
    yield Check("entities", len(ledger.entries), dict(_entities(broker, shared)))
    counted = list(ledger.points)[:HISTORIES]
    if counted and broker.has("/temporal/entities?type=X&timerel=before&timeAt=1970-01-01T00:00:00Z"):
        yield Check("history", len(counted), dict(_points(broker, shared, counted)))
    if ledger.notices:
        until = monotonic() + SETTLE
        while (untold := ledger.untold(shared.sinks.seen)) and monotonic() < until:
            gevent.sleep(0.2)
        yield Check("notifications", sum(map(len, ledger.notices.values())), untold)
    for subscription in shared.subscriptions:
        broker.ask(Asked("forget", "DELETE", f"/subscriptions/{subscription}", CORE_CONTEXT))
    broker.close()


class Broker:
    """Asked one thing after the other."""

    def __init__(self, host: str, tenant: str) -> None:
        self._client = HTTPClient.from_url(URL(host), connection_timeout=10, network_timeout=120)
        self._tenant = {TENANT_HEADER: tenant} if tenant else {}

    def ask(self, asked: Asked) -> tuple[int, bytes]:
        """Status and body of the answer."""
        response = self._client.request(asked.method, asked.url, headers=asked.headers | self._tenant)
        return response.status_code, bytes(response.read())

    def found(self, path: str, fleet: Fleet) -> list[dict[str, Any]]:
        """The entities of an answer. Raises RuntimeError if it is none."""
        status, body = self.ask(Asked("check", "GET", path, fleet.context))
        if status not in (200, 206):
            raise RuntimeError(f"The check is answered {status}: {body[:300]!r}")
        entities: list[dict[str, Any]] = orjson.loads(body)
        return entities

    def has(self, path: str) -> bool:
        """Whether the broker has such a thing at all."""
        return self.ask(Asked("check", "GET", path, CORE_CONTEXT))[0] not in _NO_SUCH

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def _entities(broker: Broker, shared: Shared) -> Iterator[tuple[str, str]]:
    for fleet, page in _pages(list(shared.ledger.entries)):
        found = broker.found(f"/entities?{urlencode({'type': fleet.type, 'id': ','.join(page), 'limit': PAGE})}", fleet)
        there = {entity["id"] for entity in found}
        yield from ((each, "it is not there") for each in page if each not in there)
        yield from shared.ledger.lost(found).items()


def _points(broker: Broker, shared: Shared, ids: list[str]) -> Iterator[tuple[str, str]]:
    """Of each reported attribute as many points since the start as reports were acknowledged."""
    given = {
        "timerel": "after",
        "timeAt": shared.started.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "timeproperty": "observedAt",
        "format": "aggregatedValues",
        "aggrMethods": "totalCount",
    }
    for fleet, page in _pages(ids):
        asked = given | {"type": fleet.type, "id": ",".join(page), "limit": str(PAGE)}
        found = {entity["id"]: entity for entity in broker.found(f"/temporal/entities?{urlencode(asked)}", fleet)}
        for entity_id in page:
            due = shared.ledger.points[entity_id]
            for name, attribute in shared.ledger.entries[entity_id].acknowledged.items():
                counted = _total(found.get(entity_id, {}).get(name)) if "observedAt" in attribute else due
                if counted < due:
                    yield entity_id, f"{name} has {counted} points, not {due}"


def _total(attribute: Any) -> int:
    """The points of an attribute: of all its periods and datasets."""
    instances = attribute if isinstance(attribute, list) else [attribute or {}]
    return int(sum(period[0] for each in instances for period in each.get("totalCount", ())))


def _pages(ids: list[str]) -> Iterator[tuple[Fleet, list[str]]]:
    for fleet in FLEETS:
        mine = [each for each in ids if each.startswith(fleet.prefix)]
        yield from ((fleet, mine[start : start + PAGE]) for start in range(0, len(mine), PAGE))
