"""Operations of the database that no cancellation reaches.

A request that has run out of time is cancelled, and PyMongo does not survive that everywhere: while it waits for a
server, on CPython 3.11, a cancellation in the wrong millisecond leaves the lock of its topology held by nobody
(`RuntimeError: Lock is not acquired`), and that client never finds a server again. So a request waits for the database
through here: what is cancelled is the waiting, the operation goes on to its end or to its own time-out.
"""

import asyncio
from collections.abc import Awaitable
from typing import Any, Final, TypeVar

T = TypeVar("T")

_running: Final[set[asyncio.Future[Any]]] = set()
"""The event loop itself keeps no tasks alive."""


async def apart(operation: Awaitable[T]) -> T:
    """The outcome of an operation that runs in a task of its own."""
    task = asyncio.ensure_future(operation)
    _running.add(task)
    task.add_done_callback(_over)
    return await asyncio.shield(task)


def _over(task: asyncio.Future[Any]) -> None:
    """What went wrong while nobody waited any more is nobody's concern."""
    _running.discard(task)
    if not task.cancelled():
        task.exception()
