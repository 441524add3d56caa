"""The contexts that this broker stores, as a resource: GS CIM 009 §5.13.

Hosted and ImplicitlyCreated ones belong to a tenant, Cached ones to all. The content of a context is served to whoever
knows its address and names no tenant: a JSON-LD processor that follows a Link can't name one, and the address can't be
guessed.
"""

import asyncio
import random
import time
from collections.abc import Callable
from hashlib import blake2b
from typing import Any, Final
from uuid import uuid4

import orjson

from broker.errors import BadRequestData, OperationNotSupported, ResourceNotFound, StoreUnavailable
from broker.hosting.addresses import stored_id, url_of
from broker.hosting.contexts import Contexts
from broker.jsonld.parts import CORE_URLS, references
from broker.model.grammar import shown
from broker.names import CORE_CONTEXT
from broker.store.contexts import Kind, Record, Records, instant
from broker.telemetry import log

FOLLOW_SECONDS: Final = 1.0
"""How often a worker counts its uses, and hears what others deleted or renewed: so long may it use what is no more."""
COLLECT_SECONDS: Final = 300.0
"""How often it removes what nothing refers to any more."""

_START: Final = time.time()
_logger = log(__name__)


class Catalogue:
    """One per worker. `default_tenant` is the tenant of requests that name none."""

    def __init__(
        self,
        contexts: Contexts,
        records: Records,
        max_hosted: int,
        *,
        default_tenant: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._contexts = contexts
        self._records = records
        self._max_hosted = max_hosted
        self._default_tenant = default_tenant
        self._clock = clock
        self._news = -1
        self._settling = asyncio.Lock()
        self._collects = clock() + COLLECT_SECONDS * random.random()  # noqa: S311  not all workers at once

    async def add(self, tenant: str, source: Any) -> str:
        """Host a context; its local id (GS CIM 009 §5.13.2).

        Raises BadRequestData for what is no context, LdContextNotAvailable if a part of it can't be had,
        OperationNotSupported when the tenant has too many.
        """
        _check(source)
        await self._contexts.resolve(source)
        if await self._records.number(tenant, Kind.HOSTED) >= self._max_hosted:
            raise OperationNotSupported(
                f"The tenant hosts {self._max_hosted} contexts already, as many as this broker takes."
            )
        return await self._put(uuid4().hex, Kind.HOSTED, tenant, source)

    async def implicit(self, tenant: str, source: Any, base: str) -> str:
        """The URL of the context that a subscription brings; what has no URL gets one here (ImplicitlyCreated).

        `base`: what clients put before the API's root. Raises BadRequestData, LdContextNotAvailable.
        """
        compiled = await self._contexts.resolve(source)
        given = source if isinstance(source, list) else [source]
        own = [each for each in given if not (isinstance(each, str) and each in CORE_URLS)]
        if source is None or not own or (len(own) == 1 and isinstance(own[0], str)):
            return compiled.link
        content = orjson.dumps([tenant, source], option=orjson.OPT_SORT_KEYS)
        local = blake2b(content, digest_size=16).hexdigest()
        return url_of(await self._put(local, Kind.IMPLICIT, tenant, source), base)

    async def listed(self, tenant: str, kind: Kind | None) -> list[Record]:
        """The contexts that a tenant sees, of one kind or all (GS CIM 009 §5.13.3)."""
        await self._settle()
        records = await self._records.listed(tenant, kind)
        if kind in (None, Kind.CACHED) and all(record.id != CORE_CONTEXT for record in records):
            records.insert(0, _core(CORE_CONTEXT))
        return records

    async def detail(self, tenant: str, context_id: str) -> Record:
        """What is known of a context; asking for it is a use of it, told the next time (GS CIM 009 §5.13.4).

        Raises ResourceNotFound.
        """
        await self._settle()
        record = await self._found(tenant, context_id)
        self._use(record)
        return record

    async def content(self, tenant: str, context_id: str) -> bytes:
        """The document of a context (GS CIM 009 §5.13.4).

        Raises ResourceNotFound; OperationNotSupported for a Cached one, which its own address serves.
        """
        anyones = tenant == self._default_tenant
        record = await self._found(None if anyones else tenant, context_id)
        if record.kind is Kind.CACHED or record.body is None:
            raise OperationNotSupported(f"The context {record.id} is a copy: ask its own address for it.")
        self._use(record)
        return record.body

    async def delete(self, tenant: str, context_id: str) -> None:
        """Delete a context for all but those that refer to it (GS CIM 009 §5.13.5).

        Raises ResourceNotFound, BadRequestData for the core context and the default one.
        """
        stored = stored_id(context_id)
        if stored in CORE_URLS:
            raise BadRequestData(f"The core context {stored} can't be deleted.")
        if self._contexts.default is not None and stored == stored_id(self._contexts.default):
            raise BadRequestData(f"The context {shown(context_id)} is the default one of this broker.")
        await self._settle()
        record = await self._found(tenant, context_id)
        await self._records.delete(record.id, instant(self._clock()))
        self._contexts.forget(record.id)

    async def reload(self, tenant: str, context_id: str) -> None:
        """Fetch a Cached context anew; what ships with the broker is as it should be (GS CIM 009 §5.13.5).

        Raises BadRequestData for what is no Cached one; LdContextNotAvailable, and then the old one stays.
        """
        try:
            record = await self._found(tenant, context_id)
        except ResourceNotFound:
            record = None
        if record is None or record.kind is not Kind.CACHED:
            raise BadRequestData(f"The context {shown(context_id)} is no Cached one: only those can be reloaded.")
        if record.id in CORE_URLS or record.id in self._contexts.bundled:
            return
        await self._contexts.renew(record.id)
        await self._records.tell(record.id)

    async def follow(self) -> None:
        """Count uses and hear of deletions, now and then; collect what nothing needs. For as long as a worker lives."""
        while True:
            await asyncio.sleep(FOLLOW_SECONDS)
            try:
                await self.catch_up()
                if self._clock() >= self._collects:
                    self._collects = self._clock() + COLLECT_SECONDS
                    await self._records.collect(instant(self._clock()))
            except StoreUnavailable:
                pass  # every request is told so, and /health says it
            except Exception:
                _logger.exception("contexts not followed")

    async def catch_up(self) -> None:
        """Count what was used, and forget what others deleted or renewed. Raises StoreUnavailable."""
        await self._settle()
        news = await self._records.news(self._news)
        if news.ids is None:
            self._contexts.forget(None)
        else:
            for stored in news.ids:
                self._contexts.forget(stored)
        self._news = news.changes

    async def _settle(self) -> None:
        """Have the uses of this worker counted."""
        async with self._settling:  # who waits for it finds everything counted
            uses = self._contexts.uses()
            if uses:
                await self._records.count(uses)

    def _use(self, record: Record) -> None:
        if record.id not in CORE_URLS:
            self._contexts.count(record.id)

    async def _put(self, local: str, kind: Kind, tenant: str, source: Any) -> str:
        body = orjson.dumps({"@context": source})
        refs = {stored_id(url) for url in references(source)}
        await self._records.put(Record(local, kind, tenant, instant(self._clock()), body), refs)
        return local

    async def _found(self, tenant: str | None, context_id: str) -> Record:
        """A context that the tenant sees; None sees all."""
        stored = stored_id(context_id)
        if stored in CORE_URLS:
            return _core(stored)
        record = await self._records.get(stored)
        if record is None or record.deleted or not (tenant is None or record.tenant in (None, tenant)):
            raise ResourceNotFound(f"There is no context {shown(context_id)}.")
        return record


def _core(url: str) -> Record:
    """The core context, which is part of the broker."""
    return Record(url, Kind.CACHED, None, instant(_START))


def _check(source: Any) -> None:
    """Raise BadRequestData for what can be no context, before any part of it is fetched."""
    pending = [source]
    while pending:
        item = pending.pop()
        if isinstance(item, list):
            pending.extend(item)
        elif item is not None and not isinstance(item, str | dict):
            raise BadRequestData(f"Member @context: {shown(item)} is no URL, object or array of them.")
    if source is None:
        raise BadRequestData("Member @context: null is no URL, object or array of them.")
    references(source)
