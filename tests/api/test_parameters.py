"""Query strings: GS CIM 009 §6.3.20 (unknown parameters), RFC 3986 §2.1 (escapes)."""

from typing import Any

import pytest

from broker.api import parameters
from broker.api.parameters import COUNT, FORMAT, LIMIT, TYPE, options
from broker.errors import InvalidRequest

KNOWN = {each.name: each for each in (TYPE, LIMIT, COUNT, FORMAT, options("", "sysAttrs", "keyValues"))}


@pytest.mark.parametrize(
    ("query", "values"),
    [
        (b"", {}),
        (b"&&", {}),
        (b"limit=0", {"limit": 0}),
        (b"limit=20&type=A,B&count=true", {"limit": 20, "type": "A,B", "count": True}),
        (b"type=%28A%3BB%29%2cC", {"type": "(A;B),C"}),
        (b"type=a+b%20c%2Bd", {"type": "a b c+d"}),
        (b"%74ype=%C3%84", {"type": "Ä"}),
        (b"type=a=b", {"type": "a=b"}),
        (b"options=sysAttrs,keyValues", {"options": frozenset({"sysAttrs", "keyValues"})}),
        (b"format=keyValues", {"format": "keyValues"}),
        (b"count=false", {"count": False}),
    ],
)
def test_parameters_become_values(query: bytes, values: dict[str, Any]) -> None:
    assert parameters.read(query, KNOWN, "Query Entities") == values


@pytest.mark.parametrize(
    ("query", "named"),
    [
        (b"foo=1", "foo.*Query Entities.*type, limit, count, format, options"),
        (b"Type=A", "Type"),
        (b"=1", "''"),
        (b"type", "type.*a value"),
        (b"type=", "type.*a value"),
        (b"type=A&type=B", "type is given more than once"),
        (b"limit=", "limit.*integer"),
        (b"limit=-1", "limit.*integer"),
        (b"limit=1.5", "limit.*integer"),
        (b"limit=%D9%A1", "limit.*integer"),  # an Arabic digit
        (b"limit=" + b"9" * 5000, "limit.*integer"),
        (b"count=1", "count.*true or false"),
        (b"count=TRUE", "count.*true or false"),
        (b"format=xml", "format.*normalized.*xml"),
        (b"options=sysAttrs,", "options.*sysAttrs"),
        (b"options=", "options"),
        (b"options=noOverwrite", "options.*noOverwrite"),
        (b"type=%", "%"),
        (b"type=%4", "%"),
        (b"type=%zz", "%"),
        (b"type=%ff", "UTF-8"),
        (b"type=\xff", "UTF-8"),
        (b"type=%ed%a0%80", "UTF-8"),  # a surrogate
        (b"&".join([b"type=A"] * 65), "more than 64"),
    ],
)
def test_what_is_unknown_doubled_or_unreadable_is_refused_by_name(query: bytes, named: str) -> None:
    with pytest.raises(InvalidRequest, match=named):
        parameters.read(query, KNOWN, "Query Entities")


def test_a_refusal_repeats_only_a_part_of_a_long_value() -> None:
    with pytest.raises(InvalidRequest) as refusal:
        parameters.read(b"format=" + b"x" * 10_000, KNOWN, "Query Entities")
    assert len(refusal.value.detail) < 250
