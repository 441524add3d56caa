"""Headers, bodies and the place of @context: GS CIM 009 §6.3.4, §6.3.5, §6.3.14; RFC 9110 §5.3."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from starlette.types import Message

from broker.api.problems import BareStatus, ContentTooLarge, LengthRequired, UnsupportedMediaType
from broker.api.requests import (
    ClientGone,
    check_body_headers,
    check_depth,
    headers_of,
    read_json,
    split_context,
    tenant_of,
)
from broker.errors import BadRequestData, InvalidRequest
from broker.names import JSON, JSON_LD, MERGE_PATCH

CONTEXT = "https://example.org/context.jsonld"
OTHER = "https://example.org/other.jsonld"


def test_lines_of_one_name_are_one_header() -> None:
    lines = [(b"link", b"<a>"), (b"accept", b"*/*"), (b"link", b"<b>"), (b"link", b"<c>")]
    assert headers_of(lines) == {b"link": b"<a>, <b>, <c>", b"accept": b"*/*"}


@pytest.mark.parametrize("name", [b"a", b"Tenant_1", b"city.water-works", b"7", b"x" * 63])
def test_tenants_have_plain_names(name: bytes) -> None:
    assert tenant_of(name) == name.decode()


@pytest.mark.parametrize("name", [b" ", b"a b", b"a/b", b"_a", b"a,b", b"x" * 64, "ä".encode(), b"a\nb", b"a\n", b"$"])
def test_other_names_are_refused(name: bytes) -> None:
    with pytest.raises(BadRequestData, match="NGSILD-Tenant"):
        tenant_of(name)


@pytest.mark.parametrize(
    ("headers", "outcome"),
    [
        ({b"content-length": b"2", b"content-type": b"application/json"}, JSON),
        ({b"content-length": b"0", b"content-type": b"application/ld+json; charset=utf-8"}, JSON_LD),
        ({b"content-type": b"application/json"}, LengthRequired),
        ({b"content-type": b"application/json", b"transfer-encoding": b"chunked"}, LengthRequired),
        ({b"content-length": b"-1", b"content-type": b"application/json"}, LengthRequired),
        ({b"content-length": b"101", b"content-type": b"application/json"}, ContentTooLarge),
        ({b"content-length": b"9" * 5000, b"content-type": b"application/json"}, ContentTooLarge),
        ({b"content-length": b"2"}, UnsupportedMediaType),
        ({b"content-length": b"2", b"content-type": b"application/xml"}, UnsupportedMediaType),
        ({b"content-length": b"2", b"content-type": b"application/merge-patch+json"}, UnsupportedMediaType),
        # the length is asked for first, whatever else is wrong
        ({b"content-type": b"application/xml"}, LengthRequired),
    ],
)
def test_a_body_says_its_length_and_type(headers: dict[bytes, bytes], outcome: str | type[BareStatus]) -> None:
    if isinstance(outcome, str):
        assert check_body_headers(headers, (JSON, JSON_LD), 100) == outcome
    else:
        with pytest.raises(outcome):
            check_body_headers(headers, (JSON, JSON_LD), 100)


def test_a_patch_may_be_a_merge_patch() -> None:
    headers = {b"content-length": b"2", b"content-type": b"application/merge-patch+json"}
    assert check_body_headers(headers, (JSON, JSON_LD, MERGE_PATCH), 100) == MERGE_PATCH


class Chunks:
    """What a server hands on, message by message."""

    def __init__(self, *chunks: bytes, gone: bool = False) -> None:
        self._messages: Iterator[Message] = iter(
            [
                {"type": "http.request", "body": chunk, "more_body": gone or i < len(chunks) - 1}
                for i, chunk in enumerate(chunks)
            ]
            + [{"type": "http.disconnect"}]
        )

    async def __call__(self) -> Message:
        return next(self._messages)


async def test_a_body_is_read_whole() -> None:
    assert await read_json(Chunks(b'{"a"', b":", b"1}"), 100, 10) == ({"a": 1}, 7)


async def test_a_body_longer_than_it_said_is_refused() -> None:
    with pytest.raises(ContentTooLarge):
        await read_json(Chunks(b"[" + b"1," * 30, b"1," * 30, b"1]"), 100, 10)


async def test_nobody_is_answered_when_the_client_went() -> None:
    with pytest.raises(ClientGone):
        await read_json(Chunks(b'{"a"', gone=True), 100, 10)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "empty"),
        (b" ", "no JSON"),
        (b"{", "no JSON.*line 1, column"),
        (b'{"a": 1,}', "no JSON"),
        (b"{'a': 1}", "no JSON"),
        (b'{"a": NaN}', "no JSON"),
        (b'{"a": 1} x', "no JSON"),
        (b'{\n"a": \x01}', "line 2"),
        (b'{"a": "\xff"}', "no JSON"),
        (b'{"a": "\\ud800"}', "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[" * 11 + b"]" * 11, "deeper than 10"),
    ],
)
async def test_what_is_no_json_is_an_invalid_request(body: bytes, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        await read_json(Chunks(body), 10**6, 10)


@pytest.mark.parametrize(
    ("payload", "depth"),
    [
        (1, 0),
        ("[[[[[[{{{{{{", 0),
        ([], 1),
        ({"a": []}, 2),
        ([[[[[]]]]], 5),
        ({"a": [{"b": [{}]}], "c": [1] * 50}, 5),
        ([{"a": "{[" * 20}, {"b": {"c": {}}}], 4),
        ([["]]]"], [[["[[["]]]], 4),
        ([[]] * 1000 + [[[[]]]], 4),
    ],
)
@pytest.mark.parametrize("brackets_in_strings", [False, True])
def test_depth_is_counted_in_brackets_that_enclose(payload: Any, depth: int, brackets_in_strings: bool) -> None:
    if brackets_in_strings and isinstance(payload, list):
        payload = [*payload, "[" * 40]
    body = orjson.dumps(payload)
    check_depth(body, payload, depth)
    if depth > 1:
        with pytest.raises(InvalidRequest, match=f"deeper than {depth - 1}"):
            check_depth(body, payload, depth - 1)


@pytest.mark.parametrize(
    ("payload", "in_body", "link", "expected"),
    [
        # JSON: the Link header, else the default one
        ({"id": 1}, False, None, ({"id": 1}, None)),
        ({"id": 1}, False, CONTEXT, ({"id": 1}, CONTEXT)),
        ([1], False, CONTEXT, ([1], CONTEXT)),
        # JSON-LD: the body
        ({"id": 1, "@context": CONTEXT}, True, None, ({"id": 1}, CONTEXT)),
        ({"id": 1, "@context": [CONTEXT, {"a": "urn:a"}]}, True, None, ({"id": 1}, [CONTEXT, {"a": "urn:a"}])),
    ],
)
def test_the_context_is_where_the_media_type_says(
    payload: Any, in_body: bool, link: str | None, expected: tuple[Any, Any]
) -> None:
    assert split_context(payload, in_body, link) == expected


@pytest.mark.parametrize(
    ("payload", "in_body", "link"),
    [
        ({"id": 1, "@context": CONTEXT}, False, None),
        ({"id": 1, "@context": CONTEXT}, False, OTHER),
        ({"id": 1, "@context": None}, False, None),
        ({"id": 1}, True, None),
        ({"id": 1, "@context": None}, True, None),
        ([{"id": 1}], True, None),
        ("x", True, None),
    ],
)
def test_a_context_in_the_wrong_place_or_none_is_refused(payload: Any, in_body: bool, link: str | None) -> None:
    with pytest.raises(BadRequestData):
        split_context(payload, in_body, link)
