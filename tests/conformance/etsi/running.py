"""One run of the suite: what its tests need, the worker, and what became of each test."""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.conformance.etsi import mosquitto
from tests.conformance.etsi.contexts import COMPOUND, Contexts
from tests.conformance.etsi.staging import Selection, area, cover, stage, test_id

_WORKER: Final = Path(__file__).with_name("worker.py")


@dataclass(frozen=True)
class Options:
    """How the suite is run."""

    python: str
    """Interpreter with the suite's requirements."""
    callback_host: str = "127.0.0.1"
    """Where the broker reaches what the tests start."""
    timeout: float = 7200
    test_timeout: float = 120
    http_timeout: float = 60
    mqtt: bool = False
    logs: Path | None = None
    variables: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """What became of a test."""

    file: str
    name: str
    tags: list[str]
    status: str = "NOT RUN"
    message: str = ""
    seconds: float = 0.0

    @property
    def key(self) -> str:
        """File and name: the numbers of tests are not unique."""
        return f"{self.file}::{self.name}"

    @property
    def id(self) -> str:
        """The test's number."""
        return test_id(self.name, self.file)

    @property
    def area(self) -> str:
        """The test's folder."""
        return area(self.file)


class RunFailed(Exception):
    """Robot did not finish; with the end of what it said."""


def run(suite: Path, url: str, selection: Selection, options: Options) -> list[Result]:
    """Run what is selected against the broker at `url`. Raises RunFailed."""
    work = Path(tempfile.mkdtemp(prefix="ngsild-conformance-"))
    try:
        with closing(Contexts(suite, options.callback_host)) as contexts:
            staged = work / "suite"
            stage(suite, staged, contexts)
            variables = _variables(url, contexts, options)
            with _environment(work, staged, variables, options) as environment:
                config = _config(suite, staged, work, selection, variables, options)
                (work / "config.json").write_text(json.dumps(config))
                said = _work(options, work, environment)
        return _results(work / "events", said)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _variables(url: str, contexts: Contexts, options: Options) -> dict[str, str]:
    variables = {"url": url, "temporal_api_url": url, "b1_url": url, "mqtt_broker_host": options.callback_host}
    for server in ("notification_server", "context_source", "context_server"):
        variables[f"{server}_host"] = options.callback_host
        variables[f"{server}_port"] = str(_free_port(options.callback_host))
    compound = [local for remote, local in contexts.urls.items() if remote.endswith(COMPOUND)]
    if compound:
        variables["ngsild_test_suite_context"] = compound[-1]
    if options.mqtt:
        variables["mqtt_broker_non_default_port"] = str(_free_port(options.callback_host))
    return variables | options.variables


@contextmanager
def _environment(work: Path, staged: Path, variables: dict[str, str], options: Options) -> Iterator[dict[str, str]]:
    """The worker's environment; with MQTT, its `docker` is ours."""
    environment = {**os.environ, "ETSI_QUIET_IO": "1"}
    if not options.mqtt:
        yield environment
        return
    folder = work / "bin"
    configurations = staged / "resources/mqttUtils/mosquitto"
    port = int(variables["mqtt_broker_non_default_port"])
    mosquitto.stand_in(folder, options.python, configurations, options.callback_host, port)
    try:
        yield environment | {"PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"}
    finally:
        mosquitto.stop(folder / "mosquitto.pid")


def _config(
    suite: Path, staged: Path, work: Path, selection: Selection, variables: dict[str, str], options: Options
) -> dict[str, Any]:
    chosen = set(selection.files)
    parts = [part for root in ("TP", "IOP_TP") if (suite / root).is_dir() for part in cover(suite / root, chosen)]
    if options.logs is not None:
        options.logs.mkdir(parents=True, exist_ok=True)
    return {
        "stage": str(staged),
        "scratch": str(work),
        "events": str(work / "events"),
        "logs": None if options.logs is None else str(options.logs.resolve()),
        "paths": [str(staged / part.relative_to(suite)) for part in parts],
        "tags": selection.tags,
        "names": selection.names,
        "variables": variables,
        "test_timeout": options.test_timeout,
        "http_timeout": options.http_timeout,
    }


def _work(options: Options, work: Path, environment: dict[str, str]) -> str:
    """Run the worker until it ends or its time is over; what it said."""
    console = work / "console"
    with console.open("wb") as output:
        process = subprocess.Popen(
            [options.python, str(_WORKER), str(work / "config.json")],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=environment,
        )
        try:
            process.wait(options.timeout)
        except subprocess.TimeoutExpired:
            pass
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    return console.read_text(errors="replace")


def _results(events: Path, said: str) -> list[Result]:
    """What became of each test that was planned. Raises RunFailed if nothing was."""
    results: dict[str, Result] = {}
    for line in events.read_text().splitlines() if events.exists() else []:
        result = Result(**json.loads(line))
        results[result.key] = result
    if not results:
        raise RunFailed(said[-2000:])
    return sorted(results.values(), key=lambda result: result.key)


def _free_port(host: str) -> int:
    with socket.socket() as listener:
        listener.bind((host, 0))
        port: int = listener.getsockname()[1]
        return port
