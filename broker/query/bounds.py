"""Literals as conditions on the values in the index: exact ones, or necessary ones.

The index holds strings cut to `keys.MAX_LENGTH` and integers beyond 64 bits as floats. DateTimes and Times lie there as
they were written, with any number of digits: their order is that of their first 19 or 8 characters.
"""

from typing import Any, Final, NamedTuple, assert_never

from broker.query.ast import Boolean, Comparable, Date, DateTime, Literal, Number, Operator, Range, Text, Time
from broker.query.keys import MAX_LENGTH

_LIMIT: Final = 2**63
_DIGITS_END: Final = ":"
"""The character after the digits: texts that begin with a digit are less."""
_MONGO: Final = {
    Operator.GREATER: "$gt",
    Operator.GREATER_EQUAL: "$gte",
    Operator.LESS: "$lt",
    Operator.LESS_EQUAL: "$lte",
}


class Bound(NamedTuple):
    """A MongoDB condition on a value; not `exact`: more pass it than should."""

    condition: dict[str, Any]
    exact: bool = True


def equal(operand: Literal | Range) -> Bound:
    """The values that equal the operand or lie in the range."""
    match operand:
        case Range(low, high):
            above, below = beyond(Operator.GREATER_EQUAL, low), beyond(Operator.LESS_EQUAL, high)
            # beyond() may be inexact because relationships have no order; a range compares for equality
            exact = isinstance(low, Text) and isinstance(high, Text) and len(low.value) < MAX_LENGTH > len(high.value)
            return Bound(_narrowed(above.condition, below.condition), exact or (above.exact and below.exact))
        case Number(number) if not -_LIMIT < number < _LIMIT:
            return Bound(_large(number), exact=False)
        case Number(number):
            return Bound({"$eq": number})
        case Boolean(boolean):
            return Bound({"$eq": boolean})
        case Text(text):
            return Bound({"$eq": text[:MAX_LENGTH]}, exact=len(text) < MAX_LENGTH)
        case Date(text):
            return Bound({"$eq": text})
        case DateTime() | Time():
            start = _start(operand)
            return Bound({"$gte": start, "$lte": start + "Z"}, exact=False)
        case _:
            assert_never(operand)


def beyond(operator: Operator, operand: Comparable) -> Bound:
    """The values that an ordering operator finds."""
    upwards = operator in (Operator.GREATER, Operator.GREATER_EQUAL)
    match operand:
        case Number(number) if not -_LIMIT < number < _LIMIT:
            return _beyond_large(number, upwards=upwards)
        case Number(number):
            return Bound({_MONGO[operator]: number})
        case Text(text) if len(text) < MAX_LENGTH:
            return Bound({_MONGO[operator]: text}, exact=False)
        case Text(text):
            return Bound({"$gte" if upwards else "$lte": text[:MAX_LENGTH]}, exact=False)
        case DateTime() | Date() | Time():
            start = _start(operand)
            condition = {"$gte": start, "$lt": _DIGITS_END} if upwards else {"$gte": "0", "$lte": start + "Z"}
            return Bound(condition, exact=False)
        case _:
            assert_never(operand)


def _start(operand: DateTime | Date | Time) -> str:
    match operand:
        case DateTime(text):
            return text[:19]
        case Date(text):
            return text
        case Time(text):
            return text[:8]
        case _:
            assert_never(operand)


def _large(number: int | float) -> dict[str, Any]:
    return {"$gte": float(_LIMIT)} if number > 0 else {"$lte": -float(_LIMIT)}


def _beyond_large(number: int | float, *, upwards: bool) -> Bound:
    if (number > 0) is upwards:
        return Bound(_large(number), exact=False)
    return Bound({"$lte": float("inf")}, exact=False)  # any number


def _narrowed(above: dict[str, Any], below: dict[str, Any]) -> dict[str, Any]:
    """Both conditions: the lower bound of the one and the upper bound of the other, where they have them."""
    return {**below, "$gte": above["$gte"]} if "$gte" in above else below
