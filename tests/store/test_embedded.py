"""The embedded MongoDB: a real mongod, killed, moved, and refused where it cannot start."""

import asyncio
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient, MongoClient

from broker.errors import StartError
from broker.store import children, embedded, mongod
from broker.store.embedded import EmbeddedMongoDB

Document = dict[str, Any]
OTHER_USER = 65534


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "data"
    shutil.rmtree(tmp_path, ignore_errors=True)  # 300 MB each


@pytest.fixture(scope="module")
def mongo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedMongoDB]:
    with EmbeddedMongoDB(tmp_path_factory.mktemp("embedded"), cache_mb=256) as running:
        yield running


def killed(database: EmbeddedMongoDB) -> None:
    assert database.process is not None
    database.process.kill()
    database.process.wait()


def count(database: EmbeddedMongoDB) -> int:
    with MongoClient[Document](database.uri, serverSelectionTimeoutMS=20_000) as client:
        return client.test.things.count_documents({})


def add(database: EmbeddedMongoDB) -> None:
    with MongoClient[Document](database.uri, w="majority", journal=True) as client:
        client.test.things.insert_one({})


async def test_transactions_change_streams_and_clients_outlive_kill_9(mongo: EmbeddedMongoDB) -> None:
    async with AsyncMongoClient[Document](mongo.uri, serverSelectionTimeoutMS=20_000) as client:
        things = client.outlive.things
        await things.insert_one({"_id": 0})
        async with await things.watch() as stream:
            killed(mongo)
            started = time.monotonic()
            mongo.spawn()

            async def add_two(session: Any) -> None:
                await things.insert_one({"_id": 1}, session=session)
                await things.insert_one({"_id": 2}, session=session)

            async with client.start_session() as session:
                await session.with_transaction(add_two)
            assert time.monotonic() - started < 10
            seen = [(await asyncio.wait_for(stream.next(), 10))["documentKey"]["_id"] for _ in range(2)]
        assert seen == [1, 2]
        assert await things.count_documents({}) == 3


def test_there_is_no_tcp_port_and_the_socket_s_folder_is_private(mongo: EmbeddedMongoDB) -> None:
    found = mongod.running_on(mongo.data)
    assert found is not None
    assert Path(found.socket).is_socket()
    assert Path(found.socket).parent.stat().st_mode & 0o777 == 0o700
    sockets = _sockets(found.pid)
    for table in ("tcp", "tcp6"):
        rows = Path("/proc/net", table).read_text().splitlines()[1:]
        assert not [row for row in rows if row.split()[9] in sockets]


def _sockets(pid: int) -> set[str]:
    links = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # it was closed in between
            links.append(str(link.readlink()))
    return {link[8:-1] for link in links if link.startswith("socket:[")}


def test_what_runs_is_found_by_its_data_directory(mongo: EmbeddedMongoDB, tmp_path: Path) -> None:
    assert embedded.running(mongo.folder.parent) == mongo.uri
    assert embedded.running(tmp_path) is None


def test_a_second_broker_on_the_data_directory_is_refused(mongo: EmbeddedMongoDB) -> None:
    with pytest.raises(StartError, match=f"process {os.getpid()}.* uses the data directory"):
        EmbeddedMongoDB(mongo.folder.parent).start()
    assert count(mongo) >= 0


def test_each_run_has_a_log_of_its_own(mongo: EmbeddedMongoDB) -> None:
    killed(mongo)
    last = mongo.log.read_text()
    mongo.spawn()
    assert count(mongo) >= 0
    assert mongo.log.with_name("mongod.log.1").read_text() == last
    assert mongo.log.read_text() != last


def test_data_that_moved_is_found_again_wherever_the_socket_must_lie(place: Path) -> None:
    """Moved below a name with capitals, which cannot be a member's name."""
    with EmbeddedMongoDB(place, cache_mb=256) as database:
        add(database)
        assert database.uri.startswith(f"mongodb://{str(place).replace('/', '%2F')}")
    moved = place.with_name("Moved")
    place.rename(moved)
    with EmbeddedMongoDB(moved, cache_mb=256) as database:
        assert f"ngsild-broker-{os.geteuid()}" in database.uri
        add(database)
        assert count(database) == 2


def test_an_orphan_on_the_data_is_ended_first(place: Path) -> None:
    with EmbeddedMongoDB(place, cache_mb=256) as database:
        add(database)
    address = str(place / "mongodb" / "orphan.sock")
    command = [str(mongod.binary()), "--dbpath", str(database.data), "--bind_ip", address, "--nounixsocket"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as orphan:
        while mongod.running_on(database.data) is None or not Path(address).is_socket():
            time.sleep(0.02)
            assert orphan.poll() is None
        with database:
            assert count(database) == 1
        assert orphan.wait(10) == 0


def test_a_database_that_cannot_start_says_why(place: Path) -> None:
    with EmbeddedMongoDB(place, cache_mb=256) as database:
        pass
    (database.data / "WiredTiger.turtle").write_bytes(b"?" * 100)
    with pytest.raises(StartError, match=r"ended at its start: .*database corruption detected") as refused:
        database.start()
    assert str(database.log) in refused.value.advice
    assert mongod.running_on(database.data) is None


def test_a_start_that_is_given_up_leaves_nothing_behind(place: Path) -> None:
    class GivenUp(BaseException):
        pass

    def give_up(_seconds: float) -> None:
        raise GivenUp

    database = EmbeddedMongoDB(place, cache_mb=256)
    with pytest.raises(GivenUp):
        database.start(pause=give_up)
    assert mongod.running_on(database.data) is None
    with database:
        add(database)


def test_a_full_disk_is_refused_with_what_is_free(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "FREE_AT_START", 2**60)
    with pytest.raises(StartError, match="MiB are free, and MongoDB needs"):
        EmbeddedMongoDB(place).start()


def test_a_path_that_cannot_be_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match="cannot be written: Not a directory"):
        EmbeddedMongoDB(tmp_path / "file" / "data").start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_root_does_not_touch_the_data_of_another_user(place: Path) -> None:
    folder = place / "mongodb"
    folder.mkdir(parents=True)
    os.chown(folder, OTHER_USER, OTHER_USER)
    with pytest.raises(StartError, match=f"belongs to user {OTHER_USER}"):
        EmbeddedMongoDB(place).start()


def test_the_cache_is_a_quarter_of_the_memory_at_most() -> None:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    assert 256 <= embedded.default_cache_mb() <= max(256, memory // 4)


def test_a_large_log_is_begun_anew(mongo: EmbeddedMongoDB, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "_LOG_SIZE", 10)
    mongo.bound_log()
    deadline = time.monotonic() + 10
    while not mongo.log.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_child_is_ended_by_force_when_it_does_not_listen(place: Path) -> None:
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
    output = place.parent / "out"
    with output.open("wb") as told:
        process = children.spawn([shutil.which("python3") or "", "-c", deaf], output=told)
    while not output.read_bytes():
        time.sleep(0.01)
    children.end(process, patience=0.1)
    assert process.returncode == -signal.SIGKILL
