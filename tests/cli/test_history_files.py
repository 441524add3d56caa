"""`broker history export` and `import`: what comes back is what was there; what is no history is refused in words."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import RunningBroker, new_tenant, tenant_client

pytestmark = pytest.mark.http

ENTITIES: list[dict[str, Any]] = [
    {
        "id": "urn:ngsi-ld:Room:1",
        "type": ["Room", "Space"],
        "temperature": [
            {"type": "Property", "value": 20.5, "unitCode": "CEL", "observedAt": "2026-03-01T10:00:00Z"},
            {"type": "Property", "value": 1, "observedAt": "2026-03-01T10:00:00Z", "datasetId": "urn:x:1"},
        ],
        "note": [{"type": "Property", "value": 'a, "b"\nc', "observedAt": "2026-03-01T10:30:00Z"}],
        "location": [
            {
                "type": "GeoProperty",
                "value": {"type": "Point", "coordinates": [1, 2]},
                "observedAt": "2026-03-01T10:00:00Z",
            }
        ],
    },
    {
        "id": "urn:ngsi-ld:Room:2",
        "type": "Room",
        "owner": [{"type": "Relationship", "object": "urn:x:o", "observedAt": "2026-03-01T10:00:00Z"}],
    },
]


def run(broker: RunningBroker, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command of history, on the database of a broker."""
    command = [sys.executable, "-m", "broker", "history", *arguments, "--data-dir", str(broker.log.parent / "data")]
    return subprocess.run(command, capture_output=True, text=True)


def values(broker: RunningBroker, tenant: str) -> Any:
    """The history of a tenant, short."""
    with tenant_client(broker, tenant) as client:
        query = "timerel=after&timeAt=1970-01-01T00:00:00Z&local=true&format=temporalValues"
        return client.get(f"/temporal/entities?{query}").json()


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_a_history_comes_back(running_broker: RunningBroker, tmp_path: Path, suffix: str) -> None:
    source, copy, file = new_tenant(), new_tenant(), tmp_path / f"history{suffix}"
    with tenant_client(running_broker, source) as client:
        for entity in ENTITIES:
            assert client.post("/temporal/entities", json=entity).status_code == 201
    told = run(running_broker, "export", str(file), "--tenant", source)
    assert (told.returncode, told.stdout.split()[0]) == (0, "5"), told.stderr
    with tenant_client(running_broker, copy) as client:
        client.post("/entities", json={"id": "urn:x:1", "type": "Other"})
    for _ in range(2):  # the second time, each point replaces itself
        told = run(running_broker, "import", str(file), "--tenant", copy)
        assert (told.returncode, told.stdout.split()[0]) == (0, "5"), told.stderr
    assert values(running_broker, copy) == values(running_broker, source)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("export", "history.txt"), "no ending"),
        (("export", "history.csv", "--type", "Room"), "no IRI"),
        (("export", "history.csv", "--since", "yesterday"), "no DateTime"),
        (("export", "history.csv", "--tenant", "nobody"), "broker tenants"),
        (("import", "nowhere.csv"), "no file"),
    ],
)
def test_what_cannot_be_done_is_said(running_broker: RunningBroker, arguments: tuple[str, ...], said: str) -> None:
    told = run(running_broker, *arguments)
    assert told.returncode != 0
    assert said in " ".join(told.stderr.split())
    assert "Traceback" not in told.stderr


@pytest.mark.parametrize(
    "content",
    ["", "a,b\n1,2\n", "entity,types,attribute,instance\nroom,[],x,{}\n", 'entity,types\nurn:x:1,"[""urn:x:T""]"\n'],
)
def test_what_is_no_history_is_refused(running_broker: RunningBroker, tmp_path: Path, content: str) -> None:
    file = tmp_path / "other.csv"
    file.write_text(content)
    told = run(running_broker, "import", str(file))
    assert told.returncode != 0
    assert "is no history" in " ".join(told.stderr.split())
    assert "Traceback" not in told.stderr
