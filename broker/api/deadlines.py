"""Time-outs of requests. A timer each would cost more than the rest of the border, so one sweep serves them all."""

import asyncio
from typing import Any, Final, TypeAlias

PERIOD: Final = 0.25
"""Seconds between sweeps: how much later than its deadline a request may be stopped."""

Task: TypeAlias = asyncio.Task[Any]


class Deadlines:
    """The requests in flight, oldest first. All have the same time, so the first that is not due ends a sweep."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._due: dict[Task, float] = {}
        self._expired: set[Task] = set()
        self._sweeping = False

    def start(self, task: Task) -> float:
        """Watch a task from now on; the event-loop time at which it will be stopped."""
        loop = task.get_loop()
        due = loop.time() + self._seconds
        self._due[task] = due
        if not self._sweeping:
            self._sweeping = True
            loop.call_later(PERIOD, self._sweep, loop)
        return due

    def end(self, task: Task) -> None:
        """The task is done with what was watched."""
        self._due.pop(task, None)
        if self._expired:
            self._expired.discard(task)

    def stopped(self, task: Task) -> bool:
        """Whether the task's cancellation is this watch's doing; if so, it is taken back."""
        if task not in self._expired:
            return False
        task.uncancel()
        return True

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        overdue = []
        for task, due in self._due.items():
            if due > now:
                break
            overdue.append(task)
        for task in overdue:
            del self._due[task]
            self._expired.add(task)
            task.cancel()
        self._sweeping = bool(self._due)
        if self._sweeping:
            loop.call_later(PERIOD, self._sweep, loop)
