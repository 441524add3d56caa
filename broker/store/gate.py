"""The line in front of the database: a worker has it work on a few queries at once, the others wait.

mongod gains nothing from more at once than it has cores for, and PyMongo's pool lets the latest comer overtake: with
many clients some would wait for seconds. Here the first to come is the first to go; tenants take turns, so that one
with a thousand requests does not keep another from its first. Nobody knows beforehand what a query costs: one that
takes long makes room for the next, so that the quick ones do not wait for it. docs/decisions/0010-query-gate.md.

Who comes when the line moves too slowly is refused at once. Otherwise all would wait until nobody waits for their
answers any more, and the database would work for nobody.
"""

import asyncio
import math
from collections import deque
from types import TracebackType
from typing import Final, NamedTuple, Self

from broker.errors import Overloaded
from broker.telemetry import QUERIES_RUNNING, QUERIES_WAITING

LONG: Final = 0.1
"""Seconds after which a query counts as long: it makes room, if not as many long ones run already."""


class _Waiting(NamedTuple):
    admitted: asyncio.Future[None]
    since: float


class Gate:
    """At most `size` queries that are not long yet, and as many long ones, run at once."""

    def __init__(self, size: int, patience: float = math.inf) -> None:
        """`patience`: as many seconds as the first in a tenant's line may have waited for one more to join it."""
        self._patience = patience
        self._free = size
        self._free_for_long = size
        self._lines: dict[str, deque[_Waiting]] = {}
        """Who waits, by tenant; the tenant whose turn it is next stands first."""

    def turn(self, tenant: str) -> "Turn":
        """`async with gate.turn(tenant):` runs its block in turn."""
        return Turn(self, tenant)

    def refuse(self, error: Exception, since: float) -> None:
        """Refuse who has waited since this event-loop time: the database is away, and would be waited for in turn."""
        for line in self._lines.values():
            for waiting in line:
                if waiting.since <= since and not waiting.admitted.done():
                    waiting.admitted.set_exception(error)

    async def _enter(self, tenant: str) -> None:
        if self._free:
            self._free -= 1
            return
        loop = asyncio.get_running_loop()
        now = loop.time()
        line = self._lines.setdefault(tenant, deque())
        if line and now - line[0].since > self._patience:
            raise Overloaded(f"Queries wait for more than {self._patience:g} seconds already; try again later.")
        admitted: asyncio.Future[None] = loop.create_future()
        line.append(_Waiting(admitted, now))
        QUERIES_WAITING.inc()
        try:
            await admitted
        except asyncio.CancelledError:
            if admitted.done() and not admitted.cancelled() and admitted.exception() is None:
                self._leave()
            raise
        finally:
            QUERIES_WAITING.dec()

    def _leave(self) -> None:
        """Admit the next, or keep the place free."""
        while self._lines:
            tenant, line = next(iter(self._lines.items()))
            del self._lines[tenant]
            admitted = line.popleft().admitted
            if line:
                self._lines[tenant] = line  # behind the other tenants
            if not admitted.done():
                admitted.set_result(None)
                return
        self._free += 1

    def _overtime(self) -> bool:
        """Whether a long query may make room."""
        if not self._free_for_long:
            return False
        self._free_for_long -= 1
        self._leave()
        return True

    def _end(self, *, long: bool) -> None:
        if long:
            self._free_for_long += 1
        else:
            self._leave()


class Turn:
    """A place at the gate, for the time of a block."""

    __slots__ = ("_gate", "_long", "_tenant", "_timer")

    def __init__(self, gate: Gate, tenant: str) -> None:
        self._gate = gate
        self._tenant = tenant
        self._long = False
        self._timer: asyncio.TimerHandle

    async def __aenter__(self) -> Self:
        await self._gate._enter(self._tenant)
        QUERIES_RUNNING.inc()
        self._timer = asyncio.get_running_loop().call_later(LONG, self._overtime)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        QUERIES_RUNNING.dec()
        self._gate._end(long=self._long)

    def _overtime(self) -> None:
        self._long = self._gate._overtime()
        if not self._long:
            self._timer = asyncio.get_running_loop().call_later(LONG, self._overtime)
