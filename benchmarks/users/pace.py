"""When a user asks: each request at its intended time (an open loop), or the next after the answer (a closed loop)."""

from collections.abc import Callable
from random import Random
from time import perf_counter


class Pace:
    """The intended times of one user, by `perf_counter`. Pure but for the clock that it is given.

    An open loop asks at `rate` requests a second, at random (Poisson), whatever the broker does: who waits for an
    answer is late for the next request, and that request counts from when it should have been sent. So a broker that
    stands still for a second shows a second, and not one slow request (no coordinated omission).
    """

    def __init__(self, rate: float | None, random: Random, now: Callable[[], float] = perf_counter) -> None:
        self._rate = rate
        self._random = random
        self._now = now
        self._due = now()

    def next(self) -> float:
        """The intended time of the next request; that of a closed loop is now."""
        if self._rate is None:
            return self._now()
        self._due += self._random.expovariate(self._rate)
        return self._due
