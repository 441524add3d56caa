"""`broker tenants`: what it lists and makes, and that a tenant dropped under two workers' hands stays dropped."""

import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from pymongo import MongoClient

from broker.names import API_ROOT
from broker.store import embedded
from tests.conftest import RunningBroker, serving, wait_for

ENTITIES = f"{API_ROOT}/entities"
ID = "urn:ngsi-ld:Thing:1"
CLIENTS = 6
"""Connections that write while the tenant is dropped: with so many each worker has some."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tenants")


@pytest.fixture(scope="module")
def broker(folder: Path) -> Iterator[RunningBroker]:
    with serving(folder, workers=2) as running:
        wait_for(running, "/ready")
        yield running


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NGSILD_")}
    environment |= {"NGSILD_DATA_DIR": str(folder / "data"), "COLUMNS": "200"}
    command = [sys.executable, "-m", "broker", "tenants", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def create(broker: RunningBroker, tenant: str, entity_id: str = ID) -> httpx2.Response:
    body = {"id": entity_id, "type": "Thing", "n": 0}
    return httpx2.post(f"{broker.url}{ENTITIES}", json=body, headers={"NGSILD-Tenant": tenant})


def retrieve(broker: RunningBroker, tenant: str) -> httpx2.Response:
    return httpx2.get(f"{broker.url}{ENTITIES}/{ID}", headers={"NGSILD-Tenant": tenant})


def databases(folder: Path) -> set[str]:
    uri = embedded.running(folder / "data")
    assert uri is not None
    with MongoClient[dict[str, object]](uri) as client:
        return set(client.list_database_names())


def rows(listing: str) -> dict[str, list[str]]:
    """The listing by the first word of each row."""
    return {words[0]: words[1:] for words in map(str.split, listing.splitlines()) if words}


def test_tenants_are_listed(broker: RunningBroker, folder: Path) -> None:
    assert create(broker, "water").status_code == 201
    assert create(broker, "Water.2").status_code == 201
    listed = run(folder)
    assert listed.returncode == 0
    found = rows(listed.stdout)
    assert found["water"] == ["ngsild-t-water", "1"]
    assert found["Water.2"][0].startswith("ngsild-x-")
    assert "(the default one)" in listed.stdout


def test_a_tenant_is_made(broker: RunningBroker, folder: Path) -> None:
    assert retrieve(broker, "parks").json()["type"].endswith("NonexistentTenant")
    assert run(folder, "create", "parks").returncode == 0
    assert retrieve(broker, "parks").json()["type"].endswith("ResourceNotFound")
    assert rows(run(folder).stdout)["parks"] == ["ngsild-t-parks", "0"]


def test_nothing_is_dropped_without_yes(broker: RunningBroker, folder: Path) -> None:
    assert create(broker, "roads").status_code == 201
    refused = run(folder, "drop", "roads")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "--yes" in refused.stderr
    assert retrieve(broker, "roads").status_code == 200


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["drop", "", "--yes"], "default tenant"),
        (["drop", "nowhere", "--yes"], "no tenant nowhere"),
        (["drop", "a b", "--yes"], "no name of a tenant"),
        (["create", "../a"], "no name of a tenant"),
    ],
)
def test_what_cannot_be_done_is_said(broker: RunningBroker, folder: Path, arguments: list[str], says: str) -> None:
    refused = run(folder, *arguments)
    assert refused.returncode == 1
    assert says in refused.stderr
    assert "Traceback" not in refused.stderr


def test_without_a_broker_there_is_nobody_to_ask(tmp_path: Path) -> None:
    refused = run(tmp_path)
    assert refused.returncode == 1
    assert "No broker runs" in refused.stderr


def test_a_dropped_tenant_stays_dropped_while_two_workers_are_written_to(broker: RunningBroker, folder: Path) -> None:
    assert create(broker, "lights").status_code == 201
    assert create(broker, "other").status_code == 201
    seen: list[Counter[str]] = [Counter() for _ in range(CLIENTS)]
    stop = threading.Event()

    def write(number: int) -> None:
        """Updates and deletes of attributes, upserts by update: nothing that makes a tenant."""
        with httpx2.Client(base_url=broker.url, headers={"NGSILD-Tenant": "lights"}, timeout=30) as client:
            while not stop.is_set():
                body = {f"n{number}": time.monotonic(), "n": number}
                answer = client.patch(f"{ENTITIES}/{ID}/attrs", json=body)
                known = "204" if answer.status_code == 204 else answer.json()["type"].rpartition("/")[2]
                seen[number][known] += 1

    writers = [threading.Thread(target=write, args=(number,)) for number in range(CLIENTS)]
    for writer in writers:
        writer.start()
    time.sleep(0.5)
    dropped = run(folder, "drop", "lights", "--yes")
    after = [Counter(counter) for counter in seen]
    time.sleep(1)
    stop.set()
    for writer in writers:
        writer.join()

    assert dropped.returncode == 0, dropped.stderr
    assert [counter.keys() for counter in seen] == [{"204", "NonexistentTenant"}] * CLIENTS, seen
    assert all(now["204"] == then["204"] for now, then in zip(seen, after, strict=True))
    assert "ngsild-t-lights" not in databases(folder)
    assert "lights" not in rows(run(folder).stdout)
    assert retrieve(broker, "other").status_code == 200
    assert retrieve(broker, "lights").json()["type"].endswith("NonexistentTenant")
    assert create(broker, "lights", f"{ID}:new").status_code == 201
    assert retrieve(broker, "lights").json()["type"].endswith("ResourceNotFound")
