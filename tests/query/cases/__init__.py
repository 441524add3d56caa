"""Cases as data: entities, conditions, and the ids of those that meet them."""

from pathlib import Path
from typing import Any, NamedTuple

import orjson


class Case(NamedTuple):
    """A condition by its parameters; `ids` of the entities that meet it."""

    file: str
    parameters: dict[str, Any]
    ids: list[str]


_FILES = {path.stem: orjson.loads(path.read_bytes()) for path in sorted(Path(__file__).parent.glob("*.json"))}
ENTITIES: dict[str, list[dict[str, Any]]] = {
    file: [{"id": f"urn:x:{file}:{key}", "type": f"Of{file}", **content} for key, content in cases["entities"].items()]
    for file, cases in _FILES.items()
}
"""The entities of each file, by the file's name; the name is in their type."""
CASES = [
    Case(
        file,
        {name: value for name, value in case.items() if name not in ("ids", "why")},
        [f"urn:x:{file}:{key}" for key in case["ids"].split()],
    )
    for file, cases in _FILES.items()
    for case in cases["cases"]
]


def name_of(case: Case) -> str:
    """For the ids of tests."""
    return " ".join(map(str, case.parameters.values()))
