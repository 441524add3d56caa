"""Malformed queries are refused with the position of the mistake, and with what was expected there."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from broker.errors import BadRequestData, BrokerError, TooComplexQuery
from broker.query import mistakes, order, scope
from broker.query.q import parse
from tests.query.context import CONTEXT

PARSERS: list[tuple[Mapping[str, tuple[str, ...]], Callable[[str], Any], str]] = [
    (mistakes.Q, lambda text: parse(text, CONTEXT), "q"),
    (mistakes.SCOPE_Q, scope.parse, "scopeQ"),
    (mistakes.ORDER_BY, lambda text: order.parse(text, CONTEXT), "orderBy"),
    (mistakes.COLLATION, order.mongo_collation, "collation"),
]


@pytest.mark.parametrize(
    ("parser", "where", "says", "text"),
    [
        pytest.param(parser, where, says, text, id=f"{where} {text[:40]}")
        for table, parser, where in PARSERS
        for says, texts in table.items()
        for text in texts
    ],
)
def test_a_mistake_is_named(parser: Callable[[str], Any], where: str, says: str, text: str) -> None:
    with pytest.raises(BrokerError) as refusal:
        parser(text)
    assert isinstance(refusal.value, BadRequestData | TooComplexQuery)
    assert refusal.value.detail.startswith(where)
    assert says in refusal.value.detail


def test_a_refusal_says_where_and_what() -> None:
    with pytest.raises(BadRequestData) as refusal:
        parse('speed>50;(brand=="x"', CONTEXT)
    assert refusal.value.detail == "q: expected ')' at position 20, found the end."
