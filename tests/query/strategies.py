"""Generated entities and queries that often meet: few names, few values, and those that are hard to index."""

from typing import Any

from hypothesis import strategies as st

from tests.query.oracle import Every, Linked, Moment, Query, Some, Term

LONG = "x" * 512
INSTANTS = ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.5Z", "2026-01-01T00:00:00.50Z", "2026-01-01T00:00:01Z")
POINTS = (*INSTANTS, "2026-01-01", "2026-01-02", "10:00:00Z", "10:00:00.25Z")
NUMBERS = (0, 1, 2, 2.5, -1, -(2**63), 2**63, 2**63 + 2048, 2**63 - 1, -0.0, 1e300)
TEXTS = ("", "a", "ab", "b", "é", "a\x00", LONG, LONG + "y", LONG[1:], "urn:x:1", "true", "1")
URIS = ("urn:x:1", "urn:x:2")
NAMES = ("a", "b")
MEMBERS = ("x", "y", "en")
DATASETS = ((None,), (None,), (None, "urn:d:1"), ("urn:d:1", "urn:d:2"))

scalars = st.one_of(st.sampled_from(NUMBERS), st.sampled_from(TEXTS), st.sampled_from(POINTS), st.booleans())
typed = st.one_of(
    st.sampled_from(INSTANTS).map(lambda text: {"@type": "DateTime", "@value": text}),
    st.sampled_from(TEXTS).map(lambda text: {"@type": "https://x.example/t", "@value": text}),
    st.sampled_from((1, [1, "a"], {"x": 1}, None)).map(lambda value: {"@type": "@json", "@value": value}),
)


def objects(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.dictionaries(st.sampled_from(MEMBERS), leaves, max_size=2)


plain = scalars | st.lists(scalars, max_size=3)
raw = objects(plain | objects(plain)) | st.lists(scalars | objects(scalars), max_size=3)
values = st.one_of(scalars, scalars, typed, st.lists(scalars | typed | objects(scalars), max_size=3)) | objects(
    plain | typed | objects(plain)
)


@st.composite
def instances(draw: st.DrawFn, depth: int) -> dict[str, Any]:
    one: dict[str, Any] = draw(
        st.one_of(
            values.map(lambda value: {"type": "Property", "value": value}),
            scalars.map(lambda value: {"type": "Property", "value": value}),
            raw.map(lambda value: {"type": "JsonProperty", "json": value}),
            st.lists(scalars | typed, max_size=3).map(lambda value: {"type": "ListProperty", "valueList": value}),
            st.sampled_from((*URIS, list(URIS))).map(lambda value: {"type": "Relationship", "object": value}),
            st.lists(st.sampled_from(URIS), max_size=2).map(
                lambda value: {"type": "ListRelationship", "objectList": [{"object": each} for each in value]}
            ),
            st.dictionaries(
                st.sampled_from(("en", "fr", "@none")),
                st.sampled_from(TEXTS) | st.lists(st.sampled_from(TEXTS), max_size=2),
                min_size=1,
                max_size=2,
            ).map(lambda value: {"type": "LanguageProperty", "languageMap": value}),
            st.sampled_from(("ok", ["ok", "bad"])).map(lambda value: {"type": "VocabProperty", "vocab": value}),
            st.just({"type": "GeoProperty", "value": {"type": "Point", "coordinates": [1, 2]}}),
        )
    )
    one = dict(one)
    if draw(st.booleans()):
        one["observedAt"] = draw(st.sampled_from(INSTANTS))
    if depth and draw(st.booleans()):
        one[draw(st.sampled_from(NAMES))] = draw(attributes(depth - 1))
    return one


@st.composite
def attributes(draw: st.DrawFn, depth: int = 1) -> Any:
    several = []
    for dataset in draw(st.sampled_from(DATASETS)):
        instance = draw(instances(depth))
        several.append(instance if dataset is None else {**instance, "datasetId": dataset})
    return several if len(several) > 1 else several[0]


@st.composite
def entities(draw: st.DrawFn, number: int) -> dict[str, Any]:
    entity: dict[str, Any] = {"id": f"urn:x:{number}", "type": "T" if number % 2 else "U"}
    for name in draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=2)):
        entity[name] = draw(attributes())
    if draw(st.integers(0, 9)) == 0:  # more keys than are indexed
        entity["a0"] = {"type": "Property", "value": list(range(300))}
    return entity


