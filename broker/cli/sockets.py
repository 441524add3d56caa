"""Listening sockets: one for each worker, on the same port; and who has the port if another program does."""

import errno
import socket
from pathlib import Path
from typing import Any, Final

from broker.errors import StartError

BACKLOG: Final = 2048
_LISTEN: Final = "0A"
"""TCP_LISTEN in /proc/net/tcp."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket that shares its port with the other workers' (SO_REUSEPORT). Raises StartError."""
    return _bound(host, port, shared=True)


def check_free(host: str, port: int) -> None:
    """Raise StartError unless the port is free; sockets that share ports would let a second broker in unnoticed."""
    _bound(host, port, shared=False).close()


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a listener on `host`. Raises StartError for a host that is none."""
    address = str(_resolve(host, 0)[1][0])
    return address == "::1" or address.startswith("127.")


def url(host: str, port: int, *, tls: bool) -> str:
    """The address at which this machine reaches a listener on `host`."""
    here = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104 (told apart, not bound)
    name = f"[{here}]" if ":" in here else here
    return f"{'https' if tls else 'http'}://{name}:{port}"


def _resolve(host: str, port: int) -> tuple[socket.AddressFamily, tuple[Any, ...]]:
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError):
        raise StartError(
            f"The host {host} is unknown.", "Give an address of this machine by --host or NGSILD_HOST."
        ) from None
    family, _, _, _, address = found[0]
    return family, address


def _bound(host: str, port: int, *, shared: bool) -> socket.socket:
    family, address = _resolve(host, port)
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6 and host == "::":
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(address)
        if shared:
            listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise refused(host, port, error) from None
    return listener


def refused(host: str, port: int, error: OSError) -> StartError:
    """Why a listening socket cannot be had."""
    match error.errno:
        case errno.EADDRINUSE:
            holder = _holder(port)
            return StartError(
                f"Port {port} on {host} is in use{f' by {holder}' if holder else ''}.",
                "End that program, or give another port by --port or NGSILD_PORT.",
            )
        case errno.EACCES:
            return StartError(
                f"Port {port} needs privileges that the broker hasn't.",
                "Give a port above 1023 by --port or NGSILD_PORT, and put a proxy before it.",
            )
        case errno.EADDRNOTAVAIL:
            return StartError(f"This machine has no address {host}.", "Give one that it has by --host or NGSILD_HOST.")
    return StartError(f"Port {port} on {host}: {error.strerror}.", "Give another by --host and --port.")


def _holder(port: int) -> str:
    """'name (process 123)' of a program that listens on the port, if this user may see it."""
    inodes = {f"socket:[{inode}]" for table in ("tcp", "tcp6") for inode in _listening(Path("/proc/net") / table, port)}
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(descriptor.readlink()) in inodes:
                process = descriptor.parents[1]
                return f"{(process / 'comm').read_text().strip()} (process {process.name})"
        except OSError:  # another user's, or gone
            continue
    return ""


def _listening(table: Path, port: int) -> list[str]:
    """Inodes of the sockets that listen on a port, of a table of the kernel."""
    try:
        rows = [line.split() for line in table.read_text().splitlines()[1:]]
    except OSError:
        return []
    return [row[9] for row in rows if row[3] == _LISTEN and int(row[1].rpartition(":")[2], 16) == port]
