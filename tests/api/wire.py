"""HTTP/1.1 as bytes: a client that sends what no proper client would."""

import socket
from typing import NamedTuple, Self


class Reply(NamedTuple):
    """An answer, headers in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Wire:
    """One connection at a time, opened again when the server closed it."""

    def __init__(self, host: str, port: int, timeout: float = 10) -> None:
        self._address = (host, port)
        self._timeout = timeout
        self._socket: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def ask(self, method: bytes, target: bytes, headers: list[tuple[bytes, bytes]], body: bytes | None = None) -> Reply:
        """Send a request and read its answer. Raises TimeoutError, or ConnectionError if there is none."""
        lines = [b"%b %b HTTP/1.1" % (method, target), b"host: x", *(b"%b: %b" % line for line in headers)]
        if body is not None:
            lines.append(b"content-length: %d" % len(body))
        message = b"\r\n".join([*lines, b"", body or b""])
        if self._socket is None:
            self._socket = socket.create_connection(self._address, self._timeout)
        try:
            self._socket.sendall(message)
            reply = self._read(method)
        except BaseException:
            self._close()
            raise
        if reply.headers.get("connection") == "close":
            self._close()
        return reply

    def _read(self, method: bytes) -> Reply:
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._more()
        head, _, body = received.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = 0 if method == b"HEAD" else int(headers.get("content-length", 0))
        while len(body) < length:
            body += self._more()
        assert len(body) == length, "the server sent more than it said"
        return Reply(int(first.split()[1]), headers, body)

    def _more(self) -> bytes:
        assert self._socket is not None
        data = self._socket.recv(65536)
        if not data:
            raise ConnectionError("closed without an answer")
        return data

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
