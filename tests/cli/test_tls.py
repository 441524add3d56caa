"""Over TLS with a certificate that nobody else trusts, and that names another host: filled, and examined."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.conftest import free_port


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A certificate of city.example, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    made = [
        "-keyout",
        str(folder / "key.pem"),
        "-out",
        str(folder / "cert.pem"),
        "-subj",
        "/CN=city.example",
        "-days",
        "2",
    ]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *made], check=True, capture_output=True)
    return str(folder / "cert.pem"), str(folder / "key.pem")


@pytest.fixture(scope="module")
def address(pem: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """Options of a broker that serves over TLS and fills itself with the sample city."""
    port, data = str(free_port()), str(tmp_path_factory.mktemp("data"))
    options = ["--port", port, "--data-dir", data, "--tls-cert", pem[0], "--tls-key", pem[1]]
    serve = [sys.executable, "-m", "broker", "serve", *options, "--sample-city", "hamlet"]
    with subprocess.Popen(serve, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        told = ""
        for line in process.stderr:
            told += line
            if line.startswith("Loaded") or process.poll() is not None:
                break
        try:
            assert "Loaded 1,000 entities" in told, told
            yield options
        finally:
            process.terminate()
            process.communicate(timeout=30)


def broker(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "broker", *arguments], capture_output=True, text=True, timeout=60)


def test_a_broker_with_a_certificate_of_its_own_fills_itself(address: list[str]) -> None:
    assert address


def test_another_is_told_that_the_certificate_is_not_trusted(address: list[str], pem: tuple[str, str]) -> None:
    city = ["city", "hamlet", "--if-empty", "--url", f"https://127.0.0.1:{address[1]}"]
    distrusting = broker(*city)
    assert distrusting.returncode == 2
    assert "is not trusted: self-signed certificate" in distrusting.stderr
    assert broker(*city, "--certificate", pem[0]).returncode == 0


def test_the_doctor_sees_the_broker_there(address: list[str]) -> None:
    assert f"A broker, version 0.1.0, serves port {address[1]}" in broker("doctor", *address).stdout
