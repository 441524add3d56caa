"""A part of a run that is measured alone: its verdicts, and its result as a file of its own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from rich.console import Console

from benchmarks import report, tables, verdicts
from benchmarks.report import Part
from benchmarks.verdicts import Judgement, Verdict


def finish(part: Part, about: Mapping[str, Any], console: Console) -> NoReturn:
    """Show the verdicts on a part that was measured alone, and write it. Raises SystemExit: 1 if a target is missed."""
    judged = verdicts.judged(part.values)
    console.print(tables.judgements(judged))
    console.print(f"Written to {_write(part, about, judged)}.")
    raise SystemExit(status(judged))


def status(judged: list[Judgement]) -> int:
    """The exit status that a run ends with."""
    return 1 if any(each.verdict in (Verdict.MISSED, Verdict.VOID) for each in judged) else 0


def _write(part: Part, about: Mapping[str, Any], judged: list[Judgement]) -> Path:
    document = {
        "about": about,
        part.name: part.found,
        "ratios": report.flat(part.values),
        "verdicts": [report.verdict(each) for each in judged],
    }
    return report.save(document, f"-{part.name}")
