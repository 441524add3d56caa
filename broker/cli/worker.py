"""A worker: one process, one event loop, one listening socket.

The supervisor starts it as `python -m broker.cli.worker <ready> <number>`; `ready` is a file descriptor to which it
writes one byte once it serves. Its settings are its environment.
"""

import gc
import os
import socket
import sys
from collections.abc import Callable
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from broker import settings as configuration
from broker.api.protocol import BoundedProtocol
from broker.app import create_app
from broker.cli import console, sockets
from broker.cli.supervisor import GRACE
from broker.errors import StartError
from broker.settings import Settings

KEEP_ALIVE: Final = 75
"""Seconds that an idle connection is kept: longer than the usual 60 of proxies, which so never meet a closed one."""


COLLECT_AFTER: Final = (50_000, 20, 50)
"""Allocations before the garbage collector looks: a page of 1000 entities is 30 000 objects, none of them garbage."""


class Server(uvicorn.Server):
    """A server that says when it serves, and calls `end` before it waits for what is in flight."""

    def __init__(self, config: uvicorn.Config, ready: int, end: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready
        self._end = end

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            gc.collect()
            gc.freeze()  # what start-up made stays: no collection need look at it again
            gc.set_threshold(*COLLECT_AFTER)
            os.write(self._ready, b"1")
            os.close(self._ready)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._end()
        await super().shutdown(sockets)


def _config(settings: Settings, app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="uvloop",
        http=BoundedProtocol,
        ws="none",
        interface="asgi3",
        lifespan="on",
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=True,  # RFC 9110 §6.6.1: a server with a clock sends it
        backlog=sockets.BACKLOG,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=GRACE,
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
    )


def main(ready: int, worker: int) -> int:
    """Serve until asked to end; the exit code."""
    try:
        settings = configuration.load()
        app = create_app(settings, worker)
        server = Server(_config(settings, app), ready, app.end)
        server.run(sockets=[sockets.listen(settings.host, settings.port)])
    except StartError as error:
        console.tell(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
