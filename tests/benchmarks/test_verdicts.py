"""Ratios and verdicts: what is measured is not judged by itself, so the arithmetic is held here."""

from collections import Counter

import pytest

from benchmarks import titles
from benchmarks.cases import CASES, System
from benchmarks.measure import Run, interleaved
from benchmarks.verdicts import Runs, Target, Verdict, judge, ratios, spread, targets, void_reason


def run(rate: float, *, errors: int = 0, client_cpu: float = 0.1) -> Run:
    return Run(rate, 1.0, 2.0, errors, 100.0, 100.0, client_cpu)


def runs(**rates: list[float]) -> Runs:
    systems = {"broker": System.BROKER, "http": System.HTTP, "store": System.STORE, "naive": System.NAIVE}
    return {system: [run(rate) for rate in rates.get(name, [])] for name, system in systems.items()}


def test_a_ratio_is_taken_within_each_repetition() -> None:
    found = ratios(runs(broker=[10, 40], http=[20, 50], store=[40, 80], naive=[5, 10]))
    assert found["broker/H"] == [0.5, 0.8]
    assert found["broker/D"] == [0.25, 0.5]
    assert found["broker/naive"] == [2, 4]


def test_efficiency_is_the_part_of_what_http_and_store_allow_one_after_the_other() -> None:
    # a request that takes 1/30 s of HTTP and 1/60 s of the store takes 1/20 s: 20 a second, of which 10 are half
    assert ratios(runs(broker=[10], http=[30], store=[60]))["efficiency"] == [pytest.approx(0.5)]


def test_a_system_that_was_not_measured_has_no_ratio() -> None:
    assert set(ratios(runs(broker=[10], http=[20], store=[20]))) == {"broker/H", "broker/D", "efficiency"}


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ([0.5, 0.6, 0.7], Verdict.MET),
        ([0.4, 0.3, 0.49], Verdict.MISSED),
        ([0.4, 0.6, 0.7], Verdict.UNDECIDED),
        ([], Verdict.VOID),
    ],
)
def test_a_lower_bound_must_hold_in_all_of_few_turns(values: list[float], verdict: Verdict) -> None:
    assert judge(Target("case", "broker/H", at_least=0.5), values).verdict is verdict


@pytest.mark.parametrize(
    ("values", "verdict"),
    [([2, 10], Verdict.MET), ([11, 12], Verdict.MISSED), ([2, 11], Verdict.UNDECIDED)],
)
def test_an_upper_bound_must_hold_in_all_of_few_turns(values: list[float], verdict: Verdict) -> None:
    assert judge(Target("case", "p99", at_most=10), values).verdict is verdict


@pytest.mark.parametrize(
    ("holding", "verdict"),
    [(9, Verdict.MET), (8, Verdict.UNDECIDED), (2, Verdict.UNDECIDED), (1, Verdict.MISSED)],
)
def test_the_interval_of_the_median_decides_where_there_are_many_turns(holding: int, verdict: Verdict) -> None:
    """Of ten it goes from the second least to the second greatest: at most one head of ten has a chance of 1 %."""
    values = [0.6] * holding + [0.4] * (10 - holding)
    assert judge(Target("case", "broker/H", at_least=0.5), values).verdict is verdict


def test_a_failed_request_makes_every_ratio_void() -> None:
    found = {**runs(http=[20], store=[20]), System.BROKER: [run(10, errors=1)]}
    assert void_reason(found, "broker/D").startswith("1 requests failed")
    assert (
        judge(Target("case", "broker/D", at_least=0.1), [0.5], void_reason(found, "broker/D")).verdict is Verdict.VOID
    )


@pytest.mark.parametrize(
    ("client_cpu", "ratio", "void"),
    [
        (0.49, "broker/H", False),
        (0.5, "broker/H", True),
        (0.5, "efficiency", True),
        (0.5, "broker/D", False),
        (0.5, "broker/naive", False),
    ],
)
def test_a_busy_load_client_at_h_makes_void_what_h_is_part_of(client_cpu: float, ratio: str, void: bool) -> None:
    found = {**runs(broker=[10], store=[20], naive=[5]), System.HTTP: [run(20, client_cpu=client_cpu)]}
    assert bool(void_reason(found, ratio)) is void


def test_a_system_that_answered_nothing_makes_its_case_void() -> None:
    found = runs(broker=[0, 10], http=[20, 20], store=[40, 0])
    assert ratios(found)["broker/D"] == [0, 0]
    assert void_reason(found, "broker/H") == "nothing was answered in time by broker, D"


def test_the_spread_is_median_least_and_greatest() -> None:
    assert spread([3, 1, 2]) == (2, 1, 3)


@pytest.mark.parametrize("target", targets(), ids=lambda target: f"{target.case}-{target.ratio}")
def test_every_target_names_a_case_and_a_bound(target: Target) -> None:
    assert target.case in titles.NAMES
    assert target.ratio in titles.RATIOS
    assert (target.at_least is None) != (target.at_most is None)


def test_each_system_has_as_many_turns_as_the_case_says_and_the_order_alternates() -> None:
    case = next(case for case in CASES if case.turns == 2)
    found = [*interleaved([case], 3)]
    assert Counter(system for _, _, system in found) == dict.fromkeys(System, 3 * case.turns)
    first = [system for _, _, system in found[:: len(System)]]
    assert first == [next(iter(System)), list(System)[-1]] * 3
