"""The load client: `wrk`, compiled, one thread, a closed loop of as many clients as connections.

It is the measure of nothing while it has a core nearly to itself: see `MOST_CPU`.
"""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from time import monotonic
from typing import Final, NamedTuple

MOST_CPU: Final = 0.5
"""Of a core: a client that uses more than this limits what it measures, and the case is void."""
SCRIPT: Final = Path(__file__).with_name("requests.lua")
MISSING: Final = "The load client wrk is missing: `apt-get install wrk` brings it (Debian, Ubuntu)."


class Load(NamedTuple):
    """What the client saw."""

    sent: int
    seconds: float
    p50: float
    """Milliseconds, as `p99`."""
    p99: float
    errors: int
    """Answers of 400 and above, broken connections, time-outs."""
    cpu: float
    """Cores that the client used."""

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.sent / self.seconds


class Requests(NamedTuple):
    """Requests of one case, as bytes in a file that requests.lua reads."""

    path: Path
    number: int


class Client:
    """One run of wrk."""

    def __init__(self, address: str, requests: Requests, clients: int, seconds: int) -> None:
        """`address` is `host:port`."""
        command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "60s", "-s", str(SCRIPT)]
        self._output = tempfile.TemporaryFile()  # noqa: SIM115  closed in `finish`
        self._started = monotonic()
        self._process = subprocess.Popen(
            [*command, f"http://{address}", "--", str(requests.path)],
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )

    def finish(self) -> Load:
        """Wait for its end. Raises RuntimeError when it fails."""
        _, status, usage = os.wait4(self._process.pid, 0)
        elapsed = monotonic() - self._started
        self._process.returncode = os.waitstatus_to_exitcode(status)
        with self._output as output:
            output.seek(0)
            text = output.read().decode()
        return parse(text, (usage.ru_utime + usage.ru_stime) / elapsed)


def parse(text: str, cpu: float) -> Load:
    """What wrk printed, as requests.lua makes it. Raises RuntimeError if it is something else."""
    for line in text.splitlines():
        if line.startswith("result "):
            found = json.loads(line.removeprefix("result "))
            errors = found["refused"] + found["broken"]
            return Load(found["requests"], found["seconds"], found["p50"], found["p99"], errors, cpu)
    raise RuntimeError(f"wrk failed: {text.strip()}")


def run(address: str, requests: Requests, clients: int, seconds: int) -> Load:
    """Send the requests for some seconds."""
    return Client(address, requests, clients, seconds).finish()


def write(path: Path, requests: Iterable[bytes]) -> Requests:
    """Put requests into a file for the client."""
    count = 0
    with path.open("wb") as file:
        for request in requests:
            file.write(b"%010d" % len(request) + request)
            count += 1
    return Requests(path, count)


def require() -> None:
    """Raises SystemExit, which says what brings it, if there is no wrk on this machine."""
    if not is_installed():
        raise SystemExit(MISSING)


def is_installed() -> bool:
    """Whether there is a wrk on this machine."""
    return shutil.which("wrk") is not None
