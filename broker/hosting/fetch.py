"""Documents with @contexts: shipped with the broker, stored in it, or fetched and kept while they are fresh."""

import math
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from hashlib import blake2b
from typing import Any, Final

import orjson
from cachetools import LRUCache, TTLCache

from broker.errors import BadRequestData, BrokerError, LdContextNotAvailable, StoreUnavailable
from broker.hosting.addresses import local_id, stored_id
from broker.hosting.bundled import Bundled
from broker.hosting.flights import Flights
from broker.hosting.hosts import Hosts
from broker.jsonld.parts import content
from broker.names import JSON, JSON_LD
from broker.outbound.client import Client
from broker.outbound.reasons import CallError
from broker.store.contexts import Records, instant
from broker.telemetry import CONTEXTS_FAILED, CONTEXTS_FETCHED, log

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
    deleted: bool = False
    """Only what refers to it may still use it."""


class Documents:
    """One per worker. Every document is fetched once for all who wait for it, and stored for the other workers.

    `clock` says seconds since 1970.
    """

    def __init__(
        self,
        client: Client,
        bundled: Bundled,
        records: Records | None,
        *,
        timeout: float,
        max_size: int,
        clock: Callable[[], float],
    ) -> None:
        self._client = client
        self._bundled = bundled
        self._records = records
        self._timeout = timeout
        self._max_size = max_size
        self._clock = clock
        self._kept: LRUCache[str, Document] = LRUCache(max(KEPT_BYTES, 2 * max_size), lambda document: document.size)
        self._failures: TTLCache[tuple[str, bool], BrokerError] = TTLCache(1024, FAILURE_SECONDS, clock)
        self._flights: Flights[Document] = Flights()
        self._hosts = Hosts(clock)
        self._forgotten = 0

    async def get(self, url: str, *, lasting: bool = False) -> Document:
        """The document at a URL: fresh, or an older one if its address fails.

        `lasting`: it is something stored that refers to it, so that it may have been deleted since.
        Raises LdContextNotAvailable when it can't be had, BadRequestData when it holds no @context.
        """
        if url in self._bundled:
            return Document(self._bundled[url], b"", 0, math.inf)
        kept = self._kept.get(url)
        if kept is not None and self._clock() < kept.expires and (lasting or not kept.deleted):
            return kept
        key = (url, lasting)
        failure = self._failures.get(key)
        if failure is not None:
            raise type(failure)(failure.detail)
        return await self._flights.join(key, lambda: self._renew(url, kept, lasting))

    async def fetch(self, url: str) -> tuple[Document, bytes]:
        """The document that is at a remote URL now, and as bytes. Raises LdContextNotAvailable, BadRequestData."""
        try:
            answer = await self._hosts.request(
                url,
                lambda: self._client.request(
                    "GET", url, headers=_HEADERS, timeout=self._timeout, max_size=self._max_size, redirects=REDIRECTS
                ),
            )
        except CallError as error:
            CONTEXTS_FAILED.inc()
            raise LdContextNotAvailable(f"The @context at {url} can't be fetched: {error.reason}.") from error
        if answer.status != 200:
            CONTEXTS_FAILED.inc()
            raise LdContextNotAvailable(f"The @context at {url} can't be fetched: the status is {answer.status}.")
        CONTEXTS_FETCHED.inc()
        return _document(answer.body, url, self._clock() + lifetime(answer.headers)), answer.body

    async def store(self, url: str, document: Document, body: bytes) -> None:
        """Keep what was fetched, here and for the other workers. Raises StoreUnavailable."""
        if self._records is not None:
            await self._records.cache(url, body, instant(document.expires), instant(self._clock()))
        self._kept[url] = document

    def forget(self, stored: str | None) -> None:
        """Keep a document no longer, or any (None): it is to be read anew."""
        self._forgotten += 1
        for url in [url for url in self._kept if stored in (None, stored_id(url))]:
            del self._kept[url]
        for key in [key for key in self._failures if stored in (None, stored_id(key[0]))]:
            self._failures.pop(key, None)

    async def close(self) -> None:
        """Give up the fetches that are under way."""
        await self._flights.close()

    async def _renew(self, url: str, kept: Document | None, lasting: bool) -> Document:
        forgotten = self._forgotten
        document = await self._renewed(url, kept, lasting)
        if forgotten == self._forgotten:
            self._kept[url] = document
        return document

    async def _renewed(self, url: str, kept: Document | None, lasting: bool) -> Document:
        stored = await self._stored(url)
        if stored is not None and (lasting or not stored.deleted) and self._clock() < stored.expires:
            return stored
        if stored is not None and stored.expires == math.inf:
            raise LdContextNotAvailable(f"The @context at {url} was deleted.")
        older = stored or kept
        try:
            document, body = await self.fetch(url)
        except BrokerError as error:
            _logger.warning("context fetch failed", url=url, reason=error.detail)
            if older is None or (older.deleted and not lasting):
                self._failures[url, lasting] = error
                raise
            return replace(older, expires=self._clock() + RETRY_SECONDS)
        with suppress(StoreUnavailable):  # it can be used all the same
            await self.store(url, document, body)
        return document

    async def _stored(self, url: str) -> Document | None:
        """The document as it is stored: served by this broker, which never changes, or fetched before.

        Raises StoreUnavailable if only the store can have it.
        """
        if self._records is None:
            return None
        own = local_id(url)
        record = await self._records.get(own) if own is not None else None
        if record is None:
            with suppress(StoreUnavailable):
                record = await self._records.get(url)
        if record is None or record.body is None:
            return None
        expires = math.inf if record.expires is None else record.expires.timestamp()
        return replace(_document(record.body, url, expires), deleted=record.deleted)


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


def _document(body: bytes, url: str, expires: float) -> Document:
    """A document, read. Raises BadRequestData."""
    try:
        document = orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except ValueError:
        raise BadRequestData(f"The document at {url} is no JSON.") from None
    content(document, url)
    return Document(document, blake2b(body, digest_size=16).digest(), len(body), expires)
