"""The connection to MongoDB."""

from typing import Any, Final, TypeAlias

from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

Client: TypeAlias = AsyncMongoClient[dict[str, Any]]
Database: TypeAlias = AsyncDatabase[dict[str, Any]]
Collection: TypeAlias = AsyncCollection[dict[str, Any]]

DURABLE: Final = WriteConcern("majority", j=True)
"""Every answered write is in the journals of a majority."""
SNAPSHOT: Final = ReadConcern("snapshot")

APPLICATION: Final = "ngsild-broker"
"""The name under which mongod knows the broker."""
POOL: Final = 64
SELECTION_TIMEOUT_MS: Final = 2_000
CONNECT_TIMEOUT_MS: Final = 2_000
SOCKET_TIMEOUT_MS: Final = 30_000
HEARTBEAT_MS: Final = 3_000
"""A server that says nothing for this long and the connect timeout is taken for away, and what waits for it fails."""


def connect(uri: str, pool: int = POOL, selection_ms: int = SELECTION_TIMEOUT_MS) -> Client:
    """A client of at most `pool` connections; it connects at the first use, and again whenever it lost the server,
    for which what is asked waits `selection_ms`."""
    return AsyncMongoClient(
        uri,
        appname=APPLICATION,
        maxPoolSize=pool,
        serverSelectionTimeoutMS=selection_ms,
        connectTimeoutMS=CONNECT_TIMEOUT_MS,
        heartbeatFrequencyMS=HEARTBEAT_MS,
        socketTimeoutMS=SOCKET_TIMEOUT_MS,
        w="majority",
        journal=True,
        tz_aware=True,
    )
