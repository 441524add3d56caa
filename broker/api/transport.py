"""One system call for an answer: its head and its body leave the process together.

uvicorn writes them one after the other, and uvloop makes a system call, and mostly a packet, of each write.
"""

import asyncio
from collections.abc import Iterable
from typing import Any, Final, TypeAlias

MAX_HELD: Final = 64 * 1024
"""Bytes from which on what is written leaves at once: a stream must feel how fast its client reads."""

Bytes: TypeAlias = bytes | bytearray | memoryview


class JoiningTransport(asyncio.Transport):
    """A transport that hands on together what is written within one turn of the loop."""

    __slots__ = ("_held", "_loop", "_parts", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._parts: list[Bytes] = []
        self._held = 0

    def write(self, data: Bytes) -> None:
        """Write before the loop turns."""
        if not data:
            return
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(data)
        self._held += len(data)
        if self._held >= MAX_HELD:
            self._flush()

    def writelines(self, list_of_data: Iterable[Bytes]) -> None:
        """Write all of them."""
        for data in list_of_data:
            self.write(data)

    def close(self) -> None:
        """Close when all is written."""
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._parts, self._held = [], 0
        self._transport.abort()

    def is_closing(self) -> bool:
        """Whether it is closed, or closes."""
        return self._transport.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What is known of the socket."""
        return self._transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        """Let the client wait."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read on."""
        self._transport.resume_reading()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Speak something else from now on."""
        self._transport.set_protocol(protocol)

    def _flush(self) -> None:
        parts, self._parts, self._held = self._parts, [], 0
        if parts and not self._transport.is_closing():
            self._transport.writelines(parts)
