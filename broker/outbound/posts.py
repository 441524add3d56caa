"""POSTs of which no more than the status of the answer matters, over connections that are kept: notifications.

It does no more than that takes, so that a POST costs a third of what one of the general client does (measured in
docs/decisions/0008-delivery.md). The bytes of answers are parsed by httptools, as those of requests to the broker are.
"""

import asyncio
import re
import ssl
from base64 import b64encode
from collections import OrderedDict, defaultdict
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser
from yarl import URL

from broker.outbound.dialing import Dialer
from broker.outbound.guard import Guard
from broker.outbound.reasons import CallError, Overdue, in_words

KEPT: Final = 15.0
"""Seconds that a connection is kept without use."""
MAX_KEPT: Final = 512
"""Connections that are kept without use; those that are used are as many as the caller has POSTs under way."""
MAX_ANSWER: Final = 2**20
"""Bytes of an answer's body that are read, so that the connection can be used again."""

Headers: TypeAlias = tuple[tuple[str, str], ...]

_DEFAULTS: Final = {"User-Agent": "ngsild-broker", "Accept": "*/*"}
_BROKEN: Final = "the connection broke, or the answer is no HTTP"
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class Origin(NamedTuple):
    """Who is connected to."""

    host: str
    port: int
    tls: bool


class Target(NamedTuple):
    """Where POSTs go, and all of them that comes before the length of the body."""

    origin: Origin
    head: bytes


@lru_cache(maxsize=4096)
def target(url: str, headers: Headers) -> Target:
    """Prepare POSTs to a URL. Raises CallError for what is no http or https URL, and for what is no header."""
    try:
        parsed = URL(url)
    except ValueError:
        raise CallError("it is no usable URL") from None
    if parsed.scheme not in ("http", "https"):
        raise CallError(f"{url[:100]} is no http or https URL")
    if not parsed.raw_host or not parsed.port:
        raise CallError("it is no usable URL")
    sent = {"Host": parsed.host_port_subcomponent or "", **_DEFAULTS, **_credentials(parsed)}
    given = {name.lower() for name, _ in headers}
    lines = [f"POST {parsed.raw_path_qs or '/'} HTTP/1.1"]
    lines += [_line(name, value) for name, value in sent.items() if name.lower() not in given]
    lines += [_line(name, value) for name, value in headers]
    head = "\r\n".join([*lines, "Content-Length: "]).encode()
    return Target(Origin(parsed.raw_host, parsed.port, parsed.scheme == "https"), head)


def _credentials(url: URL) -> dict[str, str]:
    if url.user is None and url.password is None:
        return {}
    pair = f"{url.user or ''}:{url.password or ''}"
    return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}


def _line(name: str, value: str) -> str:
    if not _TOKEN.fullmatch(name) or _UNPRINTABLE.search(value):
        raise CallError("a header of it is no header of HTTP")
    return f"{name}: {value}"


