"""Columns and blocks give back what was put into them, whatever it was."""

from datetime import UTC

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from broker.model.blocks import Block, decode, encode
from broker.model.columns import pack_floats, pack_integers, unpack_floats, unpack_integers
from broker.model.instants import format_instant
from broker.model.series import Row
from broker.model.temporal import TimeProperty

INTEGERS = st.integers(-(2**63), 2**63 - 1) | st.integers(-1000, 1000)
FLOATS = st.floats(allow_nan=False, allow_infinity=False) | st.decimals(-999, 999, places=2).map(float)
TIMES = st.datetimes(timezones=st.just(UTC)).map(format_instant)
WITH_ZEROS = ("2026-01-01T00:00:00.500Z", "2026-01-01T00:00:00.0Z")
NUMBERS = st.integers(-(2**63), 2**64 - 1) | FLOATS
VALUES = NUMBERS | st.booleans() | st.text() | st.lists(st.text() | NUMBERS, max_size=3)


@given(st.lists(INTEGERS, min_size=1))
def test_integers_come_back(values: list[int]) -> None:
    column = np.array(values, np.int64)
    assert unpack_integers(pack_integers(column)).tolist() == values


@given(st.lists(FLOATS, min_size=1))
def test_floats_come_back_bit_by_bit(values: list[float]) -> None:
    column = np.array(values, np.float64)
    assert unpack_floats(pack_floats(column)).tobytes() == column.tobytes()


@st.composite
def rows(draw: st.DrawFn) -> list[Row]:
    found = []
    for sequence in range(draw(st.integers(1, 8))):
        body: dict[str, object] = {"type": "Property"}
        deleted = draw(st.booleans()) and draw(st.booleans())
        if not deleted:
            body["value"] = draw(VALUES)
            if draw(st.booleans()):
                body["observedAt"] = draw(
                    TIMES | st.just("2026-01-01T00:00:00.500Z") | st.just("2026-01-01T00:00:00.0Z")
                )
        created, modified = draw(TIMES), draw(TIMES)
        if draw(st.booleans()):
            times = {"createdAt": created, "modifiedAt": modified, "observedAt": body.get("observedAt", created)}
            body["attributes"] = {"urn:x:y": [{"type": "Property", "value": draw(VALUES), **times}]}
        found.append(Row(sequence * 2, created, modified, deleted, body))
    return found


@given(rows())
def test_rows_come_back_from_a_block(given_rows: list[Row]) -> None:
    found = decode(encode(given_rows))
    assert found == given_rows
    for row, back in zip(given_rows, found, strict=True):
        assert repr(row.body.get("value")) == repr(back.body.get("value"))  # 1 is no 1.0, and no True


@given(rows())
def test_a_block_has_the_times_of_its_rows(given_rows: list[Row]) -> None:
    block = Block(encode(given_rows))
    for timeproperty in TimeProperty:
        there = block.times(timeproperty).there.tolist()
        assert there == [row.time(timeproperty) is not None for row in given_rows]
