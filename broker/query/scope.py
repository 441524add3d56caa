"""The scope query language (GS CIM 009 §4.19).

    scopeQ    := conjunct { ("," | "|") conjunct }
    conjunct  := term { ";" term }
    term      := scope | "(" scopeQ ")"
    scope     := "/" level { "/" level } [ "/#" ] | "/#"
    level     := "+" | letter { letter | digit | "_" }

`+` is any one level; `/#` at the end is the scope before it and all below; alone, any scope.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from broker.errors import BadRequestData, TooComplexQuery
from broker.query.ast import AllScopes, AnyScope, InScope, ScopeCondition

MAX_LENGTH: Final = 8192
MAX_TERMS: Final = 100
MAX_NESTING: Final = 16

_TOKEN = re.compile(r"[,|;()]|[^,|;()\s]+|\s+")
_LEVEL = r"(?:\+|[^\W\d_]\w*)"
_SCOPE = re.compile(rf"/(?:{_LEVEL}(?:/{_LEVEL})*(?:/#)?|#)")


@lru_cache(maxsize=512)
def parse(text: str) -> ScopeCondition:
    """The condition in `text`.

    Raises BadRequestData with the position and what was expected, TooComplexQuery beyond the limits.
    """
    if len(text) > MAX_LENGTH:
        raise TooComplexQuery(f"scopeQ: longer than {MAX_LENGTH} characters.")
    return _Parser(text).parse()


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens: Iterator[re.Match[str]] = (t for t in _TOKEN.finditer(text) if not t[0].isspace())
        self._end = len(text)
        self._token: re.Match[str] | None = None
        self._terms = 0
        self._advance()

    def parse(self) -> ScopeCondition:
        condition = self._any(0)
        if self._token is not None:
            raise self._unexpected("',', '|' or ';'")
        return condition

    def _advance(self) -> None:
        self._token = next(self._tokens, None)

    def _at(self, *symbols: str) -> bool:
        return self._token is not None and self._token[0] in symbols

    def _unexpected(self, expected: str) -> BadRequestData:
        if self._token is None:
            return BadRequestData(f"scopeQ: expected {expected} at position {self._end}, found the end.")
        found = self._token[0]
        return BadRequestData(f"scopeQ: expected {expected} at position {self._token.start()}, found {found[:80]!r}.")

    def _any(self, depth: int) -> ScopeCondition:
        operands = [self._all(depth)]
        while self._at(",", "|"):
            self._advance()
            operands.append(self._all(depth))
        return operands[0] if len(operands) == 1 else AnyScope(tuple(operands))

    def _all(self, depth: int) -> ScopeCondition:
        operands = [self._term(depth)]
        while self._at(";"):
            self._advance()
            operands.append(self._term(depth))
        return operands[0] if len(operands) == 1 else AllScopes(tuple(operands))

    def _term(self, depth: int) -> ScopeCondition:
        if self._at("("):
            if depth == MAX_NESTING:
                raise TooComplexQuery(f"scopeQ: parentheses nest deeper than {MAX_NESTING}.")
            self._advance()
            condition = self._any(depth + 1)
            if not self._at(")"):
                raise self._unexpected("')'")
            self._advance()
            return condition
        if self._token is None or _SCOPE.fullmatch(self._token[0]) is None:
            raise self._unexpected("a scope such as /a/b, /a/+ or /a/#")
        self._terms += 1
        if self._terms > MAX_TERMS:
            raise TooComplexQuery(f"scopeQ: more than {MAX_TERMS} scopes.")
        levels = self._token[0][1:].split("/")
        self._advance()
        below = levels[-1] == "#"
        return InScope(tuple(None if level == "+" else level for level in (levels[:-1] if below else levels)), below)
