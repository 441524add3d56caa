"""DateTime, Date and Time as GS CIM 009 §4.6.3 writes them.

    DateTime  YYYY-MM-DDThh:mm:ss[.ffffff]Z     one to six digits of a second, always Z
    Date      YYYY-MM-DD
    Time      hh:mm:ss[.ffffff]Z

Requests may use a comma as the decimal mark; what is kept has a dot. Nothing else of a client's text is touched, so
two texts can mean one instant: compare by `instant_key`.
"""

import re
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import Any

_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d{1,6})?Z", re.ASCII)
_LONGEST = len("9999-12-31T23:59:59.999999Z")
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(r"\d\d:\d\d:\d\d(?:[.,]\d{1,6})?Z", re.ASCII)


def date_time(text: Any) -> str | None:
    """The DateTime with a dot as decimal mark; None if `text` is none."""
    return _date_time(text) if isinstance(text, str) and len(text) <= _LONGEST else None


@lru_cache(maxsize=4096)
def _date_time(text: str) -> str | None:
    """Cached: the measurements of a device, and of a batch, share their instants."""
    if _DATE_TIME.fullmatch(text) is None:
        return None
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return None
    return text.replace(",", ".")


def calendar_date(text: Any) -> str | None:
    """The Date; None if `text` is none."""
    if not isinstance(text, str) or _DATE.fullmatch(text) is None:
        return None
    try:
        date.fromisoformat(text)
    except ValueError:
        return None
    return text


def time_of_day(text: Any) -> str | None:
    """The Time with a dot as decimal mark; None if `text` is none."""
    if not isinstance(text, str) or _TIME.fullmatch(text) is None:
        return None
    try:
        time.fromisoformat(text)
    except ValueError:
        return None
    return text.replace(",", ".")


def instant_key(text: str) -> str:
    """What orders two DateTimes as instants, whatever their number of digits: 19 characters and six digits."""
    return text[:19] + text[20:-1].ljust(6, "0")


def format_instant(moment: datetime) -> str:
    """A moment as a DateTime in UTC; zeros at the end of the fraction are left out."""
    text = moment.astimezone(UTC).isoformat()[: -len("+00:00")]
    return f"{text.rstrip('0')}Z" if moment.microsecond else f"{text}Z"
