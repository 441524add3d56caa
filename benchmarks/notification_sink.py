"""`python -m benchmarks.notification_sink PORT`: where measured notifications go, a process of its own.

POST /fast/…   answered at once; `sentAt` in the body says by the monotonic clock when its update was sent
POST /slow/…   answered after SLOW seconds
GET  /seen     of each that came to /fast since this was asked last: when its update was sent, and when it came
GET  /count    how many those are
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import Final

import aiohttp
import orjson
from aiohttp import web

from benchmarks.systems import free_port

SLOW: Final = 5.0
_MARK: Final = b'"sentAt":'
_LOOK: Final = 0.01


def application() -> web.Application:
    """The sink."""
    times: list[tuple[float, float]] = []

    async def fast(request: web.Request) -> web.Response:
        body = await request.read()
        now = monotonic()
        start = body.find(_MARK)
        if start >= 0:
            number = body[start + len(_MARK) :].partition(b"}")[0].partition(b",")[0]
            times.append((float(number), now))
        return web.Response()

    async def slow(_: web.Request) -> web.Response:
        await asyncio.sleep(SLOW)
        return web.Response()

    async def seen(_: web.Request) -> web.Response:
        told = orjson.dumps(times)
        times.clear()
        return web.Response(body=told)

    async def count(_: web.Request) -> web.Response:
        return web.Response(body=b"%d" % len(times))

    app = web.Application()
    app.router.add_post("/fast/{name}", fast)
    app.router.add_post("/slow/{name}", slow)
    app.router.add_get("/seen", seen)
    app.router.add_get("/count", count)
    return app


class Sink:
    """The sink, as the benchmark asks it."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self._session = session

    async def seen(self) -> list[tuple[float, float]]:
        """When the update was sent and when it came, by the monotonic clock, of all since this was asked last."""
        async with self._session.get(f"{self.url}/seen") as answer:
            return [(sent, came) for sent, came in orjson.loads(await answer.read())]

    async def until(self, number: int, patience: float = 120.0) -> None:
        """Wait until so many came. Raises RuntimeError if they don't."""
        deadline = monotonic() + patience
        while (count := await self._count()) < number:
            if monotonic() > deadline:
                raise RuntimeError(f"{count} of {number} notifications came.")
            await asyncio.sleep(_LOOK)

    async def _count(self) -> int:
        async with self._session.get(f"{self.url}/count") as answer:
            return int(await answer.read())


@asynccontextmanager
async def sink(session: aiohttp.ClientSession) -> AsyncIterator[Sink]:
    """The sink in a process that ends with the context."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "benchmarks.notification_sink", str(port))
    found = Sink(f"http://127.0.0.1:{port}", session)
    try:
        while process.returncode is None:
            try:
                await found.seen()
                break
            except aiohttp.ClientError:
                await asyncio.sleep(_LOOK)
        yield found
    finally:
        process.terminate()
        await process.wait()


if __name__ == "__main__":
    web.run_app(application(), host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)
