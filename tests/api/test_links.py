"""The @context in a Link header: GS CIM 009 §6.3.5, RFC 8288 §3, JSON-LD 1.1 §6.1."""

import time
from contextlib import suppress

import pytest

from broker.api.links import MAX_LENGTH, context_url
from broker.errors import BadRequestData, BrokerError, InvalidRequest

REL = b'rel="http://www.w3.org/ns/json-ld#context"'
TYPE = b'type="application/ld+json"'
URL = "https://example.org/context.jsonld"
LINK = b"<https://example.org/context.jsonld>; " + REL


@pytest.mark.parametrize(
    "header",
    [
        LINK + b"; " + TYPE,
        LINK,
        b"<https://example.org/context.jsonld>;" + REL + b";" + TYPE,
        b"<https://example.org/context.jsonld> ; " + TYPE + b' ; rel = "http://www.w3.org/ns/json-ld#context"',
        b"<https://example.org/context.jsonld>; rel=http://www.w3.org/ns/json-ld#context",
        b'<https://example.org/context.jsonld>; REL="alternate http://www.w3.org/ns/json-ld#context"',
        b"<https://example.org/other>; rel=next, " + LINK,
        LINK + b', <https://example.org/other>; rel="next"; title="a, b; c"',
        b", ," + LINK + b",",
        LINK + b'; title="with \\" and >"',
        LINK + b"; type=application/ld+json",
        LINK + b'; type="application/ld+json;profile=x"',
        LINK + b"; crossorigin",
        LINK + b"; rel=next",  # the first rel counts
    ],
)
def test_the_context_is_the_link_with_its_relation(header: bytes) -> None:
    assert context_url(header) == URL


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"   ",
        b"<https://example.org/next>; rel=next",
        b"<https://example.org/context.jsonld>",
        b"<https://example.org/context.jsonld>; rel=next; " + REL,
        LINK + b'; type="text/html"',
        LINK + b'; anchor="https://example.org/else"',
    ],
)
def test_other_links_name_no_context(header: bytes) -> None:
    assert context_url(header) is None


@pytest.mark.parametrize(
    ("header", "error"),
    [
        (LINK + b", " + LINK.replace(b"context.jsonld", b"other.jsonld"), BadRequestData),
        (b"<context.jsonld>; " + REL, BadRequestData),
        (b"<ftp://example.org/context.jsonld>; " + REL, BadRequestData),
        (b"<>; " + REL, BadRequestData),
        (b"<https://>; " + REL, BadRequestData),
        (b"https://example.org/context.jsonld; " + REL, InvalidRequest),
        (b"<https://example.org/context.jsonld", InvalidRequest),
        (LINK + b' title="x"', InvalidRequest),
        (LINK + b'; title="x', InvalidRequest),
        (b"\xff\xfe", InvalidRequest),
        (b"<" + b"x" * MAX_LENGTH + b">", InvalidRequest),
    ],
)
def test_what_names_no_single_absolute_context_is_refused(header: bytes, error: type[BrokerError]) -> None:
    with pytest.raises(error, match="Link"):
        context_url(header)


@pytest.mark.parametrize(
    "header",
    [
        b"<a>;" * 2000,
        b"<a>; a=" * 1100,
        b'<a>; a="' + b"\\" * 8000,
        b" " * 8000 + b"x",
        b"<a>" + b" " * 8000 + b"x",
        b"<a>;" + b" ;" * 4000,
        b"<a>," * 2040 + b"x",
        b"<" * 8000,
    ],
)
def test_no_header_takes_long_to_read(header: bytes) -> None:
    started = time.perf_counter()
    with suppress(BrokerError):
        context_url(header)
    assert time.perf_counter() - started < 0.2
