"""What pairs of measurements say: the interval of the median by the sign test."""

import pytest

from benchmarks.intervals import interval


def test_ten_pairs_leave_out_the_least_and_the_greatest() -> None:
    """Binomial(10, 1/2): at most one of ten on either side of the median has a chance of 2 × 11/1024 = 2.1 %."""
    assert interval([0.1, 0.9, 0.91, 0.92, 0.93, 0.94, 0.95, 0.96, 0.97, 9.0]) == (0.9, 0.935, 0.97)


def test_few_pairs_leave_out_nothing() -> None:
    assert interval([1.1, 0.9, 1.0]) == (0.9, 1.0, 1.1)


@pytest.mark.parametrize(
    ("values", "says"), [([0.8] * 5 + [0.9] * 5, "slower"), ([0.8] * 5 + [1.2] * 5, "same"), ([1.2] * 10, "faster")]
)
def test_a_case_differs_if_its_whole_interval_does(values: list[float], says: str) -> None:
    assert interval(values).says() == says
