"""What operators ask of a running broker."""

import re

import httpx2
import pytest

from broker.api import openapi
from broker.api.operations import OPERATIONS
from tests.conftest import RunningBroker

pytestmark = pytest.mark.http


def test_health_names_its_checks(server: httpx2.Client) -> None:
    answer = server.get("/health")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert answer.json()["checks"]["database"]["status"] == "ok"


def test_ready_says_so(server: httpx2.Client) -> None:
    answer = server.get("/ready")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})


def test_version_tells_broker_and_specification(server: httpx2.Client) -> None:
    answer = server.get("/version").json()
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", answer["version"])
    assert "1.9.1" in answer["specification"]


def test_the_openapi_document_is_the_tables(server: httpx2.Client) -> None:
    assert server.get("/openapi.json").json() == openapi.document(OPERATIONS)


def _count(server: httpx2.Client, sample: str) -> float:
    lines = server.get("/metrics").text.splitlines()
    return next((float(line.split()[-1]) for line in lines if line.startswith(sample)), 0.0)


def test_metrics_count_requests_of_all_workers(running_broker: RunningBroker, server: httpx2.Client) -> None:
    sample = 'ngsild_requests_total{operation="version",status="200"}'
    before = _count(server, sample)
    for _ in range(20):
        httpx2.get(f"{running_broker.url}/version")  # a connection each: any worker may take it
    assert _count(server, sample) == before + 20


def test_metrics_tell_latency_by_operation(server: httpx2.Client) -> None:
    server.get("/version")
    assert _count(server, 'ngsild_request_seconds_count{operation="version"}') >= 1
    assert _count(server, 'ngsild_request_seconds_sum{operation="version"}') > 0


def test_metrics_are_in_prometheus_text_format(server: httpx2.Client) -> None:
    answer = server.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert "# TYPE ngsild_requests_total counter" in answer.text


@pytest.mark.parametrize("path", ["/health", "/ready", "/version", "/metrics", "/openapi.json"])
def test_probes_have_no_tenant_and_no_context(server: httpx2.Client, path: str) -> None:
    answer = server.get(path, headers={"NGSILD-Tenant": "nosuchtenant", "Link": "nonsense"})
    assert answer.status_code == 200
    assert "link" not in answer.headers
