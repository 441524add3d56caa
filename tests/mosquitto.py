"""A real mosquitto on the loopback interface, and what comes to it, for tests of notifications over MQTT."""

import asyncio
import getpass
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any, NamedTuple

import aiomqtt
import orjson

from tests.certificate import certify

USER = "broker"
PASSWORD = "a p@ss/word"


class Published(NamedTuple):
    """A message, as a subscriber gets it."""

    topic: str
    qos: int
    body: dict[str, Any]
    at: float
    """When it came, by the monotonic clock."""


class Mosquitto:
    """The ports of a server: one for anybody, one for USER, one with TLS. `messages`: what was published to `#`."""

    def __init__(self, ports: tuple[int, int, int], folder: Path) -> None:
        self.open, self.closed, self.secure = ports
        self.folder = folder
        self.messages: list[Published] = []
        self.heard = threading.Event()
        """Set once messages are listened to."""

    def wait(self, number: int, topic: str, patience: float = 10.0) -> list[Published]:
        """The first so many of a topic; AssertionError if they do not come."""
        deadline = monotonic() + patience
        while len(found := [each for each in self.messages if each.topic == topic]) < number:
            assert monotonic() < deadline, f"{len(found)} of {number} messages"
            sleep(0.01)
        return found[:number]


def program() -> str:
    """The path of mosquitto. AssertionError where it is not installed: no test is skipped."""
    found = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    assert found, "mosquitto is missing: apt-get install mosquitto"
    return found


@contextmanager
def mosquitto(folder: Path, ports: tuple[int, int, int]) -> Iterator[Mosquitto]:
    """A server on these ports, its files in `folder`."""
    _prepare(folder, ports)
    running = subprocess.Popen([program(), "-c", folder / "conf"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    server = Mosquitto(ports, folder)
    listening = asyncio.new_event_loop()
    ended = asyncio.Event()
    thread = threading.Thread(target=lambda: listening.run_until_complete(_listen(server, ended)))
    try:
        _until_it_answers(ports[0])
        thread.start()
        assert server.heard.wait(10)
        yield server
    finally:
        listening.call_soon_threadsafe(ended.set)
        if thread.ident is not None:
            thread.join()
        listening.close()
        running.terminate()
        running.wait()


def _prepare(folder: Path, ports: tuple[int, int, int]) -> None:
    folder.chmod(0o755)
    certificate, key = certify(folder)
    password = ["mosquitto_passwd", "-b", "-c", str(folder / "passwords"), USER, PASSWORD]
    subprocess.run(password, check=True, capture_output=True)
    lines = [
        "per_listener_settings true",
        f"user {getpass.getuser()}",
        f"listener {ports[0]} 127.0.0.1",
        "allow_anonymous true",
        f"listener {ports[1]} 127.0.0.1",
        "allow_anonymous false",
        f"password_file {folder / 'passwords'}",
        f"listener {ports[2]} 127.0.0.1",
        "allow_anonymous true",
        f"certfile {certificate}",
        f"keyfile {key}",
    ]
    (folder / "conf").write_text("\n".join(lines) + "\n")


def _until_it_answers(port: int) -> None:
    deadline = monotonic() + 10
    while True:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        assert monotonic() < deadline, "mosquitto does not answer"
        sleep(0.05)


async def _listen(server: Mosquitto, ended: asyncio.Event) -> None:
    """What is published on one listener, all of them hear."""
    async with aiomqtt.Client("127.0.0.1", server.open, protocol=aiomqtt.ProtocolVersion.V5) as client:
        await client.subscribe("#", qos=2)
        server.heard.set()
        listening = asyncio.create_task(_take(client, server))
        await ended.wait()
        listening.cancel()


async def _take(client: aiomqtt.Client, server: Mosquitto) -> None:
    async for message in client.messages:
        assert isinstance(message.payload, bytes)
        server.messages.append(Published(str(message.topic), message.qos, orjson.loads(message.payload), monotonic()))
