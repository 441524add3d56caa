"""What browsers ask on behalf of pages of other origins: the Fetch standard's CORS protocol, RFC 9110 §12.5.5."""

import pytest

from broker.api import responses
from broker.api.middleware import Border
from broker.api.operation import Body
from broker.api.requests import Request
from broker.api.responses import Response
from broker.api.services import Services
from broker.errors import StartError
from broker.settings import load
from tests.api.border import ask, border_of, operation

CITY = b"https://city.example"
OTHER = b"https://other.example:8443"


async def fine(_request: Request, _services: Services) -> Response:
    return responses.json(200, {})


OPERATIONS = (operation("things", "GET", fine), operation("things", "POST", fine, Body("Entity")))


def serving(origins: str) -> Border:
    return border_of(OPERATIONS, cors_origins=origins)


def preflight(origin: bytes, method: bytes = b"POST") -> dict[bytes, bytes]:
    return {
        b"origin": origin,
        b"accept": b"*/*",
        b"access-control-request-method": method,
        b"access-control-request-headers": b"content-type,ngsild-tenant",
    }


def words(line: bytes) -> set[str]:
    return {word.strip().lower() for word in line.decode().split(",")}


def allowed(headers: dict[bytes, bytes]) -> bytes | None:
    return headers.get(b"access-control-allow-origin")


async def test_by_default_no_page_of_another_origin_is_served() -> None:
    border = border_of(OPERATIONS)
    for method, headers in (("GET", {b"origin": CITY}), ("OPTIONS", preflight(CITY))):
        answer = await ask(border, method, "/things", headers)
        assert not any(name.startswith(b"access-control-") for name in answer.headers)
        assert b"vary" not in answer.headers


@pytest.mark.parametrize("origin", [CITY, OTHER])
async def test_a_page_of_an_origin_that_is_named_may_read_answers(origin: bytes) -> None:
    answer = await ask(serving(f"{CITY.decode()}, {OTHER.decode()}"), "GET", "/things", {b"origin": origin})
    assert (answer.status, allowed(answer.headers)) == (200, origin)
    assert answer.headers[b"vary"] == b"Origin"
    exposed = words(answer.headers[b"access-control-expose-headers"])
    assert {"location", "link", "ngsild-results-count", "ngsild-tenant", "ngsild-warning"} <= exposed
    assert b"access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("origin", [b"https://city.example.evil", b"http://city.example", b"null", b"*", b""])
async def test_a_page_of_another_origin_may_not(origin: bytes) -> None:
    border = serving(CITY.decode())
    for method, headers in (("GET", {b"origin": origin}), ("OPTIONS", preflight(origin))):
        answer = await ask(border, method, "/things", headers)
        assert not any(name.startswith(b"access-control-") for name in answer.headers)
        assert answer.headers[b"vary"] == b"Origin"


async def test_what_is_no_pages_request_varies_too() -> None:
    answer = await ask(serving(CITY.decode()), "GET", "/things")
    assert (answer.headers[b"vary"], allowed(answer.headers)) == (b"Origin", None)


async def test_all_origins_may_be_served() -> None:
    answer = await ask(serving("*"), "GET", "/things", {b"origin": OTHER})
    assert allowed(answer.headers) == b"*"
    assert b"vary" not in answer.headers


async def test_errors_can_be_read_too() -> None:
    answer = await ask(serving("*"), "GET", "/nowhere", {b"origin": CITY})
    assert (answer.status, allowed(answer.headers)) == (404, b"*")


@pytest.mark.parametrize("path", ["/things", "/things?type=Vehicle&limit=5", "/things/?%zz"])
async def test_a_preflight_tells_methods_and_headers(path: str) -> None:
    answer = await ask(serving(CITY.decode()), "OPTIONS", path, preflight(CITY))
    assert (answer.status, allowed(answer.headers)) == (204, CITY)
    assert words(answer.headers[b"access-control-allow-methods"]) == {"get", "head", "options", "post"}
    taken = words(answer.headers[b"access-control-allow-headers"])
    assert {"content-type", "link", "ngsild-tenant", "prefer", "authorization"} <= taken
    assert int(answer.headers[b"access-control-max-age"]) > 0


async def test_a_preflight_for_what_is_not_there_is_404() -> None:
    assert (await ask(serving("*"), "OPTIONS", "/nowhere", preflight(CITY))).status == 404


async def test_options_by_itself_is_no_preflight() -> None:
    answer = await ask(serving("*"), "OPTIONS", "/things", {b"origin": CITY, b"accept": b"text/html"})
    assert (answer.status, answer.headers[b"allow"]) == (204, b"GET, HEAD, OPTIONS, POST")
    assert b"access-control-allow-methods" not in answer.headers


@pytest.mark.parametrize(
    "origins", ["city.example", "https://city.example/", "https://city.example/app", "HTTPS://city.example", "null"]
)
def test_what_is_no_origin_is_refused_at_the_start(origins: str) -> None:
    with pytest.raises(StartError, match=r"NGSILD_CORS_ORIGINS: .* is no origin"):
        load(cors_origins=origins)
