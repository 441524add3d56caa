"""What a user's @context consists of: its objects of terms, in order, with the remote documents in their places.

Everything here is bounded: the number of parts and of terms, and the length of what they expand to.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urljoin, urlsplit

from broker.errors import BadRequestData
from broker.jsonld.compiled import KEYWORDS
from broker.model.grammar import shown
from broker.names import DEFAULT_VOCABULARY

MAX_TERMS: Final = 5000
"""Terms of one context, all its parts together. The largest context of the field has 1 527."""
MAX_PARTS: Final = 200
"""Objects, lists and references that make up one context."""
MAX_IRI: Final = 2048
"""Characters of an IRI. Prefixes that are defined by prefixes would else make it grow without bound."""
MAX_CHAIN: Final = 16
"""Terms by which a term is defined, one by the other."""

CORE_URLS: Final = frozenset(
    f"{scheme}://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context{suffix}.jsonld"
    for scheme in ("https", "http")
    for suffix in ("", *(f"-v1.{minor}" for minor in range(10)))
)
"""Addresses of the core @context, of every version: whichever a user names, the newest core is what applies."""

_URL: Final = re.compile(r"https?://[!#-;=?-\[\]_a-z~]+", re.IGNORECASE)
_KEYWORD_LIKE: Final = re.compile(r"@[A-Za-z]+")
_IGNORED: Final = frozenset({"@language", "@direction", "@base", "@propagate"})
"""Members of a context on which neither names nor our values depend: strings stay as the client sent them."""


class Part(NamedTuple):
    """One object of terms."""

    definitions: dict[str, Any]
    origin: str | None
    """URL of the document that it stands in."""


def references(source: Any, base: str | None = None) -> set[str]:
    """The remote URLs that a context names directly, the core's left out.

    `base` is the address of the document that the context stands in. Raises BadRequestData for a reference that is no
    URL.
    """
    found: set[str] = set()
    pending = [source]
    for _ in range(MAX_PARTS):
        if not pending:
            return found - CORE_URLS
        item = pending.pop()
        if isinstance(item, list):
            pending.extend(item[: MAX_PARTS + 1])
        elif isinstance(item, dict):
            pending.extend([item["@import"]] if isinstance(item.get("@import"), str) else [])
        elif isinstance(item, str):
            found.add(_absolute(item, base))
    raise BadRequestData(f"{where(base)} has more than {MAX_PARTS} parts.")


def gather(source: Any, documents: Mapping[str, Any]) -> list[Part]:
    """The parts of a context, in order, the core's left out; `documents` holds what it refers to, by URL.

    Raises BadRequestData that names the part or the term at fault.
    """
    gathering = _Gathering(documents)
    gathering.add(source, None, ())
    _check_size(gathering.parts)
    return gathering.parts


def content(document: Any, url: str) -> Any:
    """The @context in a document. Raises BadRequestData."""
    if not isinstance(document, dict) or "@context" not in document:
        raise BadRequestData(f"The document at {url} is no JSON object with an @context.")
    return document["@context"]


def target(name: str, definition: Any) -> str:
    """What a term's IRI is made from: `@id`, else the term itself; nothing if it is mapped to null."""
    if isinstance(definition, dict):
        definition = definition.get("@id", definition.get("@reverse", name))
    return definition if isinstance(definition, str) else ""


def depends_on(name: str, definitions: Mapping[str, Any]) -> str | None:
    """The other term of the same object by which a term is defined, if any."""
    made_from = target(name, definitions[name])
    for other in (made_from, made_from.partition(":")[0]):
        if other != name and other in definitions:
            return other
    return None


def where(origin: str | None) -> str:
    """A part of a context in words, for the start of a sentence."""
    return "The @context" if origin is None else f"The @context at {origin}"


