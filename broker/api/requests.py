"""A request as values: headers, parameters, body, @context, in the terms of the use cases."""

import re
from functools import lru_cache
from typing import Any, TypeAlias, TypeVar

import orjson
from starlette.types import Receive

from broker.api.links import context_url
from broker.api.negotiation import content_media
from broker.api.parameters import Parameter
from broker.api.problems import ContentTooLarge, LengthRequired, UnsupportedContentCoding, UnsupportedMediaType
from broker.call import Call
from broker.errors import BadRequestData, InvalidRequest
from broker.names import JSON_LD, TENANT_HEADER

Headers: TypeAlias = dict[bytes, bytes]
T = TypeVar("T")

_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_UNBRACED = bytes(set(range(256)) - set(b"[]{}"))
_BRACES = bytes.maketrans(b"[]", b"{}")


class ClientGone(Exception):
    """The client closed the connection before the request was whole; there is nobody to answer."""


class Request:
    """One request, read. `payload` is the JSON body without its @context, None if the operation takes none."""

    __slots__ = ("call", "context_in_body", "headers", "media", "path", "payload", "query", "size", "target", "values")

    def __init__(
        self,
        target: bytes,
        path: dict[str, str],
        query: bytes,
        values: dict[str, Any],
        headers: Headers,
        media: str,
        context_in_body: bool,
    ) -> None:
        self.target = target
        """The path as it came, still escaped."""
        self.path = path
        """Path variables, decoded."""
        self.query = query
        self.values = values
        self.headers = headers
        self.media = media
        """Media type that the answer shall have."""
        self.context_in_body = context_in_body
        """The body is JSON-LD: whatever it holds brings its own @context."""
        self.call: Call
        """On whose behalf, in which vocabulary; of NGSI-LD operations only."""
        self.payload: Any = None
        self.size = 0
        """Of the body, in bytes."""

    def get(self, parameter: Parameter[T]) -> T | None:
        """The value of a query parameter, None if it is absent."""
        value: T | None = self.values.get(parameter.name)
        return value


def headers_of(lines: list[tuple[bytes, bytes]]) -> Headers:
    """Header lines by lower-case name; lines of one name are joined by commas (RFC 9110 §5.3)."""
    headers = dict(lines)
    if len(headers) != len(lines):
        headers = {}
        for name, value in lines:
            headers[name] = headers[name] + b", " + value if name in headers else value
    return headers


@lru_cache(maxsize=1024)
def tenant_of(header: bytes) -> str:
    """The tenant that the header names. Raises BadRequestData if that is no name (GS CIM 009 §6.3.14)."""
    tenant = header.decode("latin-1")
    if not _TENANT.fullmatch(tenant):
        raise BadRequestData(
            f"Header {TENANT_HEADER}: a tenant is a letter or digit, then up to 62 letters, digits, '_', '-' or '.'."
        )
    return tenant


def check_body_headers(headers: Headers, taken: tuple[str, ...], limit: int) -> str:
    """The media type of the body, if it can be read at all. Raises a bare status: 411, 413, 415 (GS CIM 009 §6.3.4)."""
    length = headers.get(b"content-length")
    if length is None or not length.isdigit():
        raise LengthRequired
    if len(length) > 15 or int(length) > limit:
        raise ContentTooLarge
    media = content_media(headers.get(b"content-type"))
    if media not in taken:
        raise UnsupportedMediaType
    if b"content-encoding" in headers and headers[b"content-encoding"].lower() != b"identity":
        raise UnsupportedContentCoding
    return media


async def read_json(receive: Receive, limit: int, max_depth: int) -> tuple[Any, int]:
    """The body, decoded, and its size in bytes. Of equal names in an object the last counts.

    Raises InvalidRequest if it is no JSON or nests too deeply, ContentTooLarge, ClientGone.
    """
    body = await _read(receive, limit)
    if not body:
        raise InvalidRequest("The body is empty; JSON was expected.")
    try:
        payload = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(
            f"The body is no JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        ) from None
    check_depth(body, payload, max_depth)
    return payload, len(body)


async def _read(receive: Receive, limit: int) -> bytes:
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        body: bytes = message.get("body", b"")
        return body
    chunks = []
    size = 0
    while message["type"] == "http.request":
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise ContentTooLarge
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)
        message = await receive()
    raise ClientGone


def check_depth(body: bytes, payload: Any, max_depth: int) -> None:
    """Raise InvalidRequest if objects and arrays nest deeper than `max_depth`.

    Few brackets can't. Then the brackets of the text are peeled off, level by level, at the speed of `bytes.replace`;
    only a text whose strings hold brackets, too, is walked.
    """
    if body.count(b"{") + body.count(b"[") <= max_depth:
        return
    brackets = body.translate(_BRACES, _UNBRACED)
    for _ in range(max_depth):
        brackets = brackets.replace(b"{}", b"")
        if not brackets:
            return
    level = [payload] if isinstance(payload, dict | list) else []
    for _ in range(max_depth):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
    if level:
        raise InvalidRequest(f"The body nests deeper than {max_depth} levels.")


def link_context(headers: Headers) -> str | None:
    """The URL of the @context in the Link header. Raises InvalidRequest, BadRequestData."""
    header = headers.get(b"link")
    return None if header is None else context_url(header)


def split_context(payload: Any, in_body: bool, link: str | None) -> tuple[Any, Any]:
    """The payload without its @context, and the source of the @context that holds for it, None for the default one.

    Raises BadRequestData for a context in the wrong place (GS CIM 009 §6.3.5).
    """
    given = isinstance(payload, dict) and "@context" in payload
    if not in_body:
        if given:
            raise BadRequestData("Member @context: a body of type application/json has none; name it in a Link header.")
        return payload, link
    if not isinstance(payload, dict):
        if not payload:
            raise InvalidRequest(f"The body is empty; an object of type {JSON_LD} was expected.")
        raise BadRequestData(f"The body is of type {JSON_LD} and no JSON object.")
    source = payload.pop("@context", None)
    if source is None:
        raise BadRequestData(f"Member @context: a body of type {JSON_LD} needs one.")
    return payload, source


def refuse_link_beside_body(link: str | None) -> None:
    """Raise BadRequestData: the @context of a JSON-LD body is in the body alone (GS CIM 009 §6.3.5)."""
    if link is not None:
        raise BadRequestData(f"Header Link: a body of type {JSON_LD} brings its own @context.")
