"""The OpenAPI 3.1 document, made of the operations table."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final

from broker.api.operation import Action, Operation
from broker.api.parameters import Parameter
from broker.errors import (
    BadRequestData,
    BrokerError,
    InternalError,
    InvalidRequest,
    LdContextNotAvailable,
    NonexistentTenant,
    StoreUnavailable,
)
from broker.names import COUNT_HEADER, ENTITY_MAP_HEADER, JSON, TENANT_HEADER
from broker.subscriptions.schema import SUBSCRIPTION

_URI: Final = {"type": "string", "format": "iri"}
_CONTEXT: Final = {"type": ["string", "object", "array"], "description": "In bodies of type application/ld+json only."}
_INSTANT: Final = {"type": "string", "format": "date-time"}
_NAME: Final = {"type": "string"}
_LIST: Final = {"type": "array", "items": _NAME}
_TYPES: Final = {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
_SCOPE: Final = {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
_NAMES: Final = {"type": "array", "items": {"type": "string"}, "minItems": 1}
_EVOLVING: Final = {"id": _URI, "type": _TYPES, "scope": {}, "@context": _CONTEXT}
_EVOLVED: Final = {"description": "§5.2.20. Every other member is an attribute: an array of its instances over time."}
_MEMBERS: Final = {"type": _TYPES, "scope": _SCOPE, "@context": _CONTEXT}


def _object(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


def _ref(schema: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{schema}"}


SCHEMAS: Final[dict[str, dict[str, Any]]] = {
    "Entity": _object({"id": _URI, **_MEMBERS}, "id", "type")
    | {"description": "§5.2.4. Every other member is an attribute."},
    "EntityFragment": _object({"id": _URI, **_MEMBERS}) | {"description": "§5.4. Every other member is an attribute."},
    "EntityList": {"type": "array", "items": _ref("Entity")},
    "EntityOrList": {"oneOf": [_ref("Entity"), _ref("EntityList")]},
    "Attribute": _object({"type": {"type": "string"}, "datasetId": _URI, "observedAt": _INSTANT, "@context": _CONTEXT})
    | {"description": "§4.5. Its value is in the member of its kind; every other member is a sub-attribute."},
    "Subscription": SUBSCRIPTION
    | {
        "properties": SUBSCRIPTION["properties"] | {"@context": _CONTEXT},
        "description": "§5.2.12. Members that the broker writes are ignored when sent.",
    },
    "SubscriptionFragment": SUBSCRIPTION
    | {
        "properties": SUBSCRIPTION["properties"] | {"@context": _CONTEXT},
        "required": [],
        "description": "§5.8.2. The NGSI-LD Null removes a member.",
    },
    "SubscriptionList": {"type": "array", "items": _ref("Subscription")},
    "Value": {"description": "Any JSON."},
    "Types": {
        "oneOf": [
            _object({"id": _URI, "type": {"const": "EntityTypeList"}, "typeList": _LIST}, "id", "type", "typeList"),
            {"type": "array", "items": _object({"id": _URI, "typeName": _NAME, "attributeNames": _LIST}, "id")},
        ],
        "description": "§5.2.24, §5.2.25.",
    },
    "TypeInfo": _object(
        {
            "id": _URI,
            "type": {"const": "EntityTypeInfo"},
            "typeName": _NAME,
            "entityCount": {"type": "integer"},
            "attributeDetails": {"type": "array", "items": _ref("AttributeInfo")},
        },
        "id",
        "type",
        "typeName",
        "entityCount",
        "attributeDetails",
    )
    | {"description": "§5.2.26."},
    "Attributes": {
        "oneOf": [
            _object({"id": _URI, "type": {"const": "AttributeList"}, "attributeList": _LIST}, "id", "type"),
            {"type": "array", "items": _ref("AttributeInfo")},
        ],
        "description": "§5.2.27, §5.2.28.",
    },
    "AttributeInfo": _object(
        {
            "id": _URI,
            "type": {"const": "Attribute"},
            "attributeName": _NAME,
            "attributeCount": {"type": "integer"},
            "attributeTypes": _LIST,
            "typeNames": _LIST,
        },
        "id",
        "type",
        "attributeName",
    )
    | {"description": "§5.2.28."},
    "EntityTemporal": _object(_EVOLVING, "id", "type") | _EVOLVED,
    "EntityTemporalFragment": _object(_EVOLVING) | _EVOLVED,
    "EntityTemporalList": {"type": "array", "items": _ref("EntityTemporal")},
    "JsonLdContext": {
        "type": "object",
        "properties": {"@context": {"type": ["string", "object", "array"]}},
        "required": ["@context"],
        "description": "A JSON-LD document. Of what is sent, the @context is kept.",
    },
    "ContextInfo": _object(
        {
            "URL": _URI,
            "localId": _NAME,
            "kind": {"enum": ["Hosted", "Cached", "ImplicitlyCreated"]},
            "createdAt": _INSTANT,
            "expiresAt": _INSTANT,
            "lastUsage": _INSTANT,
            "numberOfHits": {"type": "integer"},
        },
        "URL",
        "localId",
        "kind",
        "createdAt",
    )
    | {"description": "§5.13.3.5."},
    "Contexts": {"type": "array", "items": {"oneOf": [_URI, _ref("ContextInfo")]}},
    "ContextOrInfo": {"oneOf": [_ref("JsonLdContext"), _ref("ContextInfo")]},
    "Identifiers": {"type": "array", "items": _URI},
    "ProblemDetails": _object(
        {
            "type": {"type": "string", "format": "uri"},
            "title": {"type": "string"},
            "detail": {"type": "string"},
            "status": {"type": "integer"},
        },
        "type",
        "title",
        "detail",
        "status",
    )
    | {"description": "RFC 7807, sent as application/json."},
    "UpdateResult": _object(
        {
            "updated": {"type": "array", "items": {"type": "string"}},
            "notUpdated": {
                "type": "array",
                "items": _object(
                    {"attributeName": {"type": "string"}, "reason": {"type": "string"}}, "attributeName", "reason"
                ),
            },
        },
        "updated",
        "notUpdated",
    )
    | {"description": "§5.2.18."},
    "BatchOperationResult": _object(
        {
            "success": {"type": "array", "items": _URI},
            "errors": {
                "type": "array",
                "items": _object(
                    {"entityId": {"type": "string"}, "error": _ref("ProblemDetails")}, "entityId", "error"
                ),
            },
        },
        "success",
        "errors",
    )
    | {"description": "§5.2.16, §5.2.17."},
    "Query": _object(
        {
            "type": {"const": "Query"},
            "entities": {
                "type": "array",
                "items": _object(
                    {
                        "type": {"type": "string"},
                        "id": {"oneOf": [_URI, {"type": "array", "items": _URI, "minItems": 1}]},
                        "idPattern": {"type": "string"},
                    },
                    "type",
                ),
            },
            **{name: {"type": "string"} for name in ("q", "scopeQ", "csf", "lang")},
            "join": {"enum": ["flat", "inline", "@none"]},
            "joinLevel": {"type": "integer", "minimum": 1},
            "entityMap": {"type": "boolean"},
            "entityMapLifetime": {"type": "string", "format": "duration"},
            "splitEntities": {"type": "boolean"},
            **{name: _NAMES for name in ("attrs", "pick", "omit", "expandValues", "jsonKeys", "datasetId")},
            "ordering": _object({"orderBy": _NAMES, "collation": {"type": "string"}}, "orderBy"),
            "@context": _CONTEXT,
        },
        "type",
    )
    | {"description": "§5.2.23."},
    "TemporalQuery": {
        "allOf": [
            _ref("Query"),
            _object(
                {
                    "temporalQ": _object(
                        {
                            "timerel": {"enum": ["before", "after", "between"]},
                            **dict.fromkeys(("timeAt", "endTimeAt"), _INSTANT),
                            "timeproperty": {"enum": ["observedAt", "createdAt", "modifiedAt", "deletedAt"]},
                            "lastN": {"type": "integer", "minimum": 1},
                        },
                        "timerel",
                        "timeAt",
                    ),
                    "aggrParams": _object({"aggrMethods": _NAMES, "aggrPeriodDuration": _NAME}, "aggrMethods"),
                },
                "temporalQ",
            ),
        ],
        "description": "§5.2.21, §5.2.23, §5.2.44.",
    },
    "EntityMap": _object(
        {
            "id": _URI,
            "type": {"const": "EntityMap"},
            "expiresAt": _INSTANT,
            "entityMap": {"type": "object", "additionalProperties": _LIST},
        },
        "id",
        "type",
        "expiresAt",
        "entityMap",
    )
    | {"description": "§5.2.39. By entity id where the entity comes from; `@none` is this broker."},
    "EntityMapFragment": _object({"expiresAt": _INSTANT, "@context": _CONTEXT})
    | {"description": "§5.14.2. Other members are ignored."},
    "Health": _object(
        {"status": {"type": "string"}, "checks": {"type": "object", "additionalProperties": {"type": "object"}}},
        "status",
    ),
    "Version": _object(
        {name: {"type": "string"} for name in ("name", "version", "specification", "coreContext")}, "name", "version"
    ),
    "Metrics": {"type": "string"},
    "DeadLetters": {"type": "array", "items": _object({"id": {"type": "string"}}, "id")},
    "Tenants": {"type": "array", "items": _object({"tenant": {"type": "string"}}, "tenant")},
    "DataModels": {
        "type": "array",
        "items": _object({"type": _URI, "name": _NAME, "mode": {"enum": ["off", "warn", "strict"]}}, "type", "mode"),
    },
    "DataModel": _object({"type": _URI, "name": _NAME, "schema": {"type": "object"}}, "type", "name", "schema"),
    "DataModelRule": {
        "type": "object",
        "properties": {
            "mode": {"enum": ["off", "warn", "strict"], "default": "off"},
            "schema": {"type": "object", "description": "A JSON Schema of entities in the simplified form."},
            "units": {"type": "object", "additionalProperties": _LIST},
        },
        "description": "docs/models.md.",
    },
    "Violations": {
        "type": "array",
        "items": _object({"entity_id": _URI, "violations": {"type": "array"}}, "entity_id"),
    },
    "OpenAPI": {"type": "object"},
}

PATH_VARIABLES: Final = {
    "entityId": "Id of the entity, a URI, percent-encoded as a path segment.",
    "contextId": "Local id of the @context, or its URL, percent-encoded as a path segment.",
    "attrId": "Name of the attribute, or its IRI, percent-encoded as a path segment.",
    "instanceId": "Id of the attribute instance, a URI, percent-encoded as a path segment.",
    "type": "Name of the type, or its IRI, percent-encoded as a path segment.",
    "deadLetterId": "Id of the dead letter, as the list of them says it.",
    "subscriptionId": "Id of the subscription, a URI, percent-encoded as a path segment.",
    "entityMapId": "Id of the entity map, a URI, percent-encoded as a path segment.",
}

_TENANT: Final[dict[str, Any]] = {
    "name": TENANT_HEADER,
    "in": "header",
    "description": "The tenant; without it, the default one. Echoed (§6.3.14).",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$"},
}
_ENTITY_MAP: Final[dict[str, Any]] = {
    "name": ENTITY_MAP_HEADER,
    "in": "header",
    "description": "The entity map whose entities the answer is of; a new one, if that is gone (§6.3.21).",
    "schema": {"type": "string"},
}
_LINK: Final[dict[str, Any]] = {
    "name": "Link",
    "in": "header",
    "description": "The JSON-LD @context of the request and of the answer (§6.3.5); not beside a JSON-LD body.",
    "schema": {"type": "string"},
}
_PREFER: Final[dict[str, Any]] = {
    "name": "Prefer",
    "in": "header",
    "description": "`ngsi-ld=1.5`: entities as that version knows them, or the nearest one, which `Preference-Applied` "
    "tells (§4.3.6.8, §6.3.6). `body=json`: a GeoJSON answer has its @context in a Link header.",
    "schema": {"type": "string"},
}
ALWAYS: Final[tuple[type[BrokerError], ...]] = (InvalidRequest, InternalError)
"""Errors that any operation may answer."""
ALWAYS_NGSI_LD: Final[tuple[type[BrokerError], ...]] = (BadRequestData, StoreUnavailable, LdContextNotAvailable)
"""Errors that any operation of NGSI-LD may answer."""


def document(operations: Iterable[Operation]) -> dict[str, Any]:
    """The OpenAPI document. It carries no version of the broker: it is the same for the same table."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        path = paths.setdefault(operation.path, {})
        path[operation.method.lower()] = _operation(operation)
        if operation.method == "GET":
            path["head"] = _operation(operation) | {"operationId": f"{operation.name}Head"}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "NGSI-LD broker",
            "version": "1.9.1",
            "description": "The part of ETSI GS CIM 009 V1.9.1 that this broker has, and its probes.",
        },
        "paths": paths,
        "components": {"schemas": SCHEMAS, "securitySchemes": {"admin": {"type": "http", "scheme": "bearer"}}},
    }


