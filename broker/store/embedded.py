"""The embedded MongoDB: a real mongod as a child of this process, a replica set of one member on a Unix socket.

    <data_dir>/mongodb/             0700
      data/                         mongod's own
      mongod.log, mongod.log.1 …    this run's log, and those before
      mongod.sock                   where it listens; there is no TCP port
      broker.lock                   held by the broker that uses the folder

The socket is the name of the replica set's member, and drivers lower its case and split it at colons: where the path
does not bear that, or is too long for a socket's address, the socket lies in `/tmp/ngsild-broker-<uid>/` instead.
"""

import fcntl
import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from broker.errors import StartError
from broker.store import children, mongod

REPLICA_SET: Final = "embedded"
MIB: Final = 2**20
FREE_AT_START: Final = 512 * MIB
"""Free space without which mongod is not started: an empty database takes 300 MiB."""
CLEAN_STOP: Final = 60.0
"""Seconds that a clean shutdown may take: a checkpoint of the whole cache."""

_ADDRESS: Final = re.compile(r"/[a-z0-9._/-]{1,106}")
"""Paths that serve as a socket's address (`sun_path` holds 108 bytes) and as the member's name."""
_LOGS_KEPT: Final = 3
_LOG_SIZE: Final = 64 * MIB

Document = dict[str, Any]


def runtime_folder() -> Path:
    """A folder of this user alone with a short path. Raises StartError if somebody else has made it."""
    folder = Path(f"/tmp/ngsild-broker-{os.geteuid()}")  # noqa: S108 (short, and checked below)
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if status.st_uid != os.geteuid() or status.st_mode & 0o170077 != 0o040000:
        raise StartError(f"The folder {folder} is not this user's own.", "Remove it, or set its mode to 0700.")
    return folder


def uri(socket_path: str) -> str:
    """The connection string of the mongod that listens on a socket."""
    return f"mongodb://{quote(socket_path, safe='')}/?replicaSet={REPLICA_SET}"


def running(data_dir: Path) -> str | None:
    """The connection string of the embedded MongoDB that runs now for a data directory, whoever started it."""
    found = mongod.running_on(_folder(data_dir) / "data")
    return uri(found.socket) if found else None


def _folder(data_dir: Path) -> Path:
    return data_dir.expanduser().resolve() / "mongodb"


