"""Is all there that was acknowledged? A small city lives for some seconds, then every entity, point and notification of
what was acknowledged is looked for."""

import tempfile
from pathlib import Path
from typing import Any, Final

from benchmarks import city
from benchmarks.city import Phase, Plan
from benchmarks.report import Part
from benchmarks.verdicts import Key, Values

ENTITIES: Final = 5_000
SPEED: Final = 20.0
QUERIES: Final = 20.0
WATCHING: Final = 10.0
"""Times the subscriptions of a city of this size."""
KINDS: Final = ("entities", "history", "notifications")


def part(seconds: float) -> Part:
    """Let a city live for some seconds, and look for all of it."""
    with tempfile.TemporaryDirectory(prefix="bench-kept-") as folder:
        found = city.lived(Plan(ENTITIES, [Phase(seconds, SPEED, QUERIES)], ENTITIES, WATCHING), Path(folder))
    city.show(found)
    return Part("kept", found, _values(found))


def _values(found: dict[str, Any]) -> dict[Key, Values]:
    """How many of each kind were lost."""
    return {(f"kept-{kind}", "lost"): _lost(found["checks"].get(kind)) for kind in KINDS}


def _lost(check: dict[str, Any] | None) -> Values:
    if check is None or not check["checked"]:
        return Values([], (check or {}).get("failed") or "none was acknowledged")
    return Values([float(check["lost"])])
