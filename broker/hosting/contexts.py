"""The @contexts of requests: resolved, compiled once, kept while what they refer to is fresh."""

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final, TypeAlias

import orjson
from cachetools import Cache, LRUCache

from broker.errors import BadRequestData, BrokerError, LdContextNotAvailable
from broker.hosting.addresses import stored_id
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
from broker.store.contexts import Records, Use, instant
from broker.telemetry import CONTEXT_HITS, CONTEXT_MISSES, log

MAX_DOCUMENTS: Final = 50
"""Remote documents that make up one context."""
STALE_SECONDS: Final = 300.0
"""How long an outdated context is still used while it is renewed in the background."""
TERMS_PER_PLACE: Final = 1000
"""Contexts with more terms count for several in the cache."""

_Key: TypeAlias = str | bytes | tuple[str | bytes]
"""A URL, or the digest of an object or a list; alone in a tuple if it is something stored that refers to it."""
_logger = log(__name__)


@dataclass(slots=True)
class _Kept:
    """A compiled context, what it was made of, until when that is fresh, and how often it was used since counted."""

    context: CompiledContext
    digests: dict[str, bytes]
    """Remote document to the digest of its content."""
    expires: float
    uses: int = 0
    used: float = 0.0


class _Cache(LRUCache[_Key, _Kept]):
    """What falls out of it hands over its uses first."""

    def __init__(self, size: int, leave: Callable[[_Kept], None]) -> None:
        super().__init__(size, _places)
        self._leave = leave

    def popitem(self) -> tuple[_Key, _Kept]:
        key, kept = super().popitem()
        self._leave(kept)
        return key, kept

    def untouched(self) -> list[_Kept]:
        """What it holds, as if nobody had looked."""
        return [Cache.__getitem__(self, key) for key in self]