def populations(size: int) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.tuples(*(entities(number) for number in range(size))).map(list)


comparables = st.one_of(
    st.sampled_from(NUMBERS), st.sampled_from(TEXTS), st.sampled_from(POINTS), st.sampled_from(POINTS).map(Moment)
)
VOCABULARY = "https://uri.etsi.org/ngsi-ld/default-context/ok"
operands = comparables | st.booleans() | st.just(VOCABULARY)
PATTERNS = ("a", "^a", "^ab?$", "b$", "x+y", "^$", ".", "^urn:x:1", "é|b", "^x{3}")


@st.composite
def terms(draw: st.DrawFn) -> Term:
    names = tuple(draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=2)))
    inside: tuple[str, ...] = ()
    if draw(st.integers(0, 5)) == 0:
        names = (*names, draw(st.sampled_from(("observedAt", "datasetId", "unitCode"))))
    elif draw(st.integers(0, 2)) == 0:
        inside = draw(st.sampled_from((("x",), ("y",), ("en",), ("*",), ("@none",), ("x", "y"), ("x", "x"))))
    match draw(st.sampled_from(("", "==", "==", "!=", "!=", "list", "range", ">", ">=", "<", "<=", "~=", "!~="))):
        case "":
            return Term(names, inside)
        case "list":
            several = tuple(draw(st.lists(operands, min_size=2, max_size=3)))
            return Term(names, inside, draw(st.sampled_from(("==", "!="))), several)
        case "range":
            pool = draw(st.sampled_from((NUMBERS, TEXTS, INSTANTS)))
            bounds = (draw(st.sampled_from(pool)), draw(st.sampled_from(pool)))
            return Term(names, inside, draw(st.sampled_from(("==", "!="))), bounds, range=True)
        case "~=" | "!~=" as operator:
            return Term(names, inside, operator, (draw(st.sampled_from(PATTERNS)),))
        case operator:
            value = draw(operands if operator in ("==", "!=") else comparables)
            return Term(names, inside, operator, (value,))


def queries(leaves: st.SearchStrategy[Any] | None = None) -> st.SearchStrategy[Query]:
    """Queries of these leaves, terms without links by default."""
    return st.recursive(
        terms() if leaves is None else leaves,
        lambda inner: (
            st.lists(inner, min_size=2, max_size=3)
            .map(tuple)
            .flatmap(lambda parts: st.sampled_from((Every(parts), Some(parts))))
        ),
        max_leaves=4,
    )


# Graphs: entities that link to each other, and queries that follow the links.

NODES = 6
_nodes = st.sampled_from([f"urn:x:{number}" for number in range(NODES + 1)])
_levels = st.sampled_from((1, 2, "ok"))


@st.composite
def graphs(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Entities of two types: `a` links to others, itself or nothing, directly or below `b`; `n` is a value."""
    population = []
    for number in range(NODES):
        node: dict[str, Any] = {"id": f"urn:x:{number}", "type": "TU"[number % 2]}
        links: dict[str, Any] = {"type": "Relationship", "object": draw(st.lists(_nodes, min_size=1, max_size=2))}
        if draw(st.integers(0, 3)):
            node["a"] = draw(st.sampled_from((links, links, {"type": "Property", "value": "urn:x:1"})))
        if draw(st.booleans()):
            node["b"] = {"type": "Property", "value": draw(_levels), "a": links}
        if draw(st.integers(0, 4)):
            node["n"] = {"type": "Property", "value": draw(_levels)}
        population.append(node)
    return population


@st.composite
def links(draw: st.DrawFn) -> Linked:
    """A condition one, two or three links away."""
    names = draw(st.sampled_from((("a",), ("a",), ("b", "a"))))
    types = draw(st.sampled_from(((), (), (), ("T",), ("U", "T"))))
    if draw(st.integers(0, 2)) == 0:
        return Linked(names, types, draw(links()))
    operator = draw(st.sampled_from(("", "==", "!=", ">", "~=")))
    value = "o" if operator == "~=" else draw(_levels)
    return Linked(names, types, Term(("n",), (), operator, (value,) if operator else ()))


def graph_queries() -> st.SearchStrategy[Query]:
    """Queries that follow links, beside conditions on the entity itself."""
    return queries(links() | links() | st.builds(lambda value: Term(("n",), (), "==", (value,)), _levels))
