"""`python -m benchmarks.city_sinks PORT`: the receivers of a city's notifications, in a process of their own.

POST /fast/N, /slow/N   a notification to subscription number N; slow ones are answered after five seconds
GET  /received          all that came: records of RECEIPT
GET  /count             how many entities came
"""

import asyncio
import struct
import sys
import time
from datetime import datetime
from typing import Final

import orjson
from aiohttp import web

from benchmarks.city_watch import key
from benchmarks.users.sinks import SLOW_SECONDS

RECEIPT: Final = struct.Struct("<IQdd")
"""Number of the subscription, key of the report, its observedAt and its receipt in seconds since 1970."""


class Receiver:
    """What came."""

    def __init__(self) -> None:
        self._received = bytearray()

    async def notify(self, request: web.Request) -> web.Response:
        """Take a notification."""
        now = time.time()
        number = int(request.match_info["number"])
        for entity in orjson.loads(await request.read())["data"]:
            seen = max((each.get("observedAt", "") for each in entity.values() if isinstance(each, dict)), default="")
            observed = datetime.fromisoformat(seen).timestamp() if seen else 0.0
            self._received += RECEIPT.pack(number, key(entity["id"], seen), observed, now)
        if request.match_info["kind"] == "slow":
            await asyncio.sleep(SLOW_SECONDS)
        return web.Response(status=204)

    async def received(self, _: web.Request) -> web.Response:
        """All records."""
        return web.Response(body=bytes(self._received), content_type="application/octet-stream")

    async def count(self, _: web.Request) -> web.Response:
        """How many."""
        return web.Response(text=str(len(self._received) // RECEIPT.size))


def application() -> web.Application:
    """The receivers."""
    receiver = Receiver()
    app = web.Application(client_max_size=64 * 2**20)
    app.router.add_post("/{kind:fast|slow}/{number}", receiver.notify)
    app.router.add_get("/received", receiver.received)
    app.router.add_get("/count", receiver.count)
    return app


if __name__ == "__main__":
    web.run_app(application(), host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)