class EmbeddedMongoDB:
    """A mongod that lives as long as this process at most.

    `start` and `spawn` belong to the main thread (see `children.spawn`). `pause` is how `start` waits: it may raise,
    and then `start` leaves nothing behind.
    """

    def __init__(self, data_dir: Path, *, cache_mb: int | None = None) -> None:
        self.folder = _folder(data_dir)
        self.data = self.folder / "data"
        self.log = self.folder / "mongod.log"
        self.version = ""
        self._cache_mb = cache_mb or default_cache_mb()
        self.process: subprocess.Popen[bytes] | None = None
        self._lock: int | None = None
        self._socket = ""

    @property
    def uri(self) -> str:
        """The connection string; known once `start` was called."""
        return uri(self._socket)

    def start(self, pause: Callable[[float], None] = time.sleep) -> None:
        """Start mongod and wait until it takes writes. Raises StartError: one sentence, and what to do."""
        program = mongod.binary()
        self.version = mongod.version(program)
        _make(self.folder)
        try:
            self._lock = _locked(self.folder)
            _make(self.data)
            _check_space(self.data)
            _end_orphan(self.data, pause)
            self._socket = _socket_path(self.folder)
            self.spawn()
            self._until_writable(pause)
        except BaseException:
            self.stop(patience=5)
            raise

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start mongod without waiting: at first, and again after it died."""
        _rotate(self.log)
        with self.log.open("ab") as log:
            self.process = children.spawn(self._command(), output=log)
        return self.process

    def stop(self, patience: float = CLEAN_STOP, hasten: Callable[[], bool] = lambda: False) -> None:
        """End mongod by a clean shutdown, bounded by `patience` seconds. Without one running, nothing happens."""
        if self.process is not None:
            children.end(self.process, patience, hasten)
            self.process = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def last_words(self) -> str:
        """Why mongod ended, as far as its log or the disk tells."""
        if shutil.disk_usage(self.data).free < MIB:  # its log is cut off then
            return f"the disk of {self.data} is full"
        return mongod.last_words(self.log)

    def bound_log(self) -> None:
        """Begin a new log when this one has grown large."""
        with suppress(OSError):  # the log is no reason to end
            if self.process and self.log.stat().st_size > _LOG_SIZE:
                _rotate(self.log)
                self.process.send_signal(signal.SIGUSR1)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _command(self) -> list[str]:
        free = shutil.disk_usage(self.data).free
        arguments = {
            "--dbpath": str(self.data),
            "--bind_ip": self._socket,
            "--replSet": REPLICA_SET,
            "--networkMessageCompressors": "disabled",  # the zlib of 6.0.5 has CVE-2025-14847
            "--wiredTigerCacheSizeGB": f"{self._cache_mb / 1024:.3f}",
            "--oplogSize": str(min(4096, max(256, free // MIB // 20))),
            "--logpath": str(self.log),
            "--logRotate": "reopen",
            "--setParameter": "diagnosticDataCollectionEnabled=false",
        }
        flags = ["--nounixsocket", "--noscripting", "--quiet", "--logappend"]  # the socket of --bind_ip stays
        return [str(mongod.binary()), *(part for pair in arguments.items() for part in pair), *flags]

    def _until_writable(self, pause: Callable[[float], None]) -> None:
        """Wait for the first write, however long a recovery takes: mongod ends by itself when it cannot go on."""
        direct = f"mongodb://{quote(self._socket, safe='')}/?directConnection=true"
        while not Path(self._socket).is_socket() or mongod.running_on(self.data) is None:
            self._check_alive()
            pause(0.02)
        with MongoClient[Document](direct, serverSelectionTimeoutMS=1000) as client:
            while not _is_writable(client, self._socket):
                self._check_alive()
                pause(0.02)

    def _check_alive(self) -> None:
        if self.process is None or self.process.poll() is None:
            return
        words = self.last_words() or children.how_it_ended(self.process.returncode)
        raise StartError(
            f"The embedded MongoDB ended at its start: {words.rstrip('.')}.",
            f"Its log is {self.log}. Mend that, or give another --data-dir.",
        )


def _is_writable(client: MongoClient[Document], address: str) -> bool:
    """Whether the replica set takes writes; it is initiated if there is none, and renamed if the socket moved."""
    try:
        if client.admin.command("hello")["isWritablePrimary"]:
            return True
        config = client.local["system.replset"].find_one()
        if config is None:
            members = [{"_id": 0, "host": address}]
            client.admin.command({"replSetInitiate": {"_id": REPLICA_SET, "members": members}})
        elif config["members"][0]["host"] != address:
            config["members"][0]["host"] = address
            config["version"] += 1
            client.admin.command({"replSetReconfig": config, "force": True})
    except PyMongoError:  # it is starting still; if it cannot, it ends
        pass
    return False


def default_cache_mb() -> int:
    """A quarter of the memory that this process may use, in MiB; at least 256, which is the least mongod takes."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            memory = min(memory, int(Path(limit).read_text()))
        except (OSError, ValueError):  # no such control group, or "max"
            continue
    return max(256, memory // 4 // MIB)


def _make(folder: Path) -> None:
    """Make a folder of this user alone, and try to write there."""
    probe = folder / ".probe"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = folder.stat().st_uid
        if owner == os.geteuid():
            folder.chmod(0o700)
        probe.write_bytes(b"?")
        probe.unlink()
    except OSError as error:
        raise StartError(
            f"The data directory {folder} cannot be written: {error.strerror}.",
            "Correct its owner and permissions, free some space, or give another by --data-dir or NGSILD_DATA_DIR.",
        ) from None
    if owner != os.geteuid():
        raise StartError(
            f"The data directory {folder} belongs to user {owner} and the broker runs as user {os.geteuid()}, whose "
            "files the owner could not use.",
            "Run the broker as its owner, change the owner, or give another by --data-dir.",
        )


def _check_space(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < FREE_AT_START:
        raise StartError(
            f"The disk of {folder} is full: {free // MIB} MiB are free, and MongoDB needs {FREE_AT_START // MIB}.",
            "Free some space, or give another place by --data-dir or NGSILD_DATA_DIR.",
        )


def _locked(folder: Path) -> int:
    """A lock on the folder, held until the descriptor is closed or this process ends."""
    path = folder / "broker.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.read(descriptor, 32).decode(errors="replace").strip()
        os.close(descriptor)
        raise StartError(
            f"Another broker (process {holder or 'unknown'}) uses the data directory {folder}.",
            "End it first, or give this one another --data-dir; brokers that share data share a MongoDB by its URI.",
        ) from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, str(os.getpid()).encode())
    return descriptor


def _end_orphan(data: Path, pause: Callable[[float], None]) -> None:
    """End a mongod that an earlier broker left on these files: cleanly, and after half a minute by force."""
    orphan = mongod.running_on(data)
    if orphan is None:
        return
    deadline = time.monotonic() + 30
    with suppress(ProcessLookupError):
        os.kill(orphan.pid, signal.SIGTERM)
        while mongod.running_on(data) == orphan:
            if time.monotonic() > deadline:
                os.kill(orphan.pid, signal.SIGKILL)
            pause(0.05)


def _socket_path(folder: Path) -> str:
    """Where mongod listens: beside its data if that path will do, else in the runtime folder."""
    path = str(folder / "mongod.sock")
    if _ADDRESS.fullmatch(path) and _bears_sockets(folder):
        return path
    return str(runtime_folder() / f"{hashlib.sha256(path.encode()).hexdigest()[:16]}.sock")


def _bears_sockets(folder: Path) -> bool:
    """Whether the file system has sockets: some network and shared ones have not."""
    probe = folder / ".probe.sock"
    probe.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as trial:
        try:
            trial.bind(str(probe))
        except OSError:
            return False
    probe.unlink(missing_ok=True)
    return True


def _rotate(log: Path) -> None:
    """Number the logs anew, the latest `.1`, and drop the oldest."""
    for number in range(_LOGS_KEPT, 0, -1):
        older = log.with_name(f"{log.name}.{number}")
        newer = log.with_name(f"{log.name}.{number - 1}") if number > 1 else log
        if newer.exists():
            newer.replace(older)
