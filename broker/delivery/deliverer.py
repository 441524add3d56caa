"""The deliverer of one worker: it hands over what the outbox owes to the lanes that this worker holds.

It works in rounds, one after the other, without a timer. A round takes the lanes that were woken since the last one
began: by a commit of this worker, by the bell of another, by an answer of an endpoint, or as their rest is over. It
reads what they are owed, reads the epochs of their tenants, and gives turns. So each notification goes out for a
subscription as it is at that moment, and a deleted one is told no more than what is on its way already.

What an endpoint refuses for good is a dead letter at once; what fails otherwise is tried again, less and less often,
until it is older than NGSILD_NOTIFICATION_PATIENCE. See docs/decisions/0008-delivery.md.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Final, Protocol, TypeAlias

from broker.delivery.backoff import pause
from broker.delivery.endpoints import Endpoints, Turn
from broker.delivery.lanes import LOADED, LOW, Lane, known_to_all
from broker.delivery.ledger import Ledger
from broker.delivery.rendering import Rendering, happened_in
from broker.delivery.transport import Message, Refused, Transport
from broker.errors import BadRequestData, BrokerError, StoreUnavailable
from broker.outbound.reasons import CallError
from broker.store.outbox import AT_ONCE, Dead, Letter, Outbox, of_lane
from broker.store.outbox_status import Statuses
from broker.store.visible import current_instant
from broker.subscriptions.document import Subscription
from broker.telemetry import NOTIFICATION_LAG, NOTIFICATIONS_FAILED, NOTIFICATIONS_SENT, log

MAX_ROUND: Final = 2000
"""Letters read by one query."""
MAX_LOADED: Final = 64 * 2**20
"""Bytes of letters in memory; beyond, no more are read until some are sent."""
_AFTER_OUTAGE: Final = 0.2
_BURIED_AT_ONCE: Final = 500

_logger = log(__name__)


class Subscriptions(Protocol):
    """The subscriptions as they are known."""

    def get(self, tenant: str, subscription_id: str) -> Subscription | None:
        """A subscription, or None if there is no such."""
        ...


class Holding(Protocol):
    """What this worker delivers."""

    def holds(self, lane: str) -> bool:
        """Whether it, and no other, may deliver a lane at this moment."""
        ...


CatchUp: TypeAlias = Callable[[Collection[str]], Awaitable[None]]
"""Brings what is known of the subscriptions of tenants up to what is committed."""


class Deliverer:
    """One per worker."""

    def __init__(
        self,
        outbox: Outbox,
        statuses: Statuses,
        subscriptions: Subscriptions,
        catch_up: CatchUp,
        holding: Holding,
        rendering: Rendering,
        transport: Transport,
        patience: float,
    ) -> None:
        self._outbox = outbox
        self._statuses = statuses
        self._subscriptions = subscriptions
        self._catch_up = catch_up
        self._holding = holding
        self._rendering = rendering
        self._transport = transport
        self._patience = timedelta(seconds=patience)
        self.endpoints = Endpoints(self._wake)
        self.ledger = Ledger(outbox, statuses, self._forget)
        self._lanes: dict[str, Lane] = {}
        self._woken: set[str] = set()
        self._news = asyncio.Event()
        self._full = False
        self._look_again = 0.0
        self._sending: set[asyncio.Task[None]] = set()

    def owed(self, lanes: Iterable[str]) -> None:
        """Something may be owed to these lanes that is not known yet."""
        for key in lanes:
            if self._holding.holds(key):
                self._lane(key).unread = True
                self._wake([key])

    def busy(self) -> set[str]:
        """The lanes of which something is under way, or done and not written."""
        return {key for key, lane in self._lanes.items() if lane.under_way or lane.settled}

    async def run(self) -> None:
        """Deliver, until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            woken, self._woken = self._woken, set()
            try:
                await self._round([self._lane(key) for key in woken])
            except StoreUnavailable:
                await asyncio.sleep(_AFTER_OUTAGE)
                self._wake(woken)
            except Exception:
                _logger.exception("a round of deliveries failed")
                await asyncio.sleep(_AFTER_OUTAGE)
                self._wake(woken)

    async def stop(self, ledger: asyncio.Task[None], seconds: float) -> None:
        """Wait for what is under way, at most so long, and write it."""
        self._woken.clear()
        if self._sending:
            await asyncio.wait(self._sending, timeout=seconds)
        for task in self._sending:
            task.cancel()
        await self.ledger.stop(ledger, seconds)

    def _wake(self, lanes: Iterable[str]) -> None:
        self._woken.update(lanes)
        self._news.set()

    def _wake_at(self, lane: Lane, moment: float) -> None:
        """Wake a lane at a time of the monotonic clock, unless it will be woken before."""
        now = monotonic()
        if lane.alarm <= now or moment < lane.alarm:
            lane.alarm = moment
            asyncio.get_running_loop().call_later(max(0.0, moment - now), self._wake, [lane.key])

    def _lane(self, key: str) -> Lane:
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = Lane(key)
        return lane

    def _forget(self, key: str, letters: set[bytes]) -> None:
        """Settled letters are gone from the database."""
        lane = self._lanes.get(key)
        if lane is not None:
            for letter in letters:
                lane.settled.pop(letter, None)
            if lane.idle:
                del self._lanes[key]

    async def _round(self, lanes: Sequence[Lane]) -> None:
        held = []
        for lane in lanes:
            if self._holding.holds(lane.key):
                held.append(lane)
            else:
                self._drop(lane)
        if held:
            await self._look(held)
            for lane in held:
                self._advance(lane)

    async def _look(self, lanes: Sequence[Lane]) -> None:
        """Read all that decides what goes out."""
        for lane in lanes:
            lane.in_round = True
        try:
            await asyncio.gather(self._read(lanes), self._catch_up({of_lane(lane.key)[0] for lane in lanes}))
            await self._read_last_times(lanes)
        finally:
            for lane in lanes:
                lane.in_round = False

    def _drop(self, lane: Lane) -> None:
        """Another worker delivers it; what is under way goes on."""
        lane.queue = []
        lane.unread = False
        if lane.idle:
            self._lanes.pop(lane.key, None)

    async def _read(self, lanes: Sequence[Lane]) -> None:
        """Read what lanes are owed, many of them by one query."""
        now = monotonic()
        wanted = [lane for lane in lanes if lane.unread and len(lane.queue) < LOW and not self._rests(lane)]
        if wanted and self._is_full(now):
            for lane in wanted:
                self._wake_at(lane, now + _AFTER_OUTAGE)
            return
        for first in range(0, len(wanted), AT_ONCE):
            await self._read_some({lane.key: lane for lane in wanted[first : first + AT_ONCE]})

    async def _read_some(self, wanted: dict[str, Lane]) -> None:
        for lane in wanted.values():
            lane.unread = False
        try:
            known = {key: lane.known() for key, lane in wanted.items()}
            letters, more = await self._outbox.head(known, known_to_all(known), LOADED, MAX_ROUND)
        except BaseException:
            for lane in wanted.values():
                lane.unread = True
            raise
        found: dict[str, list[Letter]] = {}
        for letter in letters:
            for key in letter.lanes:
                if key in wanted:
                    found.setdefault(key, []).append(letter)
        for key, of_one in found.items():
            wanted[key].add(of_one)
        if more:
            self._go_on_reading(wanted.values())

    def _is_full(self, now: float) -> bool:
        """Whether as much is in memory as may be; that is looked at now and then."""
        if now >= self._look_again:
            self._look_again = now + _AFTER_OUTAGE / 2
            sizes = {letter.id: letter.size for lane in self._lanes.values() for letter in lane.queue}
            self._full = sum(sizes.values()) > MAX_LOADED
        return self._full

    def _go_on_reading(self, lanes: Iterable[Lane]) -> None:
        for lane in lanes:
            lane.unread = True
            if not lane.queue:
                self._wake([lane.key])

    async def _read_last_times(self, lanes: Sequence[Lane]) -> None:
        """When throttled lanes were notified last, of those that are new here."""
        unknown = [
            lane
            for lane in lanes
            if lane.notified is None and lane.queue and (found := self._subscription(lane)) and found.throttling
        ]
        if unknown:
            times = await self._statuses.last_notifications([lane.key for lane in unknown])
            for lane in unknown:
                lane.notified = times.get(lane.key, datetime.fromtimestamp(0, UTC))

    def _subscription(self, lane: Lane) -> Subscription | None:
        return self._subscriptions.get(*of_lane(lane.key))

    def _rests(self, lane: Lane) -> bool:
        return self._rests_until(lane, self._subscription(lane)) > monotonic()

    def _rests_until(self, lane: Lane, subscription: Subscription | None) -> float:
        if subscription is None:
            return lane.rests_until
        return max(lane.rests_until, self.endpoints.rests_until(subscription.endpoint.uri))

    def _advance(self, lane: Lane) -> None:
        """Give a lane the turns that it can have now."""
        subscription = self._subscription(lane)
        if subscription is None or not subscription.active(current_instant()):
            self._settle(lane, lane.queue)
            lane.queue = []
            if lane.unread:
                self._wake([lane.key])
            return
        if self._rests(lane):
            lane.unload()
            self._wake_at(lane, self._rests_until(lane, subscription))
        elif subscription.throttling:
            self._advance_throttled(lane, subscription, subscription.throttling)
        else:
            while lane.queue and (turn := self.endpoints.begin(subscription.endpoint.uri, lane.key)) is not None:
                letter = lane.following()
                if letter is None:
                    self.endpoints.end(turn)
                    break
                self._begin(lane, [letter], subscription, turn)
        if lane.idle:
            self._lanes.pop(lane.key, None)
        elif lane.unread and len(lane.queue) < LOW and not lane.under_way and not self._rests(lane):
            self._wake([lane.key])

    def _advance_throttled(self, lane: Lane, subscription: Subscription, throttling: float) -> None:
        """Changes that come too soon after a notification wait together, the last of each entity, for the next one."""
        self._settle(lane, lane.fold())
        if not lane.queue or lane.under_way:
            return
        left = throttling - (datetime.now(UTC) - (lane.notified or datetime.now(UTC))).total_seconds()
        if left > 0:
            self._wake_at(lane, monotonic() + left)
            return
        turn = self.endpoints.begin(subscription.endpoint.uri, lane.key)
        if turn is not None:
            letters, lane.queue = lane.queue, []
            self._begin(lane, letters, subscription, turn)

    def _begin(self, lane: Lane, letters: Sequence[Letter], subscription: Subscription, turn: Turn) -> None:
        for letter in letters:
            lane.under_way[letter.id] = letter
        task = asyncio.create_task(self._notify(lane, letters, subscription, turn))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _notify(self, lane: Lane, letters: Sequence[Letter], subscription: Subscription, turn: Turn) -> None:
        try:
            await self._send(lane, letters, subscription, turn)
        except Exception:
            _logger.exception("a notification failed", subscription=subscription.id)
            self._bury(lane, letters, "the broker failed to make it")
        finally:
            for letter in letters:
                lane.under_way.pop(letter.id, None)
            self.endpoints.end(turn)
            if lane.queue or lane.unread:
                self._wake([lane.key])
            elif lane.idle:
                self._lanes.pop(lane.key, None)

    async def _send(self, lane: Lane, letters: Sequence[Letter], subscription: Subscription, turn: Turn) -> None:
        try:
            message = await self._rendering.changes(subscription, happened_in(letters), letters[-1].own_id(lane.key))
        except BrokerError as error:  # its @context or linked entities cannot be had
            self._unmade(lane, letters, error)
            return
        if message is None:
            self._settle(lane, letters)
        elif self._holding.holds(lane.key):
            await self._hand_over(lane, letters, subscription, turn, message)

    async def _hand_over(
        self, lane: Lane, letters: Sequence[Letter], subscription: Subscription, turn: Turn, message: Message
    ) -> None:
        endpoint = subscription.endpoint
        started, began = datetime.now(UTC), monotonic()
        try:
            await self._transport.send(endpoint, message)
        except CallError as error:
            turn.endpoint.failed(endpoint.cooldown or 0.0)
            self._count(lane, started, ok=False)
            self._retry(lane, letters, error.reason)
        except Refused as refusal:
            turn.endpoint.succeeded(monotonic() - began)
            self._count(lane, started, ok=False)
            if refusal.passing:
                self._rest(lane, endpoint.cooldown or 0.0)
                self._retry(lane, letters, refusal.reason)
            else:
                self._bury(lane, letters, refusal.reason)
        else:
            turn.endpoint.succeeded(monotonic() - began)
            self._count(lane, started, ok=True)
            NOTIFICATION_LAG.observe((datetime.now(UTC) - letters[0].at).total_seconds())
            lane.failures = 0
            lane.notified = started
            self._settle(lane, letters)

    def _unmade(self, lane: Lane, letters: Sequence[Letter], error: BrokerError) -> None:
        if isinstance(error, BadRequestData):
            self._bury(lane, letters, error.detail)
        else:
            self._rest(lane, 0.0)
            self._retry(lane, letters, error.detail)

    def _rest(self, lane: Lane, cooldown: float) -> None:
        lane.failures += 1
        lane.rests_until = monotonic() + pause(lane.failures, cooldown)

    def _retry(self, lane: Lane, letters: Sequence[Letter], reason: str) -> None:
        """Try again later; what has been tried for long enough is dead, and so is all that is as old."""
        cutoff = datetime.now(UTC) - self._patience
        lane.unread = True
        lane.unload()
        if letters[0].at < cutoff:
            self._bury(lane, [letter for letter in letters if letter.at < cutoff], reason)
            task = asyncio.create_task(self._bury_older(lane, cutoff, reason))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _bury_older(self, lane: Lane, cutoff: datetime, reason: str) -> None:
        try:
            while letters := await self._outbox.older(lane.key, cutoff, _BURIED_AT_ONCE):
                await self._outbox.bury([Dead(letter, lane.key, reason) for letter in letters], datetime.now(UTC))
        except BrokerError:
            pass  # the next failure goes on with it

    def _settle(self, lane: Lane, letters: Iterable[Letter]) -> None:
        for letter in letters:
            lane.settled[letter.id] = letter
            self.ledger.settle(letter, lane.key)

    def _bury(self, lane: Lane, letters: Sequence[Letter], reason: str) -> None:
        if self._subscription(lane) is None:  # what is deleted leaves no dead letters
            self._settle(lane, letters)
            return
        for letter in letters:
            lane.settled[letter.id] = letter
            self.ledger.bury(letter, lane.key, reason)

    def _count(self, lane: Lane, started: datetime, ok: bool) -> None:
        if self._subscription(lane) is not None:  # a deleted one has no counts any more
            self.ledger.count(lane.key, started, ok)
        (NOTIFICATIONS_SENT if ok else NOTIFICATIONS_FAILED).inc()
