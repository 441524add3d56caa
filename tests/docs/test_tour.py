"""The tour is of this house: its tree, its paths and its names are the code's."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, TOUR, blocks, prose, spans

PACKAGE = ROOT / "broker"

_ROOM = re.compile(r"^  (\S+) {2,}\S")
_PATH = re.compile(r"(?:[\w.-]+/)*[\w.-]+\.(?:py|md|json|toml)|(?:[\w.-]+/)+")
_NAMED = re.compile(r"`([\w./]+\.py)`\s+`([A-Za-z_][\w.]*)`")
_METHOD = re.compile(r"[A-Z]\w+\.\w+")


def located(path: str) -> Path:
    """The file that the tour means: below `broker/`, or from the root."""
    return PACKAGE / path if (PACKAGE / path).exists() else ROOT / path


@cache
def names_in(file: Path) -> frozenset[str]:
    """What a module defines: functions, classes, their members, values."""
    found: set[str] = set()
    for node in ast.parse(file.read_text()).body:
        defined = _defined_by(node)
        found.update(defined)
        if isinstance(node, ast.ClassDef):
            found.update(f"{node.name}.{name}" for inner in node.body for name in _defined_by(inner))
    return frozenset(found)


def _defined_by(node: ast.stmt) -> list[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Assign(targets=targets):
            return [target.id for target in targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
    return []


def test_the_tree_is_that_of_the_packages() -> None:
    (tree,) = [block for block in blocks(TOUR, "") if block.startswith("broker/\n")]
    told = {match[1] for line in tree.splitlines() if (match := _ROOM.match(line)) is not None}
    modules = {file.name for file in PACKAGE.glob("*.py") if file.name != "__init__.py"}
    packages = {f"{file.parent.relative_to(PACKAGE)}/" for file in PACKAGE.glob("*/**/__init__.py")}
    assert told == modules | packages


@pytest.mark.parametrize("path", sorted({span for span in spans(TOUR) if _PATH.fullmatch(span)}))
def test_a_path_exists(path: str) -> None:
    assert located(path).exists()


@pytest.mark.parametrize(("path", "name"), sorted(set(_NAMED.findall(prose(TOUR)))))
def test_a_name_is_defined_where_the_tour_says(path: str, name: str) -> None:
    assert name in names_in(located(path))


@pytest.mark.parametrize("name", sorted({span for span in spans(TOUR) if _METHOD.fullmatch(span)}))
def test_a_method_exists(name: str) -> None:
    assert any(name in names_in(file) for file in PACKAGE.rglob("*.py"))


def test_the_layers_are_those_that_are_checked() -> None:
    declared = re.search(r"^layers = \[\n(.*?)^\]", (ROOT / "pyproject.toml").read_text(), re.MULTILINE | re.DOTALL)
    assert declared is not None
    wanted = re.findall(r"\w+", declared[1])
    paragraph = prose(TOUR).partition("these are the layers, top\nfirst: ")[2].partition(". `make check`")[0]
    assert re.findall(r"`(\w+)`", paragraph) == [name for name in wanted if name != "__main__"]
