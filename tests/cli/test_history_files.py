"""`broker history export` and `import`: what comes back is what was there; what is no history is refused in words."""

from pathlib import Path
from typing import Any

import pytest

from broker.cli.history_files import bring, export
from broker.errors import StartError
from broker.history.tables import MOST
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


def data_of(broker: RunningBroker) -> str:
    """Where a broker has its database."""
    return str(broker.log.parent / "data")


def values(broker: RunningBroker, tenant: str) -> Any:
    """The history of a tenant, short."""
    with tenant_client(broker, tenant) as client:
        query = "timerel=after&timeAt=1970-01-01T00:00:00Z&local=true&format=temporalValues"
        return client.get(f"/temporal/entities?{query}").json()


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_a_history_comes_back(
    running_broker: RunningBroker, tmp_path: Path, capsys: pytest.CaptureFixture[str], suffix: str
) -> None:
    source, copy, file = new_tenant(), new_tenant(), tmp_path / f"history{suffix}"
    with tenant_client(running_broker, source) as client:
        for entity in ENTITIES:
            assert client.post("/temporal/entities", json=entity).status_code == 201
        assert client.delete("/entities/urn:ngsi-ld:Room:1/attrs/note").status_code == 204
    export(file, tenant=source, data_dir=data_of(running_broker))
    assert capsys.readouterr().out.startswith("6 points")
    with tenant_client(running_broker, copy) as client:
        client.post("/entities", json={"id": "urn:x:1", "type": "Other"})
    for _ in range(2):  # the second time, each point replaces itself
        bring(file, tenant=copy, data_dir=data_of(running_broker))
        assert capsys.readouterr().out.startswith("6 points")
    assert list(tmp_path.iterdir()) == [file]
    assert values(running_broker, copy) == values(running_broker, source)
    with tenant_client(running_broker, copy) as client:
        assert "note" not in client.get("/entities/urn:ngsi-ld:Room:1").json()


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_a_long_history_makes_the_state_of_a_plain_list(
    running_broker: RunningBroker, tmp_path: Path, suffix: str
) -> None:
    source, copy, file = new_tenant(), new_tenant(), tmp_path / f"history{suffix}"
    minutes = [f"2026-03-{1 + n // 1440:02}T{n // 60 % 24:02}:{n % 60:02}:00Z" for n in range(2 * MOST + 500)]
    half = len(minutes) // 2
    with tenant_client(running_broker, source) as client:
        instances = [{"type": "Property", "value": n, "observedAt": time} for n, time in enumerate(minutes)]
        room = {"id": "urn:ngsi-ld:Room:1", "type": "Room", "note": {"type": "Property", "value": "first"}}
        for part in (instances[half:], instances[:half]):  # those that come last are the oldest
            client.post("/temporal/entities", json={**room, "temperature": part}).raise_for_status()
        assert client.patch("/entities/urn:ngsi-ld:Room:1/attrs", json={"note": "second"}).status_code == 204
        assert client.delete("/entities/urn:ngsi-ld:Room:1/attrs/note").status_code == 204
    export(file, tenant=source, data_dir=data_of(running_broker))
    bring(file, tenant=copy, data_dir=data_of(running_broker))
    with tenant_client(running_broker, copy) as client:
        state = client.get("/entities/urn:ngsi-ld:Room:1").json()
        every = "timeproperty=modifiedAt&aggrMethods=totalCount&format=aggregatedValues"
        counted = client.get(f"/temporal/entities/urn:ngsi-ld:Room:1?{every}").json()
    assert state["temperature"] == {"type": "Property", "value": len(minutes) - 1, "observedAt": minutes[-1]}
    assert "note" not in state
    assert counted["temperature"]["totalCount"][0][0] == len(minutes)


@pytest.mark.parametrize(
    ("name", "flags", "said"),
    [
        ("history.txt", {}, "no ending"),
        ("history.csv", {"type": "Room"}, "no IRI"),
        ("history.csv", {"since": "yesterday"}, "no DateTime"),
        ("history.csv", {"tenant": "nobody"}, "nobody"),
    ],
)
def test_what_cannot_be_exported(
    running_broker: RunningBroker, tmp_path: Path, name: str, flags: dict[str, Any], said: str
) -> None:
    with pytest.raises(StartError, match=said):
        export(tmp_path / name, **flags, data_dir=data_of(running_broker))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content",
    [
        "",
        "a,b\n1,2\n",
        "entity,types,attribute,instance\nroom,[],x,{}\n",
        'entity,types\nurn:x:1,"[""urn:x:T""]"\n',
        'entity,types,attribute,deletedAt,instance\nurn:x:1,"[""urn:x:T""]",urn:x:a,now,"{""type"":""Property""}"\n',
    ],
)
def test_what_is_no_history_is_refused(running_broker: RunningBroker, tmp_path: Path, content: str) -> None:
    file = tmp_path / "other.csv"
    file.write_text(content)
    with pytest.raises(StartError, match="is no history"):
        bring(file, data_dir=data_of(running_broker))
    with pytest.raises(StartError, match="no file"):
        bring(tmp_path / "nowhere.csv", data_dir=data_of(running_broker))
