"""A new broker for each area of the suite: its tests leave things behind that others of it stumble over."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.conformance.etsi.running import Options, Result, run
from tests.conformance.etsi.scores import suite as known
from tests.conformance.etsi.staging import Selection, area
from tests.conftest import serving, wait_for

_INSTANCES: Final = "30"
"""The suite wants 40 instances to be cut and 20 not (020_13, 020_14, 021_15, 021_16)."""


def run_apart(suite: Path, selection: Selection, options: Options) -> list[Result]:
    """Run what is selected, each area against a broker of its own. Raises RunFailed."""
    return [result for part in _areas(suite, selection) for result in _run(suite, part, options)]


def _run(suite: Path, part: Selection, options: Options) -> list[Result]:
    with (
        tempfile.TemporaryDirectory(prefix="ngsild-conformance-") as folder,
        serving(Path(folder), temporal_limit=_INSTANCES) as broker,
    ):
        wait_for(broker, "/ready")
        return run(suite, f"{broker.url}/ngsi-ld/v1", part, options)


def _areas(suite: Path, selection: Selection) -> Iterator[Selection]:
    names = [each.name for each in known().areas]
    parts: dict[str, list[Path]] = {}
    for file in selection.files:
        folder = area(file.relative_to(suite).as_posix())
        name = next((name for name in names if f"{folder}/".startswith(f"{name}/")), folder)
        parts.setdefault(name, []).append(file)
    for files in parts.values():
        yield selection._replace(files=files)
