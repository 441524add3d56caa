from typing import Any

import pytest

from broker.errors import BadRequestData
from broker.jsonld.parts import references
from broker.names import CORE_CONTEXT

BASE = "https://c.example/folder/context"


@pytest.mark.parametrize(
    ("source", "base", "urls"),
    [
        (None, None, set()),
        ({"a": "https://ex.example/a"}, None, set()),
        ("https://c.example/x", None, {"https://c.example/x"}),
        (CORE_CONTEXT, None, set()),
        ([CORE_CONTEXT, ["http://c.example/x", [{"@import": "http://c.example/y"}]]], None, {"http://c.example/x", "http://c.example/y"}),
        ("other", BASE, {"https://c.example/folder/other"}),
        ("../other", BASE, {"https://c.example/other"}),
        ("//d.example/x", BASE, {"https://d.example/x"}),
        ([{"@import": 5}, 5], None, set()),
    ],
)  # fmt: skip
def test_references(source: Any, base: str | None, urls: set[str]) -> None:
    assert references(source, base) == urls


@pytest.mark.parametrize("source", ["x", ["/x"], {"@import": "x"}, "file:///etc/passwd", ["https://c.example/x"] * 300])
def test_references_that_can_not_be_followed_are_refused(source: Any) -> None:
    with pytest.raises(BadRequestData):
        references(source)
