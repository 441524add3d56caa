"""H, what HTTP allows: a Starlette route that answers given bytes, served as the broker is.

`python -m benchmarks.http_limit PORT`. `PUT /answer` says what to answer from then on:
`{"status": 200, "headers": [["name", "value"], …], "body": "text"}`.
"""

import gc
import sys
from typing import Any

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from broker.cli import sockets
from broker.names import API_ROOT


class Constant:
    """Answers every request alike."""

    def __init__(self) -> None:
        self.status = 204
        self.headers: dict[str, str] = {}
        self.body = b""

    async def read(self, _request: Request) -> Response:
        """A GET."""
        return Response(self.body, self.status, self.headers)

    async def write(self, request: Request) -> Response:
        """A request with a body, which is read."""
        await request.body()
        return Response(self.body, self.status, self.headers)

    async def change(self, request: Request) -> Response:
        """PUT /answer."""
        answer: dict[str, Any] = orjson.loads(await request.body())
        self.status, self.body = answer["status"], answer["body"].encode()
        self.headers = dict(answer["headers"])
        return Response(status_code=204)


def application() -> Starlette:
    """The routes of the cases."""
    constant = Constant()
    entities = f"{API_ROOT}/entities"
    return Starlette(
        routes=[
            Route(entities, constant.read),
            Route(f"{entities}/{{entity_id}}", constant.read),
            Route(f"{entities}/{{entity_id}}/attrs", constant.write, methods=["PATCH"]),
            Route(f"{API_ROOT}/entityOperations/upsert", constant.write, methods=["POST"]),
            Route("/answer", constant.change, methods=["PUT"]),
        ]
    )


def main(port: int) -> None:
    """Serve with the options of the broker's workers."""
    config = uvicorn.Config(
        application(),
        loop="uvloop",
        http="httptools",
        ws="none",
        interface="asgi3",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=sockets.BACKLOG,
        timeout_keep_alive=75,
    )
    gc.collect()
    gc.freeze()
    uvicorn.Server(config).run(sockets=[sockets.listen("127.0.0.1", port)])


if __name__ == "__main__":
    main(int(sys.argv[1]))
