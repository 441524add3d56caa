"""POSTs over connections that are kept: to real servers, well-behaved and other."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from aiohttp import web as aioweb

from broker.outbound import posts
from broker.outbound.dialing import Dialer
from broker.outbound.guard import Guard
from broker.outbound.posts import Headers, Posts, target
from broker.outbound.reasons import AddressRefused, CallError
from tests.certificate import certify
from tests.web import Web

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
async def client() -> AsyncIterator[Posts]:
    """May call the loopback interface."""
    client = Posts(Guard([ip_network("127.0.0.0/8")]))
    yield client
    await client.close()


async def post(client: Posts, url: str, headers: Headers = (), body: bytes = b"{}", timeout: float = 5) -> int:
    return await client.post(target(url, headers), body, timeout)


class Spoken:
    """What was asked of a server that answers each request with the next of some bytes; None ends the connection."""

    def __init__(self, answers: Sequence[bytes | None]) -> None:
        self.answers = list(answers)
        self.connections = 0
        self.requests: list[bytes] = []
        self.url = ""

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                self.requests.append(head + await reader.readexactly(length))
                answer = self.answers.pop(0)
                if answer is None:
                    break
                writer.write(answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def answering(*answers: bytes | None) -> AsyncIterator[Spoken]:
    spoken = Spoken(answers)
    async with await asyncio.start_server(spoken.talk, "127.0.0.1", 0) as server:
        spoken.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield spoken


async def test_a_post_has_its_headers_and_body_and_nothing_of_the_machine(client: Posts, web: Web) -> None:
    seen = []

    async def handler(request: aioweb.Request) -> aioweb.Response:
        seen.append((request.method, request.raw_path, dict(request.headers), await request.read()))
        return aioweb.Response(status=201, body=b"done", headers={"Set-Cookie": "a=b; Path=/"})

    url = web.answers("/a b", handler).replace(" ", "%20") + "?x=1&y=%2F#part"
    for _ in range(2):
        assert await post(client, url, (("X-Mine", "ä"), ("user-agent", "mine")), b'{"a":1}') == 201
    assert seen[1] == (
        "POST",
        "/a%20b?x=1&y=/",
        {"Host": web.address[7:], "Accept": "*/*", "X-Mine": "ä", "User-Agent": "mine", "Content-Length": "7"},
        b'{"a":1}',
    )


async def test_a_user_in_the_url_is_one_of_basic_authentication(client: Posts) -> None:
    async with answering(OK) as server:
        await post(client, server.url.replace("http://", "http://Aladdin:open%20sesame@"))
    assert b"\r\nAuthorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n" in server.requests[0]  # RFC 7617 §2
    assert b"Aladdin" not in server.requests[0]


@pytest.mark.parametrize("status", [200, 204, 302, 304, 404, 500])
async def test_every_status_is_an_answer(client: Posts, web: Web, status: int) -> None:
    for _ in range(2):
        assert await post(client, web.serves("/", b"", status=status)) == status


@pytest.mark.parametrize(
    "answer",
    [
        OK,
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n" + OK,
    ],
)
async def test_a_connection_is_used_again(client: Posts, answer: bytes) -> None:
    async with answering(*[answer] * 3) as server:
        for _ in range(3):
            assert await post(client, server.url) // 100 == 2
        assert server.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
        OK.replace(b"1.1", b"1.0"),
        OK + OK,
        b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + bytes(2_000_000),
    ],
)
async def test_a_connection_that_is_over_is_not_used_again(client: Posts, answer: bytes) -> None:
    async with answering(*[answer] * 2) as server:
        for number in range(2):
            assert await post(client, server.url) == 200
            assert server.connections == number + 1


async def test_an_answer_may_end_with_its_connection(client: Posts) -> None:
    async def close_after(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 202 Accepted\r\n\r\nhello")
        writer.close()

    async with serving(close_after) as url:
        assert await post(client, url) == 202


async def test_what_the_other_side_has_ended_meanwhile_is_made_anew(client: Posts) -> None:
    async with answering(OK, None, OK) as server:
        assert [await post(client, server.url) for _ in range(2)] == [200, 200]
        assert (server.connections, len(server.requests)) == (2, 3)


async def test_what_ends_at_once_is_told(client: Posts) -> None:
    async with answering(None) as server:
        with pytest.raises(CallError, match="connection broke"):
            await post(client, server.url)


@pytest.mark.parametrize("answer", [b"220 mail.example ESMTP\r\n", b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n"])
async def test_an_answer_that_is_no_http_is_refused(client: Posts, answer: bytes) -> None:
    async with answering(answer) as server:
        with pytest.raises(CallError, match="no HTTP"):
            await post(client, server.url)


async def test_posts_at_once_have_a_connection_each(client: Posts) -> None:
    async with answering(*[OK] * 20) as server:
        assert await asyncio.gather(*(post(client, server.url) for _ in range(10))) == [200] * 10
        assert await asyncio.gather(*(post(client, server.url) for _ in range(10))) == [200] * 10
        assert server.connections == 10


async def test_connections_that_are_not_used_are_ended(client: Posts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posts, "KEPT", 0.05)
    ended = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        writer.write(OK)
        await reader.read()
        ended.set()
        writer.close()

    async with serving(talk) as url:
        await post(client, url)
        await asyncio.wait_for(ended.wait(), 5)


async def test_only_so_many_are_kept(client: Posts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posts, "MAX_KEPT", 3)
    async with answering(*[OK] * 20) as server:
        for _ in range(2):
            await asyncio.gather(*(post(client, server.url) for _ in range(10)))
        assert server.connections == 17


async def test_time_is_bounded_whatever_the_other_side_does(client: Posts) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            while not writer.is_closing():
                writer.write(b"x")
                await asyncio.sleep(0.02)
        finally:
            writer.close()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    for talk in (drip, say_nothing):
        async with serving(talk) as url:
            started = monotonic()
            with pytest.raises(CallError, match=r"within 0\.2 s"):
                await post(client, url, timeout=0.2)
            assert monotonic() - started < 2


async def test_a_post_that_is_given_up_ends_its_connection(client: Posts) -> None:
    over = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        asking.cancel()
        await reader.read()
        over.set()
        writer.close()

    async with serving(talk) as url:
        asking = asyncio.create_task(post(client, url))
        await asyncio.wait_for(over.wait(), 5)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "0x7f000001", "[::1]", "[::ffff:127.0.0.1]"])
async def test_what_is_not_public_is_refused_with_advice(web: Web, host: str) -> None:
    with pytest.raises(AddressRefused, match="NGSILD_ALLOWED_NETWORKS"):
        await post(Posts(Guard()), web.serves("/", {}).replace("127.0.0.1", host))
    assert not web.requests


async def test_a_name_that_changes_its_address_is_connected_to_where_it_was_checked(
    client: Posts, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the first answer is checked and connected to, the second is never asked for."""
    answers = iter([[_info("127.0.0.1")], [_info("10.0.0.1")]])
    url = web.serves("/", {}).replace("127.0.0.1", "rebound.example")
    port = int(url.rpartition(":")[2].strip("/"))

    async def resolve(*_: Any, **__: Any) -> Any:
        return [(*info[:4], (info[4], port)) for info in next(answers)]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    assert await post(client, url) == 200


