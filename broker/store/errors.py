"""PyMongo's errors as ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pymongo.errors import (
    ConnectionFailure,
    ExecutionTimeout,
    NetworkTimeout,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WTimeoutError,
)

from broker.errors import InternalError, StoreUnavailable

UNAVAILABLE: Final = (ConnectionFailure, ServerSelectionTimeoutError, NetworkTimeout, ExecutionTimeout, WTimeoutError)

_PASSING_CODES: Final = frozenset(
    {
        91,  # ShutdownInProgress
        189,  # PrimarySteppedDown
        10107,  # NotWritablePrimary
        11600,  # InterruptedAtShutdown
        11602,  # InterruptedDueToReplStateChange
        13435,  # NotPrimaryNoSecondaryOk
        13436,  # NotPrimaryOrSecondary
        14031,  # OutOfDiskSpace
        50,  # MaxTimeMSExpired
    }
)


def ours(error: PyMongoError) -> InternalError:
    """What to answer for an error of the database."""
    if isinstance(error, UNAVAILABLE) or (isinstance(error, OperationFailure) and error.code in _PASSING_CODES):
        return StoreUnavailable("The database does not answer; nothing of this request is known to be written.")
    return InternalError("The database refused an operation of the broker.")


@contextmanager
def translated() -> Iterator[None]:
    """Raise PyMongo's errors as ours."""
    try:
        yield
    except PyMongoError as error:
        raise ours(error) from error
