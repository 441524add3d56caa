"""The suite's files: which are meant, and a copy of them that is run."""

import re
import shutil
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Final, NamedTuple

from tests.conformance.etsi.contexts import Contexts

ROOTS: Final = ("TP/NGSI-LD", "IOP_TP/NGSI-LD", "IOP_TP")
_STAGED: Final = ("TP", "IOP_TP", "data", "libraries", "resources")
_TEXT: Final = frozenset({".robot", ".resource", ".json", ".jsonld", ".geojson", ".py", ".txt"})
_TEST_ID: Final = re.compile(r"^((?:IOP_\w+?_)?D?\d+(?:_(?:\d+|exc|inc|red|aux))*)\b")


class Selection(NamedTuple):
    """What of the suite is to be run."""

    files: list[Path]
    tags: list[str]
    names: list[str]
    """Patterns of the names of tests."""


def select(suite: Path, asked: Iterable[str], other: Path | None) -> Selection:
    """What arguments mean: folders and files, `tag:NAME`, `test:GLOB`; only files that exist in `other`, too.

    Raises FileNotFoundError for a part that the suite does not have.
    """
    asked = list(asked)
    tags = [item.removeprefix("tag:") for item in asked if item.startswith("tag:")]
    names = [item.removeprefix("test:") for item in asked if item.startswith("test:")]
    parts = [item for item in asked if not item.startswith(("tag:", "test:"))] or [ROOTS[0]]
    files = dict.fromkeys(file for part in parts for file in _files(suite, part) if file.name != "__init__.robot")
    if other is not None:
        files = dict.fromkeys(file for file in files if (other / file.relative_to(suite)).is_file())
    return Selection(list(files), tags, names)


def _files(suite: Path, part: str) -> list[Path]:
    for base in (suite, *(suite / root for root in ROOTS)):
        at = base / part
        if at.exists():
            return sorted(at.rglob("*.robot")) if at.is_dir() else [at]
    raise FileNotFoundError(f"The suite has no {part}")


def cover(folder: Path, chosen: Collection[Path]) -> list[Path]:
    """The fewest folders and files that hold exactly the chosen files of a folder.

    Whole folders are preferred: Robot then keeps the suite's own order and __init__ files.
    """
    inside = [file for file in folder.rglob("*.robot") if file.name != "__init__.robot"]
    if not any(file in chosen for file in inside):
        return []
    if all(file in chosen for file in inside):
        return [folder]
    parts = []
    for child in sorted(folder.iterdir()):
        if child.is_dir():
            parts += cover(child, chosen)
        elif child in chosen:
            parts.append(child)
    return parts


def stage(suite: Path, target: Path, contexts: Contexts) -> None:
    """Copy the suite, with its remote @contexts served by `contexts`."""
    for part in _STAGED:
        for path in sorted((suite / part).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                to = target / path.relative_to(suite)
                to.parent.mkdir(parents=True, exist_ok=True)
                _copy(path, to, contexts)
    contexts.fill()


def _copy(path: Path, to: Path, contexts: Contexts) -> None:
    if path.suffix in _TEXT:
        try:
            to.write_bytes(contexts.rewrite(path.read_bytes().decode()).encode())
        except UnicodeDecodeError:
            pass
        else:
            return
    shutil.copyfile(path, to)


def area(file: str) -> str:
    """The folder of a file of the suite, below its root."""
    for root in ROOTS:
        if file.startswith(f"{root}/"):
            file = file.removeprefix(f"{root}/")
            break
    return file.rpartition("/")[0] or "."


def test_id(name: str, file: str) -> str:
    """The number at the start of a test's name; almost unique."""
    found = _TEST_ID.match(name)
    return found.group(1) if found else Path(file).stem
