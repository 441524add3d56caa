"""Answers in gzip, and requests that may not be: RFC 9110 §8.4, §12.5.3, §15.5.16."""

import gzip
import json

import httpx2
import pytest

from broker.api import compression, responses
from broker.api.compression import takes_gzip
from broker.api.middleware import Border
from broker.api.requests import Request
from broker.api.responses import Response
from broker.api.services import Services
from tests.api.border import ask, border_of, operation
from tests.api.test_entities import create

ACCEPTS = {b"accept-encoding": b"gzip, deflate, br"}
SMALL, LARGE, HUGE = 1000, 1100, compression.IN_PLACE + 1


@pytest.mark.parametrize(
    ("header", "taken"),
    [
        (b"gzip", True),
        (b"GZIP;q=0.5", True),
        (b"deflate, gzip;q=1.0, *;q=0.5", True),
        (b"*", True),
        (b"x-gzip", True),
        (b"gzip;q=0", False),
        (b"*;q=0", False),
        (b"*, gzip;q=0", False),
        (b"br", False),
        (b"identity", False),
        (b"identity, gzip;q=0.5", False),
        (b"gzip;q=0.5, identity;q=0.1", True),
        (b"", False),
        (b"gzip" + b",br" * 500, True),
    ],
)
def test_accepts_gzip(header: bytes, taken: bool) -> None:
    assert takes_gzip(header) is taken


def body_of(size: int) -> bytes:
    return json.dumps("x" * (size - 2)).encode()


def serving(size: int, **settings: object) -> Border:
    async def answer(_request: Request, _services: Services) -> Response:
        return responses.content(200, (b"content-type", b"application/json"), body_of(size))

    return border_of([operation("thing", "GET", answer)], **settings)


@pytest.mark.parametrize("size", [LARGE, HUGE])
async def test_a_large_answer_is_compressed_for_who_accepts_it(size: int) -> None:
    answer = await ask(serving(size), "GET", "/thing", ACCEPTS)
    assert (answer.headers[b"content-encoding"], answer.headers[b"vary"]) == (b"gzip", b"Accept-Encoding")
    assert answer.headers[b"content-length"] == b"%d" % len(answer.body)
    assert answer.headers[b"content-type"] == b"application/json"
    assert len(answer.body) < size / 10
    assert gzip.decompress(answer.body) == body_of(size)


async def test_others_get_it_as_it_is_and_caches_know() -> None:
    answer = await ask(serving(LARGE), "GET", "/thing")
    assert (answer.body, answer.headers[b"vary"]) == (body_of(LARGE), b"Accept-Encoding")
    assert b"content-encoding" not in answer.headers


async def test_a_small_answer_is_never_compressed() -> None:
    answer = await ask(serving(SMALL), "GET", "/thing", ACCEPTS)
    assert answer.body == body_of(SMALL)
    assert b"vary" not in answer.headers


async def test_the_size_is_a_setting() -> None:
    assert b"content-encoding" in (await ask(serving(SMALL, gzip_min_size=10), "GET", "/thing", ACCEPTS)).headers
    assert b"content-encoding" not in (await ask(serving(HUGE, gzip_min_size=0), "GET", "/thing", ACCEPTS)).headers


async def test_head_tells_what_get_tells() -> None:
    border = serving(LARGE)
    get, head = await ask(border, "GET", "/thing", ACCEPTS), await ask(border, "HEAD", "/thing", ACCEPTS)
    assert head.body == b""
    assert {**head.headers, b"x-request-id": b""} == {**get.headers, b"x-request-id": b""}


@pytest.mark.http
def test_a_page_of_entities_comes_compressed(api: httpx2.Client, new_id: str) -> None:
    create(api, new_id, note="x" * 5000)
    with api.stream("GET", f"/entities?type=Vehicle&id={new_id}", headers={"Accept-Encoding": "gzip"}) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == "gzip"
    assert json.loads(gzip.decompress(raw))[0]["note"]["value"] == "x" * 5000


@pytest.mark.http
@pytest.mark.parametrize("coding", ["gzip", "GZIP", "br", "identity, gzip"])
def test_a_compressed_request_is_refused(api: httpx2.Client, coding: str) -> None:
    body = gzip.compress(b'{"id": "urn:x:1", "type": "T"}')
    answer = api.post("/entities", content=body, headers={"Content-Encoding": coding})
    assert (answer.status_code, answer.content) == (415, b"")
    assert answer.headers["accept-encoding"] == "identity"


@pytest.mark.http
def test_an_identical_coding_is_none(api: httpx2.Client, new_id: str) -> None:
    body = {"id": new_id, "type": "T"}
    assert api.post("/entities", json=body, headers={"Content-Encoding": "identity"}).status_code == 201