class _Gathering:
    """One walk through a context."""

    def __init__(self, documents: Mapping[str, Any]) -> None:
        self.parts: list[Part] = []
        self._documents = documents
        self._visited = 0

    def add(self, item: Any, base: str | None, trail: tuple[str, ...]) -> None:
        """`trail`: the documents that led here."""
        self._visited += 1
        if self._visited > MAX_PARTS:
            raise BadRequestData(f"The @context has more than {MAX_PARTS} parts.")
        if isinstance(item, str):
            self._add_reference(_absolute(item, base), trail)
        elif isinstance(item, dict):
            self.parts.append(Part(_checked(self._with_import(item, base, trail), base), base))
        elif isinstance(item, list):
            for each in item:
                self.add(each, base, trail)
        elif item is None:
            self.parts.clear()
        else:
            raise BadRequestData(f"{where(base)} has a part that is no URL, object or array of them: {shown(item)}.")

    def _add_reference(self, url: str, trail: tuple[str, ...]) -> None:
        if url in CORE_URLS:
            return
        self.add(content(self._document(url, trail), url), url, (*trail, url))

    def _document(self, url: str, trail: tuple[str, ...]) -> Any:
        if url in trail:
            raise BadRequestData(f"The @context at {url} includes itself.")
        if url not in self._documents:
            raise BadRequestData(f"The @context at {url} is not among the documents.")
        return self._documents[url]

    def _with_import(self, definitions: dict[str, Any], base: str | None, trail: tuple[str, ...]) -> dict[str, Any]:
        """The definitions over those of the document that `@import` names (JSON-LD 1.1 §4.1.10)."""
        if "@import" not in definitions:
            return definitions
        if not isinstance(definitions["@import"], str):
            raise BadRequestData(f"{where(base)}: @import is no URL.")
        url = _absolute(definitions["@import"], base)
        imported = {} if url in CORE_URLS else content(self._document(url, trail), url)
        if not isinstance(imported, dict) or "@import" in imported:
            raise BadRequestData(f"The @context at {url} can't be imported: it is no object, or imports another.")
        return {key: value for key, value in {**imported, **definitions}.items() if key != "@import"}


def _absolute(reference: str, base: str | None) -> str:
    """The URL of a reference. Raises BadRequestData."""
    try:
        url = reference if base is None else urljoin(base, reference)
        parts = urlsplit(url)
        usable = len(url) <= MAX_IRI and _URL.fullmatch(url) and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.username is not None:
        raise BadRequestData(f"{where(base)} refers to {shown(reference)}, which is no absolute http or https URL.")
    return url


def _checked(definitions: dict[str, Any], origin: str | None) -> dict[str, Any]:
    """The definitions that count. Raises BadRequestData for scoped contexts (GS CIM 009 §5.5.7)."""
    kept = {}
    for name, definition in definitions.items():
        if isinstance(definition, dict) and "@context" in definition:
            raise BadRequestData(f"{where(origin)} has a scoped @context in its term {shown(name)}.")
        if name not in _IGNORED and not _reserved(name) and not _reserved(target(name, definition)):
            kept[name] = definition
    return kept


def _reserved(name: str) -> bool:
    """JSON-LD keeps the form of keywords for itself, and ignores definitions that use it."""
    return name[:1] == "@" and name not in KEYWORDS and _KEYWORD_LIKE.fullmatch(name) is not None


def _check_size(parts: Iterable[Part]) -> None:
    """Raises BadRequestData for too many terms, and for terms whose IRIs become too long."""
    known: dict[str, int] = {"@vocab": len(DEFAULT_VOCABULARY)}
    terms = 0
    for definitions, origin in parts:
        terms += len(definitions)
        if terms > MAX_TERMS:
            raise BadRequestData(f"The @context has more than {MAX_TERMS} terms.")
        lengths: dict[str, int] = {}
        for name in ("@vocab", *definitions):
            if name in definitions and _length(name, definitions, known, lengths, 0) > MAX_IRI:
                raise BadRequestData(f"{where(origin)}: the IRI of {shown(name)} is longer than {MAX_IRI} characters.")
        known.update(lengths)


def _length(
    name: str, definitions: Mapping[str, Any], known: Mapping[str, int], lengths: dict[str, int], depth: int
) -> int:
    """The length of a term's IRI, at most; `known` are those of the parts before, `lengths` those of this one."""
    if name not in lengths:
        if depth > MAX_CHAIN:
            raise BadRequestData(
                f"The @context defines {shown(name)} by itself, or by a chain of more than {MAX_CHAIN} terms."
            )
        made_from = target(name, definitions[name])
        other = depends_on(name, definitions)
        prefix = made_from.partition(":")[0]
        base = _length(other, definitions, known, lengths, depth + 1) if other else known.get(prefix, known["@vocab"])
        lengths[name] = len(made_from) + (0 if "://" in made_from else max(base, known.get(made_from, 0)))
    return lengths[name]