async def test_of_several_addresses_those_that_are_permitted_are_tried(
    client: Posts, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = web.serves("/", {})
    port = int(url.rpartition(":")[2].strip("/"))

    async def addresses(*_: Any) -> Any:
        return [(*_info(each)[:4], (each, port)) for each in ("10.0.0.1", "127.0.0.2", "127.0.0.1")]

    monkeypatch.setattr(Dialer, "_addresses", addresses)
    assert await post(client, url.replace("127.0.0.1", "several.example")) == 200


def _info(address: str) -> tuple[Any, ...]:
    return socket.AF_INET, socket.SOCK_STREAM, 6, "", address


@pytest.mark.parametrize(
    "url",
    ["ftp://127.0.0.1/", "file:///etc/passwd", "ws://127.0.0.1/", "http://", "http://[", "http://a:b/", "nonsense"],
)
async def test_what_is_no_http_url_is_refused(url: str) -> None:
    with pytest.raises(CallError):
        target(url, ())


@pytest.mark.parametrize("header", [("X-A", "1\r\nX-B: 2"), ("X-A", "a\0"), ("X A", "1"), ("", "1"), ("X-Ä", "1")])
async def test_a_header_can_not_be_smuggled_in(header: tuple[str, str]) -> None:
    with pytest.raises(CallError):
        target("http://127.0.0.1/", (header,))


async def test_a_host_that_does_not_answer_is_named_as_such(client: Posts) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(CallError, match="refuses the connection"):
        await post(client, f"http://127.0.0.1:{port}/")
    with pytest.raises(CallError, match="resolved"):
        await post(client, "http://no-such-host.invalid/")


async def test_a_certificate_is_verified_for_the_name(
    client: Posts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = certify(tmp_path)
    offered = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    offered.load_cert_chain(certificate, key)
    spoken = Spoken([OK] * 2)
    async with await asyncio.start_server(spoken.talk, "127.0.0.1", 0, ssl=offered) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(CallError, match="certificate"):
            await post(client, f"https://localhost:{port}/")
        monkeypatch.setattr(posts, "_secure", lambda: ssl.create_default_context(cafile=certificate))
        assert await post(client, f"https://localhost:{port}/") == 200
        with pytest.raises(CallError, match="certificate"):
            await post(client, f"https://127.0.0.1:{port}/")


@asynccontextmanager
async def serving(talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> AsyncIterator[str]:
    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
