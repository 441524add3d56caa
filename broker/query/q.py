"""The query language `q` (GS CIM 009 §4.9).

    query    := all { "|" all }
    all      := term { ";" term }
    term     := "(" query ")" | path [ operator value | match pattern ]
    path     := dotted [ "[" inside "]" | "{" [ types ":" ] path "}" ]
    dotted   := name { "." name }
    inside   := member { "." member }        members of a JSON value; a language tag or "*" for a LanguageProperty
    types    := type { "," type }
    operator := "==" | "!=" | ">" | ">=" | "<" | "<="
    value    := literal | literal ".." literal | literal { "," literal }      the last two after == and != only
    match    := "~=" | "!~="
    pattern  := string | characters up to ";", "|" or ")" outside of its own parentheses

`;` binds tighter than `|`. A name is a short name, a prefixed one, or an IRI with `://`. Literals: see
`broker.query.literals`.
"""

import re
from collections.abc import Callable
from typing import Final, NoReturn, Protocol

import orjson
from cachetools import LRUCache

from broker.errors import BadRequestData, TooComplexQuery
from broker.model.entity import Names
from broker.model.grammar import check_name, is_language, shown
from broker.names import DEFAULT_DATASET
from broker.query import literals, patterns
from broker.query.ast import (
    And,
    Boolean,
    Comparable,
    Comparison,
    Condition,
    Exists,
    Inside,
    Link,
    Literal,
    Matches,
    Operator,
    Or,
    Path,
    Pattern,
    Range,
)

MAX_LENGTH: Final = 8192
"""Longest query, in characters."""
MAX_TERMS: Final = 200
"""Most terms and literals in one query."""
MAX_NESTING: Final = 16
"""Deepest parentheses and links, and longest paths."""

MEMBERS: Final = frozenset(
    {"observedAt", "createdAt", "modifiedAt", "expiresAt", "unitCode", "datasetId", "valueType", "objectType"}
)
"""Non-reified members of attributes."""
ENTITY_MEMBERS: Final = frozenset({"createdAt", "modifiedAt", "expiresAt"})
"""Members of the entity itself; alone they don't narrow a query down (GS CIM 009 §5.7.2.4)."""

_SPACE = re.compile(r"\s*")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://[^=!<>~\[\]{}();|,\s]+|[^\W\d_]\w*(?::[^\W\d_]\w*)?")
_TYPES = re.compile(r"([^{}\[\]();|=<>~\s]+):(?!//)(?=[^\W\d_])")
_INSIDE = re.compile(r"\[([^\[\]]*)\]")
_MEMBER = re.compile(r"[^\s.\"'()]+")
_OPERATOR = re.compile(r"!~=|~=|==|!=|>=|<=|>|<")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')


class Context(Names, Protocol):
    """A compiled @context that caches can tell from others."""

    @property
    def key(self) -> str:
        """Contexts that mean the same have the same key."""
        ...


_parsed: LRUCache[tuple[str, str, frozenset[str], frozenset[str]], Condition] = LRUCache(1024)


def parse(
    text: str,
    context: Context,
    *,
    expand_values: frozenset[str] = frozenset(),
    json_keys: frozenset[str] = frozenset(),
    where: str = "q",
) -> Condition:
    """The condition in `text`; `where` names it in errors.

    Strings compared with an attribute of `expand_values` are expanded; brackets after one of `json_keys` are not.
    Both hold expanded names. Raises BadRequestData with the position and what was expected, TooComplexQuery beyond the
    limits.
    """
    key = (text, context.key, expand_values, json_keys)
    condition = _parsed.get(key)
    if condition is None:
        condition = _parsed[key] = _Parser(text, where, context, expand_values, json_keys).parse()
    return condition


def parse_path(text: str, where: str, context: Context) -> Path:
    """A path alone, for ordering; `where` names it in errors. Raises BadRequestData."""
    return _Parser(text, where, context, frozenset(), frozenset()).parse_path()


