"""Sealed blocks as documents: some hundred rows of one series, with what says whether they need be looked at.

    {_id: "<entity id> <series key> <sequence of the first row>",
     a: attribute, d: datasetId,           the latter absent for the default one
     n: number of rows,
     o, m, c, x: [least, greatest, rows]   times in microseconds, of the rows that have one: observedAt, modifiedAt,
                                           createdAt, deletedAt; absent if none has
     k: microseconds since 1970,           no row is older (`broker.model.series.Row.age`)
     s: [count, sum, squares, least, greatest]      if all rows are numbers
     b: bytes of `broker.model.blocks`}

A row stays in its block: blocks are extended and rewritten in place, never put together, so that none is missed by
those who read on while that happens.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import orjson

from broker.model import summaries
from broker.model.blocks import Block, encode
from broker.model.series import Row, microseconds, series_key
from broker.model.temporal import Summary, TimeProperty

Document: TypeAlias = dict[str, Any]

FULL: Final = 1000
"""Rows of a block that is not extended any more."""
MAX_BYTES: Final = 2**20
"""Compressed bytes from which on neither is."""
_MAX_PORTION: Final = 4 * 2**20
"""Bytes of JSON that are put into a block at once, but for a single larger row."""

TIME_FIELDS: Final = {
    TimeProperty.OBSERVED_AT: "o",
    TimeProperty.MODIFIED_AT: "m",
    TimeProperty.CREATED_AT: "c",
    TimeProperty.DELETED_AT: "x",
}


class Series(NamedTuple):
    """A series of an entity."""

    entity_id: str
    name: str
    dataset_id: str | None

    @property
    def key(self) -> str:
        """What names it among those of its entity."""
        return series_key(self.name, self.dataset_id)

    @property
    def prefix(self) -> str:
        """What the _id of its blocks begins with."""
        return f"{self.entity_id} {self.key} "


def series_of(document: Document) -> Series:
    """The series of a block."""
    return Series(document["_id"].partition(" ")[0], document["a"], document.get("d"))


def block(series: Series, rows: Sequence[Row], document_id: str | None = None) -> Document:
    """The document of at least one row; `document_id`: of the block that it replaces."""
    ordered = sorted(rows, key=lambda row: row.sequence)
    stored = encode(ordered)
    document: Document = {
        "_id": document_id or f"{series.prefix}{ordered[0].sequence:016x}",
        "a": series.name,
        "n": len(ordered),
        "k": min(row.age for row in ordered),
        "b": stored,
    }
    if series.dataset_id is not None:
        document["d"] = series.dataset_id
    opened = Block(stored)
    for timeproperty, field in TIME_FIELDS.items():
        values, there = opened.times(timeproperty)
        if there.any():
            times = values[there]
            document[field] = [int(times.min()), int(times.max()), len(times)]
    if opened.numeric:
        sums = summaries.summed(opened.numbers)
        if np.isfinite(sums).all():
            document["s"] = list(sums)
    return document


def portions(rows: Sequence[Row], full: int, room: int) -> list[Sequence[Row]]:
    """Rows as they fit into blocks of `full` rows: `room` of them into the first."""
    result: list[Sequence[Row]] = []
    start, size = 0, 0
    for end, row in enumerate(rows):
        length = len(orjson.dumps(row.body))
        if end > start and (end - start >= room or size + length > _MAX_PORTION):
            result.append(rows[start:end])
            start, size, room = end, 0, full
        size += length
    if start < len(rows):
        result.append(rows[start:])
    return result


def summary(document: Document) -> Summary | None:
    """The summary of all rows of a block, if they are numbers."""
    sums = document.get("s")
    return None if sums is None else Summary(summaries.NUMBER, *sums)


def range_of(start: str | None, end: str | None) -> tuple[int | None, int | None]:
    """A window's bounds in microseconds."""
    return (None if start is None else microseconds(start), None if end is None else microseconds(end))
