"""Expected: JSON-LD 1.1 §4.1 and API §5.1; GS CIM 009 §5.5.7: the core counts last, whatever stands before it."""

from typing import Any

import orjson
import pytest

from broker.errors import BadRequestData
from broker.hosting.bundled import Bundled
from broker.jsonld.compiled import CompiledContext
from broker.jsonld.compiler import Compiler, compile
from broker.jsonld.parts import CORE_URLS, MAX_IRI, MAX_PARTS, MAX_TERMS
from broker.names import CORE_CONTEXT, DEFAULT_VOCABULARY, NGSI_LD

URL = "https://c.example/context"
IRI = "https://ex.example/"
CORE_1_6 = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.6.jsonld"


def document(context: Any) -> dict[str, Any]:
    return {URL: {"@context": context}}


def test_every_term_of_the_core_is_there(core: CompiledContext) -> None:
    for name, definition in Bundled()[CORE_CONTEXT]["@context"].items():
        if not name.startswith("@"):
            iri = definition if isinstance(definition, str) else definition["@id"]
            expected = iri.replace("ngsi-ld:", NGSI_LD, 1) if iri.startswith("ngsi-ld:") else iri
            assert core.members[name] == expected.replace("geojson:", "https://purl.org/geojson/vocab#")


@pytest.mark.parametrize(
    "source",
    [
        {"location": IRI + "location", "a": IRI + "a"},
        [CORE_CONTEXT, {"location": IRI + "location", "a": IRI + "a"}],
        [{"location": IRI + "location", "a": IRI + "a"}, CORE_CONTEXT],
        [[[CORE_1_6]], [{"location": IRI + "location"}, [{"a": IRI + "a"}]]],
        {"@protected": True, "location": IRI + "location", "a": IRI + "a"},
        {"location": None, "a": IRI + "a"},
        {"@vocab": IRI, "location": {}, "a": {}},
        [{"location": IRI + "location"}, URL],
        URL,
    ],
)
def test_the_core_wins_wherever_it_stands(compiler: Compiler, source: Any) -> None:
    context = compiler.compile(source, document([CORE_CONTEXT, {"a": IRI + "a", "location": "https://o.example/"}]))
    assert context.expand("location") == NGSI_LD + "location"
    assert context.expand("a") == IRI + "a"
    assert context.expand("unmapped") == DEFAULT_VOCABULARY + "unmapped"


def test_the_core_may_be_used_by_the_user_context(compiler: Compiler) -> None:
    context = compiler.compile(
        {"a": "ngsi-ld:a", "b": {"@id": IRI + "b", "@type": "DateTime"}, "c": {"@type": "@id"}}, {}
    )
    assert [context.expand(name) for name in "abc"] == [NGSI_LD + "a", IRI + "b", DEFAULT_VOCABULARY + "c"]


def test_the_last_definition_of_the_user_wins(compiler: Compiler) -> None:
    context = compiler.compile([{"a": IRI + "1"}, URL, {"b": IRI + "3"}], document({"a": IRI + "2", "b": IRI + "2"}))
    assert (context.expand("a"), context.expand("b")) == (IRI + "2", IRI + "3")


def test_null_forgets_what_stands_before_it(compiler: Compiler) -> None:
    context = compiler.compile([{"a": IRI + "a"}, None, {"b": IRI + "b"}], {})
    assert context.expand("a") == DEFAULT_VOCABULARY + "a"
    assert context.expand("b") == IRI + "b"


def test_import_is_overridden_by_what_imports(compiler: Compiler) -> None:
    source = {"@import": URL, "a": IRI + "own"}
    context = compiler.compile(source, document({"a": IRI + "imported", "b": IRI + "b"}))
    assert (context.expand("a"), context.expand("b")) == (IRI + "own", IRI + "b")


@pytest.mark.parametrize("url", sorted(CORE_URLS))
def test_every_version_of_the_core_means_the_newest(compiler: Compiler, url: str) -> None:
    context = compiler.compile(url, {})
    assert context.expand("ngsildproof") == NGSI_LD + "ngsildproof"
    assert (context.key, context.source, context.link) == (compiler.core.key, url, url)


@pytest.mark.parametrize(
    ("source", "link"),
    [
        (URL, URL),
        ([URL], URL),
        ([URL, CORE_CONTEXT], URL),
        ([CORE_1_6], CORE_1_6),
        ([], CORE_CONTEXT),
        ({"a": IRI}, CORE_CONTEXT),
        ([URL, {"a": IRI}], CORE_CONTEXT),
        ([URL, URL], CORE_CONTEXT),
    ],
)
def test_source_is_kept_and_link_is_its_url(compiler: Compiler, source: Any, link: str) -> None:
    context = compiler.compile(source, document({}))
    assert context.source == source
    assert context.link == link


