"""What a connection may cost, spoken to over a socket: RFC 9110 §15.5.15, RFC 6585 §5, RFC 9112 §2.2."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from broker.api import protocol
from broker.api.protocol import MAX_HEAD, MAX_TARGET, BoundedProtocol


async def app(scope: Scope, _receive: Receive, send: Send) -> None:
    """Tells the path that it was asked for."""
    body = scope["raw_path"][:20]
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


KEPT = 1
"""Seconds that a server with little patience keeps an idle connection."""


@asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[int]:
    """Where a server with this protocol listens."""
    config = uvicorn.Config(app, http=BoundedProtocol, ws="none", log_config=None, lifespan="off", **options)
    config.load()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: BoundedProtocol(config, ServerState(), {}), "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


@pytest.fixture(scope="module")
async def port() -> AsyncIterator[int]:
    async with serving() as found:
        yield found


async def talk(port: int, *chunks: bytes, until_closed: bool = True) -> bytes:
    """What the server says to these bytes, until it closes or there is an answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = b""
    try:
        for chunk in chunks:
            writer.write(chunk)
            await writer.drain()
            await asyncio.sleep(0.01)
        answer = await asyncio.wait_for(reader.read() if until_closed else reader.read(65536), 5)
    except ConnectionError:
        pass
    finally:
        writer.close()
    return answer


def request(target: bytes = b"/a", *lines: bytes) -> bytes:
    return b"\r\n".join([b"GET " + target + b" HTTP/1.1", b"Host: x", b"Connection: close", *lines, b"", b""])


async def test_a_head_within_bounds_is_served(port: int) -> None:
    target = b"/a?" + b"x" * (MAX_TARGET - 3)
    answer = await talk(port, request(target, b"X-Long: " + b"y" * (MAX_HEAD - MAX_TARGET - 100)))
    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_a_head_may_come_in_pieces(port: int) -> None:
    whole = request(b"/pieces")
    assert (await talk(port, whole[:3], whole[3:20], whole[20:])).endswith(b"/pieces")


async def test_a_long_target_is_414(port: int) -> None:
    answer = await talk(port, request(b"/" + b"x" * MAX_TARGET))
    assert answer.startswith(b"HTTP/1.1 414 URI Too Long\r\ncontent-length: 0\r\n")


@pytest.mark.parametrize("pieces", [1, 40])
async def test_long_headers_are_431(port: int, pieces: int) -> None:
    whole = request(b"/a", *[b"X-%d: " % i + b"y" * 1000 for i in range(70)])
    size = len(whole) // pieces + 1
    answer = await talk(port, *(whole[i : i + size] for i in range(0, len(whole), size)))
    assert answer.startswith(b"HTTP/1.1 431 ")


async def test_a_head_without_an_end_is_431(port: int) -> None:
    answer = await talk(port, b"GET / HTTP/1.1\r\nX: ", *[b"y" * 10_000] * 12)
    assert answer.startswith(b"HTTP/1.1 431 ") or answer == b""  # what still came may have reset the connection


@pytest.mark.parametrize(
    "head",
    [
        b"nonsense\r\n\r\n",
        b"GET /a b HTTP/1.1\r\n\r\n",
        b"GET /\xc3\xa4 HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nA b: c\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: b\x00c\r\n\r\n",
        b"get / HTTP/1.1\r\n\r\n",
        b"CONNECT example.org:80 HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    ],
)
async def test_what_is_no_request_is_a_400_with_a_problem_document(port: int, head: bytes) -> None:
    answer = await talk(port, head)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n"), answer
    assert b"errors/InvalidRequest" in answer


async def test_an_upgrade_that_is_not_known_is_answered_all_the_same(port: int) -> None:
    answer = await talk(port, request(b"/up", b"Upgrade: h2c").replace(b"close", b"Upgrade"), until_closed=False)
    assert answer.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nX"])
async def test_a_connection_that_says_nothing_more_is_closed(
    port: int, begun: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.1)
    assert await talk(port, begun) == b""


async def test_requests_of_one_connection_are_answered_in_turn(port: int) -> None:
    kept = request(b"/one").replace(b"close", b"keep-alive")
    answer = await talk(port, kept + kept.replace(b"/one", b"/two") + request(b"/three"))
    assert answer.count(b"HTTP/1.1 200 ") == 3
    assert answer.index(b"/one") < answer.index(b"/two") < answer.index(b"/three")


async def test_a_connection_is_kept_for_a_while_after_each_answer() -> None:
    """One with shorter pauses lasts; one that stays idle is closed."""
    again = request(b"/again").replace(b"close", b"keep-alive")
    async with serving(timeout_keep_alive=KEPT) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(5):
            writer.write(again)
            assert (await reader.read(65536)).startswith(b"HTTP/1.1 200 ")
            await asyncio.sleep(KEPT / 2)
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()
