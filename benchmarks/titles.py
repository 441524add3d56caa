"""What cases and ratios are called where people read them."""

from typing import Final

from benchmarks.cases import CASES, System
from benchmarks.pathology_cases import PATHOLOGIES
from benchmarks.query_kinds import KINDS

NAMES: Final = (
    {case.name: case.title for case in CASES}
    | {f"starvation-{workers}": f"updates beside batches, {workers} worker{'s' * (workers > 1)}" for workers in (1, 2)}
    | {f"query-{kind.name}": f"query: {kind.title}" for kind in KINDS}
    | {f"pathology-{each.name}": each.title for each in PATHOLOGIES}
    | {
        "notifications": "notifications",
        "notifications-sick": "notifications beside dead and slow receivers",
        "matching": "updates beside subscriptions that they don't concern",
        "update-70": "updates at 70 % of the load",
        "history-sealed": "a sealed point of history on disk, index included",
        "history-last": "the last 100 points of a series, among many points",
        "history-day": "a day of a series, among many points",
        "history-hours": "hourly averages of 100 000 points",
        "history-recording": "updates with their history",
        "kept-entities": "acknowledged entities, after the load",
        "kept-history": "acknowledged points of history, after the load",
        "kept-notifications": "notifications of acknowledged updates, after the load",
    }
)
RATIOS: Final = {
    f"broker/{System.HTTP}": "of what HTTP in Python allows (H)",
    f"broker/{System.STORE}": "of what MongoDB allows (D)",
    f"broker/{System.NAIVE}": "times the naive way",
    "broker/N": "of a bare loop of POSTs (N)",
    "efficiency": "of what HTTP and MongoDB allow together",
    "with/without": "of the rate without them",
    "with/none": "times the CPU beside none",
    "bytes each": "bytes of memory for each",
    "bytes": "bytes",
    "many/few": "times the same among few",
    "hourly/raw": "times the raw reading of the same points",
    "lost": "lost",
    "keys": "index keys examined for each match",
    "p50": "times the usual, p50",
    "p95": "times the p95 of the fewest entities",
    "p99/p50": "p99 ÷ p50",
    "p99": "times the p99 without batches",
}
_OF_A_PAGE: Final = frozenset(f"query-{kind.name}" for kind in KINDS if kind.baseline)


def title(case: str) -> str:
    """Of a case of targets.toml."""
    return NAMES.get(case, case)


def ratio(case: str, name: str) -> str:
    """What its ratio says."""
    if name == "p95" and case in _OF_A_PAGE:
        return "times the p95 of the first page"
    return RATIOS.get(name, name)
