"""Contexts of several subjects in one, in which every word has one meaning.

A word to which subjects give several meanings is null in the combined context, so that the broker refuses it instead of
guessing; each meaning has a name of its own: the subject's name before the word, `weather_temperature`.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from broker.hosting.bundled import Bundled, folder
from broker.jsonld.compiled import CompiledContext
from broker.jsonld.compiler import Compiler
from broker.names import CORE_CONTEXT
from broker.validation.bundle import Schemas
from broker.validation.schemas import words

_BUNDLED: Final = Bundled()
RETRIEVE: Final = Schemas(folder()).retrieve
_COMPILER: Final = Compiler(_BUNDLED[CORE_CONTEXT])
CORE: Final = frozenset(_COMPILER.core.terms)


class Combined(NamedTuple):
    """What several contexts come to."""

    terms: dict[str, str | None]
    """Word to IRI; null where the word alone would be ambiguous."""
    qualified: dict[str, dict[str, str]]
    """Ambiguous word to its meanings: name in the combined context to IRI."""


def subject_url(subject: str) -> str:
    """The address of a subject's @context."""
    return f"https://smart-data-models.github.io/dataModel.{subject}/context.jsonld"


def subject_context(subject: str) -> CompiledContext:
    """A subject's @context."""
    url = subject_url(subject)
    return _COMPILER.compile(url, {url: _BUNDLED[url]})


def meanings(subject: str, schemas: Iterable[object]) -> dict[str, str]:
    """Word to IRI: the terms of a subject's context, and what its schemas use besides."""
    context = subject_context(subject)
    own = {name: term.iri for name, term in context.terms.items() if name not in CORE}
    used = {word for schema in schemas for word in words(schema, RETRIEVE) if word.isidentifier() and word not in CORE}
    return own | {word: context.members[word] for word in sorted(used - own.keys())}


def combine(subjects: Mapping[str, Mapping[str, str]]) -> Combined:
    """The words of several subjects as one vocabulary."""
    found: dict[str, dict[str, list[str]]] = {}
    for subject, terms in sorted(subjects.items()):
        for word, iri in terms.items():
            found.setdefault(word, {}).setdefault(iri, []).append(subject)
    plain: dict[str, str | None] = {}
    qualified: dict[str, dict[str, str]] = {}
    for word, iris in sorted(found.items()):
        if len(iris) == 1:
            plain[word] = next(iter(iris))
        else:
            plain[word] = None
            qualified[word] = {_qualified(who[0], word): iri for iri, who in sorted(iris.items())}
    for names in qualified.values():
        for name, iri in names.items():
            assert name not in plain or plain[name] == iri, f"{name} is a word already"
            plain[name] = iri
    return Combined(dict(sorted(plain.items())), qualified)


def _qualified(subject: str, word: str) -> str:
    head = subject.lower() if subject.isupper() else subject[0].lower() + subject[1:]
    return f"{head}_{word}"
