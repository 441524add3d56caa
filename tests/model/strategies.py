"""Generated entities, as clients could send them: `entities` with any content, `small_entities` for many a write."""

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from broker.names import NULL

LAW = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""For every law: a busy machine is no failure."""

KEYS = (
    "street",
    "a",
    "b_c",
    "šč",
    "https://other.example/x",
    "unitCode",
    "value",
    "object",
    "observedAt",
    "id_",
    "note2",
)
"""Members of compound values: no two with one IRI, and none that JSON-LD reads in a way of its own."""
ATTRIBUTES = ("speed", "temperature", "isOn", "category", "route", "unknown", "https://other.example/attr", "straße")
SUB_ATTRIBUTES = ("accuracy", "providedBy", "source", "subUnknown")
_DATASETS = ((None,), (None,), (None, "urn:d:1"), ("urn:d:1",), (None, "urn:d:2", "urn:d:1"))
INSTANTS = ("2024-05-01T10:00:00Z", "2024-05-01T10:00:00.000Z", "2031-12-31T23:59:59.999999Z")

texts = st.text(st.characters(codec="utf-8"), max_size=8).filter(lambda text: text != NULL)
scalars = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    texts,
)
uris = st.sampled_from(("urn:x:2", "urn:x:3", "https://a.example/é?b#c"))
terms = st.sampled_from(("electric", "diesel", "non-commercial", "https://other.example/term"))
positions = st.tuples(st.floats(-180, 180), st.floats(-90, 90)).map(list)
geometries = st.one_of(
    st.builds(lambda at: {"type": "Point", "coordinates": at}, positions),
    st.builds(lambda line: {"type": "LineString", "coordinates": line}, st.lists(positions, min_size=2, max_size=3)),
    st.builds(
        lambda ring: {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}, st.lists(positions, min_size=3, max_size=4)
    ),
)


def values(leaves: st.SearchStrategy[Any] = scalars) -> st.SearchStrategy[Any]:
    """JSON values without null, whose objects have members of KEYS and maybe a type."""
    types = st.fixed_dictionaries({}, optional={"type": st.sampled_from(("Boat", "Vehicle", "PostalAddress"))})
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.builds(
                lambda members, kind: {**members, **kind},
                st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
                types,
            ),
        ),
        max_leaves=6,
    )


typed_values = st.sampled_from(
    (
        {"@type": "DateTime", "@value": "2024-05-01T10:00:00Z"},
        {"@type": "xsd:double", "@value": 1.5},
        {"@value": "a", "@language": "en"},
        {"@type": "@json", "@value": {"a": None}},
        {"@type": "@json", "@value": None},
    )
)
language_maps = st.dictionaries(
    st.sampled_from(("en", "fr", "nl-BE", "@none")),
    st.one_of(texts, st.lists(texts, min_size=1, max_size=2)),
    min_size=1,
)
json_objects = st.dictionaries(texts, st.one_of(st.none(), scalars, st.lists(scalars, max_size=2)), max_size=3)
VALUES: dict[str, tuple[str, st.SearchStrategy[Any]]] = {
    "Property": ("value", st.one_of(values(), typed_values, geometries)),
    "GeoProperty": ("value", geometries),
    "Relationship": ("object", st.one_of(uris, st.lists(uris, min_size=1, max_size=2))),
    "LanguageProperty": ("languageMap", language_maps),
    "VocabProperty": ("vocab", st.one_of(terms, st.lists(terms, max_size=2))),
    "JsonProperty": ("json", st.one_of(json_objects, st.lists(json_objects, max_size=2))),
    "ListProperty": ("valueList", st.lists(values(), max_size=3)),
    "ListRelationship": ("objectList", st.lists(st.builds(lambda uri: {"object": uri}, uris), max_size=3)),
}
KINDS = tuple(VALUES)


@st.composite
def instances(draw: st.DrawFn, kind: str | None = None, depth: int = 0) -> dict[str, Any]:
    """A whole normalized instance, without a datasetId."""
    kind = kind or draw(st.sampled_from(KINDS))
    member, contents = VALUES[kind]
    instance: dict[str, Any] = {"type": kind, member: draw(contents)}
    annotations: dict[str, st.SearchStrategy[Any]] = {"observedAt": st.sampled_from(INSTANTS)}
    if kind.endswith("Relationship"):
        annotations["objectType"] = st.sampled_from(("Building", ["Boat", "Building"]))
    else:
        annotations["unitCode"] = st.sampled_from(("CEL", "KMH"))
        annotations["valueType"] = st.sampled_from(("xsd:double", "https://other.example/type"))
    instance.update(draw(st.fixed_dictionaries({}, optional=annotations)))
    if depth < 2:
        for name in draw(st.lists(st.sampled_from(SUB_ATTRIBUTES), max_size=2 - depth, unique=True)):
            instance[name] = draw(attributes(depth + 1))
    return instance


@st.composite
def attributes(draw: st.DrawFn, depth: int = 0) -> Any:
    """A normalized attribute: an instance, or an array of several, the default one first."""
    datasets = draw(st.sampled_from(_DATASETS))
    several: list[dict[str, Any]] = []
    for dataset in datasets:
        instance = draw(instances(depth=depth))
        several.append(instance if dataset is None else {**instance, "datasetId": dataset})
    return several if len(several) > 1 else several[0]


@st.composite
def entities(draw: st.DrawFn) -> dict[str, Any]:
    """A normalized entity."""
    entity: dict[str, Any] = {"id": "urn:x:1", "type": draw(st.sampled_from(("Vehicle", ["Vehicle", "Boat"])))}
    scope = draw(st.sampled_from((None, "/a", ("/a", "/b/c"))))
    if scope is not None:
        entity["scope"] = scope if isinstance(scope, str) else list(scope)
    for name in draw(st.lists(st.sampled_from(ATTRIBUTES), max_size=3, unique=True)):
        entity[name] = draw(attributes())
    if draw(st.booleans()):
        entity["location"] = {"type": "GeoProperty", "value": draw(geometries)}
    return entity


_SMALL: tuple[dict[str, Any], ...] = (
    {"type": "Property", "value": 1},
    {"type": "Property", "value": {"street": "x"}, "unitCode": "CEL", "observedAt": INSTANTS[0]},
    {"type": "Property", "value": 2, "accuracy": {"type": "Property", "value": 3}},
    {
        "type": "Relationship",
        "object": "urn:x:2",
        "accuracy": {"type": "Property", "value": 4, "source": {"type": "Property", "value": "s"}},
    },
    {"type": "LanguageProperty", "languageMap": {"en": "a"}, "source": {"type": "Property", "value": "t"}},
    {"type": "ListRelationship", "objectList": [{"object": "urn:x:2"}]},
)


@st.composite
def small_attributes(draw: st.DrawFn) -> Any:
    """One of few attributes, with one or several instances."""
    datasets = draw(st.sampled_from(_DATASETS))
    several = [draw(st.sampled_from(_SMALL)) | ({"datasetId": each} if each else {}) for each in datasets]
    return several if len(several) > 1 else several[0]


def small_fragments() -> st.SearchStrategy[dict[str, Any]]:
    """Few attributes."""
    return st.dictionaries(st.sampled_from(ATTRIBUTES[:4]), small_attributes(), max_size=3)


def small_entities() -> st.SearchStrategy[dict[str, Any]]:
    """Entities that say much about writes and little about values."""
    return small_fragments().map(lambda fragment: {"id": "urn:x:1", "type": "Vehicle", **fragment})
