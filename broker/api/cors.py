"""Web pages of other origins: which may read answers, and what they may ask (Fetch standard, CORS protocol).

The broker sets no cookies and asks for no credentials, so it never allows them.
"""

from collections.abc import Sequence
from typing import Final

from broker.api.requests import Headers
from broker.api.responses import HeaderLine, Response
from broker.names import (
    COUNT_HEADER,
    COUNT_LIMITED_HEADER,
    ENTITY_MAP_HEADER,
    LAST_EVENT_HEADER,
    TENANT_HEADER,
    WARNING_HEADER,
)

ANY: Final = "*"
EXPOSED: Final = (
    *("Location", "Link", "Allow", "Content-Range", "Retry-After", "Preference-Applied", "X-Request-Id"),
    *(COUNT_HEADER, COUNT_LIMITED_HEADER, TENANT_HEADER, WARNING_HEADER, ENTITY_MAP_HEADER, "NGSILD-Snapshot"),
)
"""Headers of answers that a page may read, besides those that every page may."""
TAKEN: Final = (
    *("Accept", "Authorization", "Content-Type", "Link", "Prefer", "Via", "X-Request-Id", "traceparent"),
    *(TENANT_HEADER, ENTITY_MAP_HEADER, "NGSILD-Snapshot", LAST_EVENT_HEADER),
)
"""Headers of requests that a page may set."""
MAX_AGE: Final = 7200
"""Seconds that a browser may remember what it may ask: none keeps it for longer."""

_VARY: Final[HeaderLine] = (b"vary", b"Origin")


class Cors:
    """What answers say to pages of these origins."""

    def __init__(self, origins: Sequence[str]) -> None:
        self._any = ANY in origins
        self._origins = frozenset(origin.encode("ascii") for origin in origins)
        self._exposed = (b"access-control-expose-headers", ", ".join(EXPOSED).encode("ascii"))
        self._taken = (b"access-control-allow-headers", ", ".join(TAKEN).encode("ascii"))

    def tell(self, response: Response, method: str, headers: Headers) -> None:
        """Add to an answer what a browser asks of it."""
        lines = response.headers
        if not self._any:
            lines.append(_VARY)
        origin = headers.get(b"origin")
        if origin is None or not (self._any or origin in self._origins):
            return
        lines.append((b"access-control-allow-origin", b"*" if self._any else origin))
        if method == "OPTIONS" and b"access-control-request-method" in headers:
            allowed = next((value for name, value in lines if name == b"allow"), b"")
            lines += [
                (b"access-control-allow-methods", allowed),
                self._taken,
                (b"access-control-max-age", b"%d" % MAX_AGE),
            ]
        else:
            lines.append(self._exposed)
