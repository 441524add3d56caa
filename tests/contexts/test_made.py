"""What is made in `contexts/` is up to date, and means what it should."""

from typing import Any, Final

import orjson
import pytest

from broker.hosting.bundled import Bundled, folder
from broker.jsonld.compiler import Compiler
from broker.model.parse import parse_entity
from broker.model.render import Representation, renderer
from broker.names import CORE_CONTEXT
from broker.validation.bundle import bundle
from broker.validation.units import SYMBOLS
from tests.contexts.make import ADDRESS, DOMAINS, made, subjects
from tests.contexts.vocabulary import CORE, subject_context, subject_url

_BUNDLED: Final = Bundled()
_COMPILER: Final = Compiler(_BUNDLED[CORE_CONTEXT])
CITY: Final = ADDRESS.format("city")


def compiled(url: str) -> Any:
    return _COMPILER.compile(url, {url: _BUNDLED[url]})


def test_every_file_is_as_it_would_be_made_now() -> None:
    for path, content in made():
        assert (folder() / path).read_text() == content, f"{path}: python -m tests.contexts.make"


def test_no_word_of_the_city_has_two_meanings() -> None:
    """Each term of each subject: the plain word means just that, or it is refused and another name means it."""
    city = compiled(CITY)
    terms = _BUNDLED[CITY]["@context"]
    ambiguous = 0
    for subject in subjects():
        for word, term in subject_context(subject).terms.items():
            if word in CORE:
                continue
            assert city.expand(city.compact(term.iri)) == term.iri
            if terms[word] is None:
                ambiguous += 1
                assert city.compact(term.iri).endswith(f"_{word}")
            else:
                assert city.expand(word) == term.iri
    assert ambiguous > 400
    assert sum(iri is None for iri in terms.values()) >= 158


@pytest.mark.parametrize("domain", DOMAINS)
def test_examples_say_the_same_in_the_vocabularies_of_subject_domain_and_city(domain: str) -> None:
    for path in sorted((folder() / domain / "examples").iterdir()):
        example = orjson.loads(path.read_bytes())
        entity = parse_entity(_content(example), compiled(example["@context"]))
        for url in (ADDRESS.format(domain), CITY):
            names = compiled(url)
            shown = renderer(names, Representation())(entity)
            assert parse_entity(shown, names) == entity
        assert renderer(compiled(example["@context"]), Representation())(entity) == _content(example)


def _content(example: dict[str, Any]) -> dict[str, Any]:
    return {name: each for name, each in example.items() if name != "@context"}


def test_the_56_models_are_there_with_known_units() -> None:
    assert len(bundle().types) == 56
    for type_ in bundle().types:
        model = bundle()[type_]
        assert model.context == subject_url(model.context.split("dataModel.")[1].split("/")[0])
        assert {code for codes in model.units.values() for code in codes} <= SYMBOLS.keys()
        assert model.units.keys() <= set(model.names.values()) | {"observedAt"}
