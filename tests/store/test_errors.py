"""What PyMongo says, as what the broker tells."""

import pytest
from pymongo.errors import InvalidOperation

from broker.errors import InternalError, StoreUnavailable
from broker.store.client import connect
from broker.store.embedded import EmbeddedMongoDB
from broker.store.errors import asking


async def test_a_client_that_is_closed_is_unavailable_and_no_fault(mongodb: EmbeddedMongoDB) -> None:
    client = connect(mongodb.uri)
    await client.admin.command("ping")
    await client.close()
    with pytest.raises(StoreUnavailable), asking("ping"):
        await client.admin.command("ping")


def test_another_mistake_in_using_pymongo_is_a_fault() -> None:
    with pytest.raises(InternalError) as told, asking("nothing"):
        raise InvalidOperation("No operations to execute")
    assert not isinstance(told.value, StoreUnavailable)
