"""Slow hosts of remote contexts: each holds up a few calls at most, and after one in vain, none for a while."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import urlsplit

from cachetools import LRUCache, TTLCache

from broker.outbound.client import Answer
from broker.outbound.reasons import CallError, Overdue

AT_A_TIME: Final = 4
"""Calls to one host."""
REST_SECONDS: Final = 5.0
"""How long a host that did not answer in time is not asked again."""
_KNOWN: Final = 1024


class Hosts:
    """The hosts that are called, with how they are doing."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._gates: LRUCache[str, asyncio.Semaphore] = LRUCache(_KNOWN)
        self._resting: TTLCache[str, str] = TTLCache(_KNOWN, REST_SECONDS, clock)

    async def request(self, url: str, call: Callable[[], Awaitable[Answer]]) -> Answer:
        """The outcome of a call to a URL, when it is its turn. Raises CallError, at once if the host rests."""
        host = urlsplit(url).netloc.lower()
        gate = self._gates.get(host)
        if gate is None:
            gate = self._gates[host] = asyncio.Semaphore(AT_A_TIME)
        async with gate:
            reason = self._resting.get(host)
            if reason is not None:
                raise CallError(reason)
            try:
                return await call()
            except Overdue as error:
                self._resting[host] = error.reason
                raise
