"""Whatever JSON comes as a context, a name or a value: it is taken, or refused as bad data. Nothing else is raised."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.errors import BadRequestData
from broker.hosting.bundled import Bundled
from broker.jsonld.compiled import KEYWORDS
from broker.jsonld.compiler import Compiler
from broker.jsonld.parts import references
from broker.model.values import compact_value, expand_value
from broker.names import CORE_CONTEXT
from tests.thoroughness import examples

COMPILER = Compiler(Bundled()[CORE_CONTEXT])
DOCUMENTS = {"https://c.example/a": {"@context": {"a": "https://ex.example/a"}}, "https://c.example/b": {}}

WORDS = (
    "a b a:b b:a : _: _:b _uuid id type location ngsi-ld:x @foo @json en ltr https://ex.example/ https://ex.example/a#"
)
texts = st.one_of(st.sampled_from([*KEYWORDS, *WORDS.split(), "", *DOCUMENTS, CORE_CONTEXT]), st.text(max_size=3))
scalars = st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63), st.sampled_from([1.1, 0.5]), texts)
json = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=20,
)
definitions = st.one_of(texts, st.none(), json, st.dictionaries(st.sampled_from(sorted(KEYWORDS)), scalars, max_size=3))
contexts = st.one_of(json, st.lists(st.one_of(texts, st.none(), st.dictionaries(texts, definitions, max_size=5))))


@given(context=contexts, names=st.lists(texts), value=json)
@settings(max_examples=examples(500))
@pytest.mark.filterwarnings("error")
def test_it_is_taken_or_refused(context: Any, names: list[str], value: Any) -> None:
    try:
        references(context)
        compiled = COMPILER.compile(context, DOCUMENTS)
    except BadRequestData:
        return
    for name in names:
        try:
            iri = compiled.expand(name)
        except BadRequestData:
            continue
        compiled.compact(iri)
    try:
        expanded = expand_value(value, compiled)
    except BadRequestData:
        return
    compact_value(expanded, compiled)
    compact_value(expanded, COMPILER.core)
