"""Rows: the points of one series, an attribute of an entity with one datasetId, as history keeps them.

A row stands on its own: unlike an instance of the current state it depends on no other's times.
"""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from broker.model.entity import Instance
from broker.model.instants import format_instant
from broker.model.temporal import INSTANCE, Point, TimeProperty

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class Row(NamedTuple):
    """A point. `body`: the instance without createdAt and modifiedAt; of a deletion its type, datasetId
    and observedAt alone."""

    sequence: int
    created: str
    modified: str
    deleted: bool
    body: Instance

    def time(self, timeproperty: TimeProperty) -> str | None:
        """Its DateTime by a time property; None if it has none such."""
        match timeproperty:
            case TimeProperty.OBSERVED_AT:
                return self.body.get("observedAt")
            case TimeProperty.CREATED_AT:
                return self.created
            case TimeProperty.MODIFIED_AT:
                return self.modified
            case TimeProperty.DELETED_AT:
                return self.modified if self.deleted else None

    @property
    def age(self) -> int:
        """The earlier of the times that it was observed and recorded, in microseconds: what retention goes by."""
        recorded = microseconds(self.modified)
        observed = self.body.get("observedAt")
        return recorded if observed is None else min(recorded, microseconds(observed))


def series_key(name: str, dataset_id: str | None) -> str:
    """Sixteen hexadecimal digits that name a series of an entity."""
    return hashlib.blake2b(f"{name} {dataset_id or ''}".encode(), digest_size=8).hexdigest()


def points(name: str, dataset_id: str | None, rows: Iterable[Row]) -> list[Point]:
    """Rows as the API shows them."""
    prefix = f"{INSTANCE}{series_key(name, dataset_id)}:"
    return [_point(prefix, row) for row in rows]


def _point(prefix: str, row: Row) -> Point:
    sequence, created, modified, deleted, body = row
    instance = {**body, "createdAt": created}
    if modified != created:
        instance["modifiedAt"] = modified
    gone = modified if deleted else None
    return Point(f"{prefix}{sequence:x}", sequence, instance, created, modified, body.get("observedAt"), gone)


def sequence_of(instance_id: str, key: str) -> int | None:
    """The sequence of the row that an instance id means, if it is one of the series with this key."""
    prefix = f"{INSTANCE}{key}:"
    digits = instance_id.removeprefix(prefix)
    if digits == instance_id or not digits.isascii() or len(digits) > 16:
        return None
    try:
        sequence = int(digits, 16)
    except ValueError:
        return None
    return sequence if f"{sequence:x}" == digits else None


def microseconds(text: str) -> int:
    """Microseconds from 1970 to a DateTime."""
    return (datetime.fromisoformat(text) - _EPOCH) // _MICROSECOND


def instant(microseconds: int) -> str:
    """The DateTime so many microseconds after 1970; zeros at the end of the fraction are left out."""
    return format_instant(_EPOCH + timedelta(microseconds=microseconds))


def instants(times: NDArray[np.int64]) -> list[str]:
    """The same for many: all six digits of the fraction, and no Z."""
    texts: list[str] = np.datetime_as_string(times.astype("M8[us]"), unit="us").tolist()
    return texts
