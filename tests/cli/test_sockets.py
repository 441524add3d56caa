"""Listening sockets: shared among workers, refused to others."""

import errno
import socket

import pytest

from broker.cli import sockets
from broker.errors import StartError
from tests.conftest import free_port


def test_workers_share_a_port_and_nobody_else_gets_it() -> None:
    port = free_port()
    sockets.check_free("127.0.0.1", port)
    with (
        sockets.listen("127.0.0.1", port),
        sockets.listen("127.0.0.1", port),
        pytest.raises(StartError, match=rf"Port {port} on 127\.0\.0\.1 is in use"),
    ):
        sockets.check_free("127.0.0.1", port)


def test_a_port_whose_last_connections_linger_is_free() -> None:
    """TIME_WAIT of a broker that ended keeps nobody from starting it again."""
    port = free_port()
    with sockets.listen("127.0.0.1", port) as listener, socket.create_connection(("127.0.0.1", port)) as client:
        served, _ = listener.accept()
        served.close()  # the side that closes first waits
        assert client.recv(1) == b""
    sockets.check_free("127.0.0.1", port)


@pytest.mark.parametrize(
    ("host", "tls", "url"),
    [
        ("127.0.0.1", False, "http://127.0.0.1:1026"),
        ("0.0.0.0", False, "http://127.0.0.1:1026"),  # noqa: S104
        ("::", False, "http://[::1]:1026"),
        ("::1", True, "https://[::1]:1026"),
        ("broker.example", True, "https://broker.example:1026"),
    ],
)
def test_the_address_as_this_machine_reaches_it(host: str, tls: bool, url: str) -> None:
    assert sockets.url(host, 1026, tls=tls) == url


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.8.9.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False)],  # noqa: S104
)
def test_which_addresses_only_this_machine_reaches(host: str, loopback: bool) -> None:
    assert sockets.is_loopback(host) is loopback


@pytest.mark.parametrize(
    ("number", "problem"),
    [
        (errno.EACCES, "needs privileges"),
        (errno.EADDRNOTAVAIL, "no address"),
        (errno.EMFILE, "Too many open files"),
    ],
)
def test_why_a_port_cannot_be_had(number: int, problem: str) -> None:
    error = sockets.refused("127.0.0.1", 80, OSError(number, "Too many open files"))
    assert problem in error.problem
    assert error.advice
