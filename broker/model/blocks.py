"""Sealed blocks: the rows of one series in columns, compressed.

A row is a sequence, three times, perhaps a number, and what is left of it: its template. Templates repeat from row to
row, and each stands once. Times of the row within its template are marks. Integers stay integers, and an observedAt
keeps the digits that a client wrote.

    head          number of rows, length of each section
    sections      sequence, modified, created, observed, digits of observed (ABSENT: none), template of each row,
                  whether a number is an integer, the numbers, the templates: "#" has a number, "=" has none,
                  "-" is a deletion
"""

import struct
import zlib
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from broker.model.columns import Floats, Integers, pack_floats, pack_integers, unpack_floats, unpack_integers
from broker.model.entity import Instance
from broker.model.series import Row, instants, microseconds
from broker.model.temporal import TimeProperty

_HEAD: Final = struct.Struct("<10I")
_LEVEL: Final = 6
_ABSENT: Final = 255
_EXACT: Final = 2**53
_MODIFIED, _CREATED, _OBSERVED = b'"\x01"', b'"\x02"', b'"\x03"'
_MARKS: Final = (_MODIFIED, _CREATED, _OBSERVED)
"""No JSON holds them."""
_NUMBER, _OTHER, _DELETION = b"#"[0], b"="[0], b"-"[0]


class Times(NamedTuple):
    """The times of rows in microseconds, and which rows have one."""

    values: Integers
    there: NDArray[np.bool_]


def encode(rows: Sequence[Row]) -> bytes:
    """The bytes of a block of at least one row."""
    templates: dict[bytes, int] = {}
    chosen: list[int] = []
    numbers: list[float] = []
    whole: list[int] = []
    digits: list[int] = []
    observed: list[int] = []
    modified: list[int] = []
    for row in rows:
        template, number = _template(row)
        chosen.append(templates.setdefault(template, len(templates)))
        if number is not None:
            numbers.append(number)
            whole.append(number.__class__ is int)
        seen = row.body.get("observedAt")
        digits.append(_ABSENT if seen is None else max(len(seen) - 21, 0))
        modified.append(microseconds(row.modified))
        observed.append(modified[-1] if seen is None else microseconds(seen))
    sections = [
        _integers([row.sequence for row in rows]),
        _integers(modified),
        _integers([microseconds(row.created) for row in rows]),
        _integers(observed),
        _integers(digits),
        _integers(chosen),
        _integers(whole),
        pack_floats(np.array(numbers, np.float64)) if numbers else b"",
        b"\n".join(templates),
    ]
    head = _HEAD.pack(len(rows), *map(len, sections))
    return zlib.compress(head + b"".join(sections), _LEVEL)


def decode(stored: bytes) -> list[Row]:
    """The rows of a block."""
    return Block(stored).rows()


