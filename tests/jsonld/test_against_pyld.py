"""Our look-ups against a JSON-LD processor: pyld expands with the user's context and the core's after it."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pyld import jsonld

from broker.errors import BadRequestData
from broker.hosting.bundled import Bundled
from broker.jsonld.compiled import CompiledContext
from broker.jsonld.compiler import Compiler
from broker.jsonld.parts import content
from broker.model.parse import parse_entity
from broker.model.values import compact_value, expand_value
from broker.names import CORE_CONTEXT, NGSI_LD
from tests.jsonld.neutral import Ours, of_pyld
from tests.thoroughness import examples

BUNDLED = Bundled()
COMPILER = Compiler(BUNDLED[CORE_CONTEXT])
SAMPLES = Path(__file__).parent.parent / "data" / "smart-data-models"
CLEAN = {
    entry["path"]
    for domain in orjson.loads((SAMPLES / "manifest.json").read_bytes())["domains"].values()
    for entry in domain
    if entry["clean"]
}
LABEL = "https://ex.example/label"
BY_KEY = "https://ex.example/byKey"

WORDS = ["speed", "kind", "place", "room", "x", "name", "Vehicle", "Größe", "a_b"]
CORE_WORDS = ["location", "status", "title", "Point", "coordinates", "min", "values", "json"]
PREFIXES = {"ex": "https://ex.example/", "v": "https://v.example/ns#", "w": "https://ex.example/w/"}


def load(url: str, _options: Any) -> dict[str, Any]:
    return {"contentType": "application/ld+json", "contextUrl": None, "documentUrl": url, "document": BUNDLED[url]}


def oracle(document: dict[str, Any], context: Any) -> Any:
    parts = context if isinstance(context, list) else [context]
    own = [part for part in parts if part != CORE_CONTEXT]
    options = {"expandContext": {"@context": [*own, CORE_CONTEXT]}, "documentLoader": load, "base": ""}
    return jsonld.expand(document, options)


def compiled(context: Any) -> CompiledContext:
    return COMPILER.compile(context, {url: BUNDLED[url] for url in BUNDLED.urls})


iris = st.one_of(
    st.builds("{}{}".format, st.sampled_from(list(PREFIXES.values())), st.sampled_from(WORDS)),
    st.builds("{}:{}".format, st.sampled_from(list(PREFIXES)), st.sampled_from(WORDS)),
    st.sampled_from(["urn:a:b", NGSI_LD + "location", NGSI_LD + "default-context/room"]),
)
names = st.sampled_from(WORDS + CORE_WORDS)
plain_terms = st.dictionaries(names, st.one_of(iris, st.builds(lambda iri: {"@id": iri}, iris)), max_size=6)
shaped_terms = st.dictionaries(
    names,
    st.one_of(
        iris,
        st.none(),
        st.builds(lambda iri: {"@id": iri, "@type": "@json"}, iris),
        st.builds(lambda iri, held: {"@id": iri, "@container": held}, iris, st.sampled_from(["@list", "@set"])),
    ),
    max_size=6,
)
prefixes = st.fixed_dictionaries({}, optional={key: st.just(iri) for key, iri in PREFIXES.items()})
vocabularies = st.sampled_from([{}, {}, {"@vocab": "https://vocabulary.example/"}])


def objects(terms: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(
        lambda *parts: {key: each for part in parts for key, each in part.items()}, vocabularies, prefixes, terms
    )


def contexts(terms: st.SearchStrategy[dict[str, Any]], extra: Any = ()) -> st.SearchStrategy[list[Any]]:
    """Lists of objects, with the core anywhere among them, and `extra` at the end."""
    parts = st.lists(st.one_of(objects(terms), st.just(CORE_CONTEXT)), max_size=3)
    return parts.map(lambda given: [*given, *extra])


any_name = st.one_of(
    names,
    st.builds("{}:{}".format, st.sampled_from([*PREFIXES, "urn", "https"]), st.sampled_from([*WORDS, "//a/b"])),
    st.sampled_from(["id", "@type", "@unheard", "ex:", ":x", "1:x", "_:b", *PREFIXES]),
)


@given(context=contexts(shaped_terms), name=any_name)
@settings(max_examples=examples(200))
def test_names_expand_as_pyld_expands_members(context: list[Any], name: str) -> None:
    ours = compiled(context)
    expanded = oracle({"@id": "urn:e", name: 1}, context) if name not in ("id", "@type") else []
    members = {iri for node in expanded for iri in node if iri[0] != "@"}
    try:
        assert members == {ours.expand(name)}
    except BadRequestData:
        assert not members


@given(context=contexts(shaped_terms), name=any_name.filter(lambda name: name[0] != "@"))
@settings(max_examples=examples(200))
def test_types_and_vocabulary_values_expand_as_pyld_expands_them(context: list[Any], name: str) -> None:
    ours = compiled(context)
    try:
        iri = ours.expand(name)
    except BadRequestData:
        assume(False)
    (node,) = oracle({"@id": "urn:e", "type": name, "vocab": [name, "x"], "objectType": name}, context)
    assert node["@type"] == [iri]
    assert node[NGSI_LD + "hasVocab"] == [{"@id": iri}, {"@id": ours.members["x"] or None}]
    assert node[NGSI_LD + "hasObjectType"] == [{"@id": iri}]


compact_iris = st.one_of(
    st.builds(
        "{}{}".format, st.sampled_from([*PREFIXES.values(), NGSI_LD]), st.sampled_from([*WORDS, "", "w/x", "a:b"])
    ),
    st.builds("{}default-context/{}".format, st.just(NGSI_LD), st.sampled_from([*WORDS, *CORE_WORDS, "ex:x", ""])),
)


@given(context=contexts(shaped_terms), iri=compact_iris)
@settings(max_examples=examples(200))
def test_what_is_compacted_expands_to_the_same_iri(context: list[Any], iri: str) -> None:
    ours = compiled(context)
    assert ours.expand(ours.compact(iri)) == iri


@given(context=contexts(plain_terms), iri=compact_iris.filter(lambda iri: iri[-1] not in "/#" and ":" not in iri[8:]))
@settings(max_examples=examples(100))
def test_names_compact_as_pyld_compacts_members_without_coercion(context: list[Any], iri: str) -> None:
    own = [part for part in context if part != CORE_CONTEXT]
    options = {"documentLoader": load, "base": ""}
    compacted = jsonld.compact({"@id": "urn:e", iri: [{"@value": 1}]}, {"@context": [*own, CORE_CONTEXT]}, options)
    (name,) = compacted.keys() - {"@context", "id"}
    ours = compiled(context).compact(iri)
    assert ours == name or ours in COERCED


COERCED = {name for name, definition in BUNDLED[CORE_CONTEXT]["@context"].items() if isinstance(definition, dict)}
"""Terms that pyld passes over for a plain number, because they are coerced: we take them all the same."""

SHAPES = {
    "ex": PREFIXES["ex"],
    "label": {"@id": LABEL, "@container": "@language"},
    "byKey": {"@id": BY_KEY, "@container": "@index"},
    "raw": {"@id": "ex:raw", "@type": "@json"},
    "listed": {"@id": "ex:listed", "@container": "@list"},
    "alias": "@type",
    "self": "@id",
    "gone": None,
}
scalars = st.one_of(st.text("abü:/", max_size=4), st.integers(-5, 5), st.booleans(), st.floats(-2, 2))
texts = st.dictionaries(
    st.sampled_from(["en", "de", "fr"]), st.one_of(st.text("ab", min_size=1), st.lists(st.text("ab")))
)
typed = st.one_of(
    st.just({"@type": "DateTime", "@value": "2026-11-21T10:00:00Z"}),
    st.builds(lambda text: {"@type": "ex:Odd", "@value": text}, st.text("ab")),
    st.builds(lambda text: {"@value": text, "@language": "en"}, st.text("ab")),
    st.builds(lambda number: {"@value": number}, st.integers(-(2**53), 2**53)),
    st.just({"@value": None}),
)
keys = st.one_of(st.sampled_from([*WORDS, "gone", "listed", "Point", "title", "status"]), st.just("ex:other"))


def nodes(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    special = st.fixed_dictionaries(
        {},
        optional={
            "label": texts,
            "byKey": st.dictionaries(st.sampled_from(["k1", "k2"]), st.dictionaries(keys, scalars, max_size=2)),
            "raw": values,
            "self": st.just("urn:x:y"),
            "type": st.sampled_from(["Vehicle", ["room", "ex:Room"], "Point"]),
        },
    )
    return st.builds(lambda a, b: {**a, **b}, st.dictionaries(keys, values, max_size=4), special)


values = st.recursive(
    st.one_of(scalars, st.none(), typed),
    lambda inner: st.one_of(st.lists(inner, max_size=3), nodes(inner)),
    max_leaves=12,
)


def expanded_value(value: Any, context: CompiledContext) -> Any:
    """Ours; a value in which two members mean the same is none of ours: pyld merges them, we refuse."""
    try:
        return expand_value(value, context)
    except BadRequestData as error:
        assume("beside it" not in error.detail)
        raise


@given(context=contexts(plain_terms, [SHAPES]), value=values)
@settings(max_examples=examples(200))
def test_values_expand_as_pyld_expands_them(context: list[Any], value: Any) -> None:
    ours = compiled(context)
    expanded = expanded_value(value, ours)
    node = oracle({"@id": "urn:e", "type": "T", "value": value}, context)[0]
    theirs = of_pyld(node.get(NGSI_LD + "hasValue", []))
    assert ([] if expanded is None else Ours(ours, {LABEL}, {BY_KEY}).value(expanded)) == theirs


@given(context=contexts(plain_terms, [SHAPES]), value=values)
@settings(max_examples=examples(200))
def test_values_come_back_as_they_went_in(context: list[Any], value: Any) -> None:
    ours = compiled(context)
    expanded = expanded_value(value, ours)
    assert expand_value(compact_value(expanded, ours), ours) == expanded


def attributes(inner: st.SearchStrategy[Any] | None = None) -> st.SearchStrategy[dict[str, Any]]:
    uris = st.sampled_from(["urn:ngsi-ld:Room:1", "https://a.example/2"])
    vocabulary = st.sampled_from(["Vehicle", "room", "ex:x", "https://a.example/v"])
    common = {
        "observedAt": st.just("2026-11-21T10:00:00Z"),
        "datasetId": st.just("urn:d:1"),
        **({} if inner is None else {"sub": inner, "ex:sub": inner}),
    }
    properties = {**common, "unitCode": st.just("CEL"), "valueType": vocabulary}

    def kind(name: str, member: str, content: Any, optional: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
        return st.fixed_dictionaries({"type": st.just(name), member: content}, optional=optional)

    points = st.just({"type": "Point", "coordinates": [8.5, 49]})
    some = values.filter(lambda value: value is not None and value != {"@value": None})
    return st.one_of(
        kind("Property", "value", some, properties),
        kind("GeoProperty", "value", points, common),
        kind(
            "Relationship", "object", st.one_of(uris, st.lists(uris, min_size=1)), {**common, "objectType": vocabulary}
        ),
        kind("VocabProperty", "vocab", st.one_of(vocabulary, st.lists(vocabulary, min_size=1)), common),
        kind("LanguageProperty", "languageMap", texts.filter(bool), common),
        kind("JsonProperty", "json", st.one_of(nodes(values), st.lists(values)), common),
        kind("ListProperty", "valueList", st.lists(values), common),
        kind("ListRelationship", "objectList", st.lists(uris.map(lambda uri: {"object": uri})), common),
    )


type_names = st.sampled_from(["Vehicle", "room", "ex:Room"])
entities = st.builds(
    lambda types, members: {"id": "urn:ngsi-ld:E:1", "type": types, **members},
    st.one_of(type_names, st.lists(type_names, min_size=1, unique=True)),
    st.dictionaries(st.sampled_from([*WORDS, "title", "ex:own"]), attributes(attributes()), max_size=4),
)


@given(context=contexts(plain_terms, [SHAPES]), entity=entities)
@settings(max_examples=examples(200))
def test_entities_expand_as_pyld_expands_them(context: list[Any], entity: dict[str, Any]) -> None:
    ours = compiled(context)
    try:
        parsed = parse_entity(entity, ours)
    except BadRequestData as error:
        assume(not any(rule in error.detail for rule in ("beside it", "given twice", "can only be a GeoProperty")))
        raise
    (theirs,) = of_pyld(oracle(entity, context))
    assert Ours(ours, {LABEL}, {BY_KEY}).entity(parsed) == theirs


def test_smart_data_models_expand_as_pyld_expands_them() -> None:
    """All that are accepted; what else is refused, and why, is not decided here."""
    accepted = set()
    for path in sorted(SAMPLES.glob("*/*/example-normalized.jsonld")):
        payload = orjson.loads(path.read_bytes())
        context = payload.pop("@context")
        ours = compiled(context)
        try:
            parsed = parse_entity(payload, ours)
        except BadRequestData:
            continue
        accepted.add(path.parent.relative_to(SAMPLES).as_posix())
        (theirs,) = of_pyld(oracle(payload, context))
        assert Ours(ours).entity(parsed) == theirs, path
    assert accepted >= CLEAN
    assert len(accepted) > 30


@pytest.mark.parametrize(
    "path", sorted(path.relative_to(SAMPLES).as_posix() for path in SAMPLES.glob("*/*/example-normalized.jsonld"))
)
def test_the_names_of_smart_data_models_expand_as_pyld_expands_them(path: str) -> None:
    payload = orjson.loads((SAMPLES / path).read_bytes())
    context = payload.pop("@context")
    ours = compiled(context)
    attributes = payload.keys() - {"id", "type", "@type"}
    (node,) = oracle({"@id": "urn:e", "@type": payload["type"], **dict.fromkeys(attributes, 1)}, context)
    assert node.keys() - {"@id", "@type"} == {ours.expand(name) for name in attributes}
    assert node["@type"] == [ours.expand(payload["type"])]


def test_every_bundled_context_expands_its_own_terms_as_pyld_does() -> None:
    for url in sorted(BUNDLED.urls):
        definitions = content(BUNDLED[url], url)
        if "ngsi-ld-core-context" in url or "data-integrity" in url:
            continue
        ours = compiled(url)
        own = definitions.keys() - COMPILER.core.terms
        for name in (name for name in own if definitions[name] is None):
            with pytest.raises(BadRequestData, match="to null"):
                ours.expand(name)
        terms = [name for name in own if definitions[name] is not None and ours.members[name][:1] != "@"]
        for name in terms:
            assert ours.expand(ours.compact(ours.expand(name))) == ours.expand(name)
        (node,) = oracle({"@id": "urn:e", "@type": terms}, url)
        assert node["@type"] == [ours.expand(name) for name in terms]
