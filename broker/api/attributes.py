"""Handlers of `/entities/{entityId}/attrs`: parse, one use case, answer (GS CIM 009 §6.6, §6.7).

Those of single attributes and of values are of the draft of NGSI-LD 2.0.
"""

from typing import Final

import orjson

from broker.api import rendering
from broker.api.parameters import DATASET_ID, DELETE_ALL, NO_OVERWRITE, OBSERVED_AT, options
from broker.api.requests import Request
from broker.api.responses import CONTENT_TYPE, Response, bare, content, json
from broker.api.services import Services
from broker.api.targets import attribute, attribute_or_scope, target
from broker.entities import attributes
from broker.entities import query as reads
from broker.errors import BadRequestData, InvalidRequest
from broker.model.entity import Instance
from broker.model.merge import UpdateResult
from broker.model.parse import parse_attribute, parse_attribute_fragment, parse_fragment, parse_value
from broker.names import DEFAULT_DATASET, JSON, NULL

APPEND_OPTIONS: Final = options("`noOverwrite`: attributes that exist stay as they are.", NO_OVERWRITE)


async def append(request: Request, services: Services) -> Response:
    """POST /entities/{entityId}/attrs."""
    overwrite = NO_OVERWRITE not in (request.get(APPEND_OPTIONS) or ())
    fragment = parse_fragment(request.payload, request.call.context)
    result = await attributes.append(
        services.store, request.call, target(request), fragment, request.size, overwrite=overwrite
    )
    return _updated(result)


async def update(request: Request, services: Services) -> Response:
    """PATCH /entities/{entityId}/attrs."""
    fragment = parse_fragment(request.payload, request.call.context, nulls=True)
    result = await attributes.update(services.store, request.call, target(request), fragment, request.size)
    return _updated(result)


async def partial_update(request: Request, services: Services) -> Response:
    """PATCH /entities/{entityId}/attrs/{attrId}."""
    name, fragment = parse_attribute_fragment(request.payload, request.path["attrId"], request.call.context)
    await attributes.partial_update(services.store, request.call, target(request), name, fragment, request.size)
    return bare(204)


async def replace(request: Request, services: Services) -> Response:
    """PUT /entities/{entityId}/attrs/{attrId}."""
    name, instance = parse_attribute(request.payload, request.path["attrId"], request.call.context)
    await attributes.replace(services.store, request.call, target(request), name, instance, request.size)
    return bare(204)


async def delete(request: Request, services: Services) -> Response:
    """DELETE /entities/{entityId}/attrs/{attrId}."""
    name = attribute_or_scope(request)
    delete_all = bool(request.get(DELETE_ALL))
    dataset_id = dataset_of(request)
    await attributes.delete(services.store, request.call, target(request), name, dataset_id, delete_all=delete_all)
    return bare(204)


async def retrieve(request: Request, services: Services) -> Response:
    """GET /entities/{entityId}/attrs/{attrId}."""
    name = attribute(request)
    entity = await reads.attribute(services.store, request.call, target(request), name)
    return rendering.attribute(request, entity, name)


async def retrieve_value(request: Request, services: Services) -> Response:
    """GET /entities/{entityId}/attrs/{attrId}/value."""
    name, dataset_id = attribute(request), dataset_of(request)
    entity = await reads.attribute(services.store, request.call, target(request), name)
    return content(200, CONTENT_TYPE[JSON], orjson.dumps(rendering.value(request, entity, name, dataset_id)))


async def replace_value(request: Request, services: Services) -> Response:
    """PUT /entities/{entityId}/attrs/{attrId}/value."""
    name, payload, observed_at = attribute(request), request.payload, request.get(OBSERVED_AT)
    if payload is None or payload == NULL:
        raise InvalidRequest("The body is null, which is no value.")

    def read(kind: str) -> Instance:
        _, fragment = parse_value(payload, kind, request.path["attrId"], request.call.context)
        return fragment if observed_at is None else {**fragment, "observedAt": observed_at}

    await attributes.replace_value(
        services.store, request.call, target(request), name, dataset_of(request), read, request.size
    )
    return bare(204)


def dataset_of(request: Request) -> str | None:
    """The one datasetId that the request names; None for the default instance."""
    dataset_ids = request.get(DATASET_ID) or frozenset({DEFAULT_DATASET})
    if len(dataset_ids) > 1:
        raise BadRequestData("Parameter datasetId: this operation takes one.")
    return next(iter(dataset_ids - {DEFAULT_DATASET}), None)


def _updated(result: UpdateResult) -> Response:
    """204 if everything was updated, else 207 with an UpdateResult, whose names are expanded (GS CIM 009 §5.2.18)."""
    if not result.not_updated:
        return bare(204)
    refused = [{"attributeName": name, "reason": reason} for name, reason in result.not_updated]
    return json(207, {"updated": result.updated, "notUpdated": refused})
