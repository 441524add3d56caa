"""The database of a broker that may be running, for the commands that work on it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pymongo.errors import OperationFailure, PyMongoError

from broker.errors import BrokerError, NonexistentTenant, StartError
from broker.settings import Settings
from broker.store import embedded
from broker.store.client import Client, connect


@asynccontextmanager
async def connected(settings: Settings, roles: str) -> AsyncIterator[Client]:
    """A client until the block ends. Raises StartError for what goes wrong, but NonexistentTenant as it is.

    `roles` says what the user of the database needs.
    """
    try:
        client = connect(_uri(settings))
    except (ValueError, TypeError, PyMongoError) as error:
        reason = str(error).rstrip(".")
        raise StartError(f"The connection string cannot be used: {reason}.", "Correct NGSILD_MONGODB_URI.") from None
    async with client:
        try:
            yield client
        except NonexistentTenant:
            raise
        except BrokerError as error:
            cause = error.__cause__
            if isinstance(cause, OperationFailure):
                refusal = (cause.details or {}).get("errmsg", cause.code)
                raise StartError(f"MongoDB refuses: {refusal}.", roles) from None
            raise StartError(error.detail, "Check that MongoDB runs, the address and the firewall.") from None


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
