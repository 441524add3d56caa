"""Handlers of `/temporal`: parse, one use case, answer (GS CIM 009 §6.18–§6.24)."""

from typing import Final

from broker.api import evolutions
from broker.api.attributes import dataset_of
from broker.api.paging import page_of
from broker.api.parameters import DELETE_ALL
from broker.api.querying import read_body
from broker.api.rendering import JOINING
from broker.api.requests import Request
from broker.api.responses import Response, bare, created, segment
from broker.api.services import Services
from broker.api.targets import attribute_or_scope, target
from broker.api.temporal_parameters import BODY_MEMBERS
from broker.errors import BadRequestData
from broker.model.grammar import is_uri, shown
from broker.model.parse import parse_attribute, parse_fragment, parse_temporal_entity
from broker.names import API_ROOT

_OF_ENTITIES: Final = frozenset(parameter.name for parameter in JOINING) | {"entityMap", "entityMapLifetime"}
"""Members of a body that ask for what there is of the current state alone."""


async def upsert(request: Request, services: Services) -> Response:
    """POST /temporal/entities."""
    entity = parse_temporal_entity(request.payload, request.call.context)
    if await services.history.create(request.call.tenant, entity, request.call.warn):
        return created(f"{API_ROOT}/temporal/entities/{segment(entity.id)}")
    return bare(204)


async def retrieve(request: Request, services: Services) -> Response:
    """GET /temporal/entities/{entityId}."""
    return await evolutions.one(request, services, target(request).entity_id)


async def query(request: Request, services: Services) -> Response:
    """GET /temporal/entities."""
    return await evolutions.page(request, services, page_of(request, services.settings))


async def query_by_body(request: Request, services: Services) -> Response:
    """POST /temporal/entityOperations/query."""
    read_body(request, BODY_MEMBERS)
    unknown = request.values.keys() & _OF_ENTITIES
    if unknown:
        raise BadRequestData(f"Query: {min(unknown)} is no member of a temporal query.")
    return await query(request, services)


async def delete(request: Request, services: Services) -> Response:
    """DELETE /temporal/entities/{entityId}."""
    await services.history.delete_entity(request.call.tenant, target(request).entity_id)
    return bare(204)


async def add_attributes(request: Request, services: Services) -> Response:
    """POST /temporal/entities/{entityId}/attrs."""
    entity_id = target(request).entity_id
    fragment = parse_fragment(request.payload, request.call.context, temporal=True)
    await services.history.add(request.call.tenant, entity_id, fragment.attributes, fragment.scopes)
    return bare(204)


async def delete_attribute(request: Request, services: Services) -> Response:
    """DELETE /temporal/entities/{entityId}/attrs/{attrId}."""
    entity_id, name = target(request).entity_id, attribute_or_scope(request)
    delete_all = bool(request.get(DELETE_ALL))
    await services.history.delete_attribute(request.call.tenant, entity_id, name, dataset_of(request), delete_all)
    return bare(204)


async def replace_instance(request: Request, services: Services) -> Response:
    """PATCH /temporal/entities/{entityId}/attrs/{attrId}/{instanceId}."""
    entity_id, instance_id = target(request).entity_id, _instance_id(request)
    name, instance = parse_attribute(request.payload, request.path["attrId"], request.call.context)
    await services.history.patch(request.call.tenant, entity_id, name, instance_id, instance)
    return bare(204)


async def delete_instance(request: Request, services: Services) -> Response:
    """DELETE /temporal/entities/{entityId}/attrs/{attrId}/{instanceId}."""
    entity_id, instance_id = target(request).entity_id, _instance_id(request)
    await services.history.delete_instance(request.call.tenant, entity_id, attribute_or_scope(request), instance_id)
    return bare(204)


def _instance_id(request: Request) -> str:
    instance_id = request.path["instanceId"]
    if not is_uri(instance_id):
        raise BadRequestData(f"Instance id {shown(instance_id)} is no URI.")
    return instance_id
