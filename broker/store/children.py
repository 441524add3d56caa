"""Child processes that never outlive this one."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Final

HASTE: Final = 5.0
"""Seconds that a child gets to end once somebody asks for haste."""

_BOUND: Final = """
import ctypes, os, signal, sys
PR_SET_PDEATHSIG = 1
ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
if os.getppid() != int(sys.argv[1]):  # it ended before the line above
    os._exit(1)
os.execv(sys.argv[2], sys.argv[2:])
"""
"""Binds the process to its parent, then becomes the program. (A `preexec_fn` is unsafe where there are threads.)"""


def spawn(
    command: Sequence[str],
    *,
    output: IO[bytes] | None = None,
    environment: Mapping[str, str] | None = None,
    keep: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a program, given by its absolute path, that the kernel kills when this process ends, however it ends.

    The child has a session of its own, so that Ctrl-C reaches it through its parent only; it writes to `output`, else
    to where this process writes; `keep` are the file descriptors it inherits. Call it from the main thread: the kernel
    means the *thread* that starts the child, and kills it when that ends. Raises OSError.
    """
    return subprocess.Popen(  # noqa: S603 (commands are made here, never from input)
        [sys.executable, "-I", "-S", "-c", _BOUND, str(os.getpid()), *command],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env=environment,
        pass_fds=keep,
        start_new_session=True,
    )


def end(process: subprocess.Popen[bytes], patience: float, hasten: Callable[[], bool] = lambda: False) -> None:
    """Ask a child to end, and kill it after `patience` seconds, or a few if somebody asks for haste."""
    asked = time.monotonic()
    if process.poll() is None:
        process.terminate()
    while process.poll() is None:
        if time.monotonic() - asked > (min(HASTE, patience) if hasten() else patience):
            process.kill()
        time.sleep(0.02)


def how_it_ended(returncode: int) -> str:
    """'signal SIGKILL', or 'exit code 14'."""
    if returncode < 0:
        return f"signal {signal.Signals(-returncode).name}"
    return f"exit code {returncode}"
