"""The projection language (GS CIM 009 §4.21): `a,b` names members, `rel{a,b}` members of linked entities.

    projection := member { ("," | "|") member }
    member     := name [ "{" projection "}" ]

A name is that of an attribute, short, prefixed or an IRI, or `id`, `type` or `scope`, which cannot have braces.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

from broker.errors import BadRequestData
from broker.model.project import ENTITY_MEMBERS, Members

MAX_MEMBERS: Final = 1000
MAX_NESTING: Final = 16

_TOKEN = re.compile(r"[,|{}]|[^,|{}\s]+|\s+")
_PLAIN = re.compile(r"[^,|{}\s]+(?:[,|][^,|{}\s]+)*")
_SEPARATOR = re.compile("[,|]")
_SYMBOLS: Final = ",|{}"


def parse(text: str, expand: Callable[[str], str]) -> Members:
    """The projection in `text`, names of attributes expanded.

    Raises BadRequestData with the position and what was expected.
    """
    names = _PLAIN.fullmatch(text) and _SEPARATOR.split(text)
    if names and len(names) <= MAX_MEMBERS:  # no braces: the common case, and quicker so
        return Members(frozenset(name if name in ENTITY_MEMBERS else expand(name) for name in names))
    return _Parser(text, expand).parse()


class _Parser:
    def __init__(self, text: str, expand: Callable[[str], str]) -> None:
        self._expand = expand
        self._tokens: Iterator[re.Match[str]] = (t for t in _TOKEN.finditer(text) if not t[0].isspace())
        self._end = len(text)
        self._token: re.Match[str] | None = None
        self._members = 0
        self._advance()

    def parse(self) -> Members:
        members = self._projection(0)
        if self._token is not None:
            raise self._unexpected("',' or '|'")
        return members

    def _advance(self) -> None:
        self._token = next(self._tokens, None)

    def _at(self, *symbols: str) -> bool:
        return self._token is not None and self._token[0] in symbols

    def _unexpected(self, expected: str) -> BadRequestData:
        if self._token is None:
            return BadRequestData(f"expected {expected} at position {self._end}, found the end.")
        return BadRequestData(f"expected {expected} at position {self._token.start()}, found {self._token[0]!r:.80}.")

    def _projection(self, depth: int) -> Members:
        """A name that comes again adds to it: `rel{a},rel{b}` is `rel{a,b}`, and `rel{a},rel` is `rel`."""
        whole: set[str] = set()
        linked: dict[str, Members] = {}
        while True:
            name, inner = self._member(depth)
            if inner is None:
                whole.add(name)
            else:
                linked[name] = linked[name] | inner if name in linked else inner
            if not self._at(",", "|"):
                break
            self._advance()
        return Members(frozenset(whole), {name: inner for name, inner in linked.items() if name not in whole})

    def _member(self, depth: int) -> tuple[str, Members | None]:
        if self._token is None or self._at(*_SYMBOLS):
            raise self._unexpected("a name")
        self._members += 1
        if self._members > MAX_MEMBERS:
            raise BadRequestData(f"more than {MAX_MEMBERS} names.")
        name = self._token[0]
        self._advance()
        if not self._at("{"):
            return self._name(name), None
        if name in ENTITY_MEMBERS:
            raise self._unexpected(f"',' or '|' after {name}")
        if depth == MAX_NESTING:
            raise BadRequestData(f"braces nest deeper than {MAX_NESTING}.")
        self._advance()
        inner = self._projection(depth + 1)
        if not self._at("}"):
            raise self._unexpected("',', '|' or '}'")
        self._advance()
        return self._name(name), inner

    def _name(self, name: str) -> str:
        return name if name in ENTITY_MEMBERS else self._expand(name)
