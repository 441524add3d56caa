"""What was measured: as a value, and as JSON for machines. `benchmarks.tables` shows it to people."""

import json
import os
import platform
import subprocess
import tomllib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks import verdicts
from benchmarks.cases import Case, System
from benchmarks.starvation import Starvation
from benchmarks.verdicts import Judgement, Key, Runs, Spread, Values, spread
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


class Part(NamedTuple):
    """A part of a run besides the cases: what it found, as JSON has it, and its ratios."""

    name: str
    found: Mapping[str, Any]
    values: Mapping[Key, Values]


class Report(NamedTuple):
    """Everything of one run."""

    about: dict[str, Any]
    cases: list[CaseResult]
    starvation: list[Starvation]
    parts: list[Part]
    values: Mapping[Key, Values]
    judgements: list[Judgement]


def make(
    known: dict[str, Any], cases: list[CaseResult], starvation: list[Starvation], parts: Sequence[Part] = ()
) -> Report:
    """Judge. `known`: as `about` makes it, and more."""
    values = _values(cases, starvation)
    for part in parts:
        values |= part.values
    return Report(known, cases, starvation, [*parts], values, verdicts.judged(values))


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


def _values(cases: Sequence[CaseResult], starvation: Sequence[Starvation]) -> dict[Key, Values]:
    values = {
        (result.case.name, ratio): Values(found, verdicts.void_reason(result.runs, ratio))
        for result in cases
        for ratio, found in verdicts.ratios(result.runs).items()
    }
    for workers in {measured.workers for measured in starvation}:
        mine = [measured for measured in starvation if measured.workers == workers]
        errors = sum(measured.errors for measured in mine)
        said = f"{errors} requests failed" if errors else ""
        values[f"starvation-{workers}", "p99"] = Values([measured.ratio for measured in mine], said)
    for result in cases:
        if result.case.grouped and result.case.size == 1000:
            taken = [1000 / (run.rate * result.case.size) for run in result.runs[System.BROKER] if run.rate]
            values[result.case.name, "ms an entity"] = Values(taken)
    values["peers", "best on a database"] = Values(_beside_peers(cases))
    return {key: found for key, found in values.items() if found.values or found.void}


def _beside_peers(cases: Sequence[CaseResult]) -> list[float]:
    """For each case that others were measured in: our rate, in those of the best of them on a database. The least."""
    table, medians = peers(), {result.case.name: result.rates(System.BROKER) for result in cases}
    found = []
    for row in table["row"]:
        own = medians.get(row["case"])
        rates = [rate for rate, system in zip(row["rates"], table["systems"], strict=True) if system["database"]]
        if own is not None:
            found.append(own.median / max(rates))
    return [min(found)] if found else []


def peers() -> dict[str, Any]:
    """The figures of other brokers: see benchmarks/peers.toml."""
    return tomllib.loads(PEERS.read_text())


def save(result: Mapping[str, Any], suffix: str = "", folder: Path = RESULTS) -> Path:
    """Write a result as JSON; where it is."""
    folder.mkdir(exist_ok=True)
    about = result["about"]
    path = folder / f"{about['date'][:16].replace(':', '')}-{about['commit']}{suffix}.json"
    path.write_text(json.dumps(result, indent=1) + "\n")
    return path


def others(folder: Path = RESULTS) -> list[Path]:
    """The latest result of each part that was measured alone: of scale, queries, …"""
    latest = {path.stem.rsplit("-", 1)[1]: path for path in sorted(folder.glob("*-*-*-*-*.json"))}
    return [path for name, path in latest.items() if name != "city"]


def flat(values: Mapping[Key, Values]) -> dict[str, Any]:
    """Ratios as JSON has them: `case ratio` to the values of all repetitions."""
    return {" ".join(key): list(found.values) for key, found in values.items()}


def verdict(judgement: Judgement) -> dict[str, Any]:
    """A verdict as JSON has it."""
    target, values, said, void = judgement
    return {**target._asdict(), "values": list(values), "verdict": said, "void": void}


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
        **{part.name: part.found for part in report.parts},
        "ratios": flat(report.values),
        "verdicts": [verdict(each) for each in report.judgements],
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
