"""Endpoints: how many notifications may be under way to each, and when one that failed is tried again.

An endpoint begins with few, earns more by answering quickly, and loses them by answering slowly or not at all. What
does not answer is left alone for a while, by a breaker, and then tried with one. Those that have lost what they had are
suspects: all of them together get no more than a share of what may be under way, so that any number of dead and slow
receivers leaves the rest to those that answer.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

from broker.delivery.backoff import pause

AT_FIRST: Final = 2
AT_MOST: Final = 32
"""Notifications under way to one endpoint."""
SUSPECT: Final = 1
"""An endpoint that may have no more than this under way is a suspect."""
SLOW: Final = 1.0
"""Seconds: who takes longer to answer is slow."""
UNDER_WAY: Final = 512
"""Notifications under way in all, by one worker."""
OF_SUSPECTS: Final = 256


@dataclass(slots=True)
class Endpoint:
    """What is known of one endpoint."""

    limit: int = AT_FIRST
    under_way: int = 0
    failures: int = 0
    """In a row."""
    rests_until: float = 0.0
    """The breaker: it is left alone until then, by the monotonic clock."""
    waiting: OrderedDict[str, None] = field(default_factory=OrderedDict)
    """Lanes that have something for it and must wait, in order."""

    @property
    def suspect(self) -> bool:
        """Whether it has answered slowly, or not at all, when it was last asked."""
        return self.limit <= SUSPECT

    @property
    def idle(self) -> bool:
        """Whether nothing would be forgotten with it."""
        return not (self.under_way or self.waiting or self.failures) and self.limit >= AT_FIRST

    def succeeded(self, seconds: float) -> None:
        """It has answered, whatever it said."""
        self.failures = 0
        self.rests_until = 0.0
        self.limit = min(AT_MOST, self.limit * 2) if seconds < SLOW else max(SUSPECT, self.limit // 2)

    def failed(self, cooldown: float) -> None:
        """It has not answered. What fails while it rests was under way before: that counts once."""
        now = monotonic()
        if now >= self.rests_until:
            self.failures += 1
            self.rests_until = now + pause(self.failures, cooldown)
        self.limit = SUSPECT


class Endpoints:
    """All endpoints of a worker, by URI; those that behave and are not in use are forgotten.

    `wake` is told the lanes that were refused a turn and may try again.
    """

    def __init__(self, wake: Callable[[Iterable[str]], None]) -> None:
        self._wake = wake
        self._known: dict[str, Endpoint] = {}
        self._under_way = 0
        self._of_suspects = 0
        self._crowded_out: OrderedDict[str, None] = OrderedDict()
        """Lanes that wait for others' notifications to end."""

    def get(self, uri: str) -> Endpoint:
        """The endpoint of a URI."""
        found = self._known.get(uri)
        if found is None:
            found = self._known[uri] = Endpoint()
        return found

    def rests_until(self, uri: str) -> float:
        """Until when an endpoint is left alone, by the monotonic clock."""
        found = self._known.get(uri)
        return 0.0 if found is None else found.rests_until

    def begin(self, uri: str, lane: str) -> "Turn | None":
        """The turn of a lane to notify an endpoint; None if it must wait: it is woken."""
        endpoint = self.get(uri)
        if endpoint.under_way >= endpoint.limit:
            endpoint.waiting[lane] = None
            return None
        suspect = endpoint.suspect
        if self._under_way >= UNDER_WAY or (suspect and self._of_suspects >= OF_SUSPECTS):
            self._crowded_out[lane] = None
            return None
        endpoint.under_way += 1
        self._under_way += 1
        self._of_suspects += suspect
        return Turn(uri, endpoint, suspect)

    def end(self, turn: "Turn") -> None:
        """The turn is over; others may try now."""
        endpoint = turn.endpoint
        endpoint.under_way -= 1
        self._under_way -= 1
        self._of_suspects -= turn.suspect
        free = endpoint.limit - endpoint.under_way
        following = [endpoint.waiting.popitem(last=False)[0] for _ in range(min(max(0, free), len(endpoint.waiting)))]
        following += [self._crowded_out.popitem(last=False)[0] for _ in range(min(2, len(self._crowded_out)))]
        if endpoint.idle:
            self._known.pop(turn.uri, None)
        if following:
            self._wake(following)

    @property
    def under_way(self) -> int:
        """Notifications under way."""
        return self._under_way


@dataclass(frozen=True, slots=True)
class Turn:
    """The permission to notify an endpoint once."""

    uri: str
    endpoint: Endpoint
    suspect: bool
