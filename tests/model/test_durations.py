"""ISO 8601 durations (GS CIM 009 §4.5.19.1)."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.model.durations import duration
from broker.model.temporal import Duration

_SECOND = 1_000_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PT0S", Duration()),
        ("P0D", Duration()),
        ("PT1H", Duration(0, 3_600 * _SECOND)),
        ("PT90M", Duration(0, 5_400 * _SECOND)),
        ("P1D", Duration(0, 86_400 * _SECOND)),
        ("P2W", Duration(0, 14 * 86_400 * _SECOND)),
        ("P1M", Duration(1)),
        ("PT1M", Duration(0, 60 * _SECOND)),
        ("P1Y2M3DT4H5M6.5S", Duration(14, (3 * 86_400 + 4 * 3_600 + 5 * 60) * _SECOND + 6_500_000)),
        ("PT0,25S", Duration(0, 250_000)),
    ],
)  # fmt: skip
def test_a_duration(text: str, expected: Duration) -> None:
    assert duration(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "P", "PT", "P1DT", "1D", "P1H", "P1W1D", "p1d", "P-1D", "P1.5D", "PT1.1234567S", "P1D ", "P1D\n", "P١D",
     "P99999Y", "P9999999999D", "P1S", "PT1D", "P1M1Y", None, 1],
)  # fmt: skip
def test_what_is_no_duration(text: object) -> None:
    assert duration(text) is None


@given(
    st.integers(0, 900),
    st.integers(0, 99),
    st.integers(0, 999),
    st.integers(0, 99),
    st.integers(0, 99),
    st.integers(0, 99),
)
def test_parts_add_up(years: int, months: int, days: int, hours: int, minutes: int, seconds: int) -> None:
    length = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds) // timedelta(microseconds=1)
    text = f"P{years}Y{months}M{days}DT{hours}H{minutes}M{seconds}S"
    assert duration(text) == Duration(12 * years + months, length)


@given(st.text(alphabet="PTYMWDHS0123456789.,-", max_size=12))
def test_any_text_is_read_or_refused(text: str) -> None:
    found = duration(text)
    assert found is None or (found.months >= 0 and found.microseconds >= 0)