class Block:
    """An opened block: its columns are unpacked as they are asked for."""

    def __init__(self, stored: bytes) -> None:
        plain = memoryview(zlib.decompress(stored))
        self.length, *lengths = _HEAD.unpack_from(plain)
        self._sections: list[memoryview] = []
        start = _HEAD.size
        for length in lengths:
            self._sections.append(plain[start : start + length])
            start += length

    def times(self, timeproperty: TimeProperty) -> Times:
        """The rows' times by a time property."""
        everywhere = np.ones(self.length, np.bool_)
        match timeproperty:
            case TimeProperty.OBSERVED_AT:
                return Times(self._column(3), self._column(4) != _ABSENT)
            case TimeProperty.CREATED_AT:
                return Times(self._column(2), everywhere)
            case TimeProperty.MODIFIED_AT:
                return Times(self._column(1), everywhere)
            case TimeProperty.DELETED_AT:
                return Times(self._column(1), self._tags == _DELETION)

    @property
    def numeric(self) -> bool:
        """Whether every row is a number."""
        return all(template[0] == _NUMBER for template in self._templates)

    @cached_property
    def numbers(self) -> Floats:
        """The numbers of the rows that have one, in their order."""
        return unpack_floats(self._sections[7]) if len(self._sections[7]) else np.empty(0, np.float64)

    def rows(self, wanted: NDArray[np.bool_] | None = None) -> list[Row]:
        """The rows; those marked as wanted."""
        places = np.arange(self.length) if wanted is None else np.flatnonzero(wanted)
        if not len(places):
            return []
        modified, created = _system_times(self._column(1)[places]), _system_times(self._column(2)[places])
        observed, digits = instants(self._column(3)[places]), self._column(4)[places].tolist()
        chosen = self._column(5)[places].tolist()
        numbers = self._numbers()[places].tolist() if len(self._sections[7]) else [None] * len(places)
        sequences = self._column(0)[places].tolist()
        parsed: dict[int, Instance] = {}
        rows = []
        for i, sequence in enumerate(sequences):
            template = self._templates[chosen[i]]
            made, changed = created[i], modified[i]
            seen = None if digits[i] == _ABSENT else _written(observed[i], digits[i])
            body = parsed.get(chosen[i])
            if body is None:
                body, lasting = _body(template, changed, made, seen)
                if lasting:
                    parsed[chosen[i]] = body
            body = body.copy()
            if template[0] == _NUMBER:
                body["value"] = numbers[i]
            if seen is not None:
                body["observedAt"] = seen
            rows.append(Row(sequence, made, changed, template[0] == _DELETION, body))
        return rows

    def _numbers(self) -> NDArray[Any]:
        """Of each row its number, int or float; None where it has none."""
        whole = self._column(6).astype(np.bool_)
        numbers = self.numbers.astype(object)
        numbers[whole] = self.numbers[whole].astype(np.int64)
        result = np.full(self.length, None, object)
        result[self._tags == _NUMBER] = numbers
        return result

    def _column(self, place: int) -> Integers:
        return unpack_integers(self._sections[place])

    @cached_property
    def _templates(self) -> list[bytes]:
        return bytes(self._sections[8]).split(b"\n")

    @cached_property
    def _tags(self) -> NDArray[np.uint8]:
        """The first byte of each row's template."""
        return np.array([template[0] for template in self._templates], np.uint8)[self._column(5)]


def _integers(values: Sequence[int]) -> bytes:
    return pack_integers(np.array(values, np.int64)) if values else b""


def _template(row: Row) -> tuple[bytes, float | None]:
    """What is left of a row without its number and times, and the number."""
    body = row.body.copy()
    seen = body.pop("observedAt", None)
    number = None
    if body["type"] == "Property" and _is_plain(body.get("value")):
        number = body.pop("value")
    text = orjson.dumps(body)
    for mark, time in zip(_MARKS, (row.modified, row.created, seen), strict=True):
        if time is not None:
            text = text.replace(b'"%b"' % time.encode(), mark)
    tag = b"-" if row.deleted else b"=" if number is None else b"#"
    return tag + text, number


def _is_plain(value: Any) -> bool:
    """Whether a value is a number that a column holds without loss."""
    return value.__class__ is float or (value.__class__ is int and -_EXACT < value < _EXACT)


def _body(template: bytes, modified: str, created: str, seen: str | None) -> tuple[Instance, bool]:
    """The body in a template, and whether it is the same in other rows."""
    text = template[1:]
    lasting = True
    for mark, time in zip(_MARKS, (modified, created, seen or ""), strict=True):
        if mark in text:
            text = text.replace(mark, b'"%b"' % time.encode())
            lasting = False
    body: Instance = orjson.loads(text)
    return body, lasting


def _system_times(times: Integers) -> list[str]:
    """System times as DateTimes; mostly all rows were created at one."""
    if times[0] == times[-1] and (times == times[0]).all():
        return [_canonical(instants(times[:1])[0])] * len(times)
    return [_canonical(text) for text in instants(times)]


def _canonical(text: str) -> str:
    """A DateTime from one with six digits: zeros at the end are left out."""
    return f"{text[:19]}Z" if text[20:] == "000000" else f"{text.rstrip('0')}Z"


def _written(text: str, digits: int) -> str:
    return f"{text[: 20 + digits]}Z" if digits else f"{text[:19]}Z"
