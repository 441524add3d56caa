"""Ways to spoil a sound request, as a table. Each knows what it spoilt: a refusal has to name that."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain
from typing import Any, Final, NamedTuple, TypeAlias
from urllib.parse import quote, quote_from_bytes

from hypothesis import strategies as st

from broker.names import CONTEXT_REL, JSON, JSON_LD
from tests.drills.odd import BAD_URLS, MEMBER_NAMES, QUERY_TEXTS, VALUES
from tests.drills.sound import Sketch

Place: TypeAlias = tuple[str | int, ...]


class Case(NamedTuple):
    """A spoilt request. `names`: a refusal as a bad request holds one of them; none means that any cause will do.

    `refused`: it must not be taken.
    """

    sketch: Sketch
    body: bytes | None
    names: tuple[str, ...] = ()
    refused: bool = False


_NO_JSON: Final = ("The body is no JSON", "nests deeper", "The body is empty")


def places(payload: Any, path: Place = ()) -> Iterator[Place]:
    """The path of every value in a JSON document."""
    yield path
    inner = payload.items() if isinstance(payload, dict) else enumerate(payload) if isinstance(payload, list) else ()
    for key, content in inner:
        yield from places(content, (*path, key))


def with_change(payload: Any, path: Place, change: Callable[[Any], Any]) -> Any:
    """A copy of a JSON document with one value changed."""
    if not path:
        return change(payload)
    copy: Any = dict(payload) if isinstance(payload, dict) else list(payload)
    copy[path[0]] = with_change(copy[path[0]], path[1:], change)
    return copy


def _plain(name: str) -> bool:
    return name.isascii() and name.isprintable() and 0 < len(name) <= 40 and not set(name) & set("'\"\\")


def _member_names(path: Place, *more: str) -> tuple[str, ...]:
    """What a refusal of something at this place may name; nothing if a name there could not be repeated as it is, or if
    the place is the body or an element of it: then there is much to be said."""
    members = [part for part in path if isinstance(part, str)]
    names = [*members, *more]
    return (*names, *_NO_JSON) if members and all(map(_plain, names)) else ()


def _encoded(payload: Any) -> bytes:
    return json.dumps(payload).encode()


# Bodies


@st.composite
def replaced_member(draw: st.DrawFn, sketch: Sketch) -> Case:
    """Some value of the body is another."""
    path = draw(st.sampled_from(list(places(sketch.payload))))
    value = draw(VALUES)
    more = [key for key in value if isinstance(key, str)] if isinstance(value, dict) else []
    return Case(sketch, _encoded(with_change(sketch.payload, path, lambda _: value)), _member_names(path, *more))


@st.composite
def removed_member(draw: st.DrawFn, sketch: Sketch) -> Case:
    """Some member or element of the body is missing."""
    paths = [path for path in places(sketch.payload) if path]
    if not paths:
        return draw(replaced_member(sketch))
    path = draw(st.sampled_from(paths))
    parent = with_change(sketch.payload, path[:-1], lambda content: _without(content, path[-1]))
    return Case(sketch, _encoded(parent), _member_names(path, "needs", "missing"))


def _without(content: Any, key: str | int) -> Any:
    if isinstance(content, dict):
        return {name: value for name, value in content.items() if name != key}
    return [value for position, value in enumerate(content) if position != key]


@st.composite
def added_member(draw: st.DrawFn, sketch: Sketch) -> Case:
    """An object in the body has one member more."""
    objects = [path for path in places(sketch.payload) if isinstance(_at(sketch.payload, path), dict)]
    if not objects:
        return draw(replaced_member(sketch))
    path, key, value = draw(st.sampled_from(objects)), draw(MEMBER_NAMES), draw(VALUES)
    more = [name for name in value if isinstance(name, str)] if isinstance(value, dict) else []
    payload = with_change(sketch.payload, path, lambda content: {**content, key: value})
    return Case(sketch, _encoded(payload), _member_names(path, key, *more))


def _at(payload: Any, path: Place) -> Any:
    for key in path:
        payload = payload[key]
    return payload


@st.composite
def doubled_member(draw: st.DrawFn, sketch: Sketch) -> Case:
    """A member is there twice, with two values; JSON leaves open what that means."""
    paths = [path for path in places(sketch.payload) if path and isinstance(path[-1], str)]
    if not paths:
        return draw(replaced_member(sketch))
    path = draw(st.sampled_from(paths))
    mark = "doubled-member"
    payload = with_change(sketch.payload, path[:-1], lambda content: {**content, mark: draw(VALUES)})
    return Case(sketch, _encoded(payload).replace(mark.encode(), str(path[-1]).encode()))


@st.composite
def null_member(draw: st.DrawFn, sketch: Sketch) -> Case:
    """NGSI-LD Nulls, in one place or more."""
    payload = sketch.payload
    spoilt: list[Place] = []
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(places(payload))))
        payload = with_change(payload, path, lambda _: "urn:ngsi-ld:null")
        spoilt.append(path)
    names = [_member_names(path) for path in spoilt]
    return Case(sketch, _encoded(payload), tuple(chain(*names)) if all(names) else ())


@st.composite
def deep_member(draw: st.DrawFn, sketch: Sketch) -> Case:
    """Something in the body nests deeply."""
    depth = draw(st.sampled_from([20, 31, 32, 33, 40, 200, 1000, 5000]))
    opening, closing = draw(st.sampled_from([("[", "]"), ('{"a":', "}"), ('[{"type":', "}]")]))
    path = draw(st.sampled_from(list(places(sketch.payload))))
    deep = opening * depth + "1" + closing * depth
    body = _encoded(with_change(sketch.payload, path, lambda _: "deep-member")).replace(b'"deep-member"', deep.encode())
    return Case(sketch, body, _member_names(path, "a", "type"), refused=depth >= 40)


@st.composite
def broken_text(draw: st.DrawFn, sketch: Sketch) -> Case:
    """The body is no JSON text."""
    sound = _encoded(sketch.payload)
    at = draw(st.integers(0, len(sound) - 1))
    body = draw(
        st.sampled_from(
            [
                b"",
                sound[:at],
                sound[:at] + b"\xff" + sound[at:],
                sound[:at] + b"\x00" + sound[at:],
                sound[:at] + b"\xed\xa0\x80" + sound[at:],
                sound + b"}",
                sound + sound,
                b"\xef\xbb\xbf" + sound,
                sound.decode().encode("utf-16"),
                sound.replace(b'"', b"'"),
                b"/* */" + sound,
                b"NaN",
                b"<entity/>",
                b'{"id": 1e}',
                b'["\\ud800"]',
                b'{"a":"\\u00"}',
            ]
        )
    )
    return Case(sketch, body, ("JSON", "empty") if len(sound) > 1 else (), refused=len(sound) > 1)


@st.composite
def any_bytes(draw: st.DrawFn, sketch: Sketch) -> Case:
    """The body is anything at all."""
    return Case(sketch, draw(st.binary(max_size=60)))


# Queries


@st.composite
def unknown_parameter(draw: st.DrawFn, sketch: Sketch) -> Case:
    """A parameter that the operation does not take."""
    known = {parameter.name for parameter in sketch.operation.parameters}
    name = draw(st.text("abcdefghij_Q", min_size=1, max_size=12).filter(lambda text: text not in known))
    query = (*sketch.query, (name.encode(), draw(QUERY_TEXTS)))
    return _case(sketch, replace(sketch, query=query), name, refused=True)


@st.composite
def doubled_parameter(draw: st.DrawFn, sketch: Sketch) -> Case:
    """A parameter that is given twice."""
    if not sketch.query:
        return draw(unknown_parameter(sketch))
    name, value = draw(st.sampled_from(sketch.query))
    return _case(sketch, replace(sketch, query=(*sketch.query, (name, value))), name.decode(), refused=True)


_WRONG: Final = {"integer": ["-1", "1.5", "", "x", "٣", "1e3", "0x1"], "boolean": ["", "yes", "1", "True", "null"]}


@st.composite
def wrong_parameter(draw: st.DrawFn, sketch: Sketch) -> Case:
    """A parameter whose value is none of its kind."""
    if not sketch.operation.parameters:
        return draw(unknown_parameter(sketch))
    parameter = draw(st.sampled_from(sketch.operation.parameters))
    schema = parameter.schema.get("items", parameter.schema)
    sure = ["nonsense", ""] if "enum" in schema else _WRONG.get(schema["type"], [])
    value = draw(st.sampled_from([quote(text).encode() for text in sure])) if sure else draw(QUERY_TEXTS)
    query = (*(pair for pair in sketch.query if pair[0] != parameter.name.encode()), (parameter.name.encode(), value))
    return _case(sketch, replace(sketch, query=query), parameter.name, refused=bool(sure))


@st.composite
def odd_query(draw: st.DrawFn, sketch: Sketch) -> Case:
    """A query that is hardly one."""
    query = draw(
        st.sampled_from([((b"&" * 100, b""),), tuple((b"a%d" % n, b"1") for n in range(100)), ((b"q" * 40_000, b""),)])
        | st.lists(st.tuples(QUERY_TEXTS, QUERY_TEXTS), max_size=4).map(tuple)
    )
    return _case(sketch, replace(sketch, query=query))


# Headers


@st.composite
def wrong_tenant(draw: st.DrawFn, sketch: Sketch) -> Case:
    """A tenant that no name can be."""
    value = draw(st.sampled_from([b"-a", b"a b", b"a/b", b"x" * 64, b"\xff", b"a,b", b"$", b"..", b"a\tb", b"_"]))
    return _case(
        sketch, with_header(sketch, b"NGSILD-Tenant", value), "NGSILD-Tenant", refused=sketch.operation.ngsi_ld
    )


@st.composite
def wrong_link(draw: st.DrawFn, sketch: Sketch) -> Case:
    """A Link header that leads to no @context, or nowhere."""
    url = draw(st.sampled_from(BAD_URLS))
    value = draw(
        st.sampled_from(
            [
                f'<{url}>; rel="{CONTEXT_REL}"; type="{JSON_LD}"',
                f'<http://127.0.0.1:1/a>; rel="{CONTEXT_REL}", <http://127.0.0.1:1/b>; rel="{CONTEXT_REL}"',
                *(url, "<", "<>", f"<{url}", f'<{url}>;rel="', ";" * 500, "," * 500, "<x>;" * 200, "<" * 9000),
            ]
        )
    )
    return _case(sketch, with_header(sketch, b"Link", value.encode()), "Link", "@context", "context")


@st.composite
def wrong_type(draw: st.DrawFn, sketch: Sketch) -> Case:
    """A body of a type that isn't taken."""
    value = draw(
        st.sampled_from(
            [b"text/plain", b"application/xml", b"application/json; charset=latin-1", b"json", b"", b"\xff"]
        )
    )
    refused = sketch.operation.body is not None
    return _case(sketch, with_header(sketch, b"Content-Type", value), refused=refused)


