"""Patterns are searched for in bounded time, whatever they are, and never run by the database."""

from time import perf_counter

import pytest

from broker.errors import TooComplexQuery
from broker.query import patterns
from broker.query.ast import Matches, Path, Pattern
from broker.query.to_mongo import condition_filter

HOSTILE = (
    "^(a+)+$",
    "(a*)*c",
    "(a|b|ab)*c",
    "(.*a){20}c",
    "(x+x+)+y",
    "(a|b)*a(a|b){12}c",
    "[ab]*a[ab]{900}c",
    "((a|b)?){500}c",
    ".*a.{90}c|.*b.{90}d",
    r"(\pL+)+\d",
)
"""What takes a backtracking engine exponential or quadratic time, or many states."""


@pytest.mark.parametrize("pattern", HOSTILE)
def test_the_longest_string_that_is_searched_takes_a_moment(pattern: str) -> None:
    found = patterns.searching(patterns.check(pattern, "q"))
    longest = patterns.MAX_STEPS // patterns.compiled(pattern).programsize
    began = perf_counter()
    assert not found(("abaab" * longest)[:longest])
    assert perf_counter() - began < 2  # 0.1 s, on a machine that does nothing else
    with pytest.raises(TooComplexQuery, match="at most"):
        found("a" * (longest + 1))


@pytest.mark.parametrize("pattern", HOSTILE)
def test_the_database_runs_no_pattern_of_a_client(pattern: str) -> None:
    for negated in (False, True):
        assert "$regex" not in str(condition_filter(Matches(Path(("a",)), Pattern(pattern), negated)).mongo)
