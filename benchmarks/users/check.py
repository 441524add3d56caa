"""After the load: is all there that was acknowledged?"""

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlencode

import orjson
from geventhttpclient import HTTPClient
from geventhttpclient.url import URL

from benchmarks.users.asked import Asked
from benchmarks.users.options import Shared
from broker.cli.city.domains import FLEETS
from broker.names import TENANT_HEADER

PAGE: Final = 100


def lost(host: str, shared: Shared) -> dict[str, str]:
    """Id of each entity that lacks something acknowledged, and what."""
    client = HTTPClient.from_url(URL(host), connection_timeout=10, network_timeout=120)
    missing: dict[str, str] = {}
    for fleet in FLEETS:
        ids = [each for each in shared.ledger.entries if each.startswith(fleet.prefix)]
        for page in _pages(ids):
            path = f"/entities?{urlencode({'type': fleet.type, 'id': ','.join(page), 'limit': PAGE})}"
            found = _ask(client, Asked("check", "GET", path, fleet.context), shared.tenant)
            there = {entity["id"] for entity in found}
            missing |= {each: "it is not there" for each in page if each not in there}
            missing |= shared.ledger.lost(found)
    client.close()
    return missing


def _pages(ids: list[str]) -> Iterator[tuple[str, ...]]:
    return (tuple(ids[start : start + PAGE]) for start in range(0, len(ids), PAGE))


def _ask(client: HTTPClient, asked: Asked, tenant: str) -> list[dict[str, Any]]:
    headers = asked.headers | ({TENANT_HEADER: tenant} if tenant else {})
    response = client.get(asked.url, headers=headers)
    body = bytes(response.read())
    if response.status_code != 200:
        raise RuntimeError(f"The check is answered {response.status_code}: {body[:300]!r}")
    found: list[dict[str, Any]] = orjson.loads(body)
    return found