@st.composite
def wrong_accept(draw: st.DrawFn, sketch: Sketch) -> Case:
    """An answer is asked for that cannot be given."""
    value = draw(
        st.sampled_from([b"text/html", b"application/xml;q=1", b"*/*;q=0", b"x", b"application/json;q=z", b"," * 300])
    )
    return _case(sketch, with_header(sketch, b"Accept", value))


@st.composite
def odd_header(draw: st.DrawFn, sketch: Sketch) -> Case:
    """A header with anything that a line may hold."""
    name = draw(
        st.sampled_from([b"X-Request-Id", b"Via", b"Prefer", b"Host", b"Expect", b"Range", b"If-Match", b"Cookie"])
        | st.sampled_from([b"Content-Encoding", b"X-Forwarded-For", b"Authorization", b"Accept-Language", b"Upgrade"])
        | st.sampled_from([b"Accept", b"Link", b"Content-Type"])
    )
    value = draw(st.binary(max_size=60).map(lambda raw: bytes(byte for byte in raw if byte >= 32 and byte != 127)))
    return _case(sketch, with_header(sketch, name, value))


@st.composite
def wrong_context(draw: st.DrawFn, sketch: Sketch) -> Case:
    """A JSON-LD body with an @context that is none."""
    if not isinstance(sketch.payload, dict):
        return draw(wrong_link(sketch))
    context: Any = draw(
        st.sampled_from(BAD_URLS)
        | st.lists(st.sampled_from([*BAD_URLS, None, {"a": "urn:a:b"}, []]), min_size=1, max_size=3)
        | st.dictionaries(MEMBER_NAMES, VALUES | st.sampled_from([{"@id": "urn:a:b", "@type": "@id"}]), max_size=3)
        | VALUES
    )
    changed = with_header(sketch, b"Content-Type", JSON_LD.encode())
    return Case(changed, _encoded({**sketch.payload, "@context": context}))


