"""What a connection may cost before there is a request: bounds on size and time, refusals in our own words.

uvicorn and httptools read request lines and headers without a bound. This is uvicorn's protocol with bounds; a worker
hands it to uvicorn as its `http` class.
"""

import asyncio
from typing import Any, ClassVar, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from broker.api import problems
from broker.api.problems import BareStatus
from broker.api.responses import Response
from broker.api.transport import JoiningTransport
from broker.errors import InvalidRequest

MAX_TARGET: Final = 32 * 1024
"""Longest path and query, in bytes: a query by some hundred ids fits."""
MAX_HEAD: Final = 64 * 1024
"""Longest request line and headers together, in bytes."""
HEAD_SECONDS: Final = 20.0
"""Until a connection has sent the request line and the headers that it began, or its first ones."""

_REASONS: Final = {400: "Bad Request", 414: "URI Too Long", 431: "Request Header Fields Too Large"}


class TargetTooLong(BareStatus):
    """Path and query are longer than MAX_TARGET."""

    status: ClassVar[int] = 414


class HeadTooLarge(BareStatus):
    """Request line and headers are longer than MAX_HEAD."""

    status: ClassVar[int] = 431


class BoundedProtocol(HttpToolsProtocol):
    """A connection whose requests have heads of bounded size, that arrive in bounded time; its answers leave whole."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_head = False
        self._head_size = 0
        """Bytes of the head that came after the chunk in which it began."""
        self._chunk_size = 0
        self._refusal: Response | None = None
        self._head_timer: asyncio.TimerHandle | None = None
        self._idle_since = 0.0
        """Event-loop time of the end of the last answer; 0 while there is something to do."""
        self._idle_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a first request, not for ever."""
        super().connection_made(JoiningTransport(transport, self.loop))
        self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._unwatch_head()
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, if the head that it belongs to is not too long."""
        self._chunk_size = len(data)
        self._idle_since = 0.0
        if self._in_head:
            self._head_size += len(data)
        super().data_received(data)
        if self._in_head:
            if self._head_size > MAX_HEAD:
                self._refuse(HeadTooLarge().response())
            elif self._head_timer is None:
                self._watch_head()

    def on_message_begin(self) -> None:
        """A head begins."""
        self._in_head = True
        self._head_size = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """A head is whole. What an exception says here is answered by `send_400_response`."""
        self._in_head = False
        if self._head_timer is not None:
            self._unwatch_head()
        if len(self.url) > MAX_TARGET:
            self._refusal = TargetTooLong().response()
            raise TargetTooLong
        if self._head_size + self._chunk_size > MAX_HEAD and self._length_of_headers() > MAX_HEAD:
            self._refusal = HeadTooLarge().response()
            raise HeadTooLarge
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """Go on to the next request; a connection that has none is idle from now on.

        One timer sees to all pauses of a connection: to set and to cancel one for each answer costs a client that asks
        again at once a twentieth of a small read.
        """
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            return
        self._idle_since = self.loop.time()
        if self._idle_timer is None:
            self._watch_idle(self.timeout_keep_alive)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no request, or none that is taken, and close."""
        self._refuse(self._refusal or problems.response(InvalidRequest("The request is no well-formed HTTP/1.1.")))

    def _refuse(self, response: Response) -> None:
        if self.transport.is_closing():
            return
        head = f"HTTP/1.1 {response.status} {_REASONS[response.status]}\r\n".encode("ascii")
        lines = [b"%b: %b\r\n" % line for line in [*response.headers, (b"connection", b"close")]]
        self.transport.write(b"".join([head, *lines, b"\r\n", response.body]))
        self.transport.close()

    def _length_of_headers(self) -> int:
        return sum(len(name) + len(value) for name, value in self.headers)

    def _watch_head(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._head_overdue)

    def _unwatch_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_overdue(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self.transport.close()

    def _watch_idle(self, seconds: float) -> None:
        self._idle_timer = self.loop.call_later(seconds, self._look_whether_idle)

    def _look_whether_idle(self) -> None:
        self._idle_timer = None
        if not self._idle_since or self.transport.is_closing():
            return
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._watch_idle(left)
        else:
            self.transport.close()
