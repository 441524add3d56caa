"""Whatever went wrong, as an answer: problem documents (GS CIM 009 §6.3.2, RFC 7807) and bare statuses.

BareStatus                       no body, or a list
├── Unauthorized           401   with WWW-Authenticate
├── MethodNotAllowed       405   with Allow
├── NotAcceptable          406   the body lists what is available
├── BodyOverdue            408   and the connection is closed
├── LengthRequired         411
├── ContentTooLarge        413
└── UnsupportedMediaType   415
    └── UnsupportedContentCoding  with Accept-Encoding
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Final

import orjson

from broker.api.responses import CONTENT_TYPE, Response, bare, content, json
from broker.errors import BrokerError, DataModelViolated, InternalError, StoreUnavailable, Unavailable
from broker.names import JSON


class BareStatus(Exception):
    """A refusal that HTTP itself defines; the standard gives it no problem type."""

    status: ClassVar[int]

    def response(self) -> Response:
        """The answer."""
        return bare(self.status)


class Unauthorized(BareStatus):
    """The operation is the operator's, and the request does not show that it comes from one (RFC 6750 §3)."""

    status = 401

    def response(self) -> Response:
        """The answer, with the way to authenticate."""
        answer = json(
            self.status,
            {
                "type": "about:blank",
                "title": "Unauthorized",
                "detail": "Send the header Authorization: Bearer, and the broker's NGSILD_ADMIN_TOKEN.",
                "status": self.status,
            },
        )
        answer.headers.append((b"www-authenticate", b'Bearer realm="admin"'))
        return answer


class MethodNotAllowed(BareStatus):
    """The resource exists, and does not take this method."""

    status = 405

    def __init__(self, allow: str) -> None:
        super().__init__(allow)
        self.allow = allow

    def response(self) -> Response:
        """The answer, with the methods that the resource takes."""
        return bare(self.status, (b"allow", self.allow.encode()))


class NotAcceptable(BareStatus):
    """The operation has no representation that the request accepts."""

    status = 406

    def __init__(self, available: Sequence[str]) -> None:
        super().__init__(*available)
        self.available = available

    def response(self) -> Response:
        """The answer, with the media types that there are (GS CIM 009 §6.3.4)."""
        return json(
            self.status,
            {
                "type": "about:blank",
                "title": "Not acceptable",
                "detail": f"The answer is available as {', '.join(self.available)}.",
                "status": self.status,
                "available": list(self.available),
            },
        )


class BodyOverdue(BareStatus):
    """The body did not come in time."""

    status = 408

    def response(self) -> Response:
        """The answer; the rest of the body is not waited for."""
        return bare(self.status, (b"connection", b"close"))


class LengthRequired(BareStatus):
    """A body came without Content-Length; chunks are no exception (GS CIM 009 §6.3.4)."""

    status = 411


class ContentTooLarge(BareStatus):
    """The body is larger than `max_body`."""

    status = 413


class UnsupportedMediaType(BareStatus):
    """The operation does not take a body of this type."""

    status = 415


class UnsupportedContentCoding(UnsupportedMediaType):
    """The body is compressed: a small one could stand for any size and any work."""

    def response(self) -> Response:
        """The answer, with the codings that are taken (RFC 9110 §15.5.16)."""
        return bare(self.status, (b"accept-encoding", b"identity"))


TIMED_OUT: Final = StoreUnavailable("The answer was not ready in time; what was to be written may still be.")


def document(error: BrokerError) -> dict[str, Any]:
    """The problem document."""
    told = {"type": error.type, "title": error.title, "detail": error.detail, "status": error.status}
    if isinstance(error, DataModelViolated):
        told["violations"] = [violation._asdict() for violation in error.violations]
    return told


def response(error: BrokerError) -> Response:
    """The problem document, answered."""
    answer = content(error.status, CONTENT_TYPE[JSON], orjson.dumps(document(error)))
    if isinstance(error, Unavailable):
        answer.headers.append((b"retry-after", b"%d" % error.retry_after))
    return answer


def unexpected(request_id: str) -> Response:
    """What is told of a fault of the broker; its log has the rest under the same id."""
    return response(InternalError(f"The broker failed; its log says why, under request id {request_id}."))
