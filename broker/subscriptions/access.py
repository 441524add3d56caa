"""Where a subscription lies in the index: what an entity must be, have or be near for one of its selectors to hold.

Each selector is put where the fewest steps find it: by the id, the literal beginning of the id's pattern, the place, a
value that an attribute must have, a number that it must be beyond; else by type and watched attribute alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias, assert_never

from broker.query import patterns
from broker.query.ast import (
    AllTypes,
    And,
    AnyType,
    Boolean,
    Comparison,
    Condition,
    HasType,
    Number,
    Operator,
    Text,
    TypeSelection,
)
from broker.query.plan import Selector
from broker.subscriptions.document import Subscription
from broker.subscriptions.grid import Box, region

ANY: Final = ""
"""Stands for any type, and for any attribute."""

Value: TypeAlias = tuple[str, str | float | bool]
"""A scalar with its class, since true equals 1."""


@dataclass(frozen=True, slots=True)
class ById:
    """The entity has this id."""

    id: str


@dataclass(frozen=True, slots=True)
class ByPrefix:
    """Its id begins so."""

    text: str


@dataclass(frozen=True, slots=True)
class ByPlace:
    """A geometry of this GeoProperty touches the box."""

    name: str
    box: Box


@dataclass(frozen=True, slots=True)
class ByValue:
    """The attribute has one of these values."""

    name: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class ByNumber:
    """The attribute has a number beyond this one."""

    name: str
    operator: Operator
    bound: float


Way: TypeAlias = ById | ByPrefix | ByPlace | ByValue | ByNumber | None
"""None: by type and attribute alone."""


def placements(subscription: Subscription) -> Iterator[tuple[str, str, Way]]:
    """The places in the index: type, watched attribute, and way; a step that matches finds at least one of them."""
    attributes = subscription.watched if subscription.watched is not None else (ANY,)
    of_all = _way(subscription)
    for selector in subscription.selectors or (Selector(),):
        for way in _of_selector(selector) or (of_all,):
            for type_name in dict.fromkeys(types_of(selector.types)):
                for attribute in attributes:
                    yield type_name, attribute, way


def types_of(selection: TypeSelection | None) -> tuple[str, ...]:
    """Types of which every entity that is selected has one."""
    match selection:
        case None:
            return (ANY,)
        case HasType(name):
            return (name,)
        case AnyType(operands):
            return tuple(name for operand in operands for name in types_of(operand))
        case AllTypes(operands):
            return min(map(types_of, operands), key=len)
        case _:
            assert_never(selection)


def value_of(element: object) -> Value | None:
    """A scalar as a place in the index."""
    if isinstance(element, bool):
        return ("bool", element)
    if isinstance(element, int | float):
        return ("number", element)
    return ("text", element) if isinstance(element, str) else None


def _of_selector(selector: Selector) -> tuple[Way, ...]:
    if selector.ids:
        return tuple(map(ById, selector.ids))
    if selector.id_pattern is not None:
        literal = patterns.literal(selector.id_pattern.text)
        if literal.anchored and literal.text:
            return (ByPrefix(literal.text),)
    return ()


def _way(subscription: Subscription) -> Way:
    if subscription.geo is not None:
        box = region(subscription.geo)
        if box is not None:
            return ByPlace(subscription.geo.name, box)
    comparisons = [each for each in _conjuncts(subscription.q) if _is_plain(each)]
    for comparison in comparisons:
        values = _values(comparison)
        if values:
            return ByValue(comparison.path.names[0], values)
    for comparison in comparisons:
        if comparison.operator not in (Operator.EQUAL, Operator.UNEQUAL):
            (operand,) = comparison.operands
            if isinstance(operand, Number):
                return ByNumber(comparison.path.names[0], comparison.operator, operand.value)
    return None


def _conjuncts(condition: Condition | None) -> Iterator[Comparison]:
    """The comparisons that all must hold."""
    if isinstance(condition, Comparison):
        yield condition
    elif isinstance(condition, And):
        for operand in condition.operands:
            yield from _conjuncts(operand)


def _is_plain(comparison: Comparison) -> bool:
    path = comparison.path
    return len(path.names) == 1 and path.member is None and path.inside is None and path.link is None


def _values(comparison: Comparison) -> tuple[Value, ...]:
    """The values of which one must be there; none if they cannot be told."""
    if comparison.operator is not Operator.EQUAL:
        return ()
    found = tuple(
        value
        for operand in comparison.operands
        if isinstance(operand, Text | Number | Boolean) and (value := value_of(operand.value)) is not None
    )
    return found if len(found) == len(comparison.operands) else ()
