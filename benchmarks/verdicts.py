"""From measurements to ratios, and from ratios to verdicts. Pure.

Ratios are taken of turns beside each other, where machine and moment are the same: `broker/H`, `broker/D`,
`broker/naive`, and `efficiency` = broker ÷ (1 / (1/H + 1/D)), of what HTTP and store allow together.
"""

import tomllib
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple, TypeAlias

from benchmarks.cases import System
from benchmarks.intervals import interval
from benchmarks.measure import Run
from benchmarks.wrk import MOST_CPU

Runs: TypeAlias = Mapping[System, Sequence[Run]]
"""System to its runs, one for each turn."""
Ratios: TypeAlias = Mapping[str, Sequence[float]]
Key: TypeAlias = tuple[str, str]
"""A case and one of its ratios."""

OF_HTTP: Final = frozenset({f"broker/{System.HTTP}", "efficiency"})
"""Ratios that H is part of."""
TARGETS: Final = Path(__file__).with_name("targets.toml")


class Verdict(StrEnum):
    """What a target comes to."""

    MET = "met"
    MISSED = "missed"
    UNDECIDED = "undecided"
    """Met by a part of the interval only."""
    VOID = "void"
    """Requests failed; or the load client took too much of a core at H, and H is part of the ratio."""


class Target(NamedTuple):
    """A bound of a ratio."""

    case: str
    ratio: str
    at_least: float | None = None
    at_most: float | None = None
    goal: float | None = None

    def holds(self, value: float) -> bool:
        """Whether the value is within the bound."""
        low, high = self.at_least, self.at_most
        return (low is None or value >= low) and (high is None or value <= high)


class Judgement(NamedTuple):
    """A target, what was measured, and the verdict."""

    target: Target
    values: Sequence[float]
    verdict: Verdict
    void: str = ""


class Values(NamedTuple):
    """What was measured of a ratio, in each turn; `void`: why that says nothing, if it does."""

    values: Sequence[float]
    void: str = ""


class Spread(NamedTuple):
    """Median, least and greatest of the repetitions."""

    median: float
    least: float
    greatest: float


def spread(values: Sequence[float]) -> Spread:
    """The spread of some values."""
    return Spread(median(values), min(values), max(values))


def targets(path: Path = TARGETS) -> list[Target]:
    """The targets, from their table."""
    content: dict[str, Any] = tomllib.loads(path.read_text())
    return [Target(**entry) for entry in content["target"]]


def ratios(runs: Runs) -> dict[str, list[float]]:
    """The ratios of a case, for each turn."""
    rates = {system: [run.rate for run in found] for system, found in runs.items() if found}
    broker = rates[System.BROKER]
    found = {
        f"broker/{system}": [own / other if other else 0.0 for own, other in zip(broker, rates[system], strict=True)]
        for system in (System.HTTP, System.STORE, System.NAIVE)
        if system in rates
    }
    if System.HTTP in rates and System.STORE in rates:
        both = zip(broker, rates[System.HTTP], rates[System.STORE], strict=True)
        found["efficiency"] = [own * (1 / http + 1 / store) if http and store else 0.0 for own, http, store in both]
    return found


def void_reason(runs: Runs, ratio: str) -> str:
    """Why a ratio of the case says nothing; empty if it does."""
    failed = [run for found in runs.values() for run in found if run.errors]
    if failed:
        return f"{sum(run.errors for run in failed)} requests failed" + "".join(f"; {run.wrong}" for run in failed)
    idle = [system for system, found in runs.items() if any(not run.rate for run in found)]
    if idle:
        return f"nothing was answered in time by {', '.join(idle)}"
    at_http = runs.get(System.HTTP, ())
    busy = median(run.client_cpu for run in at_http) if at_http else 0.0
    if ratio in OF_HTTP and busy >= MOST_CPU:
        return f"the load client used {busy:.0%} of a core at H"
    return ""


def judged(found: Mapping[Key, Values]) -> list[Judgement]:
    """The verdict on each target that was measured."""
    return [
        judge(target, *found[target.case, target.ratio]) for target in targets() if (target.case, target.ratio) in found
    ]


def judge(target: Target, values: Sequence[float], void: str = "") -> Judgement:
    """The verdict on the values of all turns, by the interval of their median; `void` says why there is none."""
    low, _, high = interval(values) if values else (0.0, 0.0, 0.0)
    holding = [target.holds(value) for value in values if low <= value <= high]
    if void or not values:
        verdict = Verdict.VOID
    elif all(holding):
        verdict = Verdict.MET
    elif any(holding):
        verdict = Verdict.UNDECIDED
    else:
        verdict = Verdict.MISSED
    return Judgement(target, values, verdict, void)
