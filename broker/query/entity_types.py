"""The type selection language (GS CIM 009 §4.17): `A,B` or `A|B` is or, `(A;B)` is and.

    selection := conjunct { ("," | "|") conjunct }
    conjunct  := term { ";" term }
    term      := name | "(" selection ")"

`;` binds tighter than `,` and `|`. A name is a short name, a prefixed one or an IRI.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

from broker.errors import BadRequestData
from broker.query.ast import AllTypes, AnyType, HasType, TypeSelection

MAX_TERMS: Final = 200
MAX_NESTING: Final = 16

_TOKEN = re.compile(r"[,|;()]|[^,|;()\s]+|\s+")


def parse(text: str, expand: Callable[[str], str]) -> TypeSelection:
    """The selection in `text`, its names expanded.

    Raises BadRequestData with the position and what was expected.
    """
    return _Parser(text, expand).parse()


class _Parser:
    def __init__(self, text: str, expand: Callable[[str], str]) -> None:
        self._expand = expand
        self._tokens: Iterator[re.Match[str]] = (t for t in _TOKEN.finditer(text) if not t[0].isspace())
        self._end = len(text)
        self._token: re.Match[str] | None = None
        self._terms = 0
        self._advance()

    def parse(self) -> TypeSelection:
        selection = self._selection(0)
        if self._token is not None:
            raise self._unexpected("',', '|' or ';'")
        return selection

    def _advance(self) -> None:
        self._token = next(self._tokens, None)

    def _at(self, *symbols: str) -> bool:
        return self._token is not None and self._token[0] in symbols

    def _unexpected(self, expected: str) -> BadRequestData:
        if self._token is None:
            return BadRequestData(f"type: expected {expected} at position {self._end}, found the end.")
        return BadRequestData(f"type: expected {expected} at position {self._token.start()}, found {self._token[0]!r}.")

    def _selection(self, depth: int) -> TypeSelection:
        operands = [self._conjunct(depth)]
        while self._at(",", "|"):
            self._advance()
            operands.append(self._conjunct(depth))
        return operands[0] if len(operands) == 1 else AnyType(tuple(operands))

    def _conjunct(self, depth: int) -> TypeSelection:
        operands = [self._term(depth)]
        while self._at(";"):
            self._advance()
            operands.append(self._term(depth))
        return operands[0] if len(operands) == 1 else AllTypes(tuple(operands))

    def _term(self, depth: int) -> TypeSelection:
        if self._at("("):
            if depth == MAX_NESTING:
                raise BadRequestData(f"type: parentheses nest deeper than {MAX_NESTING}.")
            self._advance()
            selection = self._selection(depth + 1)
            if not self._at(")"):
                raise self._unexpected("')'")
            self._advance()
            return selection
        if self._token is None or self._at(",", "|", ";", ")"):
            raise self._unexpected("a type name")
        self._terms += 1
        if self._terms > MAX_TERMS:
            raise BadRequestData(f"type: more than {MAX_TERMS} names.")
        name = self._token[0]
        self._advance()
        try:
            return HasType(self._expand(name))
        except BadRequestData as error:
            raise BadRequestData(f"type: {error.detail}") from None
