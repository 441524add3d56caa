"""A broker of a drill's own: `broker serve` with its workers and its mongod, each of which may be killed."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

import pytest

from tests.conftest import free_port
from tests.drills.wire import Address, ask

START_SECONDS: Final = 60.0
END_SECONDS: Final = 30.0
WORKER: Final = b"broker.cli.worker"


class Served:
    """`broker serve` on a port and in a folder of its own; started again, it finds what it left there."""

    def __init__(self, folder: Path, workers: int = 1, **settings: str) -> None:
        self.workers = workers
        self.data_dir = folder / "data"
        self.log = folder / "log"
        self.address = Address("127.0.0.1", free_port())
        self.process: subprocess.Popen[bytes] | None = None
        given = {
            "port": str(self.address.port),
            "workers": str(workers),
            "data_dir": str(self.data_dir),
            "allowed_networks": "127.0.0.0/8",
            "mongodb_cache_mb": "256",
        } | settings
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("NGSILD_")} | {
            f"NGSILD_{name.upper()}": value for name, value in given.items()
        }

    @property
    def pid(self) -> int:
        """The supervisor."""
        assert self.process is not None, "the broker is not running"
        return self.process.pid

    def mongod(self) -> int | None:
        """The mongod that the supervisor runs."""
        return next((pid for pid in children(self.pid) if program(pid).endswith(b"mongod")), None)

    def worker_processes(self) -> list[int]:
        """The workers that the supervisor runs."""
        return [pid for pid in children(self.pid) if WORKER in command_line(pid)]

    def is_complete(self) -> bool:
        """Whether all its processes run."""
        return self.mongod() is not None and len(self.worker_processes()) == self.workers

    def launch(self) -> None:
        """Start it, and don't wait."""
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "broker", "serve"], env=self._environment, stdout=output, stderr=output
            )

    async def start(self) -> None:
        """Start it, and wait until it is ready."""
        self.launch()
        await self.until_ready()

    async def until_ready(self, patience: float = START_SECONDS) -> None:
        """Wait until it answers that it is."""
        await until(self._is_ready, patience, lambda: f"the broker is not ready; its log ends:\n{self.log_tail()}")

    async def _is_ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"the broker ended; its log ends:\n{self.log_tail()}"
        with suppress(ConnectionError, TimeoutError):
            return (await ask(self.address, "GET", "/ready", patience=5)).status == 200
        return False

    def stop(self) -> None:
        """End it as an operator would; whatever is left of it is killed."""
        if self.process is None:
            return
        family = [self.process.pid, *children(self.process.pid)]
        for pid in family:
            _signal(pid, signal.SIGCONT)
        self.process.terminate()
        try:
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            for pid in family:
                _signal(pid, signal.SIGKILL)
            self.process.wait()
        self.process = None

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            self.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.stop)

    def log_tail(self) -> str:
        """The end of what it said."""
        return self.log.read_text(errors="replace")[-6000:]


async def until(condition: Callable[[], object], patience: float, otherwise: Callable[[], str]) -> float:
    """Wait until the condition, a function or a coroutine function, is true; the seconds it took."""
    started = time.monotonic()
    while True:
        outcome = condition()
        if asyncio.iscoroutine(outcome):
            outcome = await outcome
        took = time.monotonic() - started
        if outcome:
            return took
        assert took < patience, f"after {took:.1f} s {otherwise()}"
        await asyncio.sleep(0.05)


def victims(kinds: Sequence[str], config: pytest.Config) -> list[str]:
    """Who is killed, one after the other: each kind once, then any; as many as `--kills` says."""
    kills: int = config.getoption("--kills")
    return [*kinds, *random.choices(kinds, k=max(0, kills - len(kinds)))][:kills]


def children(parent: int) -> list[int]:
    """The processes that a process has started."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(status.read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(status.parent.name))
    return found


def alive(pid: int) -> bool:
    """Whether the process runs; one that ended and was not waited for doesn't."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def command_line(pid: int) -> bytes:
    """A process's arguments; none if it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def program(pid: int) -> bytes:
    """The program that a process runs."""
    return command_line(pid).partition(b"\0")[0]


def mongods_on(data_dir: Path) -> list[int]:
    """Every mongod whose files are below a folder."""
    mark = os.fsencode(data_dir)
    pids = [int(folder.name) for folder in Path("/proc").glob("[0-9]*")]
    return [pid for pid in pids if program(pid).endswith(b"mongod") and mark in command_line(pid) and alive(pid)]


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
