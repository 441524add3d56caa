"""What was measured: as a value, and as JSON for machines. `benchmarks.tables` shows it to people."""

import json
import os
import platform
import subprocess
import tomllib
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks import verdicts
from benchmarks.cases import Case, System
from benchmarks.starvation import Starvation
from benchmarks.verdicts import Judgement, Runs, Spread, spread
from broker.store import mongod

RESULTS: Final = Path(__file__).with_name("results")
PEERS: Final = Path(__file__).with_name("peers.toml")
PACKAGES: Final = ("pymongo", "starlette", "uvicorn", "uvloop", "httptools", "orjson")


class CaseResult(NamedTuple):
    """The runs of a case."""

    case: Case
    runs: Runs

    def rates(self, system: System) -> Spread | None:
        """The rates of a system: requests a second; of batches, entities."""
        unit = self.case.size if self.case.grouped else 1
        runs = self.runs[system]
        return spread([run.rate * unit for run in runs]) if runs else None


class Report(NamedTuple):
    """Everything of one run."""

    about: dict[str, Any]
    cases: list[CaseResult]
    starvation: list[Starvation]
    judgements: list[Judgement]


def make(
    repetitions: int, entities: int, load_seconds: float, cases: list[CaseResult], starvation: list[Starvation]
) -> Report:
    """Add what is known of the machine, and judge."""
    known = about(repetitions, entities) | {"load_seconds": round(load_seconds, 2)}
    return Report(known, cases, starvation, _judged(cases, starvation))


def about(repetitions: int, entities: int) -> dict[str, Any]:
    """What is known of a run: when, of what, on which machine."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "repetitions": repetitions,
        "entities": entities,
        "cores": os.cpu_count(),
        "processor": _processor(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "mongod": mongod.version(mongod.binary()),
        "packages": {name: version(name) for name in PACKAGES},
    }


def _judged(cases: Sequence[CaseResult], starvation: Sequence[Starvation]) -> list[Judgement]:
    """The verdict on each target that was measured."""
    values = {
        (result.case.name, ratio): (found, verdicts.void_reason(result.runs, ratio))
        for result in cases
        for ratio, found in verdicts.ratios(result.runs).items()
    }
    for workers in {measured.workers for measured in starvation}:
        mine = [measured for measured in starvation if measured.workers == workers]
        errors = sum(measured.errors for measured in mine)
        values[f"starvation-{workers}", "p99"] = (
            [measured.ratio for measured in mine],
            f"{errors} requests failed" if errors else "",
        )
    return [
        verdicts.judge(target, *values[target.case, target.ratio])
        for target in verdicts.targets()
        if (target.case, target.ratio) in values
    ]


def peers() -> dict[str, Any]:
    """The figures of other brokers: see benchmarks/peers.toml."""
    return tomllib.loads(PEERS.read_text())


def keep(document: dict[str, Any], kind: str) -> Path:
    """Write what a benchmark of a kind found, with what is known of the run in `about`; the file."""
    about = document["about"]
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{about['date'][:16].replace(':', '')}-{about['commit']}-{kind}.json"
    path.write_text(json.dumps(document, indent=1) + "\n")
    return path


def write(report: Report, folder: Path = RESULTS) -> Path:
    """Write the JSON; where it is."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{report.about['date'][:16].replace(':', '')}-{report.about['commit']}.json"
    path.write_text(json.dumps(document(report), indent=1) + "\n")
    return path


def document(report: Report) -> dict[str, Any]:
    """The report as JSON has it."""
    return {
        "about": report.about,
        "cases": [
            {
                "name": result.case.name,
                "title": result.case.title,
                "clients": result.case.clients,
                "size": result.case.size,
                "runs": {system: [run._asdict() for run in runs] for system, runs in result.runs.items()},
                "ratios": verdicts.ratios(result.runs),
            }
            for result in report.cases
        ],
        "starvation": [
            {
                "workers": measured.workers,
                "alone": measured.alone._asdict(),
                "beside": measured.beside._asdict(),
                "batches": measured.batches._asdict(),
                "conflicts": measured.conflicts,
                "ratio": measured.ratio,
            }
            for measured in report.starvation
        ],
        "verdicts": [
            {
                **judgement.target._asdict(),
                "values": judgement.values,
                "verdict": judgement.verdict,
                "void": judgement.void,
            }
            for judgement in report.judgements
        ],
        "peers": peers(),
    }


def _commit() -> str:
    """The commit, with `+` if files differ from it."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty=+", "--exclude", "*"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
    )
    return described.stdout.strip() or "unknown"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()
