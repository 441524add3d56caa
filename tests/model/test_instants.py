"""GS CIM 009 §4.6.3: one form of each; the calendar is real."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.model.instants import calendar_date, date_time, format_instant, instant_key, time_of_day
from tests.model.strategies import LAW


@pytest.mark.parametrize(
    "text",
    [
        "2024-02-29T23:59:59Z",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999Z",
        "2024-05-01T10:00:00.1Z",
        "2024-05-01T10:00:00.000Z",
    ],
)
def test_a_date_time_is_kept_as_it_came(text: str) -> None:
    assert date_time(text) == text


def test_a_comma_becomes_a_dot() -> None:
    assert date_time("2024-05-01T10:00:00,25Z") == "2024-05-01T10:00:00.25Z"
    assert time_of_day("10:00:00,25Z") == "10:00:00.25Z"


@pytest.mark.parametrize(
    "text",
    [
        *("", "Z", "now", "2024-05-01", "2024-05-01T10:00:00", "2024-05-01T10:00Z", "2024-05-01 10:00:00Z"),
        *("2024-05-01T10:00:00+00:00", "2024-05-01T10:00:00+02:00", "2024-05-01t10:00:00z", "20240501T100000Z"),
        *("2024-05-01T10:00:00.1234567Z", "2024-05-01T10:00:00.Z", "2024-W18-3T10:00:00Z", "2024-122T10:00:00Z"),
        *("2023-02-29T00:00:00Z", "2024-13-01T00:00:00Z", "2024-00-01T00:00:00Z", "2024-04-31T00:00:00Z"),
        *("2024-05-01T24:00:00Z", "2024-05-01T10:60:00Z", "2024-05-01T10:00:60Z", "0000-01-01T00:00:00Z"),
        *("2020-03-17TT08:45:00Z", "٢٠٢٤-05-01T10:00:00Z", "2024-05-01T10:00:00Z\n", "12024-05-01T10:00:00Z"),
        *(None, 0, 1714557600, True, [], {}, ["2024-05-01T10:00:00Z"]),
    ],
)
def test_what_is_no_date_time(text: object) -> None:
    assert date_time(text) is None


@pytest.mark.parametrize("text", ["2024-02-29", "1970-01-01"])
def test_a_date(text: str) -> None:
    assert calendar_date(text) == text


@pytest.mark.parametrize(
    "text", ["2023-02-29", "2024-5-1", "20240501", "2024-W18-3", "2024-05-01Z", "", None, 20240501]
)
def test_what_is_no_date(text: object) -> None:
    assert calendar_date(text) is None


@pytest.mark.parametrize("text", ["00:00:00Z", "23:59:59.999999Z"])
def test_a_time(text: str) -> None:
    assert time_of_day(text) == text


@pytest.mark.parametrize("text", ["24:00:00Z", "10:00Z", "10:00:00", "10:00:00+01:00", "T10:00:00Z", "", None, 10])
def test_what_is_no_time(text: object) -> None:
    assert time_of_day(text) is None


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2024, 5, 1, 10, tzinfo=UTC), "2024-05-01T10:00:00Z"),
        (datetime(2024, 5, 1, 10, 0, 0, 250_000, tzinfo=UTC), "2024-05-01T10:00:00.25Z"),
        (datetime(2024, 5, 1, 10, 0, 0, 1, tzinfo=UTC), "2024-05-01T10:00:00.000001Z"),
        (datetime(2024, 5, 1, 12, tzinfo=timezone(timedelta(hours=2))), "2024-05-01T10:00:00Z"),
    ],
)
def test_a_moment_is_written_in_utc_without_zeros_at_its_end(moment: datetime, text: str) -> None:
    assert format_instant(moment) == text


@LAW
@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)), st.integers(0, 6))
def test_keys_order_as_the_instants_do(one: datetime, other: datetime, padding: int) -> None:
    left, right = format_instant(one), format_instant(other)
    if "." in left:
        left = left[:-1] + "0" * min(padding, 6 - len(left[20:-1])) + "Z"
    assert date_time(left) == left
    assert (instant_key(left) < instant_key(right)) == (one < other)
    assert (instant_key(left) == instant_key(right)) == (one == other)