class Posts:
    """One per worker: a pool of connections."""

    def __init__(self, guard: Guard) -> None:
        self._dialer = Dialer(guard)
        self._kept: dict[Origin, list[_Connection]] = defaultdict(list)
        """Connections without use, those that were used last at the end."""
        self._oldest_first: OrderedDict[_Connection, float] = OrderedDict()
        """The same of all origins, and until when they are kept."""
        self._ending: asyncio.TimerHandle | None = None

    async def post(self, to: Target, body: bytes, timeout: float) -> int:
        """The status of the answer; it is there within `timeout` seconds. Raises CallError."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        kept = self._take(to.origin)
        if kept is not None:
            try:
                return await kept.ask(to.head, body, deadline, timeout)
            except _Ended:
                pass  # the other side had ended it meanwhile
        try:
            async with asyncio.timeout_at(deadline):
                made = await self._connect(to.origin)
        except TimeoutError:
            raise Overdue(timeout) from None
        except (OSError, ValueError) as error:
            raise in_words(error) from error
        try:
            return await made.ask(to.head, body, deadline, timeout)
        except _Ended:
            raise CallError(_BROKEN) from None

    async def close(self) -> None:
        """End the connections that are not used."""
        self._end(len(self._oldest_first))
        if self._ending is not None:
            self._ending.cancel()

    async def _connect(self, origin: Origin) -> "_Connection":
        loop = asyncio.get_running_loop()
        connected = await self._dialer.connect(origin.host, origin.port)
        secure = _secure() if origin.tls else None
        _, made = await loop.create_connection(
            lambda: _Connection(self, origin),
            sock=connected,
            ssl=secure,
            server_hostname=origin.host if origin.tls else None,
        )
        return made

    def _take(self, origin: Origin) -> "_Connection | None":
        connections = self._kept.get(origin)
        if not connections:
            return None
        taken = connections.pop()
        del self._oldest_first[taken]
        return taken

    def keep(self, connection: "_Connection") -> None:
        """A connection can be used again."""
        loop = asyncio.get_running_loop()
        self._kept[connection.origin].append(connection)
        self._oldest_first[connection] = loop.time() + KEPT
        if len(self._oldest_first) > MAX_KEPT:
            self._end(1)
        if self._ending is None:
            self._ending = loop.call_later(KEPT, self._end_idle)

    def forget(self, connection: "_Connection") -> None:
        """A connection is no more."""
        if self._oldest_first.pop(connection, None) is not None:
            connections = self._kept[connection.origin]
            connections.remove(connection)
            if not connections:
                del self._kept[connection.origin]

    def _end_idle(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._end(sum(1 for until in self._oldest_first.values() if until <= now))
        self._ending = loop.call_later(KEPT, self._end_idle) if self._oldest_first else None

    def _end(self, number: int) -> None:
        """End those that have not been used for longest."""
        for connection in list(self._oldest_first)[:number]:
            self.forget(connection)
            connection.end()


class _Ended(Exception):
    """The connection ended before anything was answered."""


class _Connection(asyncio.Protocol):
    """A connection, with at most one POST under way."""

    __slots__ = ("_answer", "_parser", "_pool", "_status", "_transport", "_unread", "origin")

    _transport: asyncio.Transport

    def __init__(self, pool: Posts, origin: Origin) -> None:
        self.origin = origin
        self._pool = pool
        self._parser = HttpResponseParser(self)
        self._answer: asyncio.Future[int] | None = None
        self._status = 0
        """Of the answer, when its headers have come."""
        self._unread = MAX_ANSWER

    async def ask(self, head: bytes, body: bytes, deadline: float, timeout: float) -> int:
        """The status of the answer. Raises _Ended, CallError."""
        if self._transport.is_closing():
            raise _Ended
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[int] = loop.create_future()
        self._answer = answer
        timer = loop.call_at(deadline, self._fail, Overdue(timeout))
        self._transport.write(b"%b%d\r\n\r\n%b" % (head, len(body), body))
        try:
            return await answer
        finally:
            timer.cancel()
            if self._answer is answer:  # who waited was cancelled
                self.end()

    def end(self) -> None:
        """End the connection, whatever is under way."""
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._pool.forget(self)
        if self._status:  # the answer ends with the connection
            self._settle()
        else:
            self._fail(_Ended())

    def data_received(self, data: bytes) -> None:
        if self._answer is None:  # nothing was asked
            self.end()
            return
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            self._fail(CallError(_BROKEN))

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        if self._answer is None:
            raise HttpParserError("nothing more was asked")
        status = self._parser.get_status_code()
        if status >= 200:  # others tell that the answer is still to come
            self._status = status

    def on_body(self, part: bytes) -> None:
        """Called by the parser."""
        self._unread -= len(part)
        if self._unread < 0:
            self._settle()
            self.end()

    def on_message_complete(self) -> None:
        """Called by the parser."""
        if not self._status or self._answer is None:
            return
        self._settle()
        if self._parser.should_keep_alive() and not self._transport.get_write_buffer_size():
            self._unread = MAX_ANSWER
            self._pool.keep(self)
        else:
            self.end()

    def _settle(self) -> None:
        """Tell what was answered."""
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_result(self._status)
        self._status = 0

    def _fail(self, error: Exception) -> None:
        """Tell that there is no answer, and end the connection."""
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_exception(error)
        self._status = 0
        self.end()


@lru_cache(maxsize=1)
def _secure() -> ssl.SSLContext:
    """Made once, when it is first needed: that takes milliseconds."""
    return ssl.create_default_context()
