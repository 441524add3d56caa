"""An open loop: requests are due at random instants (a Poisson process), whether the broker keeps up or not.

A latency counts from the instant at which its request was due: nothing is left out while the broker is busy.
"""

import asyncio
from collections.abc import Callable
from random import Random
from time import perf_counter
from typing import Final, Generic, NamedTuple, TypeVar

Kind = TypeVar("Kind")

_LENGTH: Final = b"content-length:"


class Answer(NamedTuple):
    """What came back, or status 0 if the connection broke."""

    status: int
    body: bytes


class Timed(NamedTuple, Generic[Kind]):
    """An answer, and when it came."""

    kind: Kind
    seconds: float
    """From when its request was due."""
    answer: Answer


class Connection:
    """One connection; what HTTP/1.1 needs for these answers, and no more. It is opened when it is needed."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, request: bytes) -> Answer:
        """A request, whole as HTTP writes it, and its answer."""
        try:
            return await self._send(request)
        except (OSError, asyncio.IncompleteReadError):
            self.close()
            return Answer(0, b"")

    async def _send(self, request: bytes) -> Answer:
        if self._streams is None:
            host, _, port = self._address.partition(":")
            self._streams = await asyncio.open_connection(host, int(port), limit=2**20)
        reader, writer = self._streams
        writer.write(request)
        status, *headers = (await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
        length = next((int(line[len(_LENGTH) :]) for line in headers if line.startswith(_LENGTH)), 0)
        return Answer(int(status.split(b" ", 2)[1]), await reader.readexactly(length))

    def close(self) -> None:
        """Close it; the next request opens it again."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def send(
    address: str, ask: Callable[[], tuple[Kind, bytes]], rate: float, seconds: float, random: Random
) -> list[Timed[Kind]]:
    """Send what `ask` says, `rate` a second in the mean, and wait for all answers. As many connections as it takes."""
    idle: list[Connection] = []
    found: list[Timed[Kind]] = []

    async def one(due: float, kind: Kind, request: bytes) -> None:
        connection = idle.pop() if idle else Connection(address)
        answer = await connection.send(request)
        found.append(Timed(kind, perf_counter() - due, answer))
        idle.append(connection)

    async with asyncio.TaskGroup() as under_way:
        due = began = perf_counter()
        while due - began < seconds:
            await asyncio.sleep(max(0.0, due - perf_counter()))
            under_way.create_task(one(due, *ask()))
            due += random.expovariate(rate)
    for connection in idle:
        connection.close()
    return found
