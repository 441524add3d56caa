from collections.abc import AsyncIterator

import pytest

from broker.hosting.contexts import Contexts
from broker.outbound.client import Client
from broker.settings import load
from broker.store import indexes
from broker.store.client import connect
from broker.store.contexts import Records
from broker.store.embedded import EmbeddedMongoDB
from tests.outbound.conftest import client as client
from tests.outbound.conftest import web as web
from tests.store.conftest import mongodb as mongodb
from tests.store.conftest import prefix as prefix


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def contexts(client: Client, clock: Clock) -> AsyncIterator[Contexts]:
    contexts = Contexts(
        load(context_timeout=1, context_max_size=20_000, context_max_depth=4, context_cache=8), client, clock=clock
    )
    yield contexts
    await contexts.close()


@pytest.fixture
async def records(mongodb: EmbeddedMongoDB, prefix: str) -> AsyncIterator[Records]:
    """The stored contexts, as one worker after the other finds them."""
    database = connect(mongodb.uri)
    control = database[f"{prefix}-control"]
    await indexes.prepare(control, indexes.CONTROL_INDEXES)
    yield Records(control)
    await database.drop_database(control)
    await database.close()
