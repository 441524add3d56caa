"""A web server on the loopback interface, for tests of what the broker calls."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import orjson
from aiohttp import web

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Web:
    """What it serves can be changed while it runs; `requests` counts by path."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.requests: Counter[str] = Counter()
        self._handlers: dict[str, Handler] = {}

    def url(self, path: str) -> str:
        return self.address + path

    def answers(self, path: str, handler: Handler) -> str:
        """Have a handler answer a path; its URL."""
        self._handlers[path] = handler
        return self.url(path)

    def serves(self, path: str, document: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> str:
        """Serve a JSON document, or bytes, at a path; its URL."""
        body = document if isinstance(document, bytes) else orjson.dumps(document)

        async def handler(_: web.Request) -> web.StreamResponse:
            return web.Response(body=body, status=status, headers=headers, content_type="application/ld+json")

        return self.answers(path, handler)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests[request.path] += 1
        handler = self._handlers.get(request.path)
        return web.Response(status=404) if handler is None else await handler(request)


@asynccontextmanager
async def serving() -> AsyncIterator[Web]:
    """A Web on a free port, until the block ends."""
    handle: Handler | None = None

    async def dispatch(request: web.Request) -> web.StreamResponse:
        assert handle is not None
        return await handle(request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", dispatch)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        served = Web(runner.addresses[0][1])
        handle = served.handle
        yield served
    finally:
        await runner.cleanup()
