"""Answers as values, and the header lines that they share."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, TypeAlias
from urllib.parse import quote

import orjson

from broker.jsonld.links import context_link
from broker.names import COUNT_HEADER, GEO_JSON, JSON, JSON_LD

HeaderLine: TypeAlias = tuple[bytes, bytes]

CONTENT_TYPE: Final[Mapping[str, HeaderLine]] = {
    media: (b"content-type", media.encode()) for media in (JSON, JSON_LD, GEO_JSON)
}
_EMPTY: Final[HeaderLine] = (b"content-length", b"0")

_SEGMENT_SAFE: Final = ":@!$&'()*+,;=-._~"


class Response:
    """What is sent: status, header lines, body. Content-Length is among the lines wherever there may be a body."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: list[HeaderLine], body: bytes = b"") -> None:
        self.status = status
        self.headers = headers
        self.body = body


def content(status: int, content_type: HeaderLine, body: bytes) -> Response:
    """An answer with a body of any type."""
    return Response(status, [content_type, (b"content-length", b"%d" % len(body))], body)


def json(status: int, document: Any) -> Response:
    """A JSON answer that has no @context: errors, 207, probes."""
    return content(status, CONTENT_TYPE[JSON], orjson.dumps(document))


def bare(status: int, *headers: HeaderLine) -> Response:
    """An answer without a body. A 204 has no Content-Length (GS CIM 009 §6.3.2, RFC 9110 §8.6)."""
    return Response(status, [*headers] if status == 204 else [_EMPTY, *headers])


def created(location: str) -> Response:
    """201 for a new resource (GS CIM 009 §6.3.2)."""
    return bare(201, (b"location", location.encode("ascii")))


def segment(text: str) -> str:
    """`text` as one segment of a path: a slash in it is escaped, a colon is not."""
    return quote(text, safe=_SEGMENT_SAFE)


def count_line(total: int) -> HeaderLine:
    """The number of all matches (GS CIM 009 §6.3.13)."""
    return (COUNT_HEADER.lower().encode(), b"%d" % total)


@lru_cache(maxsize=1024)
def context_line(url: str) -> HeaderLine:
    """The Link header that names the @context of a JSON answer (GS CIM 009 §6.3.6)."""
    return (b"link", context_link(url).encode("ascii"))