def errors_of(operation: Operation) -> list[type[BrokerError]]:
    """All problem types that an operation may answer, by status."""
    errors = {*ALWAYS, *operation.errors}
    if operation.ngsi_ld:
        errors |= {*ALWAYS_NGSI_LD}
        if not operation.creates_tenant:
            errors.add(NonexistentTenant)
    return sorted(errors, key=lambda error: (error.status, error.name))


TAGS: Final = ("NGSI-LD", "Operations", "Administration")
"""The parts of the API."""


def tag_of(operation: Operation) -> str:
    """The part of the API that an operation belongs to."""
    if operation.action is Action.ADMINISTER:
        return "Administration"
    return "NGSI-LD" if operation.ngsi_ld else "Operations"


def name_of(error: type[BrokerError]) -> str:
    """The problem type's name, and what it is about if several errors have it."""
    return error.name if error.name == error.__name__ else f"{error.name} ({error.title.lower()})"


def bare_statuses(operation: Operation) -> dict[int, str]:
    """The bare statuses that an operation may answer."""
    statuses = {406: "No representation that the request accepts; the body lists what there is."}
    if operation.action is Action.ADMINISTER:
        statuses[401] = "No Authorization: Bearer with the token of the operator."
    if operation.body is not None:
        statuses |= {
            411: "No Content-Length.",
            413: "The body is too large.",
            415: f"The body is compressed, or none of {', '.join(operation.body.media)}.",
        }
    return statuses


