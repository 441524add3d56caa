"""Whatever is sent is answered: no 5xx but those that the standard has, no hang, and a refusal names its cause."""

import string
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.api.operations import OPERATIONS
from broker.names import CORE_CONTEXT
from tests.api.wire import Reply, Wire
from tests.conftest import RunningBroker

pytestmark = pytest.mark.http

BODYLESS = {405, 411, 413, 414, 415, 431}
STANDARD_5XX = {501, 504}


class Malformed(NamedTuple):
    """A request, more or less."""

    method: bytes
    target: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes | None


NASTY: list[Any] = [
    *(None, True, 0, -1, 1.5, 2**63, -(2**63) - 1, 2**64, 10**400, 1e308),
    *("", " ", "\x00", "\u2028", "é" * 300, "a" * 5000, "urn:", ":", "http://", "<script>", "a.b", "$", "$where"),
    *("urn:ngsi-ld:null", "@none", "@id", "@context", "Property", "2024-13-01T00:00:00Z", "2024-05-01T12:00:00+02:00"),
    *([], {}, [[]], [None], {"": {}}, {"$gt": 1}, {"@value": 1}, {"@type": "DateTime", "@value": 5}),
    {"type": "Property"},
    {"type": "Nonsense", "value": 1},
    {"value": 1, "object": "urn:a:b"},
    {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [1e9, 0]}},
    {"type": "GeoProperty", "value": {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 0]]]}},
    {"type": "Point", "coordinates": []},
    {"type": "Relationship", "object": []},
    {"type": "LanguageProperty", "languageMap": {"en": 5}},
    {"type": "JsonProperty", "json": None},
    {"type": "ListProperty", "valueList": 5},
    {"type": "VocabProperty", "vocab": 5},
    {"type": "ListRelationship", "objectList": ["x"]},
    [{"type": "Property", "value": 1}, {"type": "Property", "value": 2}],
]
"""Values that are wrong in most places."""

VALID: dict[str, Any] = {
    "id": "urn:ngsi-ld:Fuzz:1",
    "type": "Fuzz",
    "scope": "/a/b",
    "speed": {
        "type": "Property",
        "value": 5,
        "observedAt": "2024-05-01T12:00:00Z",
        "unitCode": "KMH",
        "accuracy": {"type": "Property", "value": {"deep": [1, 2]}},
    },
    "near": [
        {"type": "Relationship", "object": "urn:a:b"},
        {"type": "Relationship", "object": "urn:a:c", "datasetId": "urn:d:1"},
    ],
    "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [1, 2]}},
    "name": {"type": "LanguageProperty", "languageMap": {"en": "x"}},
}

names = st.text(string.ascii_letters + "@:._$/ é\x00", max_size=12) | st.sampled_from([*VALID, *VALID["speed"]])
values = st.recursive(
    st.sampled_from(NASTY) | st.text(max_size=20) | st.integers() | st.floats(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)


@st.composite
def mutants(draw: st.DrawFn) -> Any:
    """A valid entity with something wrong in one or two places."""
    entity = orjson.loads(orjson.dumps(VALID))
    for _ in range(draw(st.integers(1, 2))):
        place: Any = entity
        while True:
            key = draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
            if isinstance(place[key], dict | list) and place[key] and draw(st.booleans()):
                place = place[key]
                continue
            break
        change = draw(st.sampled_from(["replace", "remove", "add"]))
        if change == "replace":
            place[key] = draw(values)
        elif change == "remove":
            del place[key]
        elif isinstance(place, dict):
            place[draw(names)] = draw(values)
        else:
            place.append(draw(values))
    return entity


def encoded(payload: Any) -> bytes:
    try:
        return orjson.dumps(payload)
    except TypeError:  # numbers beyond 64 bits
        return (
            repr(payload).replace("'", '"').replace("None", "null").replace("True", "true").encode("utf-8", "replace")
        )


bodies = st.one_of(
    mutants().map(encoded),
    mutants().map(lambda entity: encoded(entity | {"@context": CORE_CONTEXT})),
    st.lists(mutants() | values, max_size=4).map(encoded),
    values.map(encoded),
    mutants().map(lambda entity: encoded(entity.get("speed"))),
    mutants().map(encoded).flatmap(lambda text: st.integers(0, len(text)).map(lambda cut: text[:cut])),
    st.binary(max_size=60),
    st.integers(1, 3000).map(lambda depth: b"[" * depth + b"]" * depth),
    st.integers(1, 300).map(lambda depth: b'{"a":' * depth + b"1" + b"}" * depth),
)

header_text = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=60)
header_values = header_text.map(lambda text: text.encode("latin-1").strip()) | st.sampled_from(
    [
        b"application/ld+json",
        b"application/json",
        b"*/*;q=0",
        b'<http://127.0.0.1:9/x>; rel="http://www.w3.org/ns/json-ld#context"',
        b'<file:///etc/passwd>; rel="http://www.w3.org/ns/json-ld#context"',
        b'<http://169.254.169.254/>; rel="http://www.w3.org/ns/json-ld#context"',
        f'<{CORE_CONTEXT}>; rel="http://www.w3.org/ns/json-ld#context"'.encode(),
        b"a" * 5000,
    ]
)
tenants = header_text.map(lambda text: b"-" + text.encode("latin-1")) | st.just(b"fuzz")  # each good name is a database
headers = st.lists(
    st.tuples(st.sampled_from([b"accept", b"link", b"content-type", b"x-request-id", b"prefer", b"via"]), header_values)
    | st.tuples(st.just(b"ngsild-tenant"), tenants),
    max_size=4,
)

