"""Periods of aggregation: durations of ISO 8601 laid end to end (GS CIM 009 §4.5.19).

Months are those of the calendar: a period that begins on the 31st ends on the last day of a shorter month, and the next
goes on from the 31st.
"""

from bisect import bisect_right
from calendar import monthrange
from datetime import datetime, timedelta
from typing import Final

from broker.errors import TooComplexQuery
from broker.model.instants import format_instant
from broker.model.series import instant, microseconds
from broker.model.temporal import Duration

MAX_PERIODS: Final = 100_000
"""Most periods that a query may ask for of one series."""
_LAST_YEAR: Final = 9999


class Periods:
    """Periods of one duration from an origin on, none reaching past `end`; times are microseconds since 1970."""

    def __init__(self, duration: Duration, origin: str, end: int | None = None) -> None:
        self.begin = microseconds(origin)
        self._duration = duration
        self._origin = datetime.fromisoformat(origin)
        self._end = end
        self._starts: list[int] = [self.begin]
        """Only of periods with months: those looked at so far."""

    def number(self, time: int) -> int:
        """In which period an instant is, in microseconds since 1970, at the origin or later."""
        months, length = self._duration
        if not months:
            return (time - self.begin) // length if length else 0
        while self._starts[-1] <= time:
            if len(self._starts) > MAX_PERIODS:
                raise TooComplexQuery(f"The query asks for more than {MAX_PERIODS} periods of aggregation.")
            self._starts.append(self._start(len(self._starts)))
        return bisect_right(self._starts, time) - 1

    def bounds(self, number: int) -> tuple[str, str]:
        """Start and end of a period."""
        start = self._start(number)
        end = self._start(number + 1) if any(self._duration) else self._end
        if end is None or (self._end is not None and self._end < end):
            end = self._end
        return instant(start), instant(start if end is None else end)

    def limits(self, number: int) -> tuple[int, int | None]:
        """Start and end of a period in microseconds; no end of the only one."""
        return self._start(number), self._start(number + 1) if any(self._duration) else None

    def _start(self, number: int) -> int:
        months, length = self._duration
        if not months:
            return self.begin + number * length
        moment = _later(self._origin, months * number)
        if moment is None:
            return microseconds(format_instant(datetime.max.replace(tzinfo=self._origin.tzinfo)))
        return microseconds(format_instant(moment)) + number * length


def _later(moment: datetime, months: int) -> datetime | None:
    """The same day so many months later, or the last of that month; None where the calendar ends."""
    years, month = divmod(moment.month - 1 + months, 12)
    year = moment.year + years
    if not 1 <= year <= _LAST_YEAR:
        return None
    return moment.replace(year=year, month=month + 1, day=min(moment.day, monthrange(year, month + 1)[1]))


def add(moment: str, duration: Duration) -> str | None:
    """A DateTime later by a duration, or earlier by a negative one; None beyond the calendar."""
    shifted = _later(datetime.fromisoformat(moment), duration.months)
    try:
        return None if shifted is None else format_instant(shifted + timedelta(microseconds=duration.microseconds))
    except OverflowError:
        return None
