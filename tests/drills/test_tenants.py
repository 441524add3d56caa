"""Two hundred tenants where 1024 files may be open by default: a tenant takes MongoDB 28."""

import resource
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from broker.names import API_ROOT
from tests.conftest import RunningBroker, serving, wait_for
from tests.drills.serving import children, program

pytestmark = pytest.mark.drill

TENANTS = 200
DEFAULT_LIMIT = 1024
"""The soft limit of open files that shells and systemd give; the hard one is much higher."""
NEEDED = TENANTS * 28 + 1000
NAMES = [f"quarter{number}" for number in range(TENANTS)]


@contextmanager
def default_limit() -> Iterator[int]:
    """The default limit for what is started meanwhile; the hard limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (DEFAULT_LIMIT, hard))
    try:
        yield hard
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def open_files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


@pytest.mark.timeout(600)
def test_two_hundred_tenants_under_the_default_limit_of_open_files(tmp_path: Path) -> None:
    with default_limit() as hard:
        if hard < NEEDED:
            pytest.skip(f"the hard limit of open files is {hard}, and nobody can raise it")
        with serving(tmp_path, workers=2) as broker:
            wait_for(broker, "/ready")
            with ThreadPoolExecutor(4) as pool:
                assert set(pool.map(lambda name: create(broker, name), NAMES)) == {201}
                assert list(pool.map(lambda name: value(broker, name), NAMES)) == NAMES
            mongod = next(pid for pid in children(broker.process.pid) if program(pid).endswith(b"mongod"))
            assert open_files(mongod) > DEFAULT_LIMIT


def create(broker: RunningBroker, name: str) -> int:
    """Make a tenant by an entity that all have, with the tenant's name as its value."""
    body = {"id": "urn:ngsi-ld:Place:1", "type": "Place", "name": name}
    answer = httpx2.post(f"{broker.url}{API_ROOT}/entities", json=body, headers={"NGSILD-Tenant": name}, timeout=60)
    return answer.status_code


def value(broker: RunningBroker, name: str) -> str:
    url = f"{broker.url}{API_ROOT}/entities?type=Place&format=simplified"
    answer = httpx2.get(url, headers={"NGSILD-Tenant": name}, timeout=60)
    (entity,) = answer.json()
    found: str = entity["name"]
    return found
