"""Publishing to a real mosquitto: versions, users, TLS, the guard, connections that break."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from ipaddress import ip_network
from pathlib import Path
from time import monotonic
from uuid import uuid4

import pytest

from broker.outbound import mqtt
from broker.outbound.guard import Guard
from broker.outbound.mqtt import Address, Publisher, Server, Version, address
from broker.outbound.reasons import AddressRefused, CallError
from tests.conftest import free_port
from tests.mosquitto import PASSWORD, USER, Mosquitto, mosquitto

LOOPBACK = Guard([ip_network("127.0.0.0/8"), ip_network("::1/128")])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    ports = (free_port(), free_port(), free_port())
    with mosquitto(tmp_path_factory.mktemp("mosquitto"), ports) as server:
        yield server


@pytest.fixture
async def publisher() -> AsyncIterator[Publisher]:
    publisher = Publisher(LOOPBACK)
    yield publisher
    await publisher.close()


@pytest.fixture
def topic() -> str:
    return f"city/{uuid4().hex}"


async def publish(
    publisher: Publisher, uri: str, version: Version = "mqtt5.0", qos: int = 1, body: bytes = b"{}"
) -> None:
    await publisher.publish(address(uri, version), body, qos=qos, timeout=5)


@pytest.mark.parametrize("qos", [0, 1, 2])
@pytest.mark.parametrize("version", ["mqtt3.1.1", "mqtt5.0"])
async def test_a_message_arrives(
    server: Mosquitto, publisher: Publisher, topic: str, version: Version, qos: int
) -> None:
    await publish(publisher, f"mqtt://127.0.0.1:{server.open}/{topic}", version, qos, b'{"n":1}')
    (message,) = await asyncio.to_thread(server.wait, 1, topic)
    assert (message.body, message.qos) == ({"n": 1}, qos)


async def test_messages_of_one_connection_arrive_in_order(server: Mosquitto, publisher: Publisher, topic: str) -> None:
    for number in range(20):
        await publish(publisher, f"mqtt://127.0.0.1:{server.open}/{topic}", body=b'{"n":%d}' % number)
    messages = await asyncio.to_thread(server.wait, 20, topic)
    assert [message.body["n"] for message in messages] == list(range(20))


async def test_a_user_is_let_in_by_the_password(server: Mosquitto, publisher: Publisher, topic: str) -> None:
    await publish(publisher, f"mqtt://{USER}:a%20p%40ss%2Fword@127.0.0.1:{server.closed}/{topic}")
    assert PASSWORD == "a p@ss/word"
    await asyncio.to_thread(server.wait, 1, topic)


@pytest.mark.parametrize("user", ["", f"{USER}:wrong@"])
async def test_others_are_not_and_the_reason_is_told(
    server: Mosquitto, publisher: Publisher, topic: str, user: str
) -> None:
    with pytest.raises(CallError, match="the MQTT server says"):
        await publish(publisher, f"mqtt://{user}127.0.0.1:{server.closed}/{topic}")


async def test_a_certificate_is_verified_for_the_name(
    server: Mosquitto, publisher: Publisher, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(server.folder / "cert.pem"))
    await publish(publisher, f"mqtts://localhost:{server.secure}/{topic}")
    await asyncio.to_thread(server.wait, 1, topic)
    with pytest.raises(CallError, match="certificate"):
        await publish(publisher, f"mqtts://127.0.0.1:{server.secure}/{topic}")


async def test_a_certificate_that_nobody_vouches_for_is_refused(
    server: Mosquitto, publisher: Publisher, topic: str
) -> None:
    assert str(server.folder / "cert.pem") != ssl.get_default_verify_paths().cafile
    with pytest.raises(CallError, match="certificate"):
        await publish(publisher, f"mqtts://localhost:{server.secure}/{topic}")


async def test_an_address_that_is_not_allowed_is_not_connected_to(server: Mosquitto, topic: str) -> None:
    for host in ("127.0.0.1", "localhost"):
        with pytest.raises(AddressRefused):
            await publish(Publisher(Guard()), f"mqtt://{host}:{server.open}/{topic}")


async def test_what_is_not_there_is_told_at_once(publisher: Publisher, topic: str) -> None:
    began = monotonic()
    with pytest.raises(CallError, match="refuses the connection"):
        await publish(publisher, f"mqtt://127.0.0.1:{free_port()}/{topic}")
    with pytest.raises(CallError, match="resolved"):
        await publish(publisher, f"mqtt://nowhere.invalid/{topic}")
    assert monotonic() - began < 4


async def test_a_server_that_says_nothing_costs_the_time_out_and_no_more(publisher: Publisher, topic: str) -> None:
    writers: list[asyncio.StreamWriter] = []
    silent = await asyncio.start_server(lambda _, writer: writers.append(writer), "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    began = monotonic()
    with pytest.raises(CallError, match=r"no acknowledgement within 0\.5 s"):
        await publisher.publish(address(f"mqtt://127.0.0.1:{port}/{topic}", "mqtt5.0"), b"{}", qos=0, timeout=0.5)
    assert monotonic() - began < 3
    for writer in writers:
        writer.close()
    silent.close()
    await silent.wait_closed()


async def test_a_connection_that_broke_is_made_anew(tmp_path: Path, publisher: Publisher, topic: str) -> None:
    ports = (free_port(), free_port(), free_port())
    for _ in range(2):
        with mosquitto(tmp_path, ports) as server:
            await publish(publisher, f"mqtt://127.0.0.1:{server.open}/{topic}")
            await asyncio.to_thread(server.wait, 1, topic)


async def test_connections_that_are_not_used_are_ended(
    server: Mosquitto, publisher: Publisher, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await publish(publisher, f"mqtt://127.0.0.1:{server.open}/{topic}")
    monkeypatch.setattr(mqtt, "IDLE", 0.0)
    await publisher.end_idle()
    await publish(publisher, f"mqtt://127.0.0.1:{server.open}/{topic}")
    await asyncio.to_thread(server.wait, 2, topic)


def test_an_address_has_its_parts() -> None:
    uri = "mqtts://ada:s%3Acret@[2001:db8::1]:7/a/b%20c"
    assert address(uri, "mqtt3.1.1") == Address(Server("2001:db8::1", 7, True, "ada", "s:cret", "mqtt3.1.1"), "a/b c")
    assert address("mqtt://host/a", "mqtt5.0") == Address(Server("host", 1883, False, None, None, "mqtt5.0"), "a")
    assert address("mqtts://host/a", "mqtt5.0").server.port == 8883


@pytest.mark.parametrize("uri", ["mqtt://host", "mqtt://host/", "mqtt:///a", "mqtt://host:x/a", "mqtt://host/a/%23"])
def test_what_cannot_be_published_to_is_refused(uri: str) -> None:
    with pytest.raises(CallError):
        address(uri, "mqtt5.0")
