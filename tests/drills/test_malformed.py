"""Spoilt requests: no 5xx but those of the standard, no hang, refusals name their cause, and nobody else suffers."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.api.operations import OPERATIONS
from tests.api.table import SUBSCRIPTION
from tests.api.wire import Reply, Wire
from tests.conftest import RunningBroker, new_tenant, tenant_client
from tests.drills.mutations import OF_BODIES, OF_HEADS, Case
from tests.drills.sound import ATTRIBUTES, IDS, TENANT, TYPE, sketches
from tests.drills.verdicts import judge

pytestmark = pytest.mark.http

log = logging.getLogger(__name__)

SLOWEST: Final = 5.0
"""Seconds to an answer."""
BYSTANDERS_SLOWEST: Final = 2.0
RESEED: Final = 20


class Harvest:
    """What was sent and answered."""

    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.mutations: Counter[str] = Counter()
        self.operations: Counter[str] = Counter()
        self.slowest = 0.0


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, Case]:
    """A sound request of any operation, spoilt in one place; and how."""
    sketch = draw(sketches())
    takes_body = sketch.operation.body is not None
    mutation = draw(st.sampled_from(OF_BODIES + OF_HEADS if takes_body else OF_HEADS))
    return mutation.__name__, draw(mutation(sketch))


def test_spoilt_requests_are_refused_by_name(running_broker: RunningBroker) -> None:
    harvest = _spoil(running_broker, 800)
    assert len(harvest.operations) > 0.9 * len(OPERATIONS)


@pytest.mark.drill
@pytest.mark.timeout(1800)
def test_ten_thousand_spoilt_requests_are_refused_by_name(running_broker: RunningBroker) -> None:
    harvest = _spoil(running_broker, 10_000)
    assert harvest.operations.total() >= 10_000
    assert min(harvest.operations[operation.name] for operation in OPERATIONS) > 50
    assert min(harvest.mutations[mutation.__name__] for mutation in OF_BODIES + OF_HEADS) > 50


def _spoil(broker: RunningBroker, examples: int) -> Harvest:
    harvest = Harvest()
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]

    @settings(
        max_examples=examples, deadline=None, suppress_health_check=slow, derandomize=examples < 5000, database=None
    )
    @given(named=cases())
    def send(named: tuple[str, Case]) -> None:
        mutation, case = named
        if harvest.operations.total() % RESEED == 0:
            seed.post("/entityOperations/upsert", json=_entities()).raise_for_status()
            assert seed.post("/subscriptions", json=SUBSCRIPTION).status_code in (201, 409)
        started = time.monotonic()
        reply = _ask(wire, case)
        took = time.monotonic() - started
        harvest.operations[case.sketch.operation.name] += 1
        harvest.mutations[mutation] += 1
        harvest.statuses[reply.status] += 1
        harvest.slowest = max(harvest.slowest, took)
        assert took < SLOWEST, f"answered after {took:.1f} s"
        judge(case, reply)

    url = urlsplit(broker.url)
    seed = tenant_client(broker, TENANT)
    with seed, Wire(url.hostname or "", url.port or 0) as wire, bystander(broker):
        send()
    log.info("%s, slowest %.2f s; %s", harvest.operations.total(), harvest.slowest, sorted(harvest.statuses.items()))
    return harvest


def _ask(wire: Wire, case: Case) -> Reply:
    sketch = case.sketch
    headers = [line for line in sketch.headers if line[0] != b"Host"]
    return wire.ask(sketch.method, sketch.target, headers, case.body)


def _entities() -> list[dict[str, Any]]:
    return [{"id": entity_id, "type": TYPE, **ATTRIBUTES} for entity_id in IDS]


@contextmanager
def bystander(broker: RunningBroker) -> Iterator[None]:
    """Somebody who sends sound requests meanwhile: each must be answered as ever, and nothing of theirs may change."""
    entity = {"id": "urn:ngsi-ld:Bystander:1", "type": "Bystander", "count": {"type": "Property", "value": 0}}
    over = threading.Event()
    faults: list[str] = []

    def stand_by(client: httpx2.Client) -> None:
        number, path = 0, f"/entities/{entity['id']}"
        while not over.wait(0.02):
            number += 1
            started = time.monotonic()
            updated = client.patch(f"{path}/attrs", json={"count": {"type": "Property", "value": number}})
            found = client.get(f"{path}?format=simplified")
            took = time.monotonic() - started
            if updated.status_code != 204 or found.json().get("count") != number or took > 2 * BYSTANDERS_SLOWEST:
                faults.append(f"{updated.status_code} {found.status_code} {found.text} expected {number}, {took:.1f} s")

    with tenant_client(broker, new_tenant()) as client:
        client.post("/entities", json=entity).raise_for_status()
        thread = threading.Thread(target=stand_by, args=(client,))
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
    assert not faults, faults[:5]
    health = httpx2.get(f"{broker.url}/health").json()
    assert health["status"] == "ok", health
