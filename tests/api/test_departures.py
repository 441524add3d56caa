"""Clients that leave, and answers that are made while they are sent: with a border, and no server or database."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import REGISTRY
from starlette.types import Message

from broker.api.middleware import BROKEN_OFF, CLIENT_GONE, Border
from broker.api.requests import Request
from broker.api.responses import CONTENT_TYPE, Response, streamed
from broker.api.services import Services
from broker.errors import StoreUnavailable
from broker.names import JSON
from tests.api.border import border_of, operation

PART = b"x" * 1000


class Client:
    """A client that takes an answer, and leaves when it is told to."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.leaving = asyncio.Event()

    async def receive(self) -> Message:
        await self.leaving.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    async def ask(self, border: Border, path: str, headers: dict[bytes, bytes] | None = None) -> None:
        scope: dict[str, Any] = {
            "type": "http",
            "method": "GET",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": list((headers or {}).items()),
        }
        await asyncio.wait_for(border(scope, self.receive, self.send), 10)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)

    @property
    def whole(self) -> bool:
        """Whether the end of the answer was sent."""
        return bool(self.sent) and not self.sent[-1].get("more_body", self.sent[-1]["type"] == "http.response.start")


class Stage:
    """Operations whose course a test decides."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.cancelled = False
        self.closed = False
        self.made = 0
        self.failing = False

    async def wait(self, _request: Request, _services: Services) -> Response:
        self.begun.set()
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        raise AssertionError

    async def stream(self, _request: Request, _services: Services) -> Response:
        return streamed(200, CONTENT_TYPE[JSON], self._parts())

    async def _parts(self) -> AsyncGenerator[bytes, None]:
        try:
            while self.made < 100:
                self.made += 1
                yield PART
                self.begun.set()
                await asyncio.sleep(0.001)
                if self.failing:
                    raise StoreUnavailable("The database does not answer.")
        finally:
            self.closed = True


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def border(stage: Stage) -> Border:
    operations = [
        replace(operation("wait", "GET", stage.wait), abandoned=True),
        operation("unwatched", "GET", stage.wait),
        operation("stream", "GET", stage.stream),
    ]
    return border_of(operations, request_timeout=1)


def counted(operation: str, status: int) -> float:
    labels = {"operation": operation, "status": str(status)}
    return REGISTRY.get_sample_value("ngsild_requests_total", labels) or 0.0


async def test_what_a_client_has_asked_for_and_left_is_ended(border: Border, stage: Stage) -> None:
    client, before = Client(), counted("wait", CLIENT_GONE)
    client.leaving.set()
    await client.ask(border, "/wait")
    assert stage.cancelled
    assert client.sent == []
    assert counted("wait", CLIENT_GONE) == before + 1


async def test_what_could_change_something_goes_on(border: Border, stage: Stage) -> None:
    client = Client()
    client.leaving.set()
    asking = asyncio.create_task(client.ask(border, "/unwatched"))
    await stage.begun.wait()
    await asyncio.sleep(0.3)
    assert not asking.done()
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)


async def test_an_answer_comes_in_parts(border: Border, stage: Stage) -> None:
    client = Client()
    await client.ask(border, "/stream")
    assert client.body == 100 * PART
    assert client.whole
    assert stage.closed


async def test_what_fails_after_the_first_byte_breaks_the_answer_off(border: Border, stage: Stage) -> None:
    client, before = Client(), counted("stream", BROKEN_OFF)
    stage.failing = True
    await client.ask(border, "/stream")
    assert client.sent[0]["status"] == 200
    assert client.body == PART
    assert not client.whole
    assert stage.closed
    assert counted("stream", BROKEN_OFF) == before + 1


async def test_nothing_more_is_made_for_a_client_that_has_left(border: Border, stage: Stage) -> None:
    client = Client()
    asking = asyncio.create_task(client.ask(border, "/stream"))
    await stage.begun.wait()
    client.leaving.set()
    await asking
    assert stage.made < 100
    assert stage.closed
    assert not client.whole


async def test_a_client_that_takes_nothing_is_given_up(border: Border, stage: Stage) -> None:
    client = Client()

    async def send(message: Message) -> None:
        client.sent.append(message)
        if len(client.sent) > 2:
            await asyncio.sleep(30)

    client.send = send  # type: ignore[method-assign]
    await client.ask(border, "/stream")
    assert not client.whole
    assert stage.closed
