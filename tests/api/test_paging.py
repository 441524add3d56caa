"""Pages: GS CIM 009 §5.5.9, §6.3.10, §6.3.13."""

import pytest

from broker.api import parameters
from broker.api.paging import page_lines, page_of
from broker.api.parameters import AFTER, BEFORE, COUNT, LIMIT, OFFSET, TYPE, position_text
from broker.api.requests import Request
from broker.errors import BrokerError, InvalidRequest, TooManyResults
from broker.names import JSON
from broker.settings import load

SETTINGS = load(default_limit=20, max_limit=100, max_offset=1000)
KNOWN = {each.name: each for each in (TYPE, LIMIT, OFFSET, AFTER, BEFORE, COUNT)}


def request(query: bytes) -> Request:
    return Request(b"/v1/entities", {}, query, parameters.read(query, KNOWN, "Query Entities"), {}, JSON, False)


@pytest.mark.parametrize(
    ("query", "limit", "offset", "count"),
    [
        (b"", 20, 0, False),
        (b"limit=5&offset=7", 5, 7, False),
        (b"limit=0&count=true", 0, 0, True),
        (b"limit=100&offset=1000&count=false", 100, 1000, False),
    ],
)
def test_a_page_has_the_size_and_place_that_is_asked_for(query: bytes, limit: int, offset: int, count: bool) -> None:
    page = page_of(request(query), SETTINGS)
    assert (page.limit, page.offset, page.count) == (limit, offset, count)


@pytest.mark.parametrize(
    ("query", "error"),
    [
        (b"limit=0", InvalidRequest),
        (b"limit=0&count=false", InvalidRequest),
        (b"limit=101", TooManyResults),
        (b"offset=1001", TooManyResults),
    ],
)
def test_a_page_beyond_the_limits_is_refused(query: bytes, error: type[BrokerError]) -> None:
    with pytest.raises(error, match=r"limit|offset"):
        page_of(request(query), SETTINGS)


IDS = [f"urn:x:{number}" for number in range(1000)]
P = {number: position_text(f"urn:x:{number}") for number in range(30)}


def links(query: bytes, found: int, *, ordered: bool = False) -> dict[str, str]:
    asked = request(query)
    lines = page_lines(asked, page_of(asked, SETTINGS), IDS[:found], None, ordered=ordered)
    texts = [value.decode() for name, value in lines if name == b"link"]
    return {text.partition('rel="')[2].partition('"')[0]: text.partition(">")[0][1:] for text in texts}


@pytest.mark.parametrize(
    ("query", "found", "expected"),
    [
        (b"type=A&limit=2", 2, {}),
        (b"type=A&limit=2", 3, {"next": f"/v1/entities?type=A&limit=2&after={P[1]}"}),
        (b"type=A&limit=2&offset=2", 1, {"prev": "/v1/entities?type=A&limit=2&offset=0"}),
        (
            b"offset=3&type=A%3BB&limit=2",
            3,
            {
                "next": f"/v1/entities?type=A%3BB&limit=2&after={P[1]}",
                "prev": "/v1/entities?type=A%3BB&limit=2&offset=1",
            },
        ),
        (
            b"type=A&limit=2&after=dXJuOng6MA",
            3,
            {
                "next": f"/v1/entities?type=A&limit=2&after={P[1]}",
                "prev": f"/v1/entities?type=A&limit=2&before={P[0]}",
            },
        ),
        (b"type=A&limit=2&after=dXJuOng6MA", 2, {"prev": f"/v1/entities?type=A&limit=2&before={P[0]}"}),
        (
            b"type=A&limit=2&before=dXJuOng6MA",
            3,
            {
                "next": f"/v1/entities?type=A&limit=2&after={P[2]}",
                "prev": f"/v1/entities?type=A&limit=2&before={P[1]}",
            },
        ),
        (b"type=A&limit=2&before=dXJuOng6MA", 2, {"next": f"/v1/entities?type=A&limit=2&after={P[1]}"}),
        (b"type=A", 21, {"next": f"/v1/entities?type=A&limit=20&after={P[19]}"}),
        (b"type=A&limit=0&count=true&offset=4", 0, {}),
    ],
)
def test_links_lead_to_the_neighbours_and_keep_the_query(query: bytes, found: int, expected: dict[str, str]) -> None:
    assert links(query, found) == expected


@pytest.mark.parametrize(
    ("query", "found", "expected"),
    [
        (b"type=A&limit=2", 3, {"next": "/v1/entities?type=A&limit=2&offset=2"}),
        (
            b"type=A&limit=2&offset=3",
            3,
            {"next": "/v1/entities?type=A&limit=2&offset=5", "prev": "/v1/entities?type=A&limit=2&offset=1"},
        ),
    ],
)
def test_links_of_another_order_have_offsets(query: bytes, found: int, expected: dict[str, str]) -> None:
    assert links(query, found, ordered=True) == expected


@pytest.mark.parametrize("query", [b"after=dXJuOng6MA&offset=1", b"after=dXJuOng6MA&before=dXJuOng6MA"])
def test_positions_exclude_each_other(query: bytes) -> None:
    with pytest.raises(InvalidRequest, match="exclude each other"):
        page_of(request(query), SETTINGS)


@pytest.mark.parametrize("query", [b"after=x", b"after=%ff", b"before=bm90IGEgdXJp", b"after="])
def test_a_position_is_what_a_link_said(query: bytes) -> None:
    with pytest.raises(InvalidRequest):
        request(query)


def test_a_link_says_what_it_leads_to() -> None:
    asked = request(b"type=A&limit=1")
    (line,) = page_lines(asked, page_of(asked, SETTINGS), IDS[:2], None)
    assert line[1].decode().endswith('; rel="next"; type="application/json"')


def test_nothing_in_a_query_ends_a_link() -> None:
    assert links(b'type="><%22&limit=1', 2) == {"next": "/v1/entities?type=%22%3E%3C%22&limit=1&after=" + P[0]}


def test_the_count_is_a_header() -> None:
    asked = request(b"count=true&limit=1")
    assert next(iter(page_lines(asked, page_of(asked, SETTINGS), IDS[:2], 7))) == (b"ngsild-results-count", b"7")
