"""Aggregates: series summed up by period, block by block (GS CIM 009 §4.5.19).

Of a block that lies in one period its own summary is enough; of another the columns of times and numbers. Instances are
made only of what is no number. No more than one block is open at a time.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from pymongo.asynchronous.client_session import AsyncClientSession

from broker.errors import TooManyResults
from broker.model.blocks import Block
from broker.model.instants import instant_key
from broker.model.periods import Periods
from broker.model.series import Row, instant, microseconds
from broker.model.summaries import Sums, by_period
from broker.model.temporal import Aggregate, Duration, Period, Reading, TimeProperty
from broker.store.client import Database
from broker.store.history import reads, sealed
from broker.store.history.sealed import TIME_FIELDS, Document, range_of, series_of, summary
from broker.store.indexes import BLOCKS

Aggregates: TypeAlias = dict[str, dict[str, dict[str | None, Aggregate]]]
"""By entity, attribute and datasetId."""


class Asked(NamedTuple):
    """How series are summed up. `origin`: where the first period begins; None: at the oldest point of each series."""

    duration: Duration
    origin: str | None
    distinct: bool
    most: int
    """Periods of one series."""


class _Series:
    """A series, as it is summed up."""

    def __init__(self, asked: Asked, timeproperty: TimeProperty, bounds: tuple[int | None, int | None]) -> None:
        self._asked = asked
        self._timeproperty = timeproperty
        self._start, self._end = bounds
        self._periods: Periods | None = None
        self._sums: dict[int, Sums] = {}
        self._newest = ("", "")
        self.oldest: int | None = None
        self.latest: int | None = None

    def covers(self, least: int, greatest: int) -> None:
        """Take note of the times of some points."""
        self.oldest = least if self.oldest is None else min(self.oldest, least)
        self.latest = greatest if self.latest is None else max(self.latest, greatest)

    def add_block(self, document: Document) -> None:
        """Add the rows of a block that are in the window."""
        bounds = document.get(TIME_FIELDS[self._timeproperty])
        if bounds is None:
            return
        whole = summary(document)
        number = self._one_period(bounds) if whole is not None and bounds[2] == document["n"] else None
        if whole is not None and number is not None and not self._asked.distinct:
            self._of(number).add(whole)
            self._note(bounds[1], "Property")
        else:
            self._add_opened(Block(document["b"]))

    def add_row(self, row: Row) -> None:
        """Add a row that is in the window."""
        time = row.time(self._timeproperty)
        if row.deleted or time is None:
            return
        self._of(self._number(microseconds(time))).add_instance(row.body)
        self._note(microseconds(time), row.body["type"])

    def result(self) -> Aggregate:
        """The periods that have points."""
        periods = []
        for number, sums in sorted(self._sums.items()):
            start, end = self._periods_of().bounds(number)
            periods.append(Period(start, end, sums.summaries()))
        return Aggregate(self._newest[1], periods)

    def _add_opened(self, block: Block) -> None:
        wanted = reads.within(block, self._timeproperty, self._start, self._end)
        if not block.numeric:
            for row in block.rows(wanted):
                self.add_row(row)
            return
        if not wanted.any():
            return
        times, numbers = block.times(self._timeproperty).values[wanted], block.numbers[wanted]
        places = np.array(self._numbers(times), np.int64)
        for number, some in by_period(places, numbers):
            self._of(number).add_numbers(some)
        self._note(int(times.max()), "Property")

    def _numbers(self, times: Any) -> Any:
        """The number of the period of each time."""
        months, length = self._asked.duration
        if months:
            return [self._number(time) for time in times.tolist()]
        return (times - self._periods_of().begin) // length if length else np.zeros(len(times), np.int64)

    def _one_period(self, bounds: Sequence[int]) -> int | None:
        """The number of the period that all the times between bounds are in, if they are in the window, too."""
        least, greatest, _ = bounds
        if (self._start is not None and least < self._start) or (self._end is not None and greatest >= self._end):
            return None
        number = self._number(least)
        return number if self._number(greatest) == number else None

    def _number(self, time: int) -> int:
        return self._periods_of().number(time)

    def _periods_of(self) -> Periods:
        if self._periods is None:
            oldest = self.oldest if self.oldest is not None else 0
            origin = self._asked.origin or instant(oldest if self._start is None else max(oldest, self._start))
            end = self._end
            if end is None and not any(self._asked.duration):
                end = self.latest
            self._periods = Periods(self._asked.duration, origin, end)
        return self._periods

    def _of(self, number: int) -> Sums:
        found = self._sums.get(number)
        if found is None:
            if len(self._sums) >= self._asked.most:
                raise TooManyResults(f"More than {self._asked.most} periods of aggregation have values; ask for less.")
            found = self._sums[number] = Sums(distinct=self._asked.distinct)
        return found

    def _note(self, time: int, kind: str) -> None:
        """Remember the kind of the newest point."""
        key = f"{time + _OFFSET:020d}"
        if key > self._newest[0]:
            self._newest = (key, kind)


_OFFSET: Final = 10**17
"""Makes instants of all years positive."""


async def aggregate(database: Database, ids: Sequence[str], reading: Reading, asked: Asked) -> Aggregates:
    """The series of entities summed up. Raises TooManyResults for more periods than may be."""
    if reading.last_n is not None:
        found = await _newest(database, ids, reading, asked)
    else:
        async with database.client.start_session(snapshot=True) as session:
            found = await _all(database, ids, reading, asked, session)
    result: Aggregates = {}
    for series, each in found.items():
        summed = each.result()
        if summed.periods:
            result.setdefault(series.entity_id, {}).setdefault(series.name, {})[series.dataset_id] = summed
    return result


async def _all(
    database: Database, ids: Sequence[str], reading: Reading, asked: Asked, session: AsyncClientSession
) -> dict[sealed.Series, _Series]:
    bounds = range_of(reading.window.start, reading.window.end)
    timeproperty = reading.window.timeproperty
    found: dict[sealed.Series, _Series] = {}

    def of(series: sealed.Series) -> _Series:
        return found.setdefault(series, _Series(asked, timeproperty, bounds))

    unsealed = (await reads.tails(database, ids, reading, session)).rows
    for series, rows in unsealed.items():
        times = [microseconds(time) for row in rows if (time := row.time(timeproperty)) and not row.deleted]
        if times:
            of(series).covers(min(times), max(times))
    wanted = reads.block_filter(ids, reading)
    if asked.origin is None or not any(asked.duration):
        field = TIME_FIELDS[timeproperty]
        async for header in database[BLOCKS].find(wanted, {"a": 1, "d": 1, field: 1}, session=session):
            if field in header:
                of(series_of(header)).covers(*header[field][:2])
    async for document in database[BLOCKS].find(wanted, session=session):
        of(series_of(document)).add_block(document)
    for series, rows in unsealed.items():
        for row in rows:
            of(series).add_row(row)
    return found


async def _newest(
    database: Database, ids: Sequence[str], reading: Reading, asked: Asked
) -> dict[sealed.Series, _Series]:
    """Of the newest points alone: they are few."""
    timeproperty = reading.window.timeproperty
    bounds = range_of(reading.window.start, reading.window.end)
    found: dict[sealed.Series, _Series] = {}
    for evolution in (await reads.read(database, ids, reading)).evolutions:
        for name, series in evolution.attributes.items():
            for dataset_id, points in series.items():
                rows = [
                    Row(each.sequence, each.created_at, each.modified_at, False, each.instance)
                    for each in points
                    if each.deleted_at is None and each.time(timeproperty) is not None
                ]
                if rows:
                    times = sorted((row.time(timeproperty) or "" for row in rows), key=instant_key)
                    into = found[sealed.Series(evolution.id, name, dataset_id)] = _Series(asked, timeproperty, bounds)
                    into.covers(microseconds(times[0]), microseconds(times[-1]))
                    for row in rows:
                        into.add_row(row)
    return found
