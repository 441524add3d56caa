"""`broker doctor`: what it finds beside a running broker and without one."""

import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from pymongo.errors import ServerSelectionTimeoutError

from broker.cli import doctor
from broker.settings import Settings, load
from broker.store import embedded, health
from broker.store.client import Client, connect
from broker.store.embedded import EmbeddedMongoDB
from broker.store.health import Finding, Status
from broker.store.store import Store
from tests.conftest import RunningBroker, free_port

EVERYWHERE = "0.0.0.0"  # noqa: S104 (never bound)


@pytest.fixture(scope="module")
def mongo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedMongoDB]:
    with EmbeddedMongoDB(tmp_path_factory.mktemp("doctor"), cache_mb=256) as running:
        yield running


@pytest.fixture
async def client(mongo: EmbeddedMongoDB) -> AsyncIterator[Client]:
    async with connect(mongo.uri) as client:
        yield client


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in [name for name in os.environ if name.startswith("NGSILD_")]:
        monkeypatch.delenv(name)
    return load(data_dir=tmp_path, port=free_port())


def run(*flags: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("NGSILD_")}
    command = [sys.executable, "-m", "broker", "doctor", *flags]
    return subprocess.run(command, env=clean, capture_output=True, text=True, timeout=60)


def test_without_a_broker_it_checks_the_machine(tmp_path: Path) -> None:
    told = run("--data-dir", str(tmp_path), "--port", str(free_port()))
    assert told.returncode == 0, told.stdout
    assert "mongod 6.0.5 runs on this machine" in told.stdout
    assert "does not run now" in told.stdout


@pytest.mark.http
def test_beside_a_broker_it_checks_its_database_and_finds_it_at_the_port(running_broker: RunningBroker) -> None:
    told = run("--data-dir", str(running_broker.log.parent / "data"), "--port", running_broker.url.rpartition(":")[2])
    assert told.returncode == 0, told.stdout
    assert "A broker, version" in told.stdout
    for name in health.CHECKS:
        assert f"{name}: " in told.stdout


def test_a_database_out_of_reach_fails_with_the_exit_code_1(tmp_path: Path) -> None:
    told = run("--mongodb-uri", f"mongodb://127.0.0.1:{free_port()}/", "--port", str(free_port()))
    assert told.returncode == 1
    assert "fail Database: MongoDB does not answer" in told.stdout


async def test_every_check_of_a_sound_database_comes_out_well(client: Client) -> None:
    await Store(client, "sound").prepare()
    findings = await health.run(client, "sound")
    assert findings.keys() == health.CHECKS.keys()
    assert [name for name, finding in findings.items() if finding.status is Status.FAIL] == []


async def test_the_embedded_version_and_its_single_member_are_warned_of(client: Client) -> None:
    assert (await health.version(client, "x")).status is Status.WARN
    assert (await health.topology(client, "x")).status is Status.WARN


async def test_the_probe_of_durable_writes_leaves_nothing(client: Client) -> None:
    assert (await health.durability(client, "probed")).status is Status.OK
    assert await client["probed-control"].list_collection_names() == []


async def test_a_missing_index_is_named(client: Client) -> None:
    await Store(client, "indexed").prepare()
    assert (await health.indexes(client, "indexed")).status is Status.OK
    await client["indexed"]["entities"].drop_index("attribute")
    found = await health.indexes(client, "indexed")
    assert found.status is Status.WARN
    assert "indexed.entities.attribute" in found.says


async def _unknown_command(client: Client, _prefix: str) -> Finding:
    await client.admin.command("noSuchCommand")
    raise AssertionError


async def _no_answer(_client: Client, _prefix: str) -> Finding:
    raise ServerSelectionTimeoutError


@pytest.mark.parametrize(
    ("check", "says"), [(_unknown_command, "MongoDB refuses: no such command"), (_no_answer, "MongoDB does not answer")]
)
async def test_what_the_database_refuses_is_a_finding(client: Client, check: health.Check, says: str) -> None:
    found = (await health.run(client, "x", {"check": check}))["check"]
    assert found.status is Status.FAIL
    assert found.says.startswith(says)


def test_a_port_that_another_program_has_fails(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", settings.port)):
        found = doctor.port(settings)
    assert found.status is Status.FAIL
    assert f"process {os.getpid()}" in found.says


def test_a_full_disk_fails(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "FREE_AT_START", 2**60)
    assert doctor.disk(settings).status is Status.FAIL


def test_a_data_directory_below_a_file_fails(settings: Settings) -> None:
    file = settings.data_dir / "file"
    file.write_text("")
    found = doctor.data_directory(settings.model_copy(update={"data_dir": file}))
    assert found.status is Status.FAIL


def test_an_address_that_others_reach_is_warned_of(settings: Settings) -> None:
    found = doctor.exposure(settings.model_copy(update={"host": EVERYWHERE}))
    assert found.status is Status.WARN


@pytest.mark.parametrize("name", ["Installation", "Embedded MongoDB", "Data directory", "Contexts", "Port", "Exposure"])
def test_a_sound_machine_passes(settings: Settings, name: str) -> None:
    found: Finding = doctor.CHECKS[name](settings)
    assert found.status is Status.OK, found.says
