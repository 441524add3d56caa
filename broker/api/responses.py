"""Answers as values, and the header lines that they share."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, Protocol, TypeAlias
from urllib.parse import quote

import orjson

from broker.call import MISCELLANEOUS, Caution
from broker.jsonld.links import context_link
from broker.names import COUNT_HEADER, COUNT_LIMITED_HEADER, GEO_JSON, JSON, JSON_LD, WARNING_HEADER

HeaderLine: TypeAlias = tuple[bytes, bytes]

CONTENT_TYPE: Final[Mapping[str, HeaderLine]] = {
    media: (b"content-type", media.encode()) for media in (JSON, JSON_LD, GEO_JSON)
}
MAX_WARNINGS: Final = 10
"""Warnings of one answer: a batch may have thousands, and clients refuse heads that are too large."""
MAX_WARNING: Final = 400
"""Characters of one."""
WARN_AGENT: Final = "ngsild-broker"
_EMPTY: Final[HeaderLine] = (b"content-length", b"0")

_SEGMENT_SAFE: Final = ":@!$&'()*+,;=-._~"


class Stream(Protocol):
    """Parts of a body, in their order; closed in any case."""

    async def __anext__(self) -> bytes: ...

    async def aclose(self) -> None: ...


class Response:
    """What is sent: status, header lines, body. Content-Length is among the lines wherever there may be a body.

    A body that is too large to hold comes as `stream`, after `body`; then there is no Content-Length.
    """

    __slots__ = ("body", "headers", "lasting", "status", "stream")

    def __init__(self, status: int, headers: list[HeaderLine], body: bytes = b"") -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.stream: Stream | None = None
        self.lasting = False
        """Its stream goes on for as long as its client stays: it is sent part by part, never in gzip."""


def content(status: int, content_type: HeaderLine, body: bytes) -> Response:
    """An answer with a body of any type."""
    return Response(status, [content_type, (b"content-length", b"%d" % len(body))], body)


def streamed(status: int, content_type: HeaderLine, stream: Stream) -> Response:
    """An answer whose body is made while it is sent."""
    response = Response(status, [content_type])
    response.stream = stream
    return response


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


def count_lines(total: int, limit: int | None) -> list[HeaderLine]:
    """The number of all matches (GS CIM 009 §6.3.13); or the limit beyond which nobody counted, marked as such."""
    if limit is None or total <= limit:
        return [(COUNT_HEADER.lower().encode(), b"%d" % total)]
    return [(COUNT_HEADER.lower().encode(), b"%d" % limit), (COUNT_LIMITED_HEADER.lower().encode(), b"true")]


def warning_lines(cautions: Sequence[Caution]) -> list[HeaderLine]:
    """An NGSILD-Warning for each, in the form of RFC 7234 §5.5; of many the first ones, and how many more there are."""
    shown = [*cautions[:MAX_WARNINGS]]
    if len(cautions) > MAX_WARNINGS:
        shown.append(Caution(MISCELLANEOUS, f"{len(cautions) - MAX_WARNINGS} more warnings"))
    return [(WARNING_HEADER.lower().encode(), _warning(caution)) for caution in shown]


def _warning(caution: Caution) -> bytes:
    """What no header line may hold, and what would end the text, is replaced: it comes from clients."""
    text = caution.text if len(caution.text) <= MAX_WARNING else f"{caution.text[: MAX_WARNING - 1]}…"
    plain = "".join(each if each.isprintable() and each not in '"\\' else "'" for each in text)
    return f'{caution.code} {WARN_AGENT} "{plain}"'.encode("ascii", "replace")


@lru_cache(maxsize=1024)
def context_line(url: str) -> HeaderLine:
    """The Link header that names the @context of a JSON answer (GS CIM 009 §6.3.6)."""
    return (b"link", context_link(url).encode("ascii"))
