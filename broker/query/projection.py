"""The projection language (GS CIM 009 §4.21): `a,b` names members, `rel{a,b}` members of linked entities.

    projection := member { ("," | "|") member }
    member     := name [ "{" projection "}" ]

A name is that of an attribute, short, prefixed or an IRI, or `id`, `type` or `scope`, which cannot have braces.
"""

import re
from collections.abc import Callable
from typing import Final

from broker.errors import BadRequestData
from broker.model.project import ENTITY_MEMBERS, Members
from broker.query.descent import MAX_NESTING, Descent

MAX_MEMBERS: Final = 1000

_PLAIN = re.compile(r"[^,|{}\s]+(?:[,|][^,|{}\s]+)*")
_SEPARATOR = re.compile("[,|]")
_SYMBOLS: Final = frozenset(",|{}")


def parse(text: str, expand: Callable[[str], str]) -> Members:
    """The projection in `text`, names of attributes expanded.

    Raises BadRequestData with the position and what was expected.
    """
    names = _PLAIN.fullmatch(text) and _SEPARATOR.split(text)
    if names and len(names) <= MAX_MEMBERS:  # no braces: the common case, and quicker so
        return Members(frozenset(name if name in ENTITY_MEMBERS else expand(name) for name in names))
    return _Parser(text, expand).parse()


class _Parser(Descent, symbols=",|{}"):
    def __init__(self, text: str, expand: Callable[[str], str]) -> None:
        super().__init__(text)
        self._expand = expand
        self._members = 0

    def parse(self) -> Members:
        members = self._projection(0)
        if self._match is not None:
            self._refuse("',' or '|'")
        return members

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
            if self._word not in (",", "|"):
                break
            self._advance()
        return Members(frozenset(whole), {name: inner for name, inner in linked.items() if name not in whole})

    def _member(self, depth: int) -> tuple[str, Members | None]:
        name = self._word
        if not name or name in _SYMBOLS:
            self._refuse("a name")
        self._members += 1
        if self._members > MAX_MEMBERS:
            raise BadRequestData(f"more than {MAX_MEMBERS} names.")
        self._advance()
        if self._word != "{":
            return self._name(name), None
        if name in ENTITY_MEMBERS:
            self._refuse(f"',' or '|' after {name}")
        if depth == MAX_NESTING:
            raise BadRequestData(f"braces nest deeper than {MAX_NESTING}.")
        self._advance()
        inner = self._projection(depth + 1)
        if not self._take("}"):
            self._refuse("',', '|' or '}'")
        return self._name(name), inner

    def _name(self, name: str) -> str:
        return name if name in ENTITY_MEMBERS else self._expand(name)
