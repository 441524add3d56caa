"""Metrics of one and of several processes, logs in one form."""

import io
import json
import logging
import os
import subprocess
import sys
import time
from pathlib import Path

from broker import telemetry

COUNTING = """
from broker import telemetry
observe = telemetry.observer("probe")
observe(200, 0.002)
observe(200, 0.2)
observe(503, 30)
"""
READING = "from broker import telemetry; print(telemetry.exposition().decode())"


def lines(log_stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in log_stream.getvalue().splitlines()]


def test_workers_that_share_a_folder_are_summed(tmp_path: Path) -> None:
    environment = os.environ | {telemetry.SHARED_DIRECTORY: str(tmp_path)}
    for _ in range(2):
        subprocess.run([sys.executable, "-c", COUNTING], env=environment, check=True)
    told = subprocess.run([sys.executable, "-c", READING], env=environment, check=True, capture_output=True, text=True)
    samples = dict(line.rsplit(" ", 1) for line in told.stdout.splitlines() if line and not line.startswith("#"))
    assert float(samples['ngsild_requests_total{operation="probe",status="200"}']) == 4
    assert float(samples['ngsild_requests_total{operation="probe",status="503"}']) == 2
    assert float(samples['ngsild_request_seconds_count{operation="probe"}']) == 6
    assert float(samples['ngsild_request_seconds_bucket{le="0.0025",operation="probe"}']) == 2


def test_counting_a_request_takes_microseconds() -> None:
    observe = telemetry.observer("measured")
    observe(200, 0.001)
    started = time.perf_counter()
    for _ in range(2000):
        observe(200, 0.001)
    assert (time.perf_counter() - started) / 2000 < 50e-6  # 3 on a quiet machine


def test_logs_are_json_lines_with_the_request_id(log_stream: io.StringIO) -> None:
    telemetry.configure_logging("info", "json", log_stream)
    token = telemetry.REQUEST_ID.set("abc-1")
    telemetry.log("broker.test").warning("context fetch failed", url="http://x")
    logging.getLogger("another.package").info("started %s", 5)
    telemetry.REQUEST_ID.reset(token)
    telemetry.log("broker.test").info("later")
    ours, library, later = lines(log_stream)
    assert (ours["message"], ours["level"], ours["url"], ours["request_id"]) == (
        "context fetch failed",
        "warning",
        "http://x",
        "abc-1",
    )
    assert (library["message"], library["request_id"]) == ("started 5", "abc-1")
    assert "request_id" not in later
    assert str(ours["time"]).endswith("Z")


def test_what_is_below_the_level_is_not_logged(log_stream: io.StringIO) -> None:
    telemetry.configure_logging("warning", "json", log_stream)
    telemetry.log("broker.test").info("not this")
    logging.getLogger("another.package").info("nor this")
    assert log_stream.getvalue() == ""


def test_a_traceback_shows_no_values(log_stream: io.StringIO) -> None:
    telemetry.configure_logging("info", "json", log_stream)
    password = "hunter2"
    try:
        raise RuntimeError(f"failed with {len(password)} letters")
    except RuntimeError:
        telemetry.log("broker.test").exception("fault")
    assert "RuntimeError" in log_stream.getvalue()
    assert "hunter2" not in log_stream.getvalue()


def test_a_line_break_in_a_value_stays_in_its_line(log_stream: io.StringIO) -> None:
    telemetry.configure_logging("info", "json", log_stream)
    telemetry.log("broker.test").info("request", path='/a\n{"message": "forged"}')
    assert len(lines(log_stream)) == 1


def test_console_lines_are_for_people(log_stream: io.StringIO) -> None:
    telemetry.configure_logging("info", "console", log_stream)
    telemetry.log("broker.test").info("serving", port=1026)
    assert "serving" in log_stream.getvalue()
    assert "port=1026" in log_stream.getvalue()
