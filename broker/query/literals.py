"""The values of the query language as they are written (GS CIM 009 §4.9).

number    as JSON has it
string    as JSON has it, in double quotes; one that reads as a DateTime, Date or Time is one
DateTime  2026-01-31T12:00:00Z;  Date  2026-01-31;  Time  12:00:00Z
boolean   true | false
word      a letter, then anything but white space and ; | ( ) , and quotes: a URI, or a term of a vocabulary
"""

import math
import re
from collections.abc import Callable
from typing import Final, TypeAlias

import orjson

from broker.model.instants import calendar_date, date_time, time_of_day
from broker.query.ast import Boolean, Date, DateTime, Literal, Number, Text, Time

Expand: TypeAlias = Callable[[str], str]
"""What is made of strings: themselves, or their expansion."""

_END: Final = r"(?=\s*(?:[;|),]|\.\.|\Z))"
_DATE: Final = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_LITERAL = re.compile(
    rf"""
    (?P<string> "(?:[^"\\]|\\.)*" )
  | (?P<time> (?: (?:{_DATE}T)?[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}(?:[.,][0-9]{{1,6}})?Z | {_DATE} ) {_END} )
  | (?P<number> -?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)? {_END} )
  | (?P<boolean> (?:true|false) {_END} )
  | (?P<word> [^\W0-9_][^;|(),"\s]* )
    """,
    re.VERBOSE,
)
_MAX_DIGITS: Final = 400


def read(text: str, position: int, expand: Expand) -> tuple[Literal, bool, int] | None:
    """The literal at a position, whether it can be ordered, and where it ends; None if there is none."""
    found = _LITERAL.match(text, position)
    if found is None:
        return None
    written, end = found[0], found.end()
    match found.lastgroup:
        case "string":
            literal = _quoted(written, expand)
            return None if literal is None else (literal, True, end)
        case "time":
            point = temporal(written)
            return None if point is None else (point, True, end)
        case "number":
            number = _number(written)
            return None if number is None else (number, True, end)
        case "boolean":
            return Boolean(written == "true"), False, end
        case _:
            return Text(expand(written)), False, end


def temporal(text: str) -> DateTime | Date | Time | None:
    """The DateTime, Date or Time that a text is; None for other texts."""
    if not text or not text[0].isdigit():
        return None
    if (instant := date_time(text)) is not None:
        return DateTime(instant)
    if (day := calendar_date(text)) is not None:
        return Date(day)
    if (hour := time_of_day(text)) is not None:
        return Time(hour)
    return None


def _quoted(written: str, expand: Expand) -> Literal | None:
    try:
        text: str = orjson.loads(written)
    except orjson.JSONDecodeError:
        return None
    return temporal(text) or Text(expand(text))


def _number(written: str) -> Number | None:
    if len(written) > _MAX_DIGITS:
        return None
    value = int(written) if written.lstrip("-").isdigit() else float(written)
    try:
        return Number(value) if math.isfinite(value) else None
    except OverflowError:
        return None
