"""The border around operations of the tests' own: no server, no database."""

import asyncio
from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

from starlette.types import Message

from broker.api.middleware import Border
from broker.api.operation import Action, Body, Operation, Success
from broker.api.router import Router
from broker.api.services import Services
from broker.settings import load


class Answer(NamedTuple):
    """What was sent. Lines of one name are joined by commas."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


def operation(name: str, method: str, handler: Any, body: Body | None = None) -> Operation:
    """An operation at `/<name>` that is none of NGSI-LD."""
    return Operation(
        name, name, method, f"/{name}", handler, Action.READ, "", "", (Success(200, ""),), body=body, ngsi_ld=False
    )  # fmt: skip


def border_of(operations: Iterable[Operation], **settings: Any) -> Border:
    """A border around operations that use nothing but the settings."""
    return Border(Router(operations), cast(Services, SimpleNamespace(settings=load(**settings))))


async def ask(
    border: Border, method: str, path: str, headers: Mapping[bytes, bytes] | None = None, body: bytes | None = None
) -> Answer:
    """One request; without a `body` its body never comes."""
    sent: list[Message] = []

    async def receive() -> Message:
        if body is None:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    path, _, query = path.partition("?")
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": list((headers or {}).items()),
    }
    await border(scope, receive, send)
    start, end = sent
    joined: dict[bytes, bytes] = {}
    for name, value in start["headers"]:
        joined[name] = joined[name] + b", " + value if name in joined else value
    return Answer(start["status"], joined, end["body"])
