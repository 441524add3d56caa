"""The type selection language (GS CIM 009 §4.17): `A,B` or `A|B` is or, `(A;B)` is and.

    selection := conjunct { ("," | "|") conjunct }
    conjunct  := term { ";" term }
    term      := name | "(" selection ")"

`;` binds tighter than `,` and `|`. A name is a short name, a prefixed one or an IRI.
"""

from collections.abc import Callable
from typing import Final

from broker.errors import BadRequestData
from broker.query.ast import AllTypes, AnyType, HasType, TypeSelection
from broker.query.descent import Junctions

MAX_TERMS: Final = 200

_SYMBOLS: Final = frozenset(",|;)")


def parse(text: str, expand: Callable[[str], str]) -> TypeSelection:
    """The selection in `text`, its names expanded.

    Raises BadRequestData with the position and what was expected.
    """
    return _Parser(text, expand).parse()


class _Parser(Junctions[TypeSelection]):
    beyond = BadRequestData

    def __init__(self, text: str, expand: Callable[[str], str]) -> None:
        super().__init__(text, "type: ", AnyType, AllTypes)
        self._expand = expand
        self._terms = 0

    def _leaf(self) -> TypeSelection:
        name = self._word
        if not name or name in _SYMBOLS:
            self._refuse("a type name")
        self._terms += 1
        if self._terms > MAX_TERMS:
            raise BadRequestData(f"type: more than {MAX_TERMS} names.")
        self._advance()
        try:
            return HasType(self._expand(name))
        except BadRequestData as error:
            raise BadRequestData(f"type: {error.detail}") from None
