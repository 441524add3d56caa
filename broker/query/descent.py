"""What the parsers of the small languages share: tokens with positions, refusals that tell them, ors of ands.

junction    := conjunct { ("," | "|") conjunct }
conjunct    := term { ";" term }
term        := leaf | "(" junction ")"
"""

import re
from collections.abc import Callable
from typing import ClassVar, Final, Generic, NoReturn, TypeVar

from broker.errors import BadRequestData, BrokerError

MAX_NESTING: Final = 16
_SHOWN: Final = 80

T = TypeVar("T")


class Descent:
    """Reads a text token by token. `symbols` are the characters that are tokens, all others but spaces are names.

    `where` stands before each refusal: the parameter and a colon, or nothing.
    """

    _pattern: ClassVar[re.Pattern[str]]

    def __init_subclass__(cls, *, symbols: str = "", **options: object) -> None:
        super().__init_subclass__(**options)
        if symbols:
            own = re.escape(symbols)
            cls._pattern = re.compile(rf"[{own}]|[^{own}\s]+")

    def __init__(self, text: str, where: str = "") -> None:
        self._where = where
        self._end = len(text)
        self._matches = self._pattern.finditer(text)
        self._advance()

    def _advance(self) -> None:
        self._match = next(self._matches, None)
        self._word = "" if self._match is None else self._match[0]
        """The token at hand; empty at the end."""

    def _take(self, symbol: str) -> bool:
        """Whether this symbol is at hand; then it is passed."""
        if self._word != symbol:
            return False
        self._advance()
        return True

    def _refuse(self, expected: str) -> NoReturn:
        if self._match is None:
            raise BadRequestData(f"{self._where}expected {expected} at position {self._end}, found the end.")
        found = f"{self._word!r:.{_SHOWN}}"
        raise BadRequestData(f"{self._where}expected {expected} at position {self._match.start()}, found {found}.")


class Junctions(Descent, Generic[T], symbols=",|;()"):
    """Parses ors of ands of leaves. Deeper nesting than MAX_NESTING is an error of the class `beyond`."""

    beyond: ClassVar[type[BrokerError]]

    def __init__(
        self, text: str, where: str, any_of: Callable[[tuple[T, ...]], T], all_of: Callable[[tuple[T, ...]], T]
    ) -> None:
        super().__init__(text, where)
        self._any_of = any_of
        self._all_of = all_of

    def parse(self) -> T:
        """The whole text."""
        found = self._junction(0)
        if self._match is not None:
            self._refuse("',', '|' or ';'")
        return found

    def _leaf(self) -> T:
        """What the token at hand stands for; the next one is then at hand."""
        raise NotImplementedError

    def _junction(self, depth: int) -> T:
        operands = [self._conjunct(depth)]
        while self._word in (",", "|"):
            self._advance()
            operands.append(self._conjunct(depth))
        return operands[0] if len(operands) == 1 else self._any_of(tuple(operands))

    def _conjunct(self, depth: int) -> T:
        operands = [self._term(depth)]
        while self._take(";"):
            operands.append(self._term(depth))
        return operands[0] if len(operands) == 1 else self._all_of(tuple(operands))

    def _term(self, depth: int) -> T:
        if not self._take("("):
            return self._leaf()
        if depth == MAX_NESTING:
            raise self.beyond(f"{self._where}parentheses nest deeper than {MAX_NESTING}.")
        found = self._junction(depth + 1)
        if not self._take(")"):
            self._refuse("')'")
        return found
