"""The scope query language (GS CIM 009 §4.19).

    scopeQ    := conjunct { ("," | "|") conjunct }
    conjunct  := term { ";" term }
    term      := scope | "(" scopeQ ")"
    scope     := "/" level { "/" level } [ "/#" ] | "/#"
    level     := "+" | letter { letter | digit | "_" }

`+` is any one level; `/#` at the end is the scope before it and all below; alone, any scope.
"""

import re
from functools import lru_cache
from typing import Final

from broker.errors import TooComplexQuery
from broker.query.ast import AllScopes, AnyScope, InScope, ScopeCondition
from broker.query.descent import Junctions

MAX_LENGTH: Final = 8192
MAX_TERMS: Final = 100

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


class _Parser(Junctions[ScopeCondition]):
    beyond = TooComplexQuery

    def __init__(self, text: str) -> None:
        super().__init__(text, "scopeQ: ", AnyScope, AllScopes)
        self._terms = 0

    def _leaf(self) -> ScopeCondition:
        if _SCOPE.fullmatch(self._word) is None:
            self._refuse("a scope such as /a/b, /a/+ or /a/#")
        self._terms += 1
        if self._terms > MAX_TERMS:
            raise TooComplexQuery(f"scopeQ: more than {MAX_TERMS} scopes.")
        levels = self._word[1:].split("/")
        self._advance()
        below = levels[-1] == "#"
        return InScope(tuple(None if level == "+" else level for level in (levels[:-1] if below else levels)), below)