segments = st.text(max_size=20).map(lambda text: quote(text, safe="").encode()) | st.sampled_from(
    [
        b"",
        b"%",
        b"%ff",
        b"%00",
        b"..",
        b"%2e%2e",
        b"%2F",
        b"attrs",
        b"entities",
        b"urn:a:b",
        VALID["id"].encode(),
        b"x" * 3000,
    ]
)
parameters = st.tuples(
    st.sampled_from(
        sorted({each.name for operation in OPERATIONS for each in operation.parameters} | {"q", "", "foo"})
    ),
    st.text(max_size=20)
    | st.sampled_from(["A", "(A;B),C", "((((A", "1", "0", "-1", "9" * 30, "true", "keyValues", "*", "a" * 3000]),
)
queries = st.lists(parameters, max_size=4).map(
    lambda pairs: b"&".join(f"{name}={quote(value)}".encode() for name, value in pairs)
) | st.binary(max_size=30).map(lambda raw: quote(raw, safe="%&=+").encode())


@st.composite
def malformed(draw: st.DrawFn) -> Malformed:
    operation = draw(st.sampled_from(OPERATIONS))
    method = draw(st.sampled_from([operation.method.encode()] * 6 + [b"PUT", b"PATCH", b"DELETE", b"HEAD", b"OPTIONS"]))
    path = operation.path.replace("{entityId}", VALID["id"]).replace("{attrId}", "speed").encode()
    what = draw(st.sampled_from(["body", "body", "query", "headers", "path", "all"]))
    if what in ("path", "all"):
        path = b"/".join([path, *draw(st.lists(segments, max_size=3))])
    query = draw(queries) if what in ("query", "all") else b""
    lines = draw(headers) if what in ("headers", "all") else []
    body = None
    if operation.body is not None or draw(st.booleans()):
        body = draw(bodies) if what in ("body", "all") else orjson.dumps(VALID)
        if not any(name == b"content-type" for name, _ in lines):
            lines = [*lines, (b"content-type", draw(st.sampled_from([b"application/json", b"application/ld+json"])))]
    return Malformed(method, path + (b"?" + query if query else b""), lines, body)


def check(request: Malformed, reply: Reply) -> None:
    """What every answer must be."""
    assert reply.status < 500 or reply.status in STANDARD_5XX, (request, reply)
    if reply.status >= 400 and request.method != b"HEAD":
        if reply.status in BODYLESS:
            assert reply.body == b""
        else:
            assert reply.headers["content-type"] == "application/json"
            problem = orjson.loads(reply.body)
            assert problem["type"]
            assert problem["title"]
            assert len(problem["detail"]) > 10, problem
            assert problem["status"] == reply.status
    if reply.status == 207:
        assert all(len(error["error"]["detail"]) > 10 for error in orjson.loads(reply.body).get("errors", []))


@pytest.fixture(scope="module")
def wire(running_broker: RunningBroker) -> Iterator[Wire]:
    url = urlsplit(running_broker.url)
    with Wire(url.hostname or "", url.port or 0) as connection:
        yield connection


def exchange(wire: Wire, request: Malformed) -> None:
    check(request, wire.ask(*request))


def _settings(examples: int) -> settings:
    slow = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]
    return settings(max_examples=examples, deadline=None, suppress_health_check=slow, derandomize=examples < 5000)


@_settings(500)
@given(request=malformed())
def test_every_request_is_answered(wire: Wire, request: Malformed) -> None:
    exchange(wire, request)


@pytest.mark.drill
@pytest.mark.timeout(1200)
@_settings(10_000)
@given(request=malformed())
def test_ten_thousand_requests_are_answered(wire: Wire, request: Malformed) -> None:
    exchange(wire, request)


def test_the_broker_is_well_afterwards(wire: Wire) -> None:
    assert wire.ask(b"GET", b"/ready", []).status == 200
