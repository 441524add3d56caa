"""The @contexts of requests, compiled and kept."""

import asyncio
from typing import Any

from broker.errors import LdContextNotAvailable
from broker.hosting.bundled import Bundled
from broker.jsonld.compiled import CompiledContext
from broker.jsonld.compiler import Compiler
from broker.jsonld.parts import content, references
from broker.names import CORE_CONTEXT


class Contexts:
    """One per worker."""

    def __init__(self) -> None:
        self._bundled = Bundled()
        self._compiler = Compiler(self._bundled[CORE_CONTEXT])
        self._by_url: dict[str, CompiledContext] = {}
        self.core = self._compiler.core
        """The context of requests that name none."""

    def known(self, source: Any) -> CompiledContext | None:
        """The compiled context of None or a URL, if it is at hand and fresh."""
        if source is None:
            return self.core
        return self._by_url.get(source) if isinstance(source, str) else None

    async def resolve(self, source: Any) -> CompiledContext:
        """The compiled form of None (the core), a URL, an object or a list.

        Raises LdContextNotAvailable for what can't be fetched, BadRequestData for what is no valid context.
        """
        found = self.known(source)
        if found is None:
            found = await asyncio.to_thread(self._compile, source)
            if isinstance(source, str):
                self._by_url[source] = found
        return found

    def _compile(self, source: Any) -> CompiledContext:
        documents = {}
        pending = references(source)
        while pending:
            url = pending.pop()
            if url not in self._bundled:
                raise LdContextNotAvailable(f"The @context at {url} can't be fetched")
            documents[url] = self._bundled[url]
            pending |= references(content(documents[url], url), url) - documents.keys()
        return self._compiler.compile(source, documents)
