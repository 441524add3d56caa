"""Handlers of `/entities`: parse, one use case, render (GS CIM 009 §6.4–§6.6)."""

from broker.api import rendering
from broker.api.paging import page_lines, page_of
from broker.api.parameters import TYPE
from broker.api.requests import Request
from broker.api.responses import Response, bare, created, json, segment
from broker.api.services import Services
from broker.entities import attributes, write
from broker.entities import query as reads
from broker.entities.commit import Target
from broker.errors import BadRequestData
from broker.model.grammar import check_name, is_uri, shown
from broker.model.merge import UpdateResult
from broker.model.parse import parse_entity, parse_fragment
from broker.names import API_ROOT
from broker.query import entity_types
from broker.query.ast import TypeSelection
from broker.query.plan import Query


async def create(request: Request, services: Services) -> Response:
    """POST /entities."""
    entity = parse_entity(request.payload, request.call.context)
    await write.create(services.store, request.call, entity, request.size)
    return created(f"{API_ROOT}/entities/{segment(entity.id)}")


async def retrieve(request: Request, services: Services) -> Response:
    """GET /entities/{entityId}."""
    entity = await reads.retrieve(services.store, request.call, _target(request))
    return rendering.entity(request, entity)


async def delete(request: Request, services: Services) -> Response:
    """DELETE /entities/{entityId}."""
    await write.delete(services.store, request.call, _target(request))
    return bare(204)


async def update_attributes(request: Request, services: Services) -> Response:
    """PATCH /entities/{entityId}/attrs."""
    target = _target(request)
    fragment = parse_fragment(request.payload, request.call.context, nulls=True)
    result = await attributes.update(services.store, request.call, target, fragment, request.size)
    return _updated(request, result)


async def query(request: Request, services: Services) -> Response:
    """GET /entities."""
    page = page_of(request, services.settings)
    types = _types(request)
    if types is None and not request.call.local:
        raise BadRequestData("The query is too wide: it needs a type, or local=true.")
    found = await reads.query(
        services.store, request.call, Query(types=types, limit=page.fetched, offset=page.offset, count=page.count)
    )
    lines = page_lines(request, page, len(found.entities), found.total)
    return rendering.entities(request, found.entities[: page.limit], lines)


def _target(request: Request) -> Target:
    """The entity that the path and `type` name. Raises BadRequestData if its id is no URI."""
    entity_id = request.path["entityId"]
    if not is_uri(entity_id):
        raise BadRequestData(f"Entity id {shown(entity_id)} is no URI.")
    return Target(entity_id, _types(request))


def _types(request: Request) -> TypeSelection | None:
    text = request.get(TYPE)
    if text is None:
        return None
    expansions = request.call.context.expansions
    return entity_types.parse(text, lambda name: expansions[check_name(name)])


def _updated(request: Request, result: UpdateResult) -> Response:
    """204 if everything was updated, else 207 with an UpdateResult (GS CIM 009 §5.2.18)."""
    if not result.not_updated:
        return bare(204)
    compact = request.call.context.compact
    return json(
        207,
        {
            "updated": [compact(name) for name in result.updated],
            "notUpdated": [{"attributeName": compact(name), "reason": reason} for name, reason in result.not_updated],
        },
    )
