"""The @contexts of requests: resolved, compiled once, kept while what they refer to is fresh."""

import asyncio
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from typing import Any, Final, NamedTuple, TypeAlias

import orjson
from cachetools import LRUCache

from broker.errors import BadRequestData, BrokerError
from broker.hosting.bundled import Bundled
from broker.hosting.fetch import RETRY_SECONDS, Document, Documents
from broker.hosting.flights import Flights
from broker.jsonld.compiled import CompiledContext
from broker.jsonld.compiler import Compiler
from broker.jsonld.parts import content, references
from broker.model.grammar import shown
from broker.names import CORE_CONTEXT
from broker.outbound.client import Client
from broker.settings import Settings
from broker.telemetry import CONTEXT_HITS, CONTEXT_MISSES, log

MAX_DOCUMENTS: Final = 50
"""Remote documents that make up one context."""
STALE_SECONDS: Final = 300.0
"""How long an outdated context is still used while it is renewed in the background."""
TERMS_PER_PLACE: Final = 1000
"""Contexts with more terms count for several in the cache."""

_Key: TypeAlias = str | bytes
"""A URL, or the digest of an object or a list."""
_logger = log(__name__)


class _Kept(NamedTuple):
    """A compiled context, what it was made of, and until when that is fresh."""

    context: CompiledContext
    digests: dict[str, bytes]
    """Remote document to the digest of its content."""
    expires: float


class Contexts:
    """One per worker."""

    def __init__(self, settings: Settings, client: Client, *, clock: Callable[[], float] = time.monotonic) -> None:
        bundled = Bundled()
        self._clock = clock
        self._max_depth = settings.context_max_depth
        self._max_size = settings.context_max_size
        self._documents = Documents(
            client, bundled, timeout=settings.context_timeout, max_size=settings.context_max_size, clock=clock
        )
        self._compiler = Compiler(bundled[CORE_CONTEXT])
        self._executor = ThreadPoolExecutor(1, "context")
        self._kept: LRUCache[_Key, _Kept] = LRUCache(settings.context_cache, _places)
        self._flights: Flights[_Kept] = Flights()
        self.core = self._compiler.core
        self._default = settings.default_context or None
        """URL of the context of requests that name none; without one, that is the core."""

    def known(self, source: Any) -> CompiledContext | None:
        """The compiled context of None (the default) or a URL, if it is at hand and fresh."""
        if source is None:
            source = self._default
            if source is None:
                return self.core
        kept = self._kept.get(source) if isinstance(source, str) else None
        if kept is None or self._clock() >= kept.expires:
            return None
        CONTEXT_HITS.inc()
        return kept.context

    async def resolve(self, source: Any) -> CompiledContext:
        """The compiled form of None (the default), a URL, an object or a list.

        Raises LdContextNotAvailable for what can't be fetched, BadRequestData for what is no valid context.
        """
        if source is None:
            source = self._default
            if source is None:
                return self.core
        key = self._key(source)
        kept = self._kept.get(key)
        age = math.inf if kept is None else self._clock() - kept.expires
        if kept is not None and age < STALE_SECONDS:
            CONTEXT_HITS.inc()
            if age >= 0:
                self._flights.start(key, lambda: self._load(key, source))
            return kept.context
        CONTEXT_MISSES.inc()
        return (await self._flights.join(key, lambda: self._load(key, source))).context

    async def close(self) -> None:
        """Give up what is under way."""
        await self._flights.close()
        await self._documents.close()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _key(self, source: Any) -> _Key:
        """What a source is kept by. Raises BadRequestData for what can't be a context."""
        if isinstance(source, str):
            return source
        if not isinstance(source, dict | list):
            raise BadRequestData(f"The @context is no URL, object or array of them: {shown(source)}")
        try:
            encoded = orjson.dumps(source)
        except TypeError:
            raise BadRequestData("The @context has a number or a text that can't be encoded") from None
        if len(encoded) > self._max_size:
            raise BadRequestData(f"The @context is larger than {self._max_size} bytes")
        return blake2b(encoded, digest_size=16).digest()

    async def _load(self, key: _Key, source: Any) -> _Kept:
        """What is to be kept of a source from now on: the old, if there is one and it can't be renewed."""
        old = self._kept.get(key)
        try:
            kept = await self._renewed(old, source)
        except BrokerError as error:
            if old is None:
                raise
            _logger.warning("context not renewed", reason=error.detail)
            kept = old._replace(expires=self._clock() + RETRY_SECONDS)
        self._kept[key] = kept
        return kept

    async def _renewed(self, old: _Kept | None, source: Any) -> _Kept:
        """A source as it is now; compiled only if that is not as it was."""
        documents = await self._closure(source)
        digests = {url: document.digest for url, document in documents.items()}
        expires = min((document.expires for document in documents.values()), default=math.inf)
        if old is not None and old.digests == digests:
            return old._replace(expires=expires)
        by_url = {url: document.json for url, document in documents.items()}
        loop = asyncio.get_running_loop()
        context = await loop.run_in_executor(self._executor, self._compiler.compile, source, by_url)
        return _Kept(context, digests, expires)

    async def _closure(self, source: Any) -> dict[str, Document]:
        """Every document that a context refers to, directly or through others."""
        found: dict[str, Document] = {}
        pending = references(source)
        for _ in range(self._max_depth):
            if not pending:
                return found
            if len(found) + len(pending) > MAX_DOCUMENTS:
                raise BadRequestData(f"The @context is made of more than {MAX_DOCUMENTS} remote documents")
            urls = sorted(pending)
            found.update(zip(urls, await asyncio.gather(*map(self._documents.get, urls)), strict=True))
            pending = {next_ for url in urls for next_ in references(content(found[url].json, url), url)} - found.keys()
        if pending:
            raise BadRequestData(
                f"The @context at {min(pending)} is referred to by others over more than {self._max_depth} steps"
            )
        return found


def _places(kept: _Kept) -> int:
    return 1 + len(kept.context.terms) // TERMS_PER_PLACE