# Paths and methods


@st.composite
def wrong_path(draw: st.DrawFn, sketch: Sketch) -> Case:
    """A path with a segment more, less or other than it should have."""
    segments = sketch.path.split(b"/")[1:]
    at = draw(st.integers(0, len(segments) - 1))
    odd = draw(
        st.sampled_from(
            [b"", b".", b"..", b"%2e%2e", b"%", b"%zz", b"%00", b"%ff", b"%2F", b"*", b"x" * 3000, b"urn:a:b"]
        )
        | st.sampled_from([b"\xc3\xa9", b"\xff", b"nouri", b"urn:", b"a%20b", b"%7B%7D", b"x" * 40_000, b"entities"])
        | st.binary(max_size=8).map(lambda raw: quote_from_bytes(raw, safe="").encode())
    )
    changed = draw(st.sampled_from([[*segments[:at], odd, *segments[at + 1 :]], [*segments, odd], segments[:at]]))
    return _case(sketch, replace(sketch, path=b"/" + b"/".join(changed)))


@st.composite
def wrong_method(draw: st.DrawFn, sketch: Sketch) -> Case:
    """A method that the path does not take, or that is none."""
    method = draw(
        st.sampled_from([b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"TRACE", b"PROPFIND"])
    )
    return _case(sketch, replace(sketch, method=method))


