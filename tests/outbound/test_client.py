import asyncio
import gzip
import socket
import time
from typing import Any

import pytest
from aiohttp import web as aioweb

from broker.outbound.client import Answer, Client
from broker.outbound.reasons import AddressRefused, CallError
from tests.web import Web


async def call(client: Client, url: str, **options: Any) -> Answer:
    return await client.request("GET", url, **{"timeout": 5, "max_size": 1000, **options})


async def test_a_request_has_its_method_headers_and_body_and_nothing_of_the_machine(
    client: Client, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    seen = []

    async def handler(request: aioweb.Request) -> aioweb.Response:
        seen.append((request.method, dict(request.headers), await request.read()))
        return aioweb.Response(status=201, body=b"done", headers={"X-Answer": "yes", "Set-Cookie": "a=b; Path=/"})

    url = web.answers("/notify", handler)
    for _ in range(2):
        answer = await client.request(
            "POST", url, headers={"X-Mine": "1"}, body=b"{}", timeout=5, max_size=100, redirects=3
        )
    assert (answer.status, answer.headers["x-answer"], answer.body, answer.url) == (201, "yes", b"done", url)
    method, headers, body = seen[1]
    assert (method, body, headers["X-Mine"]) == ("POST", b"{}", "1")
    assert "Cookie" not in headers


@pytest.mark.parametrize("status", [204, 304, 404, 500])
async def test_every_status_is_an_answer(client: Client, web: Web, status: int) -> None:
    assert (await call(client, web.serves("/", b"", status=status))).status == status


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "0x7f000001", "[::1]"])
async def test_loopback_is_refused_with_advice(guarded: Client, web: Web, host: str) -> None:
    with pytest.raises(AddressRefused, match="NGSILD_ALLOWED_NETWORKS"):
        await call(guarded, web.serves("/", {}).replace("127.0.0.1", host))
    assert not web.requests


@pytest.mark.parametrize("host", ["2130706433", "017700000001", "127.1", "0177.0.0.1"])
async def test_other_spellings_of_loopback_are_refused(guarded: Client, web: Web, host: str) -> None:
    with pytest.raises(CallError):
        await call(guarded, web.serves("/", {}).replace("127.0.0.1", host))
    assert not web.requests


async def test_a_mapped_address_is_refused(guarded: Client, web: Web) -> None:
    with pytest.raises(CallError):
        await call(guarded, web.serves("/", {}).replace("127.0.0.1", "[::ffff:127.0.0.1]"))
    assert not web.requests


async def test_a_name_that_changes_its_address_is_checked_when_it_is_connected_to(
    guarded: Client, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: even if a public address had been seen, the socket is made for the real one only."""
    monkeypatch.setattr("broker.outbound.client._Resolver.resolve", _loopback)
    with pytest.raises(AddressRefused):
        await call(guarded, web.serves("/", {}).replace("127.0.0.1", "rebound.example"))
    assert not web.requests


async def _loopback(_self: Any, host: str, port: int = 0, family: int = 0) -> list[dict[str, Any]]:
    return [
        {"hostname": host, "host": "127.0.0.1", "port": port, "family": socket.AF_INET, "proto": 0, "flags": 0},
    ]


async def test_redirects_are_followed_as_far_as_asked(client: Client, web: Web) -> None:
    web.serves("/end", {"end": True})
    web.serves("/2", b"", status=302, headers={"Location": "end"})
    first = web.serves("/1", b"", status=301, headers={"Location": web.url("/2")})
    assert (await call(client, first, redirects=2)).body == b'{"end":true}'
    assert (await call(client, first, redirects=1)).status == 302
    assert (await call(client, first)).status == 301


async def test_each_redirect_is_checked(client: Client, web: Web) -> None:
    for target, error in (("http://10.0.0.1/", AddressRefused), ("file:///etc/passwd", CallError)):
        with pytest.raises(error):
            await call(client, web.serves("/", b"", status=302, headers={"Location": target}), redirects=3)


@pytest.mark.parametrize(
    "url",
    ["ftp://127.0.0.1/", "file:///etc/passwd", "ws://127.0.0.1/", "http://", "http://[", "http://a:b/", "nonsense"],
)
async def test_what_is_no_http_url_is_refused(client: Client, url: str) -> None:
    with pytest.raises(CallError):
        await call(client, url)


async def test_a_header_can_not_be_smuggled_in(client: Client, web: Web) -> None:
    with pytest.raises(CallError):
        await call(client, web.serves("/", {}), headers={"X-A": "1\r\nX-B: 2"})


async def test_size_is_bounded_when_announced_and_when_not(client: Client, web: Web) -> None:
    async def endless(request: aioweb.Request) -> aioweb.StreamResponse:
        response = aioweb.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 1000)

    assert len((await call(client, web.serves("/fits", b"x" * 1000))).body) == 1000
    for url in (web.serves("/large", b"x" * 1001), web.answers("/endless", endless)):
        with pytest.raises(CallError, match="larger than 1000 bytes"):
            await call(client, url)


async def test_gzip_is_unpacked_within_the_bound(client: Client, web: Web) -> None:
    packed = {"Content-Encoding": "gzip"}
    assert (await call(client, web.serves("/", gzip.compress(b"x" * 1000), headers=packed))).body == b"x" * 1000
    for body in (gzip.compress(b"x" * 1001), gzip.compress(bytes(10**7))[:900], b"no gzip", gzip.compress(b"x")[:-1]):
        with pytest.raises(CallError):
            await call(client, web.serves("/", body, headers=packed))


async def test_an_encoding_that_was_not_asked_for_is_refused(client: Client, web: Web) -> None:
    with pytest.raises(CallError, match="encoded as br"):
        await call(client, web.serves("/", b"x", headers={"Content-Encoding": "br"}))


async def test_time_is_bounded_however_slowly_bytes_drip(client: Client, web: Web) -> None:
    async def dripping(request: aioweb.Request) -> aioweb.StreamResponse:
        response = aioweb.StreamResponse()
        await response.prepare(request)
        for _ in range(1000):
            await response.write(b"x")
            await asyncio.sleep(0.02)
        return response

    started = time.monotonic()
    with pytest.raises(CallError, match=r"within 0\.2 s"):
        await call(client, web.answers("/", dripping), timeout=0.2)
    assert time.monotonic() - started < 2


async def test_a_host_that_does_not_answer_is_named_as_such(client: Client) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(CallError, match="refuses the connection"):
        await call(client, f"http://127.0.0.1:{port}/")
    with pytest.raises(CallError, match="resolved"):
        await call(client, "http://no-such-host.invalid/")


async def test_an_answer_that_is_no_http_is_refused(client: Client) -> None:
    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(CallError, match="no HTTP"):
            await call(client, f"http://127.0.0.1:{port}/")
