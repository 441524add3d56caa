"""The data that queries are measured on give answers of one size, whatever their number."""

from collections import Counter

import pytest

from benchmarks.query_data import PER_GROUP, SPACING, TYPES, entity, place

SIZES = (2_000, 8_000, 10_000)


@pytest.mark.parametrize("size", SIZES)
def test_as_many_entities_of_each_type_share_a_group(size: int) -> None:
    found = [entity(number, size) for number in range(size)]
    shared = Counter((each["type"], each["cabinet"]["object"], each["scope"]) for each in found)
    assert set(shared.values()) == {PER_GROUP}
    assert set(Counter(each["rare"]["value"] for each in found).values()) == {PER_GROUP}


@pytest.mark.parametrize("size", SIZES)
def test_neighbours_are_as_far_apart(size: int) -> None:
    (one, latitude), (other, _) = place(0, size), place(1, size)
    assert latitude == place(1, size)[1]
    assert (other - one) * 111_320 * 0.677 == pytest.approx(SPACING, rel=0.01)  # cos 47.4°


def test_types_take_turns() -> None:
    assert [entity(number, 2_000)["type"] for number in range(8)] == [*TYPES, *TYPES]
