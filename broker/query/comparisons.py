"""Comparisons of elements with literals: types must agree (GS CIM 009 §4.9).

Numbers and booleans are no numbers of each other; strings are ordered by code points; what reads as a DateTime, Date or
Time is compared with such as a point in time, whether it is a typed value, a member such as `observedAt` or a string.
"""

from collections.abc import Callable
from typing import Any, Final, TypeAlias, assert_never

from broker.model.instants import calendar_date, date_time, instant_key, time_of_day
from broker.query.ast import Boolean, Comparable, Date, DateTime, Literal, Number, Operator, Range, Text, Time

Test: TypeAlias = Callable[[Any], bool]
"""Whether an element passes."""

_NUMBERS: Final = frozenset({int, float})


def test_of(operator: Operator, operands: tuple[Literal | Range, ...]) -> Test:
    """The test that an element passes if it equals an operand, or is beyond the one that there is.

    For `!=` it is the test of `==`, which no element may pass.
    """
    if operator in (Operator.EQUAL, Operator.UNEQUAL):
        return _equal_to_any(operands)
    (operand,) = operands
    assert not isinstance(operand, Range | Boolean)  # noqa: S101  the parser knows
    return _ordered(operator, operand)


def _equal_to_any(operands: tuple[Literal | Range, ...]) -> Test:
    if len(operands) > 1 and all(isinstance(operand, Text) for operand in operands):
        texts = frozenset(operand.value for operand in operands if isinstance(operand, Text))
        return lambda element: element.__class__ is str and element in texts
    tests = tuple(map(_equal, operands))
    if len(tests) == 1:
        return tests[0]
    return lambda element: any(test(element) for test in tests)


def _equal(operand: Literal | Range) -> Test:
    match operand:
        case Range(low, high):
            above, below = _ordered(Operator.GREATER_EQUAL, low), _ordered(Operator.LESS_EQUAL, high)
            return lambda element: above(element) and below(element)
        case Number(number):
            return lambda element: element.__class__ in _NUMBERS and element == number
        case Boolean(boolean):
            return lambda element: element is boolean
        case Text(text):
            return lambda element: element.__class__ is str and element == text
        case DateTime() | Date() | Time():
            point, key = _reading(operand)
            return lambda element: key(element) == point
        case _:
            assert_never(operand)


def _ordered(operator: Operator, operand: Comparable) -> Test:
    match operand:
        case Number(number):
            return _beyond(operator, number, _number)
        case Text(text):
            return _beyond(operator, text, _text)
        case DateTime() | Date() | Time():
            return _beyond(operator, *_reading(operand))
        case _:
            assert_never(operand)


def _beyond(operator: Operator, bound: Any, key: Callable[[Any], Any]) -> Test:
    match operator:
        case Operator.GREATER:
            return lambda element: (found := key(element)) is not None and found > bound
        case Operator.GREATER_EQUAL:
            return lambda element: (found := key(element)) is not None and found >= bound
        case Operator.LESS:
            return lambda element: (found := key(element)) is not None and found < bound
        case _:
            return lambda element: (found := key(element)) is not None and found <= bound


def _number(element: Any) -> Any:
    return element if element.__class__ in _NUMBERS else None


def _text(element: Any) -> Any:
    return element if element.__class__ is str else None


def _reading(operand: DateTime | Date | Time) -> tuple[str, Callable[[Any], str | None]]:
    """A point in time as a key that orders it, and the reader of such keys from elements."""
    match operand:
        case DateTime(text):
            return instant_key(text), instant
        case Date(text):
            return text, calendar_date
        case Time(text):
            return time_key(text), hour
        case _:
            assert_never(operand)


def instant(element: Any) -> str | None:
    """The key of a DateTime."""
    text = date_time(element)
    return None if text is None else instant_key(text)


def hour(element: Any) -> str | None:
    """The key of a Time."""
    text = time_of_day(element)
    return None if text is None else time_key(text)


def time_key(text: str) -> str:
    """What orders two Times: eight characters and six digits."""
    return text[:8] + text[9:-1].ljust(6, "0")
