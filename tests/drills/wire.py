"""HTTP/1.1 as bytes: nothing is checked, corrected or tried again on the way to the broker."""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Final, NamedTuple, Self

import orjson

PATIENCE: Final = 60.0
"""Seconds to an answer. A drill that promises less says so."""


class Address(NamedTuple):
    """Where a broker listens."""

    host: str
    port: int


class Answer(NamedTuple):
    """An answer; names of headers in lower case, the first line of a name counts."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body, decoded."""
        return orjson.loads(self.body)


class Connection:
    """A connection that is opened when it is needed. Not to be shared by concurrent requests."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(
        self,
        method: str,
        target: str,
        payload: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        patience: float = PATIENCE,
    ) -> Answer:
        """One request, its payload as JSON. Raises ConnectionError, TimeoutError: what became of it is unknown."""
        lines = {"Host": self._address.host} | ({} if headers is None else dict(headers))
        body = b""
        if payload is not None:
            body = orjson.dumps(payload)
            lines = {"Content-Type": "application/json"} | lines | {"Content-Length": str(len(body))}
        head = request_head(method.encode(), target.encode(), ((k.encode(), v.encode()) for k, v in lines.items()))
        return await self.exchange(head + body, method.encode(), patience)

    async def exchange(self, request: bytes, method: bytes, patience: float = PATIENCE) -> Answer:
        """Send bytes, read an answer to a request of this method."""
        try:
            async with asyncio.timeout(patience):
                reader, writer = self._streams = self._streams or await asyncio.open_connection(*self._address)
                writer.write(request)
                answer = await read_answer(reader, method)
                if answer.headers.get("connection", "").lower() == "close":
                    self.close()
                return answer
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close it; the next request opens another."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()
        await asyncio.sleep(0)  # the transport closes its socket in the loop's next turn


async def ask(
    address: Address,
    method: str,
    target: str,
    payload: Any = None,
    *,
    headers: Mapping[str, str] | None = None,
    patience: float = PATIENCE,
) -> Answer:
    """One request on a connection of its own."""
    async with Connection(address) as connection:
        return await connection.ask(method, target, payload, headers=headers, patience=patience)


async def exchange(address: Address, sent: bytes, patience: float) -> list[Answer]:
    """Send bytes and nothing more: every answer until the broker closes the connection. Raises TimeoutError."""
    answers = []
    async with asyncio.timeout(patience):
        reader, writer = await asyncio.open_connection(*address)
        try:
            with suppress(ConnectionError):
                writer.write(sent)
                writer.write_eof()
                while True:
                    answers.append(await read_answer(reader, sent[:4].rstrip()))
        finally:
            writer.close()
    return answers


def request_head(method: bytes, target: bytes, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Request line and headers."""
    lines = [method + b" " + target + b" HTTP/1.1", *(name + b": " + value for name, value in headers)]
    return b"\r\n".join([*lines, b"", b""])


async def read_answer(reader: asyncio.StreamReader, method: bytes) -> Answer:
    """The next final answer to a request of this method. Raises ConnectionError if the connection ends before it."""
    while True:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            status, headers = _head(head)
            if status < 200:
                continue
            if status in (204, 304) or method == b"HEAD":
                return Answer(status, headers, b"")
            return Answer(status, headers, await reader.readexactly(int(headers["content-length"])))
        except asyncio.IncompleteReadError as error:
            raise ConnectionResetError(f"The connection ended after {error.partial[:200]!r}.") from None


def _head(head: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")[:-2]
    version, status, *_ = first.split(" ")
    assert version == "HTTP/1.1", first
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers.setdefault(name.lower(), value.strip())
    return int(status), headers