# More than one thing


@st.composite
def unasked_body(draw: st.DrawFn, sketch: Sketch) -> Case:
    """A body where the operation takes none; or somebody else's where it does."""
    body = draw(st.sampled_from([b"{}", b"[]", b'{"id": "urn:a:b", "type": "T"}', b'{"type": "Query"}', b"x" * 3000]))
    return Case(with_header(sketch, b"Content-Type", draw(st.sampled_from([JSON_LD, JSON])).encode()), body)


@st.composite
def spoilt_twice(draw: st.DrawFn, sketch: Sketch) -> Case:
    """Two things are wrong: either may be told."""
    once = draw(draw(st.sampled_from(OF_HEADS[:-2]))(sketch))
    twice = draw(draw(st.sampled_from(OF_HEADS[:-2]))(once.sketch))
    return Case(twice.sketch, twice.body)


def with_header(sketch: Sketch, name: bytes, value: bytes) -> Sketch:
    """The request with a header, instead of its own of that name."""
    kept = (line for line in sketch.headers if line[0].lower() != name.lower())
    return replace(sketch, headers=(*kept, (name, value)))


def _case(sound: Sketch, spoilt: Sketch, *names: str, refused: bool = False) -> Case:
    body = None if sound.operation.body is None else _encoded(sound.payload)
    return Case(spoilt, body, (*names, "The URL", "no well-formed HTTP") if names else (), refused)


Mutation: TypeAlias = Callable[[Sketch], st.SearchStrategy[Case]]

OF_BODIES: Final[tuple[Mutation, ...]] = (
    replaced_member,
    removed_member,
    added_member,
    doubled_member,
    null_member,
    deep_member,
    broken_text,
    any_bytes,
    wrong_context,
)
OF_HEADS: Final[tuple[Mutation, ...]] = (
    unknown_parameter,
    doubled_parameter,
    wrong_parameter,
    odd_query,
    wrong_tenant,
    wrong_link,
    wrong_type,
    wrong_accept,
    odd_header,
    wrong_path,
    wrong_method,
    unasked_body,
    spoilt_twice,
)
