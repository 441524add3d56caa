"""The pages of the documentation, taken apart: links, headings, code."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
README: Final = ROOT / "README.md"
TOUR: Final = ROOT / "docs" / "tour.md"
OPERATIONS: Final = ROOT / "docs" / "operations.md"
PAGES: Final = tuple(sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("contexts/*.md")]))

_FENCE: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INDENTED: Final = re.compile(r"^    (\S.*)$", re.MULTILINE)
_SPAN: Final = re.compile(r"`([^`\n]+)`")
_LINK: Final = re.compile(r"\]\(([^()\s]+)\)")
_HEADING: Final = re.compile(r"^#+ (.+)$", re.MULTILINE)


def name_of(page: Path) -> str:
    """For the ids of tests."""
    return page.relative_to(ROOT).as_posix()


@cache
def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return _FENCE.sub("", page.read_text())


def links(page: Path) -> list[str]:
    """Where its links lead."""
    return _LINK.findall(_SPAN.sub("", prose(page)))


def anchors(page: Path) -> set[str]:
    """The headings of a page as links name them."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in _HEADING.findall(prose(page))}


def spans(page: Path) -> list[str]:
    """What stands in backquotes."""
    return _SPAN.findall(prose(page))


def blocks(page: Path, language: str) -> list[str]:
    """The blocks of code that are marked as of a language; those without a mark are of none."""
    return [text for given, text in _FENCE.findall(page.read_text()) if given == language]


def commands(page: Path) -> Iterator[str]:
    """Whatever a reader could type: lines of shell blocks, indented lines, and what stands in backquotes."""
    for block in blocks(page, "sh"):
        yield from block.replace("\\\n", " ").splitlines()
    yield from _INDENTED.findall(prose(page))
    yield from spans(page)
