"""Commands that administrate work on the database itself, beside a running broker or without one."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from pymongo.errors import OperationFailure, PyMongoError

from broker.errors import BrokerError, InternalError, StartError
from broker.settings import Settings
from broker.store import embedded
from broker.store.client import Client, connect

T = TypeVar("T")


def asked(settings: Settings, question: Callable[[Client], Awaitable[T]]) -> T:
    """The answer of the database. Raises StartError if it has none, and refusals as they are."""
    return asyncio.run(_asked(_uri(settings), question))


async def _asked(uri: str, question: Callable[[Client], Awaitable[T]]) -> T:
    try:
        client = connect(uri)
    except (ValueError, TypeError, PyMongoError) as error:
        reason = str(error).rstrip(".")
        raise StartError(f"The connection string cannot be used: {reason}.", "Correct NGSILD_MONGODB_URI.") from None
    async with client:
        try:
            return await question(client)
        except InternalError as error:
            raise _plain(error) from None


def _plain(error: BrokerError) -> StartError:
    cause = error.__cause__
    if isinstance(cause, OperationFailure):
        return StartError(
            f"MongoDB refuses: {(cause.details or {}).get('errmsg', cause.code)}.",
            "Listing needs the role readWriteAnyDatabase, dropping dbAdminAnyDatabase as well.",
        )
    return StartError(error.detail, "Check that MongoDB runs, the address and the firewall.")


def _uri(settings: Settings) -> str:
    """The given MongoDB, or the embedded one of a broker that runs."""
    if settings.mongodb_uri is not None:
        return settings.mongodb_uri.get_secret_value()
    running = embedded.running(settings.data_dir)
    if running is None:
        raise StartError(
            f"No broker runs on {settings.data_dir}.",
            "Start `broker serve` first, or say where it keeps its data: --data-dir or --mongodb-uri.",
        )
    return running
