"""From a user's @context to a CompiledContext: pyld processes what it consists of, once, and the core is laid over it.

pyld never sees a URL: references are resolved before (`broker.jsonld.parts`), so nothing that it does reaches a
network.
The core's terms stand before the user's context, so that it may use them, and after it, so that they win
(GS CIM 009 §5.5.7).
"""

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any, Final

import orjson
from pyld.context_resolver import ContextResolver
from pyld.jsonld import JsonLdError, JsonLdProcessor

from broker.errors import BadRequestData
from broker.jsonld.compiled import CompiledContext, Term
from broker.jsonld.parts import CORE_URLS, Part, content, depends_on, gather, where
from broker.model.grammar import shown
from broker.names import CORE_CONTEXT

_REFUSALS: Final = (JsonLdError, LookupError, TypeError, ValueError, AttributeError, RecursionError)
"""What pyld raises for contexts that are wrong; only the first on purpose."""
_COERCIONS: Final = {"@language": "language", "@index": "index", "@id": "index"}
"""Container to `Term.coercion`."""


class Compiler:
    """Compiles contexts over one core. Holds nothing that changes: it may be used by several threads."""

    def __init__(self, core: Any) -> None:
        """`core` is the document of the core @context."""
        definitions = {
            name: {key: value for key, value in definition.items() if key != "@context"}
            if isinstance(definition, dict)
            else definition
            for name, definition in content(core, CORE_CONTEXT).items()
            if name != "@protected"
        }
        self._processor = JsonLdProcessor()
        self._start = self._process(None, definitions)
        self._terms = _terms(self._start)
        self.core = CompiledContext(_digest([]), CORE_CONTEXT, CORE_CONTEXT, self._terms)
        """The core @context alone."""

    def compile(self, source: Any, documents: Mapping[str, Any]) -> CompiledContext:
        """The compiled form of a user's @context; `documents` holds what it refers to, by URL.

        Raises BadRequestData that names the part or the term at fault.
        """
        parts = gather(source, documents)
        key = _digest([part.definitions for part in parts if part.definitions])
        active = self._start
        for part in parts:
            active = self._process_part(active, part)
        return CompiledContext(key, source, _link(source), {**_terms(active), **self._terms})

    def _process(self, active: Any, definitions: dict[str, Any]) -> Any:
        """pyld's active context after these definitions."""
        options = {
            "processingMode": "json-ld-1.1",
            "base": "",
            "documentLoader": _no_loader,
            "contextResolver": ContextResolver({}, _no_loader),
        }
        if active is None:
            active = self._processor.process_context(None, None, options)
        return self._processor.process_context(active, definitions, options)

    def _process_part(self, active: Any, part: Part) -> Any:
        try:
            return self._process(active, part.definitions)
        except _REFUSALS as error:
            name, reason = self._fault(active, part.definitions)
            at = f" at {shown(name)}" if reason else ""
            raise BadRequestData(f"{where(part.origin)} is invalid{at}: {_in_words(reason or error)}.") from error

    def _fault(self, active: Any, definitions: dict[str, Any]) -> tuple[str, Exception | None]:
        """The term because of which definitions are refused, and why it is; found by halving, which costs one more run.

        No reason: it is not refused by itself.
        """
        names = list(definitions)
        while len(names) > 1:
            half = names[: len(names) // 2]
            names = half if self._reason(active, _alone(half, definitions)) else names[len(half) :]
        return names[0], self._reason(active, _alone(names, definitions))

    def _reason(self, active: Any, definitions: dict[str, Any]) -> Exception | None:
        """Why definitions are refused, if they are."""
        try:
            self._process(active, definitions)
        except _REFUSALS as error:
            return error
        return None


def compile(source: Any, documents: Mapping[str, Any]) -> CompiledContext:
    """A single context; `documents` must hold the core. Several are compiled faster by one Compiler."""
    return Compiler(documents[CORE_CONTEXT]).compile(source, documents)


def _no_loader(url: str, options: Any) -> Any:
    raise ValueError(f"{url} was not resolved")


def _terms(active: Any) -> dict[str, Term]:
    """The terms in pyld's active context."""
    return {
        name: Term(mapping["@id"] or "", mapping["_prefix"], mapping["reverse"], _coercion(mapping))
        for name, mapping in active["mappings"].items()
    }


def _coercion(mapping: Mapping[str, Any]) -> str:
    if mapping.get("@type") == "@json":
        return "json"
    return next((_COERCIONS[each] for each in mapping.get("@container", ()) if each in _COERCIONS), "")


def _alone(names: Iterable[str], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """The definitions of these terms, with those that they depend on."""
    wanted = {"@vocab"}
    for name in names:
        other: str | None = name
        while other is not None and other not in wanted:
            wanted.add(other)
            other = depends_on(other, definitions)
    return {name: definition for name, definition in definitions.items() if name in wanted}


def _in_words(error: Exception) -> str:
    """pyld's reason, without its preamble."""
    if not isinstance(error, JsonLdError):
        return "its definition has a form that JSON-LD doesn't know"
    return str(error.args[0]).removeprefix("Invalid JSON-LD syntax; ").rstrip(".")


def _digest(definitions: list[dict[str, Any]]) -> str:
    try:
        encoded = orjson.dumps(definitions, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        raise BadRequestData("The @context has a number or a text that can't be encoded.") from None
    return blake2b(encoded, digest_size=16).hexdigest()


def _link(source: Any) -> str:
    """The URL that stands for the context: the only one that the user gave, besides the core's."""
    given = source if isinstance(source, list) else [source]
    own = [each for each in given if not (isinstance(each, str) and each in CORE_URLS)]
    if not own and given and isinstance(given[-1], str):
        return given[-1]
    return own[0] if len(own) == 1 and isinstance(own[0], str) else CORE_CONTEXT
