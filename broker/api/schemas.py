"""The schemas of the OpenAPI document, by name: what requests bring and answers hold."""

from typing import Any, Final

from broker.subscriptions.schema import SUBSCRIPTION

URI: Final = {"type": "string", "format": "iri"}
_CONTEXT: Final = {"type": ["string", "object", "array"], "description": "In bodies of type application/ld+json only."}
_INSTANT: Final = {"type": "string", "format": "date-time"}
_NAME: Final = {"type": "string"}
_LIST: Final = {"type": "array", "items": _NAME}
_TYPES: Final = {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
_SCOPE: Final = {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
_NAMES: Final = {"type": "array", "items": {"type": "string"}, "minItems": 1}
_EVOLVING: Final = {"id": URI, "type": _TYPES, "scope": {}, "@context": _CONTEXT}
_EVOLVED: Final = {"description": "§5.2.20. Every other member is an attribute: an array of its instances over time."}
_MEMBERS: Final = {"type": _TYPES, "scope": _SCOPE, "@context": _CONTEXT}


def object_of(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    """The schema of an object."""
    return {"type": "object", "properties": properties, "required": list(required)}


def ref(schema: str) -> dict[str, str]:
    """Where the document has a schema of SCHEMAS."""
    return {"$ref": f"#/components/schemas/{schema}"}


SCHEMAS: Final[dict[str, dict[str, Any]]] = {
    "Entity": object_of({"id": URI, **_MEMBERS}, "id", "type")
    | {"description": "§5.2.4. Every other member is an attribute."},
    "EntityFragment": object_of({"id": URI, **_MEMBERS}) | {"description": "§5.4. Every other member is an attribute."},
    "EntityList": {"type": "array", "items": ref("Entity")},
    "EntityOrList": {"oneOf": [ref("Entity"), ref("EntityList")]},
    "Attribute": object_of({"type": {"type": "string"}, "datasetId": URI, "observedAt": _INSTANT, "@context": _CONTEXT})
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
    "SubscriptionList": {"type": "array", "items": ref("Subscription")},
    "Value": {"description": "Any JSON."},
    "Types": {
        "oneOf": [
            object_of({"id": URI, "type": {"const": "EntityTypeList"}, "typeList": _LIST}, "id", "type", "typeList"),
            {"type": "array", "items": object_of({"id": URI, "typeName": _NAME, "attributeNames": _LIST}, "id")},
        ],
        "description": "§5.2.24, §5.2.25.",
    },
    "TypeInfo": object_of(
        {
            "id": URI,
            "type": {"const": "EntityTypeInfo"},
            "typeName": _NAME,
            "entityCount": {"type": "integer"},
            "attributeDetails": {"type": "array", "items": ref("AttributeInfo")},
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
            object_of({"id": URI, "type": {"const": "AttributeList"}, "attributeList": _LIST}, "id", "type"),
            {"type": "array", "items": ref("AttributeInfo")},
        ],
        "description": "§5.2.27, §5.2.28.",
    },
    "AttributeInfo": object_of(
        {
            "id": URI,
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
    "EntityTemporal": object_of(_EVOLVING, "id", "type") | _EVOLVED,
    "EntityTemporalFragment": object_of(_EVOLVING) | _EVOLVED,
    "EntityTemporalList": {"type": "array", "items": ref("EntityTemporal")},
    "JsonLdContext": {
        "type": "object",
        "properties": {"@context": {"type": ["string", "object", "array"]}},
        "required": ["@context"],
        "description": "A JSON-LD document. Of what is sent, the @context is kept.",
    },
    "ContextInfo": object_of(
        {
            "URL": URI,
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
    "Contexts": {"type": "array", "items": {"oneOf": [URI, ref("ContextInfo")]}},
    "ContextOrInfo": {"oneOf": [ref("JsonLdContext"), ref("ContextInfo")]},
    "Identifiers": {"type": "array", "items": URI},
    "ProblemDetails": object_of(
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
    "UpdateResult": object_of(
        {
            "updated": {"type": "array", "items": {"type": "string"}},
            "notUpdated": {
                "type": "array",
                "items": object_of(
                    {"attributeName": {"type": "string"}, "reason": {"type": "string"}}, "attributeName", "reason"
                ),
            },
        },
        "updated",
        "notUpdated",
    )
    | {"description": "§5.2.18."},
    "BatchOperationResult": object_of(
        {
            "success": {"type": "array", "items": URI},
            "errors": {
                "type": "array",
                "items": object_of(
                    {"entityId": {"type": "string"}, "error": ref("ProblemDetails")}, "entityId", "error"
                ),
            },
        },
        "success",
        "errors",
    )
    | {"description": "§5.2.16, §5.2.17."},
    "Query": object_of(
        {
            "type": {"const": "Query"},
            "entities": {
                "type": "array",
                "items": object_of(
                    {
                        "type": {"type": "string"},
                        "id": {"oneOf": [URI, {"type": "array", "items": URI, "minItems": 1}]},
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
            "ordering": object_of({"orderBy": _NAMES, "collation": {"type": "string"}}, "orderBy"),
            "@context": _CONTEXT,
        },
        "type",
    )
    | {"description": "§5.2.23."},
    "TemporalQuery": {
        "allOf": [
            ref("Query"),
            object_of(
                {
                    "temporalQ": object_of(
                        {
                            "timerel": {"enum": ["before", "after", "between"]},
                            **dict.fromkeys(("timeAt", "endTimeAt"), _INSTANT),
                            "timeproperty": {"enum": ["observedAt", "createdAt", "modifiedAt", "deletedAt"]},
                            "lastN": {"type": "integer", "minimum": 1},
                        },
                        "timerel",
                        "timeAt",
                    ),
                    "aggrParams": object_of({"aggrMethods": _NAMES, "aggrPeriodDuration": _NAME}, "aggrMethods"),
                },
                "temporalQ",
            ),
        ],
        "description": "§5.2.21, §5.2.23, §5.2.44.",
    },
    "EntityMap": object_of(
        {
            "id": URI,
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
    "EntityMapFragment": object_of({"expiresAt": _INSTANT, "@context": _CONTEXT})
    | {"description": "§5.14.2. Other members are ignored."},
    "Health": object_of(
        {"status": {"type": "string"}, "checks": {"type": "object", "additionalProperties": {"type": "object"}}},
        "status",
    ),
    "Version": object_of(
        {name: {"type": "string"} for name in ("name", "version", "specification", "coreContext")}, "name", "version"
    ),
    "Metrics": {"type": "string"},
    "DeadLetters": {"type": "array", "items": object_of({"id": {"type": "string"}}, "id")},
    "Tenants": {"type": "array", "items": object_of({"tenant": {"type": "string"}}, "tenant")},
    "DataModels": {
        "type": "array",
        "items": object_of({"type": URI, "name": _NAME, "mode": {"enum": ["off", "warn", "strict"]}}, "type", "mode"),
    },
    "DataModel": object_of({"type": URI, "name": _NAME, "schema": {"type": "object"}}, "type", "name", "schema"),
    "DataModelRule": {
        "type": "object",
        "properties": {
            "mode": {"enum": ["off", "warn", "strict"], "default": "off"},
            "schema": {"type": "object", "description": "A JSON Schema of entities in the simplified form."},
            "units": {"type": "object", "additionalProperties": _LIST},
            "targets": {"type": "object", "additionalProperties": _LIST},
        },
        "description": "docs/models.md.",
    },
    "Violations": {
        "type": "array",
        "items": object_of({"entity_id": URI, "violations": {"type": "array"}}, "entity_id"),
    },
    "HistoryRule": {
        "type": "object",
        "properties": {
            **{name: {"type": "string"} for name in ("type", "attribute")},
            "mode": {"enum": ["all", "changes", "off"]},
            **{name: {"type": "string", "format": "duration"} for name in ("interval", "retention")},
            "deadBand": {"type": "number", "minimum": 0},
            "@context": _CONTEXT,
        },
        "description": "docs/operations.md.",
    },
    "HistoryRules": {"type": "array", "items": ref("HistoryRule")},
    "OpenAPI": {"type": "object"},
}
