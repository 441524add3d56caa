"""A compiled @context: names to IRIs and back by look-ups.

The look-up tables are dictionaries that fill themselves: a name that was met before costs one access, and hot loops
take the table, `context.expansions[name]`, instead of the method. Each is bounded, and starts anew beyond its bound.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from broker.errors import BadRequestData
from broker.model.grammar import shown
from broker.names import DEFAULT_VOCABULARY

MAX_REMEMBERED: Final = 4096
"""Names that a table remembers besides the context's own terms."""
MAX_REMEMBERED_LENGTH: Final = 256
"""Longer names are worked out anew each time."""

_KEYWORDS: Final = """
    @base @container @context @default @direction @embed @explicit @first @graph @id @import @included @index @json
    @language @list @nest @none @omitDefault @preserve @propagate @protected @requireAll @reverse @set @type @value
    @version @vocab
"""
KEYWORDS: Final = frozenset(_KEYWORDS.split())
"""Keywords of JSON-LD 1.1 and its framing."""

_WITHOUT_MARKS: Final = str.maketrans("", "", "+-.")


class Term(NamedTuple):
    """What a @context says of a term, as far as names and values depend on it."""

    iri: str
    """An IRI, a keyword of which the term is an alias, or nothing: JSON-LD ignores the term."""
    prefix: bool = False
    """The term may stand before a colon."""
    reverse: bool = False
    coercion: str = ""
    """How objects below the term are read: `json` as they are; `language`, `index` by keys that are no names."""


class Table(dict[str, str]):
    """A look-up table that works out what it doesn't hold, and remembers it within bounds."""

    __slots__ = ("_find", "_start")

    def __init__(self, start: Mapping[str, str], find: Callable[[str], str]) -> None:
        super().__init__(start)
        self._start = start
        self._find = find

    def __missing__(self, name: str) -> str:
        found = self._find(name)
        if len(name) <= MAX_REMEMBERED_LENGTH:
            if len(self) >= len(self._start) + MAX_REMEMBERED:
                self.clear()
                self.update(self._start)
            self[name] = found
        return found


class CompiledContext:
    """A user's @context with the core @context over it. Immutable, as seen from outside."""

    __slots__ = (
        "_prefix_lengths",
        "_prefixes",
        "_terms",
        "coercions",
        "compactions",
        "expansions",
        "key",
        "link",
        "members",
        "source",
    )

    def __init__(self, key: str, source: Any, link: str, terms: Mapping[str, Term]) -> None:
        self.key = key
        """A digest: contexts that mean the same have the same key."""
        self.source = source
        """The @context as the user gave it: for answers that carry it in the body."""
        self.link = link
        """The URL for the Link header of answers that don't."""
        self._terms = terms
        self._prefixes = _shortest({name: term.iri for name, term in terms.items() if term.prefix})
        self._prefix_lengths = sorted(set(map(len, self._prefixes)))
        named = {name: term.iri for name, term in terms.items() if not term.reverse}
        self.members = Table(named, self._member)
        """Member of a compound value to its IRI or keyword, or to nothing where JSON-LD drops the member."""
        self.expansions = Table({name: iri for name, iri in named.items() if iri and iri[0] != "@"}, self._expansion)
        """Name to IRI; raises BadRequestData."""
        self.compactions = Table(_shortest(self.expansions), self._compaction)
        """IRI to name."""
        self.coercions = {name: term.coercion for name, term in terms.items() if term.coercion}
        """Term to how objects below it are read, for terms where that isn't as usual (`Term.coercion`)."""

    @property
    def terms(self) -> Mapping[str, Term]:
        """The terms of the user's context and of the core."""
        return self._terms

    def expand(self, name: str) -> str:
        """The IRI of an attribute, a type or a vocabulary value.

        Raises BadRequestData for a name that the @context keeps for something else: a keyword, null, a reverse
        property.
        """
        return self.expansions[name]

    def compact(self, iri: str) -> str:
        """The shortest name for an IRI; the IRI itself if the context has none.

        What comes out expands to the IRI again, unless the context uses the IRI's scheme as a prefix.
        """
        return self.compactions[iri]

    def _member(self, key: str) -> str:
        """The IRI of a key that is no plain term (JSON-LD 1.1 API §5.2)."""
        if key in self._terms:
            raise BadRequestData(f"The @context defines {shown(key)} with @reverse, which NGSI-LD has no use for.")
        if key[:1] == "@" and key[1:].isascii() and key[1:].isalpha():
            return key if key in KEYWORDS else ""
        prefix, colon, suffix = key.partition(":")
        if colon and prefix:
            if prefix == "_" or suffix.startswith("//"):
                return key
            term = self._terms.get(prefix)
            if term is not None and term.prefix:
                return term.iri + suffix
            if _is_scheme(prefix) and not any(map(str.isspace, suffix)):
                return key
        return DEFAULT_VOCABULARY + key

    def _expansion(self, name: str) -> str:
        iri = self.members[name]
        if not iri:
            raise BadRequestData(f"The @context maps {shown(name)} to null: it can't be used as a name.")
        if iri[0] == "@":
            raise BadRequestData(f"{shown(name)} means {iri} in JSON-LD: it can't be used as a name.")
        return iri

    def _compaction(self, iri: str) -> str:
        """The name of an IRI that no term has: relative to the default vocabulary, or with a prefix."""
        if iri.startswith(DEFAULT_VOCABULARY):
            suffix = iri[len(DEFAULT_VOCABULARY) :]
            if self._means(suffix, iri):
                return suffix
        cuts = [cut for cut in self._prefix_lengths if cut < len(iri) and iri[:cut] in self._prefixes]
        candidates = (f"{self._prefixes[iri[:cut]]}:{iri[cut:]}" for cut in cuts)
        usable = [name for name in candidates if self._means(name, iri)]
        return min(usable, key=_length_then_text, default=iri)

    def _means(self, name: str, iri: str) -> bool:
        term = self._terms.get(name)
        return (term.iri if term is not None and not term.reverse else self._member(name)) == iri


def _is_scheme(prefix: str) -> bool:
    return prefix[0].isalpha() and prefix.isascii() and prefix.translate(_WITHOUT_MARKS).isalnum()


def _length_then_text(name: str) -> tuple[int, str]:
    return len(name), name


def _shortest(iris: Mapping[str, str]) -> dict[str, str]:
    """IRI to its shortest, then lexicographically least name."""
    return {iris[name]: name for name in sorted(iris, key=_length_then_text, reverse=True)}
