"""The command: `python -m tests.conformance.etsi SUITE URL [AREA …]`. Status 0: all passed, 1: not all, 2: not run."""

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from tests.conformance.etsi.fresh import run_apart
from tests.conformance.etsi.running import Options, Result, RunFailed, run
from tests.conformance.etsi.staging import select

NEW: Final = "new"
_EPILOG: Final = """
Areas are folders or files below TP/NGSI-LD, tag:NAME, or test:GLOB. None means everything below TP/NGSI-LD.
The broker must be allowed to call loopback: NGSILD_ALLOWED_NETWORKS=127.0.0.0/8.
"""


def main(arguments: Sequence[str]) -> int:
    """Run the suite and print what passed."""
    given = _parser().parse_intermixed_args(arguments)
    suite = given.suite.resolve()
    if not (suite / "resources/variables.py").is_file():
        return _fail(f"{given.suite} is no checkout of the suite")
    python = shutil.which(given.python)
    if python is None or not _has_requirements(python):
        return _fail(f"{given.python} lacks the suite's requirements: pip install -r {given.suite}/requirements.txt")
    options = Options(
        python=str(Path(python).absolute()),
        callback_host=given.callback_host,
        timeout=given.timeout,
        mqtt=given.mqtt,
        logs=given.logs,
        variables=dict(variable.split(":", 1) for variable in given.variable),
    )
    began = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    try:
        selection = select(suite, given.areas, given.only_files_of and given.only_files_of.resolve())
        if given.url == NEW:
            results = run_apart(suite, selection, options)
        else:
            results = run(suite, given.url.rstrip("/"), selection, options)
    except (FileNotFoundError, RunFailed) as error:
        return _fail(str(error))
    _tell(results)
    if given.compare:
        _compare(results, given.compare)
    if given.out:
        _write(results, given.out, began)
    return 0 if all(result.status == "PASS" for result in results) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.etsi", epilog=_EPILOG)
    parser.add_argument("suite", type=Path, help="checkout of the suite: the folder that holds TP and resources")
    parser.add_argument("url", help=f"root of the API; {NEW}: a new broker for each area")
    parser.add_argument("areas", nargs="*", help="what to run")
    parser.add_argument("--python", default=sys.executable, help="interpreter with the suite's requirements")
    parser.add_argument("--out", type=Path, help="write the result of each test here, as JSON")
    parser.add_argument("--compare", type=Path, help="earlier --out file: tell what changed")
    parser.add_argument("--only-files-of", type=Path, help="leave out files that this other checkout does not have")
    parser.add_argument("--callback-host", default="127.0.0.1", help="where the broker reaches what the tests start")
    parser.add_argument("--timeout", type=float, default=7200, help="seconds for the run")
    parser.add_argument("--mqtt", action="store_true", help="start a mosquitto for the MQTT tests; it takes port 1883")
    parser.add_argument("--logs", type=Path, help="keep each step's request and response in this folder")
    parser.add_argument("--variable", action="append", default=[], help="NAME:VALUE of another variable of the suite")
    return parser


def _has_requirements(python: str) -> bool:
    probe = [python, "-c", "import robot, RequestsLibrary, JSONLibrary, deepdiff"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


def _tell(results: list[Result]) -> None:
    _table("Area", results, lambda result: result.area)
    _table("Version", results, lambda result: next((tag for tag in result.tags if tag.startswith("since_v")), "1.3.1"))
    _table("All", results, lambda result: "")
    for result in results:
        if result.status != "PASS":
            _say(f"{result.status}  {result.key}\n      {result.message}")


def _table(title: str, results: list[Result], key: Callable[[Result], str]) -> None:
    totals = Counter(map(key, results))
    passed = Counter(key(result) for result in results if result.status == "PASS")
    width = max(map(len, [title, *totals]))
    _say(f"\n{title:<{width}}  passed/total")
    for name, total in sorted(totals.items()):
        _say(f"{name:<{width}}  {passed[name]:>6}/{total:<5} {passed[name] / total:6.1%}")


def _compare(results: list[Result], earlier: Path) -> None:
    before = {test["key"]: test["status"] for test in json.loads(earlier.read_text())["tests"]}
    changed = [result for result in results if before.get(result.key, result.status) != result.status]
    _say(f"\nChanged: {len(changed)}")
    for result in changed:
        _say(f"{before[result.key]} -> {result.status}  {result.key}")


def _write(results: list[Result], to: Path, began: str) -> None:
    tests = [{"key": result.key, "id": result.id, "area": result.area, **vars(result)} for result in results]
    to.write_text(json.dumps({"started": began, "tests": tests}, indent=1) + "\n")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


def _fail(reason: str) -> int:
    sys.stderr.write(reason + "\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