class _Parser:
    def __init__(
        self, text: str, where: str, names: Names, expand_values: frozenset[str], json_keys: frozenset[str]
    ) -> None:
        if len(text) > MAX_LENGTH:
            raise TooComplexQuery(f"{where}: longer than {MAX_LENGTH} characters.")
        self._text = text
        self._where = where
        self._names = names
        self._expand_values = expand_values
        self._json_keys = json_keys
        self._at = 0
        self._terms = 0

    def parse(self) -> Condition:
        condition = self._any(0)
        if not self._ended():
            self._refuse("';', '|' or the end")
        return condition

    def parse_path(self) -> Path:
        path = self._path(0)
        if not self._ended():
            self._refuse("the end")
        return path

    # Text and position.

    def _refuse(self, expected: str) -> NoReturn:
        found = shown(self._text[self._at : self._at + 24]) if self._at < len(self._text) else "the end"
        raise BadRequestData(f"{self._where}: expected {expected} at position {self._at}, found {found}.")

    def _skip(self) -> int:
        self._at = _SPACE.match(self._text, self._at).end()  # type: ignore[union-attr]  # it matches the empty text
        return self._at

    def _ended(self) -> bool:
        return self._skip() == len(self._text)

    def _take(self, symbol: str) -> bool:
        self._skip()
        if not self._text.startswith(symbol, self._at):
            return False
        self._at += len(symbol)
        return True

    def _count(self) -> None:
        self._terms += 1
        if self._terms > MAX_TERMS:
            raise TooComplexQuery(f"{self._where}: more than {MAX_TERMS} terms and values.")

    def _check_depth(self, depth: int) -> None:
        if depth > MAX_NESTING:
            raise TooComplexQuery(f"{self._where}: nested deeper than {MAX_NESTING}.")

    # Conditions.

    def _any(self, depth: int) -> Condition:
        return self._joined("|", lambda: self._all(depth), Or)

    def _all(self, depth: int) -> Condition:
        return self._joined(";", lambda: self._term(depth), And)

    def _joined(self, symbol: str, operand: Callable[[], Condition], node: type[And] | type[Or]) -> Condition:
        operands = [operand()]
        while self._take(symbol):
            operands.append(operand())
        return operands[0] if len(operands) == 1 else node(tuple(operands))

    def _term(self, depth: int) -> Condition:
        self._check_depth(depth)
        if self._take("("):
            condition = self._any(depth + 1)
            if not self._take(")"):
                self._refuse("')'")
            return condition
        self._count()
        path = self._path(0)
        self._skip()
        operator = _OPERATOR.match(self._text, self._at)
        if operator is None:
            return Exists(path)
        self._at = operator.end()
        if operator[0] in ("~=", "!~="):
            return Matches(path, self._pattern(), negated=operator[0] == "!~=")
        return Comparison(path, Operator(operator[0]), self._operands(Operator(operator[0]), path))

    # Paths.

    def _path(self, depth: int) -> Path:
        self._check_depth(depth)
        names: list[str] = []
        member = None
        while member is None:
            name = self._name()
            if name in MEMBERS and (names or name in ENTITY_MEMBERS):
                member = name
            else:
                names.append(self._names.expand(check_name(name)))
                self._check_depth(len(names))
            if not self._text.startswith(".", self._at):
                break
            if member is not None:
                self._refuse(f"an operator or the end after {member}")
            self._at += 1
        if member is not None:
            return Path(tuple(names), member)
        if self._take("["):
            self._at -= 1
            return Path(tuple(names), None, self._inside(names[-1]))
        if self._take("{"):
            return Path(tuple(names), None, None, self._link(depth))
        return Path(tuple(names))

    def _name(self) -> str:
        found = _NAME.match(self._text, self._skip())
        if found is None:
            self._refuse("the name of an attribute")
        self._at = found.end()
        return found[0]

    def _inside(self, attribute: str) -> Inside:
        found = _INSIDE.match(self._text, self._at)
        keys = tuple(found[1].split(".")) if found is not None else ()
        if found is None or not all(map(_MEMBER.fullmatch, keys)):
            self._refuse("members in brackets, with dots between them")
        self._check_depth(len(keys))
        self._at = found.end()
        if attribute in self._json_keys:
            return Inside(keys, keys)
        return Inside(tuple(map(self._member, keys)), keys)

    def _member(self, key: str) -> str:
        if key in ("*", DEFAULT_DATASET) or (is_language(key) and "-" in key):
            return key
        return self._names.members[key]

    def _link(self, depth: int) -> Link:
        types: tuple[str, ...] = ()
        found = _TYPES.match(self._text, self._skip())
        if found is not None:
            self._at = found.end()
            types = tuple(self._names.expand(check_name(name)) for name in found[1].split(","))
        path = self._path(depth + 1)
        if not self._take("}"):
            self._refuse("'}'")
        return Link(types, path)

    # Values.

    def _operands(self, operator: Operator, path: Path) -> tuple[Literal | Range, ...]:
        equality = operator in (Operator.EQUAL, Operator.UNEQUAL)
        expand = self._expansion(path)
        if not equality:
            return (self._comparable(expand),)
        first = self._literal(expand)
        if self._take(".."):
            return (self._range(first, expand),)
        operands: list[Literal | Range] = [first]
        while self._take(","):
            operands.append(self._literal(expand))
        return tuple(operands)

    def _range(self, low: Literal, expand: literals.Expand) -> Range:
        start = self._skip()
        high = self._comparable(expand)
        if isinstance(low, Boolean) or low.__class__ is not high.__class__:
            self._at = start
            self._refuse("a value of the same kind as the one before '..'")
        return Range(low, high)

    def _literal(self, expand: literals.Expand) -> Literal:
        return self._read(expand, ordered=False)

    def _comparable(self, expand: literals.Expand) -> Comparable:
        literal = self._read(expand, ordered=True)
        assert not isinstance(literal, Boolean)  # noqa: S101  booleans have no order
        return literal

    def _read(self, expand: literals.Expand, *, ordered: bool) -> Literal:
        self._count()
        found = literals.read(self._text, self._skip(), expand)
        if found is None or (ordered and not found[1]):
            kinds = "a number, a string in quotes or a DateTime"
            self._refuse(kinds if ordered else f"{kinds}, true, false or a URI")
        self._at = found[2]
        return found[0]

    def _expansion(self, path: Path) -> literals.Expand:
        while path.link is not None:
            path = path.link.path
        return self._names.expand if path.names and path.names[-1] in self._expand_values else str

    def _pattern(self) -> Pattern:
        start = self._skip()
        quoted = _QUOTED.match(self._text, start)
        if quoted is not None:
            self._at = quoted.end()
            try:
                text = orjson.loads(quoted[0])
            except orjson.JSONDecodeError:
                self._at = start
                self._refuse("a pattern")
        else:
            self._at = _end_of_pattern(self._text, start)
            text = self._text[start : self._at].rstrip()
        if not text:
            self._refuse("a pattern")
        return Pattern(patterns.check(text, self._where))


def _end_of_pattern(text: str, start: int) -> int:
    """Where a pattern without quotes ends."""
    depth = 0
    at = start
    while at < len(text):
        symbol = text[at]
        if symbol == "\\":
            at += 1
        elif symbol == "(":
            depth += 1
        elif symbol == ")" and depth:
            depth -= 1
        elif symbol in ";|)" and not depth:
            break
        at += 1
    return min(at, len(text))
