"""Durations as ISO 8601 writes them: `PnYnMnDTnHnMnS` or `PnW` (GS CIM 009 §4.5.19.1).

Seconds may have up to six decimals. At least one part is given, and one after a T.
"""

import re
from typing import Any, Final

from broker.model.temporal import Duration

_MOST_DIGITS: Final = 9
_NUMBER: Final = rf"\d{{1,{_MOST_DIGITS}}}"
_DURATION = re.compile(
    rf"P(?:(?P<weeks>{_NUMBER})W"
    rf"|(?=.)(?:(?P<years>{_NUMBER})Y)?(?:(?P<months>{_NUMBER})M)?(?:(?P<days>{_NUMBER})D)?"
    rf"(?:T(?=.)(?:(?P<hours>{_NUMBER})H)?(?:(?P<minutes>{_NUMBER})M)?"
    rf"(?:(?P<seconds>{_NUMBER})(?:[.,](?P<fraction>\d{{1,6}}))?S)?)?)",
    re.ASCII,
)
_SECONDS: Final = {"weeks": 604_800, "days": 86_400, "hours": 3_600, "minutes": 60, "seconds": 1}
_MOST_MONTHS: Final = 12_000
_MOST_SECONDS: Final = 1_000 * 366 * 86_400
"""A thousand years: no history is longer."""


def duration(text: Any) -> Duration | None:
    """The duration; None if `text` is none, or one of more than a thousand years."""
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    parts = {name: int(digits or 0) for name, digits in found.groupdict().items() if name != "fraction"}
    months = parts["years"] * 12 + parts["months"]
    seconds = sum(parts[name] * length for name, length in _SECONDS.items())
    if months > _MOST_MONTHS or seconds > _MOST_SECONDS:
        return None
    return Duration(months, seconds * 1_000_000 + int((found["fraction"] or "").ljust(6, "0")))
