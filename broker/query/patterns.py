"""Regular expressions of queries (IEEE 1003.2), run by RE2: in linear time, whatever the expression.

Expressions are searched for: `^` and `$` anchor them. What an expression says by plain characters alone, the database
can look for in an index.
"""

import re
import sys
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, NamedTuple

import re2

from broker.errors import BadRequestData, TooComplexQuery
from broker.model.grammar import shown

MAX_LENGTH: Final = 512
"""Longest expression, in characters."""
MAX_PROGRAM: Final = 2000
"""Most instructions of a compiled expression: `\\pL`, the letters of all scripts, takes 1 200."""
MAX_STEPS: Final = 1_000_000
"""Most characters times instructions of one search: up to 0.1 s where RE2 finds no short cut."""
_MAX_MEMORY: Final = 1 << 20

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False
_OPTIONS.max_mem = _MAX_MEMORY
_OPTIONS.never_capture = True

_PLAIN = re.compile(r"(?:[^\\.+*?()\[\]{}^$|]|\\[^\w\s])*")
_ANYTHING: Final = ".*"
"""At either end it changes nothing: expressions are searched for."""
_SURROGATES: Final = 0xD800
_REPEAT: Final = frozenset("*?{")


class Literal(NamedTuple):
    """Plain characters that a text must hold to match, at its beginning if `anchored`; if `whole`, that is enough."""

    text: str
    anchored: bool
    whole: bool


def check(text: str, where: str) -> str:
    """The expression. Raises BadRequestData if it is none, or too long or large."""
    if len(text) > MAX_LENGTH:
        raise BadRequestData(f"{where}: the pattern is longer than {MAX_LENGTH} characters.")
    try:
        size = compiled(text).programsize
    except re2.error as error:
        reason = error.args[0].decode("utf-8", "replace") if error.args else "not understood"
        raise BadRequestData(f"{where}: {shown(text)} is no regular expression: {reason}.") from None
    if size > MAX_PROGRAM:
        raise BadRequestData(f"{where}: {shown(text)} is too complex: {size} instructions; {MAX_PROGRAM} are the most.")
    return text


@lru_cache(maxsize=512)
def compiled(text: str) -> Any:
    """The compiled expression; its `search` takes a text."""
    return re2.compile(text, _OPTIONS)


def searching(text: str) -> Callable[[str], bool]:
    """Whether the expression is found in a string. The function raises TooComplexQuery for one that is too long."""
    expression = compiled(text)
    search = expression.search
    longest = MAX_STEPS // max(1, expression.programsize)

    def found(string: str) -> bool:
        if len(string) > longest:
            raise TooComplexQuery(
                f"The pattern {shown(text)} is looked for in at most {longest} characters; there is a longer string."
            )
        return search(string) is not None

    return found


@lru_cache(maxsize=512)
def literal(expression: str) -> Literal:
    """What an expression says by plain characters alone; no text if it says nothing so."""
    anchored = expression.startswith("^")
    rest = expression[1:] if anchored else expression.removeprefix(_ANYTHING)
    if not rest.endswith("\\" + _ANYTHING):
        rest = rest.removesuffix(_ANYTHING)
    plain = _PLAIN.match(rest)
    assert plain is not None  # noqa: S101  the expression matches the empty text
    found, following = plain[0], rest[plain.end() :]
    if not following:
        return Literal(_unescaped(found), anchored, whole=True)
    if not anchored or "|" in following:  # another alternative may begin otherwise
        return Literal("", anchored, whole=False)
    if following[0] in _REPEAT:
        found = found[:-2] if found[-2:-1] == "\\" else found[:-1]
    return Literal(_unescaped(found), anchored, whole=False)


def successor(prefix: str) -> str:
    """The least text that is greater than all that begin with the prefix; empty if there is none."""
    while prefix:
        last = ord(prefix[-1]) + 1
        if last <= sys.maxunicode:
            return prefix[:-1] + chr(0xE000 if last == _SURROGATES else last)
        prefix = prefix[:-1]
    return ""


def _unescaped(plain: str) -> str:
    return re.sub(r"\\(.)", r"\1", plain)
