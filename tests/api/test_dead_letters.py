"""Dead letters: notifications that were given up, listed, sent again, removed; over HTTP and from the terminal."""

import os
import subprocess
import sys
from collections.abc import Iterator
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from broker.model.instants import instant_key
from broker.names import ADMIN_ROOT, TENANT_HEADER
from tests.api.test_notifications import LAMP, create, set_level, subscribe
from tests.conftest import ADMIN_TOKEN, RunningBroker
from tests.receiver import Receiver, receiving

pytestmark = pytest.mark.http

BEARER = {"Authorization": f"Bearer {ADMIN_TOKEN}"}


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def path() -> str:
    return f"/{uuid4().hex}"


@pytest.fixture
def subscription(fresh: httpx2.Client, receiver: Receiver, path: str) -> str:
    """A subscription whose endpoint has refused two notifications for good."""
    receiver.answer = lambda at: 400
    found = subscribe(fresh, receiver.url(path), notification={"format": "simplified"})
    create(fresh)
    set_level(fresh, 2)
    receiver.wait(2, path)
    receiver.answer = lambda at: 200
    return found.rpartition("/")[2]


def dead(server: httpx2.Client, subscription: str, number: int) -> list[dict[str, Any]]:
    """The dead letters of a subscription, once there are so many."""
    deadline = monotonic() + 10
    while True:
        answer = server.get(f"{ADMIN_ROOT}/deadLetters?limit=1000", headers=BEARER)
        found = [each for each in answer.json() if each["subscriptionId"] == subscription]
        if len(found) == number:
            return found
        assert monotonic() < deadline, found
        sleep(0.02)


def test_a_dead_letter_says_whose_it_is_and_why(fresh: httpx2.Client, server: httpx2.Client, subscription: str) -> None:
    first, second = dead(server, subscription, 2)
    assert first["tenant"] == fresh.headers[TENANT_HEADER]
    assert first["entities"] == [LAMP]
    assert first["reason"] == "it answers 400"
    assert instant_key(first["changedAt"]) <= instant_key(first["givenUpAt"])
    assert first["id"] < second["id"]


def test_they_come_in_pages(server: httpx2.Client, subscription: str) -> None:
    first, second = dead(server, subscription, 2)
    page = server.get(f"{ADMIN_ROOT}/deadLetters?limit=1&after={first['id']}", headers=BEARER).json()
    assert page == [second]
    assert server.get(f"{ADMIN_ROOT}/deadLetters?after=x", headers=BEARER).status_code == 400


def test_a_dead_letter_is_sent_again(server: httpx2.Client, receiver: Receiver, path: str, subscription: str) -> None:
    first, _ = dead(server, subscription, 2)
    again = f"{ADMIN_ROOT}/deadLetters/{first['id']}"
    assert server.post(f"{again}/replay", headers=BEARER).status_code == 204
    assert receiver.wait(3, path)[2].data[0]["level"] == 1
    dead(server, subscription, 1)
    assert server.post(f"{again}/replay", headers=BEARER).status_code == 404


def test_a_dead_letter_is_removed(server: httpx2.Client, subscription: str) -> None:
    first, second = dead(server, subscription, 2)
    gone = f"{ADMIN_ROOT}/deadLetters/{first['id']}"
    assert [server.delete(gone, headers=BEARER).status_code for _ in range(2)] == [204, 404]
    assert dead(server, subscription, 1) == [second]
    assert server.delete(f"{ADMIN_ROOT}/deadLetters/nonsense", headers=BEARER).status_code == 404


def test_they_go_with_their_subscription(server: httpx2.Client, fresh: httpx2.Client, subscription: str) -> None:
    dead(server, subscription, 2)
    assert fresh.delete(f"/subscriptions/{subscription}").status_code == 204
    dead(server, subscription, 0)


def broker(running: RunningBroker, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NGSILD_")}
    environment |= {"NGSILD_DATA_DIR": str(running.log.parent / "data"), "COLUMNS": "300"}
    return subprocess.run(
        [sys.executable, "-m", "broker", "deadletters", *arguments], env=environment, capture_output=True, text=True
    )


def test_the_command_lists_sends_again_and_removes(
    running_broker: RunningBroker,
    server: httpx2.Client,
    fresh: httpx2.Client,
    receiver: Receiver,
    path: str,
    subscription: str,
) -> None:
    first, second = dead(server, subscription, 2)
    whose = ("--tenant", fresh.headers[TENANT_HEADER], "--subscription", subscription)
    listed = broker(running_broker, *whose)
    assert first["id"] in listed.stdout
    assert "it answers 400" in listed.stdout
    refused = broker(running_broker, "replay")
    assert refused.returncode != 0
    assert "--all" in refused.stderr
    removed = broker(running_broker, "remove", "--id", second["id"])
    assert removed.stdout == "1 dead letters are removed.\n"
    again = broker(running_broker, "replay", *whose)
    assert again.stdout == "1 dead letters are owed again.\n"
    assert receiver.wait(3, path)[2].data[0]["level"] == 1
