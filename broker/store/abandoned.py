"""Transactions that a worker left open when it died.

What they wrote stays locked until mongod ends them, after a minute (`transactionLifetimeLimitSeconds`), and every other
write to those entities conflicts. Whoever conflicts for long asks mongod for transactions that nothing goes on in, and
ends them. Ending one that is alive after all does no harm: its group is run again.
"""

import logging
from typing import Final

from pymongo.errors import PyMongoError

from broker.store.client import APPLICATION, Client

IDLE: Final = 1.0
"""Seconds without a command after which a transaction counts as abandoned: a group takes milliseconds."""

_ABANDONED: Final = {
    "type": "idleSession",
    "appName": APPLICATION,
    "transaction.timeInactiveMicros": {"$gt": int(IDLE * 1_000_000)},
}

_logger = logging.getLogger(__name__)


async def end(client: Client) -> None:
    """End the abandoned transactions. Where mongod does not let us, it ends them in its own time."""
    try:
        operations = await client.admin.aggregate([{"$currentOp": {"idleSessions": True}}, {"$match": _ABANDONED}])
        sessions = [{"id": operation["lsid"]["id"]} async for operation in operations]
        if sessions:
            await client.admin.command("killSessions", sessions)
            _logger.warning("ended %d transactions that their worker had abandoned", len(sessions))
    except PyMongoError as error:
        _logger.warning("abandoned transactions cannot be looked for: %s", error)
