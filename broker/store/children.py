"""Child processes that never outlive this one."""

import ctypes
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from typing import IO, Final

_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG: Final = 1


def spawn(
    command: Sequence[str],
    *,
    output: IO[bytes] | None = None,
    environment: Mapping[str, str] | None = None,
    keep: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a command that the kernel kills when this process ends, however it ends.

    The child has a session of its own, so that Ctrl-C reaches it through its parent only; it writes to `output`, else
    to where this process writes; `keep` are the file descriptors it inherits. Call it from the main thread: the kernel
    means the *thread* that forks, and kills the child when that ends. Raises OSError.
    """
    parent = os.getpid()

    def bind() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it ended before the line above
            os._exit(1)

    return subprocess.Popen(  # noqa: S603 (commands are made here, never from input)
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env=environment,
        pass_fds=keep,
        start_new_session=True,
        preexec_fn=bind,
    )


def end(process: subprocess.Popen[bytes], patience: float) -> None:
    """Ask a child to end, and kill it after `patience` seconds."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def how_it_ended(returncode: int) -> str:
    """'signal SIGKILL', or 'exit code 14'."""
    if returncode < 0:
        return f"signal {signal.Signals(-returncode).name}"
    return f"exit code {returncode}"
