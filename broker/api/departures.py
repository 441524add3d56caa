"""Clients that leave before their answer: what is under way for them alone is ended."""

import asyncio
from typing import Any, Final, TypeAlias

from starlette.types import Receive

PATIENCE: Final = 0.1
"""Seconds after which it is looked whether the client is still there: most answers are on their way by then."""

Task: TypeAlias = asyncio.Task[Any]


class Departure:
    """Watches the client of one request, whose body is read, and cancels the task that answers it when it leaves."""

    __slots__ = ("_left", "_receive", "_task", "_timer", "_watch")

    def __init__(self, task: Task, receive: Receive) -> None:
        self._task = task
        self._receive = receive
        self._left = False
        self._watch: asyncio.Task[None] | None = None
        self._timer = task.get_loop().call_later(PATIENCE, self._start)

    def left(self) -> bool:
        """Whether the task's cancellation is this watch's doing; if so, it is taken back."""
        if self._left:
            self._task.uncancel()
        return self._left

    def end(self) -> None:
        """The answer is there."""
        self._timer.cancel()
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None  # or both would lie in a circle

    def _start(self) -> None:
        self._watch = asyncio.create_task(self._await_end())

    async def _await_end(self) -> None:
        await departure_of(self._receive)
        self._left = True
        self._task.cancel()


async def departure_of(receive: Receive) -> None:
    """Wait until the client of a request whose body is read leaves."""
    while (await receive())["type"] != "http.disconnect":  # noqa: ASYNC110  the event is the server's
        await asyncio.sleep(PATIENCE)  # it was the end of a body that is not there
