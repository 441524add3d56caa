"""Runs Robot Framework on a staged suite; each test that is planned or ends becomes a line of the events file.

Run by the suite's own Python: `python worker.py CONFIG`, a JSON file as `running.run` writes it.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import requests.adapters  # type: ignore[import-untyped, unused-ignore]
import robot  # type: ignore[import-not-found, unused-ignore]


class Bound:
    """Before the run: every test without a time-out of its own gets one."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def visit_suite(self, suite: Any) -> None:
        for child in suite.suites:
            self.visit_suite(child)
        for test in suite.tests:
            if not test.timeout and self._seconds:
                test.timeout = f"{self._seconds} seconds"


class Events:
    """A listener that writes what happens, a JSON object a line."""

    ROBOT_LISTENER_API_VERSION = 3

    def __init__(self, base: Path, file: Path) -> None:
        self._base = base
        self._file = file.open("a", buffering=1)
        self._planned = False

    def start_suite(self, data: Any, result: Any) -> None:
        if not self._planned:
            self._planned = True
            self._plan(data)

    def end_test(self, data: Any, result: Any) -> None:
        seconds = round(result.elapsed_time.total_seconds(), 3)
        self._write(
            data,
            tags=[str(tag) for tag in result.tags],
            status=result.status,
            seconds=seconds,
            message=_first_line(result.message or ""),
        )

    def _plan(self, suite: Any) -> None:
        for child in suite.suites:
            self._plan(child)
        for test in suite.tests:
            self._write(test, tags=[str(tag) for tag in test.tags])

    def _write(self, test: Any, **fields: Any) -> None:
        file = Path(os.path.relpath(str(test.source), str(self._base))).as_posix()
        self._file.write(json.dumps({"file": file, "name": test.name, **fields}) + "\n")


def _first_line(message: str) -> str:
    """The first telling line of a failure's message."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    text = ""
    for line in lines:
        text = f"{text} {line}".strip()
        if not text.endswith(":"):
            break
    return text[:500]


def bound_requests(seconds: float) -> None:
    """Give every request of the suite that has no time-out this one."""
    plain = requests.adapters.HTTPAdapter.send

    def send(self: Any, request: Any, stream: bool = False, timeout: Any = None, **more: Any) -> Any:
        return plain(self, request, stream=stream, timeout=seconds if timeout is None else timeout, **more)

    requests.adapters.HTTPAdapter.send = send  # type: ignore[method-assign, assignment]


def main(config: dict[str, Any]) -> int:
    """Run Robot; 0 unless it could not."""
    base = Path(config["stage"])
    library = str(base / "libraries/robotframework-httpctrl/src")  # the suite's own copy, before any installed one
    sys.path.insert(0, library)
    bound_requests(config["http_timeout"])
    os.chdir(base)  # the suite finds its files from here
    keep = config["logs"] is not None
    status = robot.run(
        *config["paths"],
        variable=[f"{name}:{value}" for name, value in config["variables"].items()],
        pythonpath=[library, str(base)],
        prerunmodifier=[Bound(config["test_timeout"])],
        listener=[Events(base, Path(config["events"]))],
        outputdir=config["logs"] or config["scratch"],
        output="output.xml" if keep else None,
        log="log.html" if keep else None,
        report=None,
        console="quiet",
        name="NGSILD",
        include=config["tags"],
        test=config["names"],
        runemptysuite=True,
        loglevel="INFO" if keep else "WARN",
    )
    return 0 if status < 250 else 2


if __name__ == "__main__":
    sys.exit(main(json.loads(Path(sys.argv[1]).read_text())))
