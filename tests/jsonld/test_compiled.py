"""Expected: JSON-LD 1.1 API §5.2 (IRI expansion), §6.2 (IRI compaction); GS CIM 009 §5.5.7, Annex B."""

from typing import Any

import pytest

from broker.errors import BadRequestData
from broker.jsonld.compiled import MAX_REMEMBERED, CompiledContext
from broker.jsonld.compiler import Compiler
from broker.names import DEFAULT_VOCABULARY, NGSI_LD

CONTEXT: dict[str, Any] = {
    "ex": "https://ex.example/",
    "long": "https://ex.example/long/",
    "forced": {"@id": "https://ex.example/forced", "@prefix": True},
    "dated": {"@id": "ex:dated", "@type": "https://uri.etsi.org/ngsi-ld/DateTime"},
    "velocity": "ex:speed",
    "speed": {"@id": "ex:speed", "@container": "@list"},
    "pace": "ex:speed",
    "ex:titled": "https://ex.example/titled",
    "kind": "@type",
    "nothing": None,
    "parent": {"@reverse": "ex:child"},
    "status": "ex:status",
    "shadowed": "ex:other",
    "@vocab": "https://vocabulary.example/",
    "own": {},
}


@pytest.fixture(scope="module")
def context(compiler: Compiler) -> CompiledContext:
    return compiler.compile(CONTEXT, {})


@pytest.mark.parametrize(
    ("name", "iri"),
    [
        ("dated", "https://ex.example/dated"),
        ("velocity", "https://ex.example/speed"),
        ("ex:any", "https://ex.example/any"),
        ("ex:", "https://ex.example/"),
        ("ex://any", "ex://any"),
        ("forced:any", "https://ex.example/forcedany"),
        ("dated:any", "dated:any"),
        ("own", "https://vocabulary.example/own"),
        ("unknown", DEFAULT_VOCABULARY + "unknown"),
        ("Größe", DEFAULT_VOCABULARY + "Größe"),
        ("two words", DEFAULT_VOCABULARY + "two words"),
        ("__proto__", DEFAULT_VOCABULARY + "__proto__"),
        ("1x:y", DEFAULT_VOCABULARY + "1x:y"),
        (":y", DEFAULT_VOCABULARY + ":y"),
        ("urn:ngsi-ld:thing", "urn:ngsi-ld:thing"),
        ("https://other.example/x", "https://other.example/x"),
        ("_:b0", "_:b0"),
        ("@", DEFAULT_VOCABULARY + "@"),
        ("@a1", DEFAULT_VOCABULARY + "@a1"),
        ("", DEFAULT_VOCABULARY),
        ("location", NGSI_LD + "location"),
        ("status", NGSI_LD + "status"),
        ("ngsi-ld:new", NGSI_LD + "new"),
        ("Point", "https://purl.org/geojson/vocab#Point"),
    ],
)
def test_expand(context: CompiledContext, name: str, iri: str) -> None:
    assert context.expand(name) == context.expansions[name] == context.members[name] == iri


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nothing", "maps 'nothing' to null"),
        ("@unheard", "maps '@unheard' to null"),
        ("kind", "'kind' means @type"),
        ("id", "'id' means @id"),
        ("@value", "'@value' means @value"),
        ("parent", "'parent' with @reverse"),
    ],
)
def test_names_that_are_kept_for_something_else_are_refused(context: CompiledContext, name: str, reason: str) -> None:
    for _ in range(2):
        with pytest.raises(BadRequestData, match=reason):
            context.expand(name)


@pytest.mark.parametrize(("key", "member"), [("nothing", ""), ("@unheard", ""), ("kind", "@type"), ("@id", "@id")])
def test_members_that_are_no_names_have_their_meaning(context: CompiledContext, key: str, member: str) -> None:
    assert context.members[key] == member


@pytest.mark.parametrize(
    ("iri", "name"),
    [
        ("https://ex.example/dated", "dated"),
        ("https://ex.example/speed", "pace"),
        ("https://ex.example/titled", "ex:titled"),
        ("https://ex.example/any", "ex:any"),
        ("https://ex.example/long/any", "long:any"),
        ("https://ex.example/", "ex"),
        ("https://ex.example/status", "ex:status"),
        ("https://ex.example/forcedany", "forced:any"),
        ("https://vocabulary.example/own", "own"),
        ("https://vocabulary.example/other", "https://vocabulary.example/other"),
        (DEFAULT_VOCABULARY + "unknown", "unknown"),
        (DEFAULT_VOCABULARY + "shadowed", "ngsi-ld:default-context/shadowed"),
        (DEFAULT_VOCABULARY + "nothing", "ngsi-ld:default-context/nothing"),
        (DEFAULT_VOCABULARY + "a:b", "ngsi-ld:default-context/a:b"),
        (DEFAULT_VOCABULARY + "@type", "ngsi-ld:default-context/@type"),
        (DEFAULT_VOCABULARY, ""),
        (NGSI_LD + "location", "location"),
        ("urn:ngsi-ld:thing", "urn:ngsi-ld:thing"),
        ("https://ex.example/child", "ex:child"),
    ],
)
def test_compact(context: CompiledContext, iri: str, name: str) -> None:
    assert context.compact(iri) == context.compactions[iri] == name
    assert context.expand(name) == iri


def test_an_iri_whose_scheme_is_a_prefix_is_left_as_it_is(context: CompiledContext) -> None:
    assert context.compact("ex:any") == "ex:any"


def test_what_tables_remember_is_bounded_and_terms_stay(compiler: Compiler) -> None:
    context = compiler.compile({"a": "https://ex.example/a"}, {})
    terms = len(context.expansions)
    for number in range(MAX_REMEMBERED + 10):
        context.expand(f"name{number}")
    assert len(context.expansions) <= terms + MAX_REMEMBERED
    assert "a" in context.expansions
    context.expand("x" * 1000)
    assert "x" * 1000 not in context.expansions