def test_contexts_that_mean_the_same_have_the_same_key(compiler: Compiler) -> None:
    definitions = {"a": IRI + "a", "b": IRI + "b"}
    same = [URL, [URL, CORE_CONTEXT], definitions, [{"b": IRI + "b", "a": IRI + "a", "@language": "de"}]]
    assert len({compiler.compile(source, document(definitions)).key for source in same}) == 1
    assert compiler.compile([{}, {"@language": "de"}], {}).key == compiler.core.key
    others = [{"a": IRI + "b", "b": IRI + "a"}, {"a": IRI + "a"}, [definitions, definitions], None]
    assert len({compiler.compile(source, {}).key for source in others}) == len(others)


def test_a_single_context_is_compiled_with_the_core_among_its_documents() -> None:
    assert compile({"a": IRI + "a"}, {CORE_CONTEXT: Bundled()[CORE_CONTEXT]}).expand("a") == IRI + "a"


@pytest.mark.parametrize(
    ("definitions", "coercion"),
    [
        ({"@type": "@json"}, "json"),
        ({"@container": "@language"}, "language"),
        ({"@container": ["@index", "@set"]}, "index"),
        ({"@container": "@id"}, "index"),
        ({"@container": "@list"}, None),
        ({"@type": "@id"}, None),
    ],
)
def test_terms_below_which_objects_are_read_otherwise(
    compiler: Compiler, definitions: dict[str, Any], coercion: str | None
) -> None:
    assert compiler.compile({"a": {"@id": IRI + "a", **definitions}}, {}).coercions.get("a") == coercion


SCOPED = {"@id": IRI + "a", "@context": {}}
INVALID: list[tuple[Any, str]] = [
    (5, "no URL, object or array of them: 5"),
    ([True], "no URL, object or array of them: true"),
    ("relative", "'relative', which is no absolute http or https URL"),
    ("urn:a:b", "'urn:a:b', which is no absolute"),
    ("https://user:secret@c.example/", "no absolute"),
    ("https://c.example:99999/", "no absolute"),
    ("https://[/", "no absolute"),
    ("https://c.example/<a>", "no absolute"),
    ("https://c.example/\r\nX: y", "no absolute"),
    ("https://c.example/ä", "no absolute"),
    ("https:///path", "no absolute"),
    ({"@import": 5}, "@import is no URL"),
    ({"a": SCOPED}, "has a scoped @context in its term 'a'"),
    ({"a": {"@id": IRI, "@context": None}}, "has a scoped @context in its term 'a'"),
    ({"a": 5}, "invalid at 'a': @context property values must be strings or objects"),
    ({"a": {"@id": 5}}, "invalid at 'a': @context @id value must be a string"),
    ({"a": {"@id": False}}, "invalid at 'a'"),
    ({"ok": IRI, "a": {"@id": "no iri"}}, "invalid at 'a': .* must be an absolute IRI"),
    ({"a": {"@id": IRI, "@type": 5}}, "invalid at 'a': .*@type value must be a string"),
    ({"a": {"@id": IRI, "@type": "_:b"}}, "invalid at 'a'"),
    ({"a": {"@id": IRI, "@container": "@heap"}}, "invalid at 'a': .*@container"),
    ({"a": {"@id": IRI, "@language": 5}}, "invalid at 'a'"),
    ({"a": {"@id": IRI, "@prefix": 5}}, "invalid at 'a'"),
    ({"a": {"@id": IRI, "@nest": ""}}, "invalid at 'a'"),
    ({"a": {"@id": IRI, "more": 1}}, "invalid at 'a': a term definition must not contain more"),
    ({"a": {"@reverse": IRI, "@id": IRI}}, "invalid at 'a'"),
    ({"a": "@context"}, "invalid at 'a': @context and @preserve cannot be aliased"),
    ({"": IRI}, "a term cannot be an empty string"),
    ({"@id": IRI}, "invalid at '@id': keywords cannot be overridden"),
    ({"@vocab": 5}, "invalid at '@vocab'"),
    ({"@version": 1.0}, "invalid at '@version': Unsupported JSON-LD version"),
    ({"@version": "1.1"}, "invalid at '@version'"),
    ({"a": "b:x", "b": "a:x"}, "defines '.' by itself"),
    ({"a": "b", "b": "a"}, "defines '.' by itself"),
    ({"x:y": IRI}, "invalid at 'x:y': term in form of IRI must expand to definition"),
    ([{"@protected": True, "a": IRI}, {"a": IRI + "2"}], "invalid at 'a': tried to redefine a protected term"),
    ({"n": None, "a": {"@id": None, "@type": "n:x"}, "n:a": {}}, "invalid at"),
]


