"""docs/conformance.md, made of the data of this folder: `python -m tests.conformance.page > docs/conformance.md`."""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from tests.conformance.etsi.scores import Suite, scores, suite
from tests.conformance.features import GROUPS, Feature, features

_HEAD: Final = """\
# Conformance

What the broker has of NGSI-LD (ETSI GS CIM 009 V1.9.1, clauses §), and what proves it.
Made by `python -m tests.conformance.page > docs/conformance.md` from `tests/conformance/features.json`, the docstrings
of the tests there, and `tests/conformance/etsi/`.
"""

_FEATURES: Final = """\
## Features

*Since* is the first version of the specification that has the feature; 2.0 is a draft; `o`: optional. A proof is a test
that speaks HTTP to a running broker, and gets its expected values from the clause in its docstring; what only a clock
or the database shows is proven by a further test beside it. `pytest tests/conformance` runs most of them, in seconds.
"""

_SUITE: Final = """\
## ETSI's conformance suite

ETSI ISG CIM's Robot Framework project (GS CIM 014) is in the public GitHub repository `{repository}`:

- **official**: commit `{official}`, the import of ETSI's tree, everything below `TP/NGSI-LD`. Some of its tests cannot
  pass, or contradict V1.9.1.
- **corrected**: commit `{corrected}`, restricted to the files of the official one; wrong expectations are repaired.

Anyone can repeat both scores, of an area or of everything. Tests leave things behind that others stumble over, so each
area gets a new broker; with `URL=…` all of them are sent to one that runs (NGSILD_TEMPORAL_LIMIT=30, loopback allowed).

    git clone https://github.com/{repository} official && git -C official checkout {official}
    git clone https://github.com/{repository} corrected && git -C corrected checkout {corrected}
    make conformance SUITE=official AREAS="{areas}" CONFORMANCE="--mqtt --out official.json"
    make conformance SUITE=corrected AREAS="{areas}" CONFORMANCE="--mqtt --only-files-of official --out corrected.json"
    python -m tests.conformance.etsi.scores official.json corrected.json > tests/conformance/etsi/scores.json

Measured on {date} with these commands (the areas that are built), one worker, embedded MongoDB:
"""


def markdown() -> str:
    """The page."""
    return "\n".join([_HEAD, *_summary(features()), *_suite(suite()), *_features(features())])


def _summary(rows: list[Feature]) -> Iterator[str]:
    states = Counter(row.state for row in rows)
    yield f"Of {len(rows)} features {states['full']} are there in full, {states['partial']} in part.\n"
    yield "| | full | partial | none |"
    yield "|---|--:|--:|--:|"
    for group, (title, _) in GROUPS.items():
        counts = Counter(row.state for row in rows if row.id.startswith(f"{group}-"))
        yield f"| [{title}](#{_anchor(title)}) | {counts['full']} | {counts['partial']} | {counts['none']} |"
    yield ""


def _anchor(title: str) -> str:
    return title.lower().replace("@", "").replace(" ", "-")


def _features(rows: list[Feature]) -> Iterator[str]:
    yield _FEATURES
    for group, (title, _) in GROUPS.items():
        yield f"### {title}\n"
        yield "| Id | Feature | Since | State | Proof |"
        yield "|---|---|---|---|---|"
        for row in rows:
            if row.id.startswith(f"{group}-"):
                yield _row(row)
        yield ""


def _row(row: Feature) -> str:
    since = f"{row.since} o" if row.optional else row.since
    said = " ".join([row.note, ", ".join(_linked(row.proofs))]).strip()
    return f"| {row.id} | {row.feature} | {since} | {row.state} | {said} |"


def _linked(proofs: Iterable[str]) -> Iterator[str]:
    for proof in proofs:
        file, _, function = proof.partition("::")
        yield f"[{function.removeprefix('test_')}](../{file})"


def _suite(known: Suite) -> Iterator[str]:
    measured = scores()
    built = " ".join(measured["areas"])
    yield _SUITE.format(**known._asdict() | {"areas": "…", "date": measured["date"]})
    yield "| Area | official | corrected |"
    yield "|---|--:|--:|"
    for area, counts in measured["areas"].items():
        yield f"| {area} | {_score(counts['official'])} | {_score(counts['corrected'])} |"
    yield f"| all of these | {_total('official')} | {_total('corrected')} |"
    yield f"\nThe areas, for `AREAS`: `{built}`.\n"
    yield "Tests of the official suite that fail in them:\n"
    yield "| Tests | Why | Clause |"
    yield "|---|---|---|"
    for failure in known.failures:
        yield f"| {', '.join(failure.tests)} | {failure.reason} | {failure.clause} |"
    corrected = measured["failed"]["corrected"]
    repaired = sorted(set(measured["failed"]["official"]) - set(corrected))
    yield f"\nThe corrected suite repairs {', '.join(repaired)}; the other {len(corrected)} fail there, too.\n"
    yield "Areas that wait for what is not built yet:\n"
    for area in known.areas:
        if area.waits_for:
            yield f"- {area.name}, {area.tests} tests: {area.waits_for}."
    yield ""


def _score(count: list[int]) -> str:
    return f"{count[0]}/{count[1]}"


def _total(run: str) -> str:
    counts = [area[run] for area in scores()["areas"].values()]
    return _score([sum(part) for part in zip(*counts, strict=True)])


if __name__ == "__main__":
    sys.stdout.write(markdown())
