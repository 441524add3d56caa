"""Connections to hosts by name, made to the addresses that the guard permits and to no others.

Names are resolved here, so that a connection goes to the address that was checked.
"""

import asyncio
import socket
from collections.abc import Sequence
from typing import Final, TypeAlias

from aiohappyeyeballs import start_connection
from cachetools import TTLCache

from broker.outbound.guard import Guard
from broker.outbound.reasons import AddressRefused

REMEMBERED: Final = 10.0
"""Seconds that the addresses of a name are remembered."""
_NAMES: Final = 1024
_NEXT_ADDRESS: Final = 0.25
"""Seconds that the first address of a host has to answer before the next one is tried, too (RFC 8305)."""

AddressInfo: TypeAlias = tuple[
    socket.AddressFamily, socket.SocketKind, int, str, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]
]
_Resolving: TypeAlias = asyncio.Task[Sequence[AddressInfo]]


class Dialer:
    """Makes connections for one client."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._resolved: TTLCache[tuple[str, int], _Resolving] = TTLCache(_NAMES, REMEMBERED)

    async def connect(self, host: str, port: int) -> socket.socket:
        """A socket that is connected to a host. Raises AddressRefused, OSError."""
        addresses = [info for info in await self._addresses(host, port) if self._guard.permits(str(info[4][0]))]
        if not addresses:
            raise AddressRefused
        return await start_connection(addresses, happy_eyeballs_delay=_NEXT_ADDRESS, interleave=1)

    async def permitted(self, host: str, port: int) -> str:
        """An address of a host, as numbers. Raises AddressRefused, OSError."""
        for info in await self._addresses(host, port):
            if self._guard.permits(str(info[4][0])):
                return str(info[4][0])
        raise AddressRefused

    async def _addresses(self, host: str, port: int) -> Sequence[AddressInfo]:
        """All addresses of a name: asked for once, however many want them now. Raises OSError."""
        resolving = self._resolved.get((host, port))
        if resolving is None:
            resolving = self._resolved[host, port] = asyncio.create_task(_resolve(host, port))
            resolving.add_done_callback(lambda done: self._forget_failed((host, port), done))
        return await asyncio.shield(resolving)

    def _forget_failed(self, name: tuple[str, int], resolving: _Resolving) -> None:
        if (resolving.cancelled() or resolving.exception() is not None) and self._resolved.get(name) is resolving:
            del self._resolved[name]


async def _resolve(host: str, port: int) -> Sequence[AddressInfo]:
    return await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
