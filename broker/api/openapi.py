"""The OpenAPI 3.1 document, made of the operations table."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final

from broker.api.operation import Action, Operation
from broker.api.parameters import Parameter
from broker.api.schemas import SCHEMAS, URI, ref
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
        schema = ref(operation.body.schema)
        described["requestBody"] = {
            "required": True,
            "content": {media: {"schema": schema} for media in operation.body.media},
        }
    return described


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    variables = [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]
    described = [
        {"name": name, "in": "path", "required": True, "description": PATH_VARIABLES[name], "schema": URI}
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
            answer["content"] = {media: {"schema": ref(success.schema)} for media in produced}
        if any(parameter.name == "count" for parameter in operation.parameters):
            answer["headers"] = {COUNT_HEADER: {"description": "Number of all matches.", "schema": {"type": "integer"}}}
        responses[str(success.status)] = answer
    for error in errors_of(operation):
        known = responses.setdefault(
            str(error.status),
            {"description": "", "content": {JSON: {"schema": ref("ProblemDetails")}}},
        )
        known["description"] = ", ".join(filter(None, (known["description"], name_of(error))))
    for status, why in bare_statuses(operation).items():
        responses[str(status)] = {"description": f"{HTTPStatus(status).phrase}. {why}"}
    return responses
