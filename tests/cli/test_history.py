"""`broker history rules`: what it states is followed by every worker from the next write on."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from broker.names import API_ROOT, DEFAULT_VOCABULARY
from tests.cli.refused import refusal
from tests.conftest import RunningBroker, serving, wait_for

ID = "urn:ngsi-ld:Meter:1"
TYPE = DEFAULT_VOCABULARY + "Meter"
POWER = DEFAULT_VOCABULARY + "power"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("history")


@pytest.fixture(scope="module")
def broker(folder: Path) -> Iterator[RunningBroker]:
    with serving(folder, workers=2) as running:
        wait_for(running, "/ready")
        yield running


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NGSILD_")}
    environment |= {"NGSILD_DATA_DIR": str(folder / "data"), "COLUMNS": "200"}
    command = [sys.executable, "-m", "broker", "history", "rules", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def write(broker: RunningBroker, **values: int) -> None:
    """Over a new connection: any of the workers."""
    body = {"id": ID, "type": "Meter", **values}
    answer = httpx2.post(f"{broker.url}{API_ROOT}/entityOperations/upsert?options=update", json=[body])
    assert answer.status_code in (201, 204)


def history(broker: RunningBroker, attribute: str) -> list[Any]:
    answer = httpx2.get(f"{broker.url}{API_ROOT}/temporal/entities/{ID}").json()
    found = answer.get(attribute, [])
    return [point["value"] for point in (found if isinstance(found, list) else [found])]


def test_a_rule_is_followed_by_all_workers_until_it_is_removed(broker: RunningBroker, folder: Path) -> None:
    write(broker, power=1, voltage=1)
    stated = run(folder, "set", "--type", TYPE, "--attribute", POWER, "--mode", "off")
    assert stated.returncode == 0, stated.stderr
    for value in range(2, 8):
        write(broker, power=value, voltage=value)
    assert history(broker, "power") == [1]
    assert history(broker, "voltage") == [1, 2, 3, 4, 5, 6, 7]
    assert POWER in run(folder).stdout
    assert run(folder, "remove", "--type", TYPE, "--attribute", POWER).returncode == 0
    write(broker, power=8)
    assert history(broker, "power") == [1, 8]


REFUSED = (
    (("--mode", "some"), "--mode some"),
    (("--type", "Meter", "--mode", "off"), "no IRI"),
    (("--interval", "5 minutes"), "--interval '5 minutes'"),
    (("--retention", "P0D"), "--retention 'P0D'"),
    (("--retention", "P1Y", "--attribute", POWER), "whole entities"),
    (("--type", TYPE), "the rule could say"),
)


@pytest.mark.parametrize(("arguments", "reason"), REFUSED)
def test_a_rule_that_cannot_be_followed_is_refused(
    folder: Path, arguments: tuple[str, ...], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NGSILD_DATA_DIR", str(folder / "data"))
    assert reason in refusal("history", "rules", "set", *arguments).problem


def test_removing_a_rule_that_is_not_there_is_an_error(broker: RunningBroker, folder: Path) -> None:
    refused = run(folder, "remove", "--type", TYPE)
    assert refused.returncode != 0
    assert "There is no rule" in refused.stderr
