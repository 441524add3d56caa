"""What of a lane may go out now: in order for each entity, bounded in memory."""

from collections.abc import Iterable
from datetime import UTC, datetime

import pytest

from broker.delivery import lanes
from broker.delivery.lanes import Lane, known_to_all
from broker.store.outbox import Letter

THEN = datetime(2026, 11, 21, 8, tzinfo=UTC)


def letter(number: int, *entities: str, size: int = 100, lanes: Iterable[str] = ("a lane",)) -> Letter:
    return Letter(bytes([number]), frozenset(lanes), THEN, frozenset(entities), size)


def take(lane: Lane) -> Letter | None:
    found = lane.following()
    if found is not None:
        lane.under_way[found.id] = found
    return found


def test_letters_go_in_order() -> None:
    lane = Lane("a lane")
    lane.add([letter(2, "b"), letter(1, "a")])
    assert [take(lane), take(lane), take(lane)] == [letter(1, "a"), letter(2, "b"), None]


def test_a_letter_waits_for_those_before_it_on_its_entities_and_others_pass() -> None:
    lane = Lane("a lane")
    lane.add([letter(1, "a"), letter(2, "a", "b"), letter(3, "b"), letter(4, "c")])
    assert [take(lane), take(lane), take(lane)] == [letter(1, "a"), letter(4, "c"), None]
    del lane.under_way[bytes([1])]
    assert [take(lane), take(lane)] == [letter(2, "a", "b"), None]
    del lane.under_way[bytes([2])]
    assert take(lane) == letter(3, "b")


def test_what_is_known_is_not_added_again() -> None:
    lane = Lane("a lane")
    lane.add([letter(1, "a"), letter(2, "b"), letter(3, "c")])
    take(lane)
    lane.settled[bytes([9])] = letter(9, "d")
    lane.add([letter(1, "a"), letter(2, "b"), letter(9, "d")])
    assert [each.id[0] for each in lane.queue] == [2, 3]


@pytest.mark.parametrize(("size", "kept"), [(100, 3), (lanes.LOADED_BYTES, 1)])
def test_a_lane_has_only_so_much_in_memory(monkeypatch: pytest.MonkeyPatch, size: int, kept: int) -> None:
    monkeypatch.setattr(lanes, "LOADED", 3)
    lane = Lane("a lane", unread=False)
    lane.add([letter(number, str(number), size=size) for number in range(5)])
    assert (len(lane.queue), lane.unread) == (kept, True)


def test_folding_leaves_the_last_of_each_entity() -> None:
    lane = Lane("a lane")
    lane.add([letter(1, "a"), letter(2, "a", "b"), letter(3, "a"), letter(4, "c"), letter(5, "b")])
    assert [each.id[0] for each in lane.fold()] == [2, 1]
    assert [each.id[0] for each in lane.queue] == [3, 4, 5]
    assert lane.fold() == []


def test_what_rests_holds_nothing_in_memory() -> None:
    lane = Lane("a lane", unread=False)
    lane.add([letter(1, "a"), letter(2, "b")])
    take(lane)
    lane.unload()
    assert (lane.queue, lane.unread, list(lane.under_way)) == ([], True, [bytes([1])])


def test_what_all_its_lanes_have_in_memory_need_not_be_read_again() -> None:
    lanes = {key: Lane(key) for key in "abc"}
    both = [letter(number, "x", lanes="ab") for number in range(3)]
    lanes["a"].add(both)
    lanes["b"].add(both[:1])
    lanes["b"].settled[both[1].id] = both[1]
    elsewhere = letter(7, "x", lanes="cd")
    lanes["c"].under_way[elsewhere.id] = elsewhere
    assert sorted(known_to_all(known(lanes))) == [bytes([0]), bytes([1]), bytes([7])]


def test_a_letter_that_each_lane_read_for_itself_need_not_be_read_again() -> None:
    lanes = {key: Lane(key) for key in "ab"}
    for lane in lanes.values():
        lane.add([letter(1, "x", lanes="ab")])
    assert known_to_all(known(lanes)) == [bytes([1])]
    lanes["b"].unload()
    assert known_to_all(known(lanes)) == []


def known(lanes: dict[str, Lane]) -> dict[str, dict[bytes, Letter]]:
    return {key: lane.known() for key, lane in lanes.items()}