class Contexts:
    """One per worker. Without records nothing is hosted here, and what is fetched is kept in memory alone.

    `clock` says seconds since 1970.
    """

    def __init__(
        self,
        settings: Settings,
        client: Client,
        records: Records | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.bundled = Bundled()
        self._clock = clock
        self._max_depth = settings.context_max_depth
        self._max_size = settings.context_max_size
        self.documents = Documents(
            client,
            self.bundled,
            records,
            timeout=settings.context_timeout,
            max_size=settings.context_max_size,
            clock=clock,
        )
        self._compiler = Compiler(self.bundled[CORE_CONTEXT])
        self._executor = ThreadPoolExecutor(1, "context")
        self._kept = _Cache(settings.context_cache, self._count)
        self._flights: Flights[_Kept] = Flights()
        self._uses: dict[str, tuple[int, float]] = {}
        self._forgotten = 0
        self.core = self._compiler.core
        self.default = settings.default_context or None
        """URL of the context of requests that name none; without one, that is the core."""

    def known(self, source: Any) -> CompiledContext | None:
        """The compiled context of None (the default) or a URL, if it is at hand and fresh."""
        if source is None:
            source = self.default
            if source is None:
                return self.core
        kept = self._kept.get(source) if isinstance(source, str) else None
        if kept is None:
            return None
        now = self._clock()
        if now >= kept.expires:
            return None
        CONTEXT_HITS.inc()
        kept.uses += 1
        kept.used = now
        return kept.context

    async def resolve(self, source: Any) -> CompiledContext:
        """The compiled form of None (the default), a URL, an object or a list.

        Raises LdContextNotAvailable for what can't be fetched, BadRequestData for what is no valid context.
        """
        if source is None:
            source = self.default
            if source is None:
                return self.core
        return await self._resolve(self._key(source), source, False)

    async def lasting(self, source: Any) -> CompiledContext:
        """The same for something that is stored and refers to a context: it may have been deleted since."""
        if source is None:
            return await self.resolve(None)
        return await self._resolve((self._key(source),), source, True)

    async def _resolve(self, key: _Key, source: Any, lasting: bool) -> CompiledContext:
        kept = self._kept.get(key)
        now = self._clock()
        age = math.inf if kept is None else now - kept.expires
        if kept is not None and age < STALE_SECONDS:
            CONTEXT_HITS.inc()
            if age >= 0:
                self._flights.start(key, lambda: self._load(key, source, lasting))
        else:
            CONTEXT_MISSES.inc()
            kept = await self._flights.join(key, lambda: self._load(key, source, lasting))
        kept.uses += 1
        kept.used = now
        return kept.context

    async def renew(self, url: str) -> None:
        """Fetch a remote context anew, and use that from now on.

        Raises LdContextNotAvailable if it can't be had or is no context: then the old one stays; StoreUnavailable.
        """
        document, body = await self.documents.fetch(url)
        try:
            await self._compiled(url, await self._closure(url, True, {url: document}))
        except BadRequestData as error:
            raise LdContextNotAvailable(f"What is at {url} now can't be used: {error.detail}") from None
        await self.documents.store(url, document, body)
        self._forget(url)

    def forget(self, stored: str | None) -> None:
        """Keep nothing any more that is made of a stored context, by its id; nothing at all if None."""
        self.documents.forget(stored)
        self._forget(stored)

    def uses(self) -> dict[str, Use]:
        """How often contexts were used since this was asked last, by the ids of what they are made of."""
        for kept in self._kept.untouched():
            self._count(kept)
        found, self._uses = self._uses, {}
        return {
            context_id: Use(times, instant(last), context_id in self.bundled)
            for context_id, (times, last) in found.items()
        }

    def count(self, stored: str) -> None:
        """One more use of a stored context."""
        times, last = self._uses.get(stored, (0, 0.0))
        self._uses[stored] = (times + 1, max(last, self._clock()))

    async def close(self) -> None:
        """Give up what is under way."""
        await self._flights.close()
        await self.documents.close()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _count(self, kept: _Kept) -> None:
        if kept.uses:
            for url in kept.digests:
                stored = stored_id(url)
                times, last = self._uses.get(stored, (0, 0.0))
                self._uses[stored] = (times + kept.uses, max(last, kept.used))
            kept.uses = 0

    def _forget(self, stored: str | None) -> None:
        self._forgotten += 1
        for key, kept in list(self._kept.items()):
            if stored is None or any(stored_id(url) == stored for url in kept.digests):
                self._count(kept)
                del self._kept[key]

    def _key(self, source: Any) -> str | bytes:
        """What a source is kept by. Raises BadRequestData for what can't be a context."""
        if isinstance(source, str):
            return source
        if not isinstance(source, dict | list):
            raise BadRequestData(f"The @context is no URL, object or array of them: {shown(source)}.")
        try:
            encoded = orjson.dumps(source)
        except TypeError:
            raise BadRequestData("The @context has a number or a text that can't be encoded.") from None
        if len(encoded) > self._max_size:
            raise BadRequestData(f"The @context is larger than {self._max_size} bytes.")
        return blake2b(encoded, digest_size=16).digest()

    async def _load(self, key: _Key, source: Any, lasting: bool) -> _Kept:
        """What is to be kept of a source from now on: the old, if there is one and it can't be renewed."""
        old = self._kept.get(key)
        forgotten = self._forgotten
        try:
            kept = await self._renewed(old, source, lasting)
        except BrokerError as error:
            if old is None or forgotten != self._forgotten:
                raise
            _logger.warning("context not renewed", reason=error.detail)
            kept = _Kept(old.context, old.digests, self._clock() + RETRY_SECONDS)
        if old is not None:
            self._count(old)
        if forgotten != self._forgotten:
            kept.expires = -math.inf  # what it is made of may be no more
        self._kept[key] = kept
        return kept

    async def _renewed(self, old: _Kept | None, source: Any, lasting: bool) -> _Kept:
        """A source as it is now; compiled only if that is not as it was."""
        documents = await self._closure(source, lasting, {})
        digests = {url: document.digest for url, document in documents.items()}
        expires = min((document.expires for document in documents.values()), default=math.inf)
        if old is not None and old.digests == digests:
            return _Kept(old.context, digests, expires)
        return _Kept(await self._compiled(source, documents), digests, expires)

    async def _compiled(self, source: Any, documents: Mapping[str, Document]) -> CompiledContext:
        by_url = {url: document.json for url, document in documents.items()}
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, self._compiler.compile, source, by_url)

    async def _closure(self, source: Any, lasting: bool, found: dict[str, Document]) -> dict[str, Document]:
        """Every document that a context refers to, directly or through others; some are found already.

        What a document refers to, it goes on to: that may have been deleted since.
        """
        pending = references(source) - found.keys()
        for url, document in found.items():
            pending |= references(content(document.json, url), url) - found.keys()
        for _ in range(self._max_depth):
            if not pending:
                return found
            if len(found) + len(pending) > MAX_DOCUMENTS:
                raise BadRequestData(f"The @context is made of more than {MAX_DOCUMENTS} remote documents.")
            urls = sorted(pending)
            got = await asyncio.gather(*(self.documents.get(url, lasting=lasting) for url in urls))
            found = {**found, **dict(zip(urls, got, strict=True))}
            pending = {next_ for url in urls for next_ in references(content(found[url].json, url), url)} - found.keys()
            lasting = True
        if pending:
            raise BadRequestData(
                f"The @context at {min(pending)} is referred to by others over more than {self._max_depth} steps."
            )
        return found


def _places(kept: _Kept) -> int:
    return 1 + len(kept.context.terms) // TERMS_PER_PLACE
