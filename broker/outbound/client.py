"""The HTTP client, for all but notifications (see `broker.outbound.posts`).

It checks each address when it connects, and bounds time and size of each answer.
"""

import asyncio
import socket
import zlib
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urljoin, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from broker.outbound.guard import Guard
from broker.outbound.reasons import AddressRefused, CallError, Overdue, in_words

MAX_CONNECTIONS: Final = 256
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_DEFAULTS: Final = {"User-Agent": "ngsild-broker", "Accept-Encoding": "gzip"}


class Answer(NamedTuple):
    """An HTTP response, whatever its status."""

    status: int
    headers: Mapping[str, str]
    """Case does not matter."""
    body: bytes
    url: str
    """Where it came from, after redirects."""


class Client:
    """One per worker: a pool of connections, without proxies, cookies or credentials of its own."""

    def __init__(self, guard: Guard, connections: int = MAX_CONNECTIONS) -> None:
        self._guard = guard
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: float,
        max_size: int,
        redirects: int = 0,
    ) -> Answer:
        """Call a URL; at most `timeout` seconds, `max_size` bytes of body (unpacked), and that many redirects.

        Beyond `redirects`, a redirect is an answer like others. Raises CallError.
        """
        try:
            async with asyncio.timeout(timeout):
                for _ in range(redirects):
                    answer = await self._once(method, url, headers, body, max_size)
                    if answer.status not in _REDIRECTS or "Location" not in answer.headers:
                        return answer
                    url = urljoin(url, answer.headers["Location"])
                return await self._once(method, url, headers, body, max_size)
        except TimeoutError:
            raise Overdue(timeout) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _in_words(error) from error

    async def close(self) -> None:
        """End all connections."""
        if self._session is not None:
            await self._session.close()

    async def _once(
        self, method: str, url: str, headers: Mapping[str, str] | None, body: bytes | None, max_size: int
    ) -> Answer:
        if urlsplit(url).scheme.lower() not in ("http", "https"):
            raise CallError(f"{url[:100]} is no http or https URL")
        async with self._pool().request(method, url, headers=headers, data=body, allow_redirects=False) as response:
            received = await _read(response, max_size)
            return Answer(response.status, response.headers, _unpack(response, received, max_size), url)

    def _pool(self) -> aiohttp.ClientSession:
        """The session, which must be made inside the event loop."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    resolver=_Resolver(self._guard), socket_factory=self._open_socket, limit=self._connections
                ),
                headers=_DEFAULTS,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),
                trust_env=False,
                auto_decompress=False,
            )
        return self._session

    def _open_socket(self, info: tuple[Any, ...]) -> socket.socket:
        """A socket for an address that is about to be connected to, however it was found."""
        family, kind, protocol, _, address = info
        if not self._guard.permits(address[0]):
            raise _Refused
        return socket.socket(family, kind, protocol)


class _Refused(OSError):
    """The guard's refusal, as something that aiohttp passes on."""


class _Resolver(AbstractResolver):
    """Resolves names to the addresses that the guard permits."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._system = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._system.resolve(host, port, family)
        permitted = [result for result in found if self._guard.permits(result["host"])]
        if found and not permitted:
            raise _Refused
        return permitted

    async def close(self) -> None:
        await self._system.close()


async def _read(response: aiohttp.ClientResponse, max_size: int) -> bytes:
    too_large = CallError(f"the answer is larger than {max_size} bytes")
    if (response.content_length or 0) > max_size:
        raise too_large
    chunks = []
    size = 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > max_size:
            raise too_large
        chunks.append(chunk)
    return b"".join(chunks)


def _unpack(response: aiohttp.ClientResponse, body: bytes, max_size: int) -> bytes:
    """The body without its Content-Encoding. Bounded while it is unpacked: a small body can hold a huge one."""
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding in ("identity", "") or not body:
        return body
    if encoding not in ("gzip", "x-gzip"):
        raise CallError(f"the answer is encoded as {encoding[:20]}, which was not asked for")
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        unpacked = unpacker.decompress(body, max_size + 1)
    except zlib.error:
        raise CallError("the answer is no valid gzip") from None
    if len(unpacked) > max_size:
        raise CallError(f"the answer is larger than {max_size} bytes")
    if not unpacker.eof:
        raise CallError("the answer is no valid gzip")
    return unpacked


def _in_words(error: Exception) -> CallError:
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, _Refused):
        return AddressRefused()
    if isinstance(error, aiohttp.ClientSSLError):
        return CallError("its certificate is not valid")
    if isinstance(error, aiohttp.ClientConnectorError):
        return in_words(cause)
    if isinstance(error, aiohttp.InvalidURL | ValueError):
        return CallError("it is no usable URL")
    return CallError("the connection broke, or the answer is no HTTP")
