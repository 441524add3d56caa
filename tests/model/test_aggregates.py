"""Aggregates from summaries are those of the values themselves (GS CIM 009 §4.5.19)."""

from statistics import fmean, pstdev
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.model.aggregates import ELIGIBLE, METHODS, aggregated, finished
from broker.model.entity import Instance
from broker.model.summaries import Sums
from broker.model.temporal import Period, Summary


def summed(*values: Any) -> tuple[Summary, ...]:
    """What the store sums values up to."""
    sums = Sums(distinct=True)
    for value in values:
        instance: Instance = {"type": "Property", "value": value}
        sums.add_instance(instance)
    return sums.summaries()


@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=30))
def test_numbers(values: list[int]) -> None:
    summaries = summed(*values)
    expected = {
        "totalCount": len(values),
        "distinctCount": len(set(values)),
        "sum": sum(values),
        "avg": fmean(values),
        "min": min(values),
        "max": max(values),
        "stddev": pstdev(values),
        "sumsq": sum(value * value for value in values),
    }
    assert {method: finished(method, summaries) for method in METHODS} == pytest.approx(expected, abs=1e-4)


@given(st.lists(st.booleans() | st.integers(-5, 5), min_size=1, max_size=10))
def test_booleans_are_numbers(values: list[int]) -> None:
    summaries = summed(*values)
    for method in ("sum", "avg", "min", "max", "stddev", "sumsq"):
        assert finished(method, summaries) == pytest.approx(finished(method, summed(*map(int, values))), abs=1e-6)


def test_values_of_several_classes_are_told_by_the_first_eligible() -> None:
    summaries = summed(3, "a", {"b": 1})
    assert finished("max", summaries) == 3
    assert finished("totalCount", summaries) == 3
    assert finished("max", summed("a", {"b": 1})) == "a"
    assert finished("sum", summed("a", {"b": 1})) is None


def test_what_is_beyond_all_numbers_is_left_out() -> None:
    period = Period("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", summed(1e308, 1e308))
    assert {method for method in METHODS if aggregated(method, [period])} == {
        *("totalCount", "distinctCount", "min", "max")
    }


def test_every_class_of_summaries_is_in_the_table() -> None:
    values = (1, True, "a", [1], {"a": 1}, {"@type": "Date", "@value": "2026-01-01"})
    kinds = {summary.kind for value in values for summary in summed(value)}
    assert kinds <= ELIGIBLE.keys()
