"""The load client: what is handed to wrk, and what it says."""

from pathlib import Path

import pytest

from benchmarks import wrk
from benchmarks.traffic import Request


def test_requests_are_written_behind_their_length(tmp_path: Path) -> None:
    request = Request("GET", "/ngsi-ld/v1/entities/a").encoded()
    written = wrk.write(tmp_path / "requests", [request, request])
    assert written.number == 2
    assert written.path.read_bytes() == (b"%010d" % len(request) + request) * 2


def test_a_request_with_a_body_says_its_length() -> None:
    head, _, body = Request("PATCH", "/a", b"{}").encoded().partition(b"\r\n\r\n")
    assert body == b"{}"
    assert head.split(b"\r\n") == [
        b"PATCH /a HTTP/1.1",
        b"Host: localhost",
        b"Accept: application/json",
        b"Content-Type: application/json",
        b"Content-Length: 2",
    ]


def test_what_wrk_says_is_read() -> None:
    said = (
        "Running 2s test @ http://127.0.0.1:1\n\n"
        'result {"requests": 30, "seconds": 2.0, "p50": 1.5, "p99": 9.0, "refused": 1, "broken": 2}\n'
    )
    load = wrk.parse(said, 0.25)
    assert (load.rate, load.p50, load.p99, load.errors, load.cpu) == (15.0, 1.5, 9.0, 3, 0.25)


def test_what_wrk_says_of_a_failure_is_told() -> None:
    with pytest.raises(RuntimeError, match="unable to connect"):
        wrk.parse("unable to connect to 127.0.0.1:1 Connection refused\n", 0.0)