@pytest.mark.parametrize(("context", "reason"), INVALID)
def test_an_invalid_context_is_refused_with_its_reason(compiler: Compiler, context: Any, reason: str) -> None:
    with pytest.raises(BadRequestData, match=reason):
        compiler.compile(context, {})


@pytest.mark.parametrize("context", [{"a": 5}, ["ftp://b.example/"], {"a": SCOPED}, {"@import": 5}, {"@vocab": 5}])
def test_the_document_that_is_invalid_is_named(compiler: Compiler, context: Any) -> None:
    with pytest.raises(BadRequestData, match=URL):
        compiler.compile([{"b": IRI}, URL], document(context))


@pytest.mark.parametrize(
    "context",
    [
        {"@foo": IRI, "a": "@foo", "b": {"@id": "@foo"}, "c": {"@reverse": "@foo"}},
        {"@language": 5, "@base": 5, "@direction": None, "@propagate": False},
        {"@language": None},
        {"@type": {"@container": "@set"}},
    ],
)
def test_what_json_ld_ignores_or_we_do_not_need_does_no_harm(compiler: Compiler, context: dict[str, Any]) -> None:
    assert compiler.compile(context, {}).expand("a") == DEFAULT_VOCABULARY + "a"


def hostile() -> dict[str, tuple[Any, dict[str, Any]]]:
    """Contexts that would cost more than they are worth, with their documents."""
    doubling = {
        f"https://c.example/{level}": {"@context": [f"https://c.example/{level + 1}"] * 2} for level in range(30)
    }
    nested: list[Any] = []
    for _ in range(800):
        nested = [nested]
    return {
        "too many terms": ({f"t{number}": IRI for number in range(MAX_TERMS + 1)}, {}),
        "too many terms in parts": ([{f"t{number}": IRI for number in range(MAX_TERMS)}] * 2, {}),
        "too many parts": ([{}] * (MAX_PARTS + 1), {}),
        "deeply nested": (nested, {}),
        "doubling references": ("https://c.example/0", doubling),
        "itself": (URL, document([{"a": IRI}, URL])),
        "a circle": (URL, document("https://c.example/b") | {"https://c.example/b": {"@context": URL}}),
        "growing IRIs": ({f"p{n}": f"p{n - 1}:{'x' * 100}/" if n else IRI for n in range(MAX_IRI)}, {}),
        "growing IRIs over parts": ([{"p": IRI}] + [{"q": "p:xxxx" * 50 + "/", "p": "q:/"}] * (MAX_PARTS - 2), {}),
        "growing vocabulary": ([{"@vocab": "x" * 100, "a": {}}] * (MAX_PARTS - 1), {}),
        "a long chain backwards": ({f"p{n}": f"p{n + 1}:x/" for n in range(1000)} | {"p1000": IRI}, {}),
        "a very long term": ({"x" * 100_000: IRI}, {}),
        "a very long IRI": ({"a": IRI + "x" * 100_000}, {}),
    }


@pytest.mark.parametrize("case", [name for name in hostile() if name != "a very long term"])
@pytest.mark.timeout(5)
def test_a_hostile_context_is_refused_quickly(compiler: Compiler, case: str) -> None:
    source, documents = hostile()[case]
    with pytest.raises(BadRequestData):
        compiler.compile(source, documents)


def test_a_very_long_term_does_no_harm(compiler: Compiler) -> None:
    source, documents = hostile()["a very long term"]
    assert compiler.compile(source, documents).expand("x" * 100_000) == IRI


@pytest.mark.parametrize("document_", [None, [], "text", {"no": "context"}])
def test_a_document_without_a_context_is_refused(compiler: Compiler, document_: Any) -> None:
    with pytest.raises(BadRequestData, match="no JSON object with an @context"):
        compiler.compile(URL, {URL: document_})


def test_documents_are_left_as_they_were(compiler: Compiler) -> None:
    documents = document({"a": IRI + "a", "@language": "de", "b": "a:b"}) | {CORE_CONTEXT: Bundled()[CORE_CONTEXT]}
    before = orjson.dumps(documents)
    compiler.compile([URL, {"@import": URL, "c": IRI}], documents)
    assert orjson.dumps(documents) == before
