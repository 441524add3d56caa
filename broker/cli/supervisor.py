"""The supervisor: keeps the embedded MongoDB and the workers running, and ends all of it in order.

It is one plain loop in the main thread, since children are bound to the thread that starts them. Signals only wake it.
"""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Final, Self

from broker import telemetry
from broker.errors import StartError
from broker.store import children
from broker.store.embedded import EmbeddedMongoDB

PAUSES: Final = (0.0, 0.5, 1.0, 2.0, 5.0)
"""Seconds before a process that ended is started again: the first time, the second …"""
STEADY: Final = 5.0
"""Seconds of running after which a process counts as sound, and its next end as the first."""
TICK: Final = 1.0
GRACE: Final = 10
"""Seconds that requests in flight get to finish when a worker is asked to end."""

log = telemetry.log("broker.supervisor")


class Stopping(BaseException):
    """Somebody asked the broker to end while it was starting."""


class Signals:
    """SIGTERM, SIGINT and SIGHUP counted as requests to end; they and the end of a child wake `wait`."""

    _TO_END: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

    def __init__(self) -> None:
        self.requests = 0
        self._wake, self._woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def __enter__(self) -> Self:
        for number in self._TO_END:
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:  # ignored: nohup
                signal.signal(number, self._count)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._woken, warn_on_full_buffer=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.set_wakeup_fd(-1)
        for number in self._TO_END:  # asked once more while the interpreter ends, it would die of the signal
            signal.signal(number, signal.SIG_IGN)

    def _count(self, *_: object) -> None:
        self.requests += 1

    def wait(self, seconds: float, *descriptors: int) -> None:
        """Wait for a signal, for a descriptor to be readable, or for the time to pass."""
        poll = select.poll()
        for descriptor in (self._wake, *descriptors):
            poll.register(descriptor, select.POLLIN)
        poll.poll(max(0.0, seconds) * 1000)
        with suppress(BlockingIOError):
            os.read(self._wake, 4096)

    def pause(self, seconds: float) -> None:
        """Wait while starting. Raises Stopping when the broker is asked to end."""
        self.wait(seconds)
        if self.requests:
            raise Stopping


class Child:
    """A process that is started again whenever it ends, after pauses that grow while it keeps ending."""

    def __init__(self, name: str, start: Callable[[], subprocess.Popen[bytes]]) -> None:
        self.name = name
        self.process: subprocess.Popen[bytes] | None = None
        self.was_killed = False
        """Whether it ended last by somebody's will, and not by a fault of its own."""
        self._start = start
        self._started = 0.0
        self._due = 0.0
        self._failures = 0

    def adopt(self, process: subprocess.Popen[bytes]) -> None:
        """Keep a process that was started elsewhere."""
        self.process = process
        self._started = time.monotonic()

    def tend(self) -> str | None:
        """Start it if it is due. How it ended if it has just ended, else None."""
        if self.process is None:
            return self._start_if_due()
        code = self.process.poll()
        if code is None:
            return None
        self.was_killed = code in (-signal.SIGKILL, -signal.SIGTERM)
        return self._ended(children.how_it_ended(code))

    def _start_if_due(self) -> str | None:
        if time.monotonic() < self._due:
            return None
        try:
            self.adopt(self._start())
        except (OSError, StartError) as error:  # no memory, no disk, a program being replaced: it may pass
            return self._ended(str(error))
        return None

    def _ended(self, how: str) -> str:
        now = time.monotonic()
        failures = 0 if self.process and now - self._started >= STEADY else self._failures
        self._due = now + PAUSES[min(failures, len(PAUSES) - 1)]
        self._failures = failures + 1
        self.process = None
        return how

    @property
    def patience(self) -> float:
        """Seconds until it wants to be tended, at most."""
        return TICK if self.process else min(TICK, self._due - time.monotonic())


class Supervisor:
    """The workers, and the embedded MongoDB if there is one; `environment` is the workers'."""

    def __init__(
        self, signals: Signals, workers: int, environment: Mapping[str, str], database: EmbeddedMongoDB | None
    ) -> None:
        self._signals = signals
        self._environment = environment
        self._database = database
        self._starting: set[int] = set()
        """Descriptors of the workers that don't serve yet."""
        self._workers = [Child(f"worker {number}", partial(self._start_worker, number)) for number in range(workers)]
        self._children = list(self._workers)
        if database is not None and database.process is not None:
            mongod = Child("mongod", database.spawn)
            mongod.adopt(database.process)
            self._children.append(mongod)

    def start(self) -> None:
        """Start the workers and wait until all of them serve. Raises StartError if one can't, Stopping if asked to."""
        while self._starting or not all(worker.process for worker in self._workers):
            for worker in self._workers:
                self._start_first(worker)
            self._signals.wait(min(worker.patience for worker in self._workers), *self._starting)
            if self._signals.requests:
                raise Stopping
            self._hear_ready()

    def _start_first(self, worker: Child) -> None:
        """Start a worker, and again if somebody killed it; one that ends by itself now would do so each time."""
        how = worker.tend()
        if how is None:
            return
        if not worker.was_killed:
            raise StartError(f"A worker ended at its start ({how}).", "What it said is above.")
        self._report(worker, how)

    def keep(self) -> None:
        """Keep everything running until asked to end."""
        while not self._signals.requests:
            for child in self._children:
                how = child.tend()
                if how is not None:
                    self._report(child, how)
            if self._database:
                self._database.bound_log()
            self._signals.wait(min(child.patience for child in self._children), *self._starting)
            self._hear_ready()

    def stop(self) -> None:
        """End the workers, each finishing its requests; a second request to end hastens it."""
        running = [worker.process for worker in self._workers if worker.process is not None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + GRACE + 5
        asked = self._signals.requests
        while any(process.poll() is None for process in running):
            if time.monotonic() > deadline or self._signals.requests > asked:
                for process in running:
                    process.kill()
            self._signals.wait(0.05)

    def _start_worker(self, number: int) -> subprocess.Popen[bytes]:
        if telemetry.SHARED_DIRECTORY in self._environment:
            telemetry.forget_ended(self._environment[telemetry.SHARED_DIRECTORY])
        heard, told = os.pipe2(os.O_CLOEXEC)
        command = [sys.executable, "-m", "broker.cli.worker", str(told), str(number)]
        try:
            process = children.spawn(command, environment=self._environment, keep=[told])
        finally:
            os.close(told)
        self._starting.add(heard)
        return process

    def _hear_ready(self) -> None:
        """Forget the descriptors of workers that serve by now, or that ended."""
        if not self._starting:
            return
        poll = select.poll()
        for descriptor in self._starting:
            poll.register(descriptor, select.POLLIN)
        for descriptor, _ in poll.poll(0):
            if not os.read(descriptor, 1):
                log.debug("a worker ended before it served")
            os.close(descriptor)
            self._starting.discard(descriptor)

    def _report(self, child: Child, how: str) -> None:
        words = self._database.last_words() if self._database and child.name == "mongod" else ""
        log.error(
            "process ended; it is started again",
            process=child.name,
            ended=how,
            pause=round(max(0.0, child.patience), 1),
            **({"last_words": words} if words else {}),
        )
