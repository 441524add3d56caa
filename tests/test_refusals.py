"""One style for all refusals: a detail is a sentence, and a sentence has an end."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import broker
from broker import errors

ROOT = Path(broker.__file__).parent
REFUSALS = {name for name, each in vars(errors).items() if isinstance(each, type) and issubclass(each, Exception)}
"""Exceptions that say something to a client or an operator; StartError says two sentences."""


def ends(text: ast.expr) -> bool:
    """Whether a text ends as a sentence does; a refusal that is passed on brings its own end."""
    match text:
        case ast.Constant(value=str(said)):
            return said.endswith((".", "?"))
        case ast.JoinedStr(values=[*_, last]):
            return ends(last)
        case ast.FormattedValue(value=ast.Attribute(attr=member)):
            return member in ("detail", "advice", "problem")
        case ast.FormattedValue(value=ast.Name(id=name)) if name.isupper():
            return True
        case ast.FormattedValue():
            return False
        case ast.BinOp(right=right):
            return ends(right)
        case ast.IfExp(body=body, orelse=orelse):
            return ends(body) and ends(orelse)
    return True


def sentences() -> Iterator[tuple[str, ast.expr]]:
    """Each sentence that the broker refuses with, and where it stands."""
    for file in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in REFUSALS:
                for said in node.args:
                    yield f"{file.relative_to(ROOT)}:{said.lineno}", said


@pytest.mark.parametrize(("place", "said"), [pytest.param(*each, id=each[0]) for each in sentences()])
def test_a_refusal_is_a_sentence(place: str, said: ast.expr) -> None:
    assert ends(said), f"{place}: {ast.unparse(said)}"
