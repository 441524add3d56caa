"""The first queries of the README work as they are printed, on the sample city."""

import json
import os
import re
import subprocess
import sys
from typing import Final

import pytest

from tests.conftest import RunningBroker
from tests.docs.pages import README, blocks

pytestmark = pytest.mark.http

ADDRESS: Final = "http://127.0.0.1:1026"
_PRELUDE: Final = 'set -e; curl() { command curl --fail-with-body --max-time 30 "$@"; echo; }\n'
"""A refusal of the broker, too, is a failure here."""

BLOCKS: Final = [block for block in blocks(README, "sh") if ADDRESS in block]


def typed(block: str, broker: RunningBroker) -> str:
    """What the commands of a block print, typed at a broker."""
    assert set(re.findall(r"^\w+", block, re.MULTILINE)) <= {"curl", "CONTEXT"}
    done = subprocess.run(
        ["bash", "-c", _PRELUDE + block.replace(ADDRESS, broker.url)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def city(running_broker: RunningBroker) -> RunningBroker:
    """The smallest sample city that has every fleet."""
    command = [sys.executable, "-m", "broker", "city", "--entities", "61", "--url", running_broker.url]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NGSILD_")}
    subprocess.run(command, check=True, capture_output=True, timeout=60, env=environment)
    return running_broker


def test_the_first_queries_find_vehicles(city: RunningBroker) -> None:
    printed = typed(BLOCKS[0], city).splitlines()
    vehicles = json.loads(printed[0])
    assert vehicles
    assert all(vehicle["type"] == "Vehicle" and "speed" in vehicle for vehicle in vehicles)
    (count,) = [line for line in printed if line.startswith("ngsild-results-count: ")]
    assert int(count.partition(": ")[2]) >= len(vehicles)
    assert json.loads(printed[-1])["id"] == "urn:ngsi-ld:Vehicle:bus-000000"


def test_an_entity_of_ones_own_is_created_changed_found_and_deleted(running_broker: RunningBroker) -> None:
    printed = typed(BLOCKS[1], running_broker)
    assert re.findall(r"HTTP/1.1 (\d+)", printed) == ["201", "204", "204"]
    assert '"temperature":{"type":"Property","value":22,"unitCode":"CEL"}' in printed


def test_without_the_header_a_word_means_something_else(city: RunningBroker) -> None:
    without = re.sub(r' -H "\$CONTEXT"', "", BLOCKS[0]).splitlines()
    (counting,) = [line for line in without if "count=true" in line]
    assert "ngsild-results-count: 0" in typed(counting, city)
