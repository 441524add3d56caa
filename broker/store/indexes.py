"""The collections of a tenant's database and their indexes, as a table.

They are made before the first write, never inside a transaction.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pymongo import ASCENDING, GEOSPHERE, IndexModel
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure

from broker.store.configuration import CONFIGURATION
from broker.store.contexts import CONTEXTS
from broker.store.entity_maps import ENTITY_MAPS
from broker.store.leases import LEASES
from broker.store.outbox import DEAD_LETTERS, OUTBOX
from broker.store.outbox import INDEXES as OUTBOX_INDEXES
from broker.store.outbox_status import STATUS
from broker.store.subscriptions import INDEXES as SUBSCRIPTION_INDEXES
from broker.store.subscriptions import SUBSCRIPTIONS

ENTITIES: Final = "entities"
PLACES: Final = "geometry"
"""Name of the index of geometries."""
COUNTS: Final = "counts"
TAIL: Final = "history"
"""What was recorded of late: see `broker.store.history.tail`."""
BLOCKS: Final = "blocks"
"""What is sealed: see `broker.store.history.sealed`."""
EVOLUTIONS: Final = "evolutions"
"""Which entities have a history: see `broker.store.history.directory`."""
HISTORY_RULES: Final = "history_rules"
VIOLATIONS: Final = "violations"
MODELS: Final = "models"

INDEXES: Final = {
    ENTITIES: (
        IndexModel([("t", ASCENDING), ("_id", ASCENDING)], name="type"),
        IndexModel([("a.k", ASCENDING), ("a.v", ASCENDING)], name="attribute"),
        IndexModel([("g.k", ASCENDING), ("g.v", GEOSPHERE)], name=PLACES),
    ),
    COUNTS: (IndexModel([("t", ASCENDING), ("a", ASCENDING)], name="type"),),
    TAIL: (),
    BLOCKS: (),
    EVOLUTIONS: (
        IndexModel([("t", ASCENDING), ("_id", ASCENDING)], name="type"),
        IndexModel([("k", ASCENDING)], name="age", sparse=True),
        IndexModel([("t", ASCENDING), ("k", ASCENDING)], name="age of type"),
    ),
    VIOLATIONS: (IndexModel([("t", ASCENDING), ("_id", ASCENDING)], name="type"),),
}
"""Collection to its indexes: few, since in a transaction mongod looks each of them up for every document written."""

CONTROL_INDEXES: Final[dict[str, tuple[IndexModel, ...]]] = {
    "tenants": (),
    "counters": (),
    CONFIGURATION: (),
    LEASES: (),
    HISTORY_RULES: (IndexModel([("tenant", ASCENDING)], name="tenant"),),
    STATUS: (),
    SUBSCRIPTIONS: SUBSCRIPTION_INDEXES,
    **OUTBOX_INDEXES,
    CONTEXTS: (
        IndexModel([("tenant", ASCENDING), ("kind", ASCENDING)], name="tenant"),
        IndexModel([("kind", ASCENDING), ("lastUsage", ASCENDING)], name="usage"),
        IndexModel([("refs", ASCENDING)], name="references"),
    ),
    ENTITY_MAPS: (
        IndexModel([("tenant", ASCENDING), ("x", ASCENDING)], name="tenant"),
        IndexModel([("x", ASCENDING)], name="expiry", expireAfterSeconds=0),
    ),
    MODELS: (IndexModel([("tenant", ASCENDING)], name="tenant"),),
}
"""The same, of the control database."""

TENANT_CONTROL: Final = {
    CONTEXTS: "tenant",
    ENTITY_MAPS: "tenant",
    HISTORY_RULES: "tenant",
    MODELS: "tenant",
}
"""Collections of the control database that hold something for tenants, and the member that names the tenant."""

CONFIGURING: Final = (HISTORY_RULES, MODELS)
"""Those of them that a tenant's writes are measured against: see `broker.store.configuration`."""

OF_LANES: Final = {OUTBOX: "s", DEAD_LETTERS: "s", STATUS: "_id"}
"""Those that hold something for subscriptions, and the member that names the lane: see `broker.store.outbox`."""

_NAMESPACE_EXISTS: Final = 48


async def prepare(database: AsyncDatabase[dict[str, Any]], table: Mapping[str, Sequence[IndexModel]] = INDEXES) -> None:
    """Make the collections and indexes that are missing. Several workers may do so at once."""
    present = set(await database.list_collection_names())
    for collection, indexes in table.items():
        if collection not in present:
            await _create(database, collection)
        if indexes:
            await database[collection].create_indexes(list(indexes))


async def _create(database: AsyncDatabase[dict[str, Any]], collection: str) -> None:
    try:
        await database.create_collection(collection, check_exists=False)
    except OperationFailure as error:
        if error.code != _NAMESPACE_EXISTS:  # another worker made it in between
            raise
