"""Runs of queries: identical ones that wait together run once, and what nobody waits for any more is ended.

A request joins a run that has not begun, and never one that reads already: no answer is older than its request. While
a run of the same query is under way, the next one gathers those that come.
"""

import asyncio
import math
import os
from collections.abc import Callable, Coroutine, Hashable
from contextvars import ContextVar
from itertools import count
from typing import Any, Final, TypeVar

from pymongo.errors import PyMongoError, ServerSelectionTimeoutError

from broker.errors import StoreUnavailable
from broker.store.client import Client
from broker.store.gate import LONG, Gate
from broker.telemetry import QUERIES_SHARED, log

T = TypeVar("T")

AGAIN: Final = 0.25
"""Seconds between attempts to end what runs for nobody."""

_logger = log(__name__)
_numbers = count(1)


class _Order:
    """What the operations of a run know of it: it does not lead to the task, or the answer would lie in a circle."""

    __slots__ = ("abandoned", "mark")

    def __init__(self) -> None:
        self.mark = f"{_PROCESS}-{next(_numbers):x}"
        self.abandoned = False


class _Run:
    """One execution, and who waits for it."""

    __slots__ = ("order", "started", "task", "waiting")

    def __init__(self) -> None:
        self.task: asyncio.Task[Any] | None = None
        """Until it is over: then it may hold an error, whose traceback holds what was found, and this run."""
        self.order = _Order()
        self.waiting: dict[asyncio.Future[Any], None] = {}
        """In the order in which they came."""
        self.started = False

    def begin(self, work: Coroutine[Any, Any, Any]) -> None:
        """Do the work, in a task of its own."""
        self.task = asyncio.create_task(work)
        self.task.add_done_callback(self.settle)

    def settle(self, task: asyncio.Task[Any]) -> None:
        """Tell those who wait for it, in the order in which they came, that it is over."""
        error = None if task.cancelled() else task.exception()
        for each in self.waiting:
            if each.done():
                continue
            if task.cancelled():
                each.cancel()
            elif error is not None:
                each.set_exception(error)
            else:
                each.set_result(task.result())
        self.task = None


_PROCESS: Final = os.urandom(6).hex()
_current: ContextVar[_Order | None] = ContextVar("run", default=None)


def mark() -> str:
    """The comment of an operation of this run, by which mongod can be asked to end it.

    Raises StoreUnavailable where nobody waits for the run any more.
    """
    order = _current.get()
    if order is None:
        return ""
    if order.abandoned:
        raise StoreUnavailable("Nobody waits for the answer any more.")
    return order.mark


class Runs:
    """The queries of one worker, in all tenants."""

    def __init__(self, client: Client, at_once: int, patience: float = math.inf) -> None:
        """At most `at_once`; who would wait for longer than `patience`, in seconds, is refused."""
        self._client = client
        self._gate = Gate(at_once, patience)
        self._wide_gate = Gate(max(1, at_once // 2), patience)
        self._next: dict[Hashable, _Run] = {}
        """Those that have not begun."""
        self._last: dict[Hashable, _Run] = {}
        """Of each key the run that began last, while it runs."""
        self._ending: set[asyncio.Task[None]] = set()

    async def join(
        self, tenant: str, key: Hashable, work: Callable[[], Coroutine[Any, Any, T]], *, wide: bool = False
    ) -> T:
        """The outcome of `work`, begun after this call. `key`: whatever, besides the tenant, it depends on.

        `wide`: it takes tens of milliseconds of this process, too; fewer of these run at once, behind a gate of their
        own, so that what is quick has not to wait for them.
        """
        place = (tenant, key)
        run = self._next.get(place)
        if run is None:
            run = self._next[place] = _Run()
            run.begin(self._go(place, run, work, self._wide_gate if wide else self._gate))
        else:
            QUERIES_SHARED.inc()
        waiting: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        run.waiting[waiting] = None
        try:
            return await waiting
        finally:
            del run.waiting[waiting], waiting  # an error's traceback holds this frame, and the future the error
            if not run.waiting and run.task is not None and not run.task.done():
                self._abandon(place, run, run.task)

    async def close(self) -> None:
        """Wait for what is being ended."""
        if self._ending:
            await asyncio.wait(self._ending, timeout=2 * AGAIN)

    async def _go(
        self, place: tuple[str, Hashable], run: _Run, work: Callable[[], Coroutine[Any, Any, T]], gate: Gate
    ) -> T:
        try:
            before = self._last.get(place)
            if before is not None and before.task is not None:
                await asyncio.wait((before.task,), timeout=LONG)
            async with gate.turn(place[0]):
                self._begin(place, run)
                began = asyncio.get_running_loop().time()
                try:
                    return await work()
                except StoreUnavailable as error:
                    if isinstance(error.__cause__, ServerSelectionTimeoutError):
                        for each in (self._gate, self._wide_gate):
                            each.refuse(error, since=began)
                    raise
        finally:
            if self._next.get(place) is run:
                del self._next[place]
            if self._last.get(place) is run:
                del self._last[place]

    def _begin(self, place: tuple[str, Hashable], run: _Run) -> None:
        """From here on it reads: who comes now is not served by it."""
        del self._next[place]
        self._last[place] = run
        run.started = True
        _current.set(run.order)

    def _abandon(self, place: tuple[str, Hashable], run: _Run, task: asyncio.Task[Any]) -> None:
        """Nobody waits for it. One that waits is cancelled; one that runs is not, see `broker.store.apart`."""
        run.order.abandoned = True
        if not run.started:
            del self._next[place]
            task.cancel()
            return
        ending = asyncio.create_task(self._end(task, run.order.mark))
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)

    async def _end(self, task: asyncio.Task[Any], mark: str) -> None:
        """Have mongod end what a run asked of it, until the run is over."""
        while not task.done():
            try:
                await _kill(self._client, mark)
            except PyMongoError as error:
                _logger.warning("a query that nobody waits for cannot be ended", reason=str(error))
                return
            await asyncio.wait((task,), timeout=AGAIN)


async def _kill(client: Client, mark: str) -> None:
    marked = {"$or": [{"command.comment": mark}, {"cursor.originatingCommand.comment": mark}]}
    running = await client.admin.aggregate([{"$currentOp": {}}, {"$match": marked}, {"$project": {"opid": 1}}])
    async for operation in running:
        await client.admin.command("killOp", op=operation["opid"])
