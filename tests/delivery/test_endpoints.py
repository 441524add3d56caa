"""Turns: quick endpoints earn more, slow and dead ones lose them, and all of those together get only a share."""

from collections.abc import Iterable

import pytest

from broker.delivery import endpoints
from broker.delivery.backoff import LONGEST, pause
from broker.delivery.endpoints import AT_FIRST, AT_MOST, OF_SUSPECTS, SLOW, SUSPECT, UNDER_WAY, Endpoints, Turn


class Woken:
    """The lanes that were woken."""

    def __init__(self) -> None:
        self.lanes: list[str] = []

    def __call__(self, lanes: Iterable[str]) -> None:
        self.lanes += lanes


def turns(known: Endpoints, uri: str, lane: str = "lane") -> list[Turn]:
    """All turns that an endpoint has."""
    found = []
    while (turn := known.begin(uri, lane)) is not None:
        found.append(turn)
    return found


def test_an_endpoint_earns_turns_by_answering_quickly() -> None:
    known = Endpoints(Woken())
    kept = known.begin("u", "lane")
    assert kept is not None
    for expected in (4, 8, 16, 32, 32):
        kept.endpoint.succeeded(0.01)
        assert kept.endpoint.limit == expected <= AT_MOST
    kept.endpoint.succeeded(SLOW)
    assert kept.endpoint.limit == 16
    kept.endpoint.failed(0)
    assert kept.endpoint.limit == SUSPECT


def test_a_lane_that_was_refused_a_turn_is_woken_when_there_is_one() -> None:
    woken = Woken()
    known = Endpoints(woken)
    taken = turns(known, "u", "first")
    assert len(taken) == AT_FIRST
    assert known.begin("u", "second") is None
    known.end(taken[0])
    assert woken.lanes == ["first"]
    known.end(taken[1])
    assert woken.lanes == ["first", "second"]


def test_suspects_together_leave_the_rest_to_others() -> None:
    known = Endpoints(Woken())
    for number in range(UNDER_WAY):
        known.get(f"dead {number}").limit = SUSPECT
    suspects = [turn for number in range(UNDER_WAY) if (turn := known.begin(f"dead {number}", "lane"))]
    assert len(suspects) == OF_SUSPECTS
    healthy = [turn for number in range(UNDER_WAY) for turn in turns(known, f"well {number}")]
    assert len(healthy) == UNDER_WAY - OF_SUSPECTS
    assert known.under_way == UNDER_WAY


def test_what_fails_rests_longer_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(endpoints, "monotonic", lambda: now[0])
    endpoint = Endpoints(Woken()).get("u")
    for failures, most in enumerate((0.5, 1, 2, 4, 8, 16, 32, 60, 60), start=1):
        endpoint.failed(0)
        endpoint.failed(0)  # under way as well: it counts once
        assert endpoint.failures == failures
        assert most / 2 <= endpoint.rests_until - now[0] <= most
        now[0] = endpoint.rests_until
    endpoint.succeeded(0.1)
    assert (endpoint.failures, endpoint.rests_until) == (0, 0)


def test_a_cooldown_is_the_least_that_it_rests() -> None:
    assert pause(1, at_least=5.0) == 5.0
    assert LONGEST / 2 <= pause(1000) <= LONGEST
