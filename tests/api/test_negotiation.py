"""Accept and Content-Type: GS CIM 009 §6.3.4, RFC 9110 §5.3.2, §12.4.2, §12.5.1."""

import pytest

from broker.api.negotiation import accepted, content_media
from broker.names import GEO_JSON, JSON, JSON_LD

ALL = (JSON, JSON_LD, GEO_JSON)
"""In the standard's order of preference."""


@pytest.mark.parametrize(
    ("accept", "offered", "chosen"),
    [
        (None, ALL, JSON),
        (b"", ALL, JSON),
        (b",", ALL, JSON),
        (b"*/*", ALL, JSON),
        (b"application/*", ALL, JSON),
        (b"application/ld+json", ALL, JSON_LD),
        (b"APPLICATION/LD+JSON", ALL, JSON_LD),
        # equal weights: the standard's order, not the client's
        (b"application/ld+json, application/json", ALL, JSON),
        (b"application/geo+json, application/ld+json", ALL, JSON_LD),
        # weights decide
        (b"application/json;q=0.1, application/ld+json;q=0.9", ALL, JSON_LD),
        (b"application/json ; q=0.5 , application/geo+json ; q=0.501", ALL, GEO_JSON),
        (b"*/*;q=0.9, application/ld+json;q=0.8", ALL, JSON),
        # the most specific range gives a type its weight
        (b"application/json;q=0, */*", ALL, JSON_LD),
        (b"application/*;q=0, */*;q=1", ALL, None),
        (b"application/json;q=0.2, application/*;q=0.3, */*;q=0.9", ALL, JSON_LD),
        (b"text/*, application/ld+json;q=0.1", ALL, JSON_LD),
        # zero is "not acceptable"
        (b"application/json;q=0", ALL, None),
        (b"*/*;q=0.000", ALL, None),
        # what can't be read as a weight counts as 1
        (b"application/ld+json;q=notanumber", ALL, JSON_LD),
        (b"application/ld+json;q=-1", ALL, JSON_LD),
        (b"application/ld+json;q=1.5, application/json;q=0.9", ALL, JSON_LD),
        (b"application/ld+json;q=nan", ALL, JSON_LD),
        # other parameters don't matter
        (b'application/ld+json;profile="http://www.w3.org/ns/json-ld#compacted"', ALL, JSON_LD),
        (b"application/json;charset=utf-8", ALL, JSON),
        # only what is offered
        (b"application/geo+json", (JSON, JSON_LD), None),
        (b"application/geo+json, application/json", (JSON, JSON_LD), JSON),
        (b"application/geo+json;q=0.9, application/ld+json;q=0.1", (JSON, JSON_LD), JSON_LD),
        (b"application/xml", ALL, None),
        (b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", ALL, JSON),
        (b"\xff\xfe;;;=,,/;q", ALL, None),
    ],
)
def test_the_answer_is_of_the_type_that_weighs_most(
    accept: bytes | None, offered: tuple[str, ...], chosen: str | None
) -> None:
    assert accepted(accept, offered) == chosen


def test_a_long_header_is_read_as_a_short_one() -> None:
    accept = b"text/plain;q=0.1, " * 1000 + b"application/ld+json"
    assert accepted(accept, ALL) == JSON_LD


@pytest.mark.parametrize(
    ("content_type", "media"),
    [
        (None, None),
        (b"application/json", JSON),
        (b"Application/JSON", JSON),
        (b"application/json; charset=utf-8", JSON),
        (b'application/ld+json;charset="UTF-8"', JSON_LD),
        (b"application/json; charset=iso-8859-1", None),
        (b"", ""),
        (b"text/plain", "text/plain"),
        (b"application/json, application/json", "application/json, application/json"),
        (b"x" * 5000, None),
    ],
)
def test_a_body_has_one_media_type_in_utf_8(content_type: bytes | None, media: str | None) -> None:
    assert content_media(content_type) == media
