"""The features of NGSI-LD as data: `features.json`, and the tests that prove each.

A test of this folder names the features that it proves at the start of its docstring; `proof` in the data holds the
tests elsewhere.
"""

import ast
import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal

FOLDER: Final = Path(__file__).parent
ROOT: Final = FOLDER.parents[1]

GROUPS: Final = {
    "DM": ("Data model", 25),
    "RP": ("Representations", 12),
    "CX": ("@context and HTTP", 19),
    "EN": ("Entities", 17),
    "BA": ("Batches", 9),
    "QY": ("Queries", 18),
    "Q": ("The query language", 16),
    "GQ": ("Geo-queries", 6),
    "SQ": ("Scope queries", 2),
    "DI": ("Discovery of types and attributes", 5),
    "TE": ("Temporal entities", 22),
    "SU": ("Subscriptions", 29),
    "CS": ("Context source registrations", 10),
    "DO": ("Distributed operations", 22),
    "SN": ("Snapshots", 3),
    "TN": ("Tenants", 2),
    "ER": ("Errors", 2),
}
"""Of the first part of an id: what it stands for, and how many there are."""

_IDS: Final = re.compile(r"\b[A-Z]{1,2}-\d\d\b")


@dataclass(frozen=True)
class Feature:
    """A row of docs/conformance.md."""

    id: str
    since: str
    """The first version of GS CIM 009 that has it; 2.0 is a draft."""
    state: Literal["full", "partial", "none"]
    feature: str
    optional: bool = False
    proof: tuple[str, ...] = ()
    """Tests outside this folder, `file::function`."""
    note: str = ""
    """What is missing."""

    @property
    def proofs(self) -> tuple[str, ...]:
        """Every test that proves it, `file::function`."""
        here = (test for test, ids in proofs_here().items() if self.id in ids)
        return (*here, *self.proof)


def features() -> list[Feature]:
    """All features, in the order of the page."""
    rows = json.loads((FOLDER / "features.json").read_text())
    return [Feature(**{**row, "proof": tuple(row.get("proof", ()))}) for row in rows]


@cache
def proofs_here() -> dict[str, frozenset[str]]:
    """The tests of this folder, `file::function`, and the ids in the first line of their docstrings."""
    found = {}
    for file in sorted(FOLDER.glob("test_*.py")):
        for function in functions(file):
            first = (ast.get_docstring(function) or "").partition("\n")[0]
            found[f"{file.relative_to(ROOT)}::{function.name}"] = frozenset(_IDS.findall(first))
    return found


def functions(file: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """The tests in a file."""
    body = ast.parse(file.read_text()).body
    return [
        node
        for node in body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    ]
