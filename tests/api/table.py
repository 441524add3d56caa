"""The operations table as requests: a sound request for each operation, which tests then spoil in one place."""

from typing import Any

from broker.api.operation import Operation
from broker.api.operations import OPERATIONS

ENTITY_ID = "urn:ngsi-ld:Nothing:1"
ENTITY: dict[str, Any] = {"id": ENTITY_ID, "type": "Nothing", "value": {"type": "Property", "value": 1}}
INSTANCE_ID = "urn:ngsi-ld:Instance:0"
SUBSCRIPTION_ID = "urn:ngsi-ld:Subscription:nothing"
SUBSCRIPTION: dict[str, Any] = {
    "id": SUBSCRIPTION_ID,
    "type": "Subscription",
    "entities": [{"type": "Nothing"}],
    "notification": {"endpoint": {"uri": "http://receiver.invalid/"}},
}
VARIABLES = {
    "entityId": ENTITY_ID,
    "attrId": "value",
    "type": "Nothing",
    "subscriptionId": SUBSCRIPTION_ID,
    "deadLetterId": "00" * 16,
    "contextId": "0" * 32,
    "entityMapId": "urn:ngsi-ld:EntityMap:1",
    "instanceId": INSTANCE_ID,
}
"""A sound value for each variable of a path."""
_BODIES: dict[str, Any] = {
    "Entity": ENTITY,
    "EntityFragment": ENTITY,
    "Attribute": ENTITY["value"],
    "EntityList": [ENTITY],
    "Identifiers": [ENTITY_ID],
    "Value": 1,
    "Subscription": SUBSCRIPTION,
    "SubscriptionFragment": {"type": "Subscription", "isActive": False, "description": "What is not there"},
    "JsonLdContext": {"@context": {"value": "https://example.org/value"}},
    "HistoryRule": {"type": "Nothing", "attribute": "value", "mode": "changes"},
    "DataModelRule": {"mode": "off", "schema": {"properties": {"value": {"type": "number"}}}},
    "EntityMapFragment": {"expiresAt": "2050-01-01T00:00:00Z"},
    "Query": {"type": "Query", "entities": [{"type": "Nothing"}]},
    "TemporalQuery": {
        "type": "Query",
        "entities": [{"type": "Nothing"}],
        "temporalQ": {"timerel": "after", "timeAt": "2026-01-01T00:00:00Z"},
    },
    "EntityTemporal": {**ENTITY, "value": [ENTITY["value"]]},
    "EntityTemporalFragment": {"value": [ENTITY["value"]]},
}
"""A sound body for each schema of a request."""
_QUERIES = {
    **dict.fromkeys(("queryEntities", "purgeEntities", "createEntityMap"), "?type=Nothing"),
    "queryTemporal": "?type=Nothing&timerel=after&timeAt=2026-01-01T00:00:00Z",
}
"""What an operation cannot do without."""

NAMES = [operation.name for operation in OPERATIONS]
NGSI_LD = [operation for operation in OPERATIONS if operation.ngsi_ld]
WITH_BODY = [operation for operation in OPERATIONS if operation.body is not None]


def name_of(operation: Operation) -> str:
    """For the ids of tests."""
    return operation.name


def path_of(operation: Operation) -> str:
    """A path of the operation, without a query."""
    path = operation.path
    for variable, value in VARIABLES.items():
        path = path.replace(f"{{{variable}}}", value)
    return path


def url_of(operation: Operation) -> str:
    """A path of the operation, and the query that it needs."""
    return path_of(operation) + _QUERIES.get(operation.name, "")


def body_of(operation: Operation) -> Any:
    """A sound body, None if the operation takes none."""
    return None if operation.body is None else _BODIES[operation.body.schema]


def methods_at(path: str) -> set[str]:
    """The methods that a path of the table takes."""
    built = {operation.method for operation in OPERATIONS if operation.path == path}
    return built | {"OPTIONS"} | ({"HEAD"} if "GET" in built else set())
