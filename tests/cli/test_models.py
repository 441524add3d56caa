"""`broker models`, as an operator uses it: beside a running broker."""

import os
import subprocess
import sys
from pathlib import Path

import httpx2
import orjson
import pytest

from broker.hosting.bundled import folder
from tests.cli.refused import refusal
from tests.conftest import RunningBroker

pytestmark = pytest.mark.http

SCHEMA = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "properties": {
        "type": {"enum": ["Bench"]},
        "seats": {"type": "integer", "maximum": 8},
        "height": {"type": "number"},
    },
    "required": ["seats"],
}


def run(broker: RunningBroker, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NGSILD_")}
    environment |= {"NGSILD_DATA_DIR": str(broker.log.parent / "data"), "COLUMNS": "200"}
    command = [sys.executable, "-m", "broker", "models", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_a_tenants_own_model_is_added_ruled_shown_listed_and_removed(
    running_broker: RunningBroker, fresh: httpx2.Client, tmp_path: Path
) -> None:
    tenant = fresh.headers["NGSILD-Tenant"]
    bench = {"id": "urn:ngsi-ld:Bench:1", "type": "Bench", "seats": 9, "height": {"value": 45, "unitCode": "CMT"}}
    assert fresh.post("/entities", json=bench).status_code == 201
    (tmp_path / "bench.json").write_bytes(orjson.dumps(SCHEMA))

    more = ("--units", "height=MTR", "--targets", "refPark=PointOfInterest,refPark=Building")
    added = run(running_broker, "add", str(tmp_path / "bench.json"), "--tenant", tenant, *more)
    assert added.returncode == 0, added.stderr
    assert fresh.patch(f"/entities/{bench['id']}/attrs", json={"seats": 10}).status_code == 204
    assert run(running_broker, "set", "Bench", "warn", "--tenant", tenant).returncode == 0
    assert "NGSILD-Warning" in fresh.patch(f"/entities/{bench['id']}/attrs", json={"seats": 11}).headers
    assert "/seats is 11, not a number of at most 8" in run(running_broker, "violations", "--tenant", tenant).stdout
    (row,) = [line for line in run(running_broker, "list", "--tenant", tenant).stdout.splitlines() if "Bench" in line]
    assert row.split() == ["Bench", "(the", "tenant's", "own)", "warn", "1"]
    assert "seats" in run(running_broker, "show", "Bench", "--tenant", tenant).stdout

    assert run(running_broker, "set", "Bench", "strict", "--tenant", tenant).returncode == 0
    assert fresh.patch(f"/entities/{bench['id']}/attrs", json={"seats": 12}).status_code == 400
    astray = {"refPark": {"object": "urn:ngsi-ld:Vehicle:1"}, "seats": 2}
    refused = fresh.post(f"/entities/{bench['id']}/attrs", json=astray).json()
    assert [each["expectation"] for each in refused["violations"]] == ["the id of Building or PointOfInterest"]
    assert run(running_broker, "remove", "Bench", "--tenant", tenant).returncode == 0
    assert fresh.patch(f"/entities/{bench['id']}/attrs", json={"seats": 12}).status_code == 204


def test_what_cannot_be_is_refused_in_two_sentences(
    running_broker: RunningBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NGSILD_DATA_DIR", str(running_broker.log.parent / "data"))
    wrong = tmp_path / "wrong.json"
    for content, words in (
        (b"{", "is no JSON"),
        (b"[]", "holds no JSON Schema"),
        (b'{"type": "thing"}', "is none"),
        (b'{"$ref": "https://example.com/x.json"}', "does not ship with the broker"),
    ):
        wrong.write_bytes(content)
        assert words in refusal("models", "add", wrong, "--type", "Bench").problem
    wrong.write_bytes(b"{}")
    assert "--targets x is no list of pairs" in refusal("models", "add", wrong, "--targets", "x").problem
    assert "no data model" in refusal("models", "set", "Nothing", "strict").problem
    told = run(running_broker, "set", "Alert", "perhaps")
    assert (told.returncode, "no rule" in told.stderr, len(told.stderr.splitlines())) == (1, True, 2), told.stderr
    assert "does not exist" in run(running_broker, "list", "--tenant", "nobody").stderr


def test_a_file_is_checked_without_a_broker(tmp_path: Path) -> None:
    example = folder() / "mobility" / "examples" / "Vehicle.json"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parent.parent.parent)}
    command = [sys.executable, "-m", "broker", "models", "check"]
    sound = subprocess.run([*command, example], env=environment, capture_output=True, text=True, check=False)
    assert (sound.returncode, sound.stderr) == (0, "1 entities: 0 errors, 0 warnings.\n")
    (tmp_path / "wrong.json").write_text(example.read_text().replace("urn:ngsi-ld:Vehicle:", "Vehicle "))
    wrong = subprocess.run(
        [*command, tmp_path / "wrong.json"], env=environment, capture_output=True, text=True, check=False
    )
    assert wrong.returncode == 1
    assert "wrong.json:2  /id" in wrong.stdout
