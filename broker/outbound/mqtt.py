"""Publishing over MQTT 3.1.1 and 5, to the addresses that the guard permits (GS CIM 009 §7).

A connection serves all that goes to a server as one user; it is made when it is first needed, and ended when it has not
been for a while. Names are resolved here, so that the socket goes to the address that was checked.
"""

import asyncio
import logging
import ssl
from contextlib import suppress
from time import monotonic
from typing import Any, Final, Literal, NamedTuple, TypeAlias
from urllib.parse import unquote, urlsplit

import aiomqtt
from aiomqtt import ProtocolVersion

from broker.outbound.dialing import Dialer
from broker.outbound.guard import Guard
from broker.outbound.reasons import CallError, in_words

PORTS: Final = {"mqtt": 1883, "mqtts": 8883}
"""Scheme to the port that it has by default."""
IDLE: Final = 60.0
"""Seconds after which a connection that nothing was published on is ended."""
KEEP_ALIVE: Final = 30
"""Seconds without a message until the server is asked whether it is there."""
_CONNECTING: Final = 2
"""Connections made at a time: the library makes each in a thread, of which there are few."""

Version: TypeAlias = Literal["mqtt3.1.1", "mqtt5.0"]
_VERSIONS: Final = {"mqtt3.1.1": ProtocolVersion.V311, "mqtt5.0": ProtocolVersion.V5}

_logger = logging.getLogger(__name__)


class Server(NamedTuple):
    """Where to connect to, and as whom."""

    host: str
    port: int
    tls: bool
    user: str | None
    password: str | None
    version: Version


class Address(NamedTuple):
    """What an endpoint's URI names."""

    server: Server
    topic: str


def address(uri: str, version: Version) -> Address:
    """The parts of `mqtt[s]://[user[:password]@]host[:port]/topic[/…]`. Raises CallError."""
    try:
        parts = urlsplit(uri)
        port = parts.port or PORTS[parts.scheme]
    except (ValueError, KeyError):
        raise CallError("it is no usable URL") from None
    topic = unquote(parts.path[1:])
    if not parts.hostname or not topic or set(topic) & {"+", "#", "\0"}:
        raise CallError("it names no host, or no topic that can be published to")
    user = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else None
    return Address(Server(parts.hostname, port, parts.scheme == "mqtts", user, password, version), topic)


class Publisher:
    """One per worker: the connections to MQTT servers."""

    def __init__(self, guard: Guard) -> None:
        self._dialer = Dialer(guard)
        self._connections: dict[Server, _Connection] = {}
        self._connecting = asyncio.Semaphore(_CONNECTING)

    async def publish(self, address: Address, message: bytes, *, qos: int, timeout: float) -> None:
        """Publish a message, acknowledged as its quality of service says, within `timeout` s. Raises CallError."""
        connection = self._connections.get(address.server)
        if connection is None:
            connection = self._connections[address.server] = _Connection(address.server, self._dialer, self._connecting)
        try:
            async with asyncio.timeout(timeout):
                await connection.publish(address.topic, message, qos)
        except TimeoutError:
            await connection.close()
            raise CallError(f"there was no acknowledgement within {timeout:g} s") from None
        except CallError:
            await connection.close()
            raise

    async def end_idle(self) -> None:
        """End the connections that are no longer used."""
        for server, connection in list(self._connections.items()):
            if connection.idle_since < monotonic() - IDLE:
                del self._connections[server]
                await connection.close()

    async def close(self) -> None:
        """End all connections."""
        for connection in self._connections.values():
            await connection.close()
        self._connections.clear()


class _Broken(Exception):
    """The connection ended while something was published."""


class _Connection:
    """A connection to a server, made anew when it broke."""

    def __init__(self, server: Server, dialer: Dialer, connecting: asyncio.Semaphore) -> None:
        self._server = server
        self._dialer = dialer
        self._connecting = connecting
        self._open: _Open | None = None
        self._lock = asyncio.Lock()
        self.idle_since = monotonic()

    async def publish(self, topic: str, message: bytes, qos: int) -> None:
        self.idle_since = monotonic()
        try:
            kept = self._open
            if kept is not None:
                with suppress(aiomqtt.MqttError, _Broken):  # the server may have ended it in between
                    await kept.publish(topic, message, qos)
                    return
                await self._drop(kept)
            await (await self._opened()).publish(topic, message, qos)
        except aiomqtt.MqttError as error:
            raise CallError(f"the MQTT server says: {str(error)[:200]}") from error
        except _Broken:
            raise CallError("the connection broke") from None
        except (OSError, ValueError) as error:
            raise in_words(error) from error

    async def close(self) -> None:
        if self._open is not None:
            await self._drop(self._open)

    async def _drop(self, broken: "_Open") -> None:
        """End a connection, unless somebody else has already."""
        if self._open is broken:
            self._open = None
            await broken.close()

    async def _opened(self) -> "_Open":
        if self._open is not None:
            return self._open
        async with self._lock:
            if self._open is None:
                self._open = _Open(await self._connect())
            return self._open

    async def _connect(self) -> aiomqtt.Client:
        """Connect: first without the library, which would hold a thread until a server that is not there answers."""
        server = self._server
        secure = _context(server.host) if server.tls else None
        host = await self._dialer.permitted(server.host, server.port)
        async with self._connecting:
            _, probe = await asyncio.open_connection(
                host, server.port, ssl=secure, server_hostname=server.host if secure else None
            )
            probe.close()
            client = aiomqtt.Client(
                host,
                server.port,
                username=server.user,
                password=server.password,
                protocol=_VERSIONS[server.version],
                tls_context=secure,
                keepalive=KEEP_ALIVE,
                timeout=60,  # the caller's time-out is shorter
                logger=_logger,
            )
            return await client.__aenter__()


class _Open:
    """A connection that was made. Publishing ends with it, which the library leaves to whoever reads messages."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self._client = client
        self._ended = asyncio.create_task(self._read())

    async def publish(self, topic: str, message: bytes, qos: int) -> None:
        """Raises MqttError, _Broken."""
        publishing = asyncio.ensure_future(self._client.publish(topic, message, qos=qos))
        try:
            await asyncio.wait({publishing, self._ended}, return_when=asyncio.FIRST_COMPLETED)
            if not publishing.done():
                raise _Broken
            publishing.result()
        finally:
            publishing.cancel()

    async def close(self) -> None:
        with suppress(aiomqtt.MqttError, OSError, TimeoutError):
            async with asyncio.timeout(1.0):
                await self._client.__aexit__(None, None, None)
        self._ended.cancel()

    async def _read(self) -> None:
        """Nothing is subscribed to: what comes is the end."""
        with suppress(aiomqtt.MqttError):
            async for _ in self._client.messages:
                pass


class _Named(ssl.SSLContext):
    """Verifies the certificate for the name of a server, though the connection is to its address."""

    name: str

    def wrap_socket(self, sock: Any, *args: Any, **options: Any) -> Any:
        return super().wrap_socket(sock, *args, **(options | {"server_hostname": self.name}))


def _context(name: str) -> ssl.SSLContext:
    context = _Named(ssl.PROTOCOL_TLS_CLIENT)
    context.name = name
    context.load_default_certs()
    return context
