"""Columns of numbers as few bytes: what a sealed block of history is made of.

A column is packed without loss, and so that a general compressor finds what repeats: integers as differences in the
narrowest unsigned type that holds them, bytes of equal weight side by side; decimal fractions as scaled integers.
Each packed column says itself how it is to be read.
"""

import struct
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Integers: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]

_HEAD: Final = struct.Struct("<BIqqq")
"""Bytes of a difference (RAW: there are none), length, first value, unit and least of the differences."""
_RAW: Final = 255
_WIDTHS: Final = (1, 2, 4, 8)
_SAFE: Final = 2**62
"""Differences of integers between ± this are integers of 64 bits, too."""

_SCALES: Final = tuple(range(7))
_EXACT: Final = float(2**53)
_FLOATS: Final = 255
"""In the place of a scale: the numbers are kept as they are."""


def pack_integers(values: Integers) -> bytes:
    """The bytes of a column of at least one integer."""
    if int(values.max()) >= _SAFE or int(values.min()) <= -_SAFE:
        return _HEAD.pack(_RAW, len(values), 0, 0, 0) + _shuffled(values.view(np.uint8), 8)
    differences = np.diff(values)
    if not len(differences):
        return _HEAD.pack(0, 1, int(values[0]), 1, 0)
    least = int(differences.min())
    offsets = differences - least
    unit = int(np.gcd.reduce(offsets)) or 1
    offsets //= unit
    width = _width(int(offsets.max()))
    head = _HEAD.pack(width, len(values), int(values[0]), unit, least)
    if width == 0:
        return head
    narrow = offsets.astype(f"<u{width}")
    return head + _shuffled(narrow.view(np.uint8), width)


def unpack_integers(packed: bytes | memoryview) -> Integers:
    """The column in the bytes."""
    width, length, first, unit, least = _HEAD.unpack_from(packed)
    body = np.frombuffer(packed, np.uint8, offset=_HEAD.size)
    if width == _RAW:
        return _unshuffled(body, 8).view("<i8").astype(np.int64)
    values = np.empty(length, np.int64)
    values[0] = first
    if width == 0:
        values[1:] = least
    else:
        values[1:] = _unshuffled(body, width).view(f"<u{width}")
        values[1:] *= unit
        values[1:] += least
    return np.cumsum(values, out=values)


def pack_floats(values: Floats) -> bytes:
    """The bytes of a column of at least one finite number."""
    for scale in _SCALES:
        factor = 10.0**scale
        scaled = np.rint(values * factor)
        if np.abs(scaled).max() >= _EXACT:
            break
        if np.array_equal(scaled / factor, values) and not (np.signbit(values) & (values == 0)).any():
            return bytes((scale,)) + pack_integers(scaled.astype(np.int64))
    return bytes((_FLOATS,)) + _shuffled(values.astype("<f8").view(np.uint8), 8)


def unpack_floats(packed: bytes | memoryview) -> Floats:
    """The column in the bytes."""
    if packed[0] == _FLOATS:
        return _unshuffled(np.frombuffer(packed, np.uint8, offset=1), 8).view("<f8").astype(np.float64)
    return unpack_integers(packed[1:]) / 10.0 ** packed[0]


def _width(greatest: int) -> int:
    if greatest == 0:
        return 0
    return next(width for width in _WIDTHS if greatest < 2 ** (8 * width))


def _shuffled(values: NDArray[np.uint8], width: int) -> bytes:
    return values.reshape(-1, width).T.tobytes()


def _unshuffled(stored: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    return np.ascontiguousarray(stored.reshape(width, -1).T).reshape(-1)
