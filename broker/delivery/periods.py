"""Time-driven subscriptions: all that matches, once an interval, by one worker of all (GS CIM 009 §5.8.6)."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import Final, Protocol

from broker.delivery.endpoints import Endpoints
from broker.delivery.ledger import Ledger
from broker.delivery.rendering import Rendering
from broker.delivery.transport import Refused, Transport
from broker.errors import BrokerError
from broker.model.entity import Entity
from broker.model.instants import format_instant
from broker.outbound.reasons import CallError
from broker.store.outbox_status import Statuses
from broker.subscriptions.document import Subscription
from broker.telemetry import NOTIFICATIONS_FAILED, NOTIFICATIONS_SENT, log

LOOK: Final = 0.2
"""Seconds between two looks at what is due."""

_logger = log(__name__)


class Periodic(Protocol):
    """The subscriptions as they are known."""

    def periodic(self) -> Iterable[Subscription]:
        """Those with a `timeInterval`, of all tenants."""
        ...


class Periods:
    """The time-driven subscriptions of one worker: those of the lanes that it holds."""

    def __init__(
        self,
        statuses: Statuses,
        subscriptions: Periodic,
        holds: Callable[[str], bool],
        find: Callable[[Subscription], Awaitable[list[Entity]]],
        rendering: Rendering,
        transport: Transport,
        endpoints: Endpoints,
        ledger: Ledger,
    ) -> None:
        self._statuses = statuses
        self._subscriptions = subscriptions
        self._holds = holds
        self._find = find
        self._rendering = rendering
        self._transport = transport
        self._endpoints = endpoints
        self._ledger = ledger
        self._begun: dict[str, float] = {}
        """Lane to the interval that was begun."""
        self._sending: set[asyncio.Task[None]] = set()

    async def look(self) -> None:
        """Notify those whose interval is over. Raises StoreUnavailable."""
        now = format_instant(datetime.now(UTC))
        mine = {
            each.key: each
            for each in self._subscriptions.periodic()
            if each.time_interval is not None and each.active(now) and self._holds(each.key)
        }
        intervals = {key: each.time_interval or 0.0 for key, each in mine.items()}
        begun = {key: interval for key, interval in intervals.items() if self._begun.get(key) != interval}
        if begun:
            await self._statuses.begin(begun)
        self._begun = intervals
        if mine:
            for key in await self._statuses.due(mine):
                if await self._statuses.claim(key, intervals[key]):
                    task = asyncio.create_task(self._notify(mine[key]))
                    self._sending.add(task)
                    task.add_done_callback(self._sending.discard)

    async def _notify(self, subscription: Subscription) -> None:
        uri = subscription.endpoint.uri
        turn = self._endpoints.begin(uri, subscription.key)
        if turn is None:
            return  # the endpoint does not keep up: the next interval will tell it more
        started = datetime.now(UTC)
        loop = asyncio.get_running_loop()
        began = loop.time()
        ok = False
        try:
            message = await self._rendering.entities(subscription, await self._find(subscription))
            if message is None:
                return
            await self._transport.send(subscription.endpoint, message)
            turn.endpoint.succeeded(loop.time() - began)
            ok = True
        except CallError:
            turn.endpoint.failed(subscription.endpoint.cooldown or 0.0)
        except (Refused, BrokerError) as error:
            _logger.info("a periodic notification failed", subscription=subscription.id, reason=str(error))
        except Exception:
            _logger.exception("a periodic notification failed", subscription=subscription.id)
        finally:
            self._endpoints.end(turn)
        (NOTIFICATIONS_SENT if ok else NOTIFICATIONS_FAILED).inc()
        self._ledger.count(subscription.key, started, ok)
