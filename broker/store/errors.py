"""The border to PyMongo: its errors as ours, its time counted."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Final

from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    ExecutionTimeout,
    InvalidOperation,
    NetworkTimeout,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WTimeoutError,
)

from broker.errors import InternalError, StoreUnavailable
from broker.telemetry import DATABASE_SECONDS, log

_log = log(__name__)

UNAVAILABLE: Final = (ConnectionFailure, ServerSelectionTimeoutError, NetworkTimeout, ExecutionTimeout, WTimeoutError)

_PASSING_CODES: Final = frozenset(
    {
        91,  # ShutdownInProgress
        189,  # PrimarySteppedDown
        10107,  # NotWritablePrimary
        11600,  # InterruptedAtShutdown
        11601,  # Interrupted, by an operator or by `broker.store.abandoned`
        11602,  # InterruptedDueToReplStateChange
        13435,  # NotPrimaryNoSecondaryOk
        13436,  # NotPrimaryOrSecondary
        14031,  # OutOfDiskSpace
        50,  # MaxTimeMSExpired
    }
)


_DUPLICATE_KEY: Final = 11000
_CLOSED: Final = "after close"
"""What PyMongo says of a client that is closed; it has no error of its own for that."""


def all_duplicates(error: BulkWriteError) -> bool:
    """Whether all that a bulk write did not do was done before: inserts of what is there."""
    return all(each.get("code") == _DUPLICATE_KEY for each in (error.details or {}).get("writeErrors", ()))


def passes(error: PyMongoError) -> bool:
    """Whether the database, or one that takes its place, may answer the next time."""
    return isinstance(error, UNAVAILABLE) or (isinstance(error, OperationFailure) and error.code in _PASSING_CODES)


def ours(error: PyMongoError) -> InternalError:
    """What to answer for an error of the database. What is a fault of ours is logged: the answer does not tell it."""
    if passes(error):
        return StoreUnavailable("The database does not answer; try again.")
    if error.has_error_label("TransientTransactionError"):
        return StoreUnavailable("Other writes to the same entities kept this one from being written; try again.")
    if isinstance(error, InvalidOperation) and _CLOSED in str(error):
        return StoreUnavailable("The broker is ending.")
    _log.error("the database refused an operation", exc_info=error)
    return InternalError("The database refused an operation of the broker.")


@contextmanager
def asking(command: str) -> Iterator[None]:
    """Ask the database: count the time under the name of the command, raise PyMongo's errors as ours."""
    started = perf_counter()
    try:
        yield
    except PyMongoError as error:
        raise ours(error) from error
    finally:
        DATABASE_SECONDS.labels(command).observe(perf_counter() - started)