def _operation(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.title,
        "description": operation.summary + (f" GS CIM 009 §{operation.clause}." if operation.clause else ""),
        "tags": [tag_of(operation)],
        "parameters": _parameters(operation),
        "responses": _responses(operation),
    }
    if operation.action is Action.ADMINISTER:
        described["security"] = [{"admin": []}]
    if operation.body is not None:
        schema = _ref(operation.body.schema)
        described["requestBody"] = {
            "required": True,
            "content": {media: {"schema": schema} for media in operation.body.media},
        }
    return described


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    variables = [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]
    described = [
        {"name": name, "in": "path", "required": True, "description": PATH_VARIABLES[name], "schema": _URI}
        for name in variables
    ]
    described += [_parameter(parameter) for parameter in operation.parameters]
    if operation.ngsi_ld:
        described += [_TENANT, _LINK]
    if any(success.status == 201 and success.schema == "EntityList" for success in operation.success):
        described.append(_ENTITY_MAP)
    return [*described, _PREFER] if any(success.status == 203 for success in operation.success) else described


def _parameter(parameter: Parameter[Any]) -> dict[str, Any]:
    described = {
        "name": parameter.name,
        "in": "query",
        "description": parameter.description,
        "schema": parameter.schema,
    }
    return described if parameter.explode else described | {"style": "form", "explode": False}


def _responses(operation: Operation) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for success in operation.success:
        answer: dict[str, Any] = {"description": success.when}
        if success.schema is not None:
            produced = (JSON,) if success.status == 207 else operation.produces
            answer["content"] = {media: {"schema": _ref(success.schema)} for media in produced}
        if any(parameter.name == "count" for parameter in operation.parameters):
            answer["headers"] = {COUNT_HEADER: {"description": "Number of all matches.", "schema": {"type": "integer"}}}
        responses[str(success.status)] = answer
    for error in errors_of(operation):
        known = responses.setdefault(
            str(error.status),
            {"description": "", "content": {JSON: {"schema": _ref("ProblemDetails")}}},
        )
        known["description"] = ", ".join(filter(None, (known["description"], name_of(error))))
    for status, why in bare_statuses(operation).items():
        responses[str(status)] = {"description": f"{HTTPStatus(status).phrase}. {why}"}
    return responses
