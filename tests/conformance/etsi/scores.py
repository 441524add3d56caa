"""The scores of ETSI's suite as data: `scores.json`, written from two runs; `suite.json`, what there is to know.

    python -m tests.conformance.etsi.scores OFFICIAL CORRECTED > tests/conformance/etsi/scores.json

takes the --out files of the official suite and of the corrected one. A count is `[passed, total]`.
"""

import json
import sys
from pathlib import Path
from typing import Any, Final, NamedTuple

_FOLDER: Final = Path(__file__).parent


class Area(NamedTuple):
    """A part of the suite."""

    name: str
    tests: int
    """In the official suite."""
    waits_for: str
    """What must be built before it can pass; nothing if that is there."""


class Failure(NamedTuple):
    """Why tests of the official suite fail."""

    tests: tuple[str, ...]
    reason: str
    clause: str


class Suite(NamedTuple):
    """What there is to know of ETSI's suite."""

    repository: str
    official: str
    corrected: str
    """Both are commits."""
    areas: list[Area]
    failures: list[Failure]


def suite() -> Suite:
    """What `suite.json` says."""
    known = json.loads((_FOLDER / "suite.json").read_text())
    areas = [Area(each["area"], each["tests"], each.get("waits_for", "")) for each in known["areas"]]
    failures = [Failure(tuple(each["tests"]), each["reason"], each["clause"]) for each in known["failures"]]
    return Suite(known["repository"], known["official"], known["corrected"], areas, failures)


def scores() -> dict[str, Any]:
    """What `scores.json` says."""
    measured: dict[str, Any] = json.loads((_FOLDER / "scores.json").read_text())
    return measured


def measured(official: dict[str, Any], corrected: dict[str, Any]) -> dict[str, Any]:
    """The scores of two runs, by area of `suite.json`."""
    built = [area.name for area in suite().areas if not area.waits_for]
    return {
        "date": official["started"][:10],
        "areas": {name: {"official": _count(official, name), "corrected": _count(corrected, name)} for name in built},
        "failed": {"official": _failed(official), "corrected": _failed(corrected)},
    }


def _count(run: dict[str, Any], area: str) -> list[int]:
    statuses = [test["status"] for test in run["tests"] if f"{test['area']}/".startswith(f"{area}/")]
    return [statuses.count("PASS"), len(statuses)]


def _failed(run: dict[str, Any]) -> list[str]:
    return sorted(test["id"] for test in run["tests"] if test["status"] != "PASS")


if __name__ == "__main__":
    runs = [json.loads(Path(argument).read_text()) for argument in sys.argv[1:3]]
    sys.stdout.write(json.dumps(measured(*runs), indent=1) + "\n")
