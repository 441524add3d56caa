"""Documents with @contexts: from the folder that ships with the broker, or fetched and kept while they are fresh."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from hashlib import blake2b
from typing import Any, Final

import orjson
from cachetools import LRUCache, TTLCache

from broker.errors import BadRequestData, BrokerError, LdContextNotAvailable
from broker.hosting.bundled import Bundled
from broker.hosting.flights import Flights
from broker.jsonld.parts import content
from broker.names import JSON, JSON_LD
from broker.outbound.client import Answer, CallError, Client
from broker.telemetry import log

REDIRECTS: Final = 5
KEPT_BYTES: Final = 64 * 2**20
"""Documents in memory, as they were received."""
FAILURE_SECONDS: Final = 5.0
"""How long a failure is answered again without another attempt."""
RETRY_SECONDS: Final = 60.0
"""How long an outdated document is used on after its address failed."""
LEAST_SECONDS: Final = 10.0
"""Documents that say they are outdated at once are still used this long: a fetch per request would stop the broker."""
HEURISTIC_SECONDS: Final = 3600.0
"""For documents that say nothing (RFC 9111 §4.2.2)."""

_HEADERS: Final = {"Accept": f"{JSON_LD}, {JSON};q=0.9, */*;q=0.1"}
_DIRECTIVE: Final = re.compile(r'(?:^|[,\s])(s-maxage|max-age)\s*=\s*"?(\d{1,12})', re.IGNORECASE)
_NOT_KEPT: Final = re.compile(r"(?:^|[,\s])(?:no-store|no-cache)(?:$|[,;\s])", re.IGNORECASE)
_logger = log(__name__)


@dataclass(frozen=True, slots=True)
class Document:
    """A document that holds an @context."""

    json: Any
    digest: bytes
    size: int
    """Bytes, as received."""
    expires: float
    """When it must be fetched again, by the clock of the Documents."""


class Documents:
    """One per worker. Every document is fetched once for all who wait for it."""

    def __init__(
        self, client: Client, bundled: Bundled, *, timeout: float, max_size: int, clock: Callable[[], float]
    ) -> None:
        self._client = client
        self._bundled = bundled
        self._timeout = timeout
        self._max_size = max_size
        self._clock = clock
        self._kept: LRUCache[str, Document] = LRUCache(max(KEPT_BYTES, 2 * max_size), lambda document: document.size)
        self._failures: TTLCache[str, BrokerError] = TTLCache(1024, FAILURE_SECONDS, clock)
        self._flights: Flights[Document] = Flights()

    async def get(self, url: str) -> Document:
        """The document at a URL: fresh, or an older one if its address fails.

        Raises LdContextNotAvailable when it can't be had, BadRequestData when it holds no @context.
        """
        if url in self._bundled:
            return Document(self._bundled[url], b"", 0, math.inf)
        kept = self._kept.get(url)
        if kept is not None and self._clock() < kept.expires:
            return kept
        failure = self._failures.get(url)
        if failure is not None:
            raise type(failure)(failure.detail)
        return await self._flights.join(url, lambda: self._renew(url, kept))

    async def close(self) -> None:
        """Give up the fetches that are under way."""
        await self._flights.close()

    async def _renew(self, url: str, kept: Document | None) -> Document:
        try:
            document = await self._fetch(url)
        except BrokerError as error:
            _logger.warning("context fetch failed", url=url, reason=error.detail)
            if kept is None:
                self._failures[url] = error
                raise
            document = replace(kept, expires=self._clock() + RETRY_SECONDS)
        self._kept[url] = document
        return document

    async def _fetch(self, url: str) -> Document:
        try:
            answer = await self._client.request(
                "GET", url, headers=_HEADERS, timeout=self._timeout, max_size=self._max_size, redirects=REDIRECTS
            )
        except CallError as error:
            raise LdContextNotAvailable(f"The @context at {url} can't be fetched: {error.reason}") from error
        if answer.status != 200:
            raise LdContextNotAvailable(f"The @context at {url} can't be fetched: the status is {answer.status}")
        document = _parse(answer, url)
        digest = blake2b(answer.body, digest_size=16).digest()
        return Document(document, digest, len(answer.body), self._clock() + lifetime(answer.headers))


def lifetime(headers: Mapping[str, str]) -> float:
    """Seconds that a document stays fresh, by its response headers (RFC 9111 §4.2)."""
    control = headers.get("Cache-Control", "")
    directives = {name.lower(): int(seconds) for name, seconds in _DIRECTIVE.findall(control)}
    if _NOT_KEPT.search(control):
        return LEAST_SECONDS
    for name in ("s-maxage", "max-age"):
        if name in directives:
            return max(LEAST_SECONDS, directives[name] - _age(headers))
    if "Expires" in headers:
        return max(LEAST_SECONDS, _until_expiry(headers))
    return HEURISTIC_SECONDS


def _age(headers: Mapping[str, str]) -> int:
    age = headers.get("Age", "")
    return int(age) if age.isascii() and age.isdigit() and len(age) < 12 else 0


def _until_expiry(headers: Mapping[str, str]) -> float:
    """`Expires` after `Date`, both by the clock of the origin; an invalid one is in the past (RFC 9111 §5.3)."""
    try:
        return (parsedate_to_datetime(headers["Expires"]) - parsedate_to_datetime(headers["Date"])).total_seconds()
    except (KeyError, TypeError, ValueError):
        return 0


def _parse(answer: Answer, url: str) -> Any:
    try:
        document = orjson.loads(answer.body.removeprefix(b"\xef\xbb\xbf"))
    except ValueError:
        raise BadRequestData(f"The document at {url} is no JSON") from None
    content(document, url)
    return document
