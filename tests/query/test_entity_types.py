"""The type selection language (GS CIM 009 §4.17)."""

import pytest

from broker.errors import BadRequestData
from broker.query.ast import AllTypes, AnyType, HasType, TypeSelection
from broker.query.entity_types import parse
from broker.query.to_mongo import type_filter
from broker.query.to_predicate import selects

A, B, C = HasType("x:A"), HasType("x:B"), HasType("x:C")


def expand(name: str) -> str:
    return name if ":" in name else f"x:{name}"


@pytest.mark.parametrize(
    ("text", "selection"),
    [
        ("A", A),
        ("https://example.org/ns#A", HasType("https://example.org/ns#A")),
        ("A,B", AnyType((A, B))),
        ("A|B", AnyType((A, B))),
        ("(A;B)", AllTypes((A, B))),
        ("(A;B),C", AnyType((AllTypes((A, B)), C))),
        ("A;(B|C)", AllTypes((A, AnyType((B, C))))),
        (" ( A ; B ) ", AllTypes((A, B))),
    ],
)
def test_a_selection_is_parsed(text: str, selection: TypeSelection) -> None:
    assert parse(text, expand) == selection


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "expected a type name at position 0, found the end"),
        ("A,", "expected a type name at position 2, found the end"),
        ("A,,B", "expected a type name at position 2, found ','"),
        ("(A", "expected ')' at position 2, found the end"),
        ("A)", "expected ',', '|' or ';' at position 1, found ')'"),
        ("A B", "expected ',', '|' or ';' at position 2, found 'B'"),
        ("(" * 100 + "A", "nest deeper"),
        (",".join("A" * 300), "more than 200 names"),
    ],
)
def test_a_mistake_is_named_with_its_position(text: str, says: str) -> None:
    with pytest.raises(BadRequestData, match=r".*") as refusal:
        parse(text, expand)
    assert says in refusal.value.detail


@pytest.mark.parametrize(
    ("text", "types", "selected"),
    [
        ("A", ["x:A", "x:B"], True),
        ("C", ["x:A", "x:B"], False),
        ("C,B", ["x:A", "x:B"], True),
        ("(A;B)", ["x:A", "x:B"], True),
        ("(A;C)", ["x:A", "x:B"], False),
        ("(A;C),B", ["x:A", "x:B"], True),
    ],
)
def test_an_entity_is_selected_by_its_types(text: str, types: list[str], selected: bool) -> None:
    assert selects(parse(text, expand), types) is selected


def test_alternatives_become_one_membership_test_in_mongodb() -> None:
    assert type_filter(parse("A,B", expand)) == {"t": {"$in": ["x:A", "x:B"]}}
