"""Entity maps: their resources, and queries that make or use one (GS CIM 009 §5.5.9.3, §5.14, §6.3.21, §6.32, §6.34).

A map is named by the header `NGSILD-EntityMap`, the path of its resource; its id alone will do, too.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

from broker.api import joining, rendering
from broker.api.paging import Page, page_lines
from broker.api.parameters import ENTITY_MAP, ENTITY_MAP_LIFETIME, JOIN
from broker.api.querying import query_of, read_body
from broker.api.requests import Request
from broker.api.responses import HeaderLine, Response, bare, segment
from broker.api.services import Services
from broker.entities import entity_maps as maps
from broker.errors import BadRequestData, InvalidRequest
from broker.model.grammar import is_uri, shown
from broker.model.instants import date_time, format_instant
from broker.names import API_ROOT, DEFAULT_DATASET, ENTITY_MAP_HEADER
from broker.query.plan import Query
from broker.store.entity_maps import EntityMap

_HEADER = ENTITY_MAP_HEADER.lower().encode()
_MAPS = f"{API_ROOT}/entityMaps"


def wanted(request: Request) -> bool:
    """Whether a request asks for an entity map, or brings one."""
    return _HEADER in request.headers or bool(request.get(ENTITY_MAP))


async def query(request: Request, services: Services, page: Page, asked: Query) -> Response:
    """A page of the entities of the request's map, or of a new one: then the status is 201."""
    if page.after or page.before:
        raise InvalidRequest("Parameters after and before: the pages of an entity map have an offset.")
    asked = replace(asked, after="", before="")
    call, given = request.call, given_id(request)
    found = None if given is None else await maps.page(services.store, call, given, asked)
    made = found is None
    if found is None:
        new = await _made(request, services, asked)
        found = await maps.page(services.store, call, new.id, asked)
        if found is None:  # a lifetime of next to nothing
            found = maps.Page(new, [], 0 if asked.count else None)
    lines = [
        *page_lines(request, page, [each.id for each in found.entities], found.total, ordered=True),
        line(found.map),
    ]
    shown = page.shown(found.entities)
    if JOIN.name in request.values:
        entities = [each.entity for each in shown]
        response = rendering.entities(request, entities, lines, await joining.linked(request, services, entities))
    else:
        response = await rendering.page(request, services.rendered, shown, lines)
    response.status = 201 if made else response.status
    return response


async def of_one(request: Request, services: Services, entity_id: str) -> EntityMap | None:
    """The map of an entity that was retrieved, if one is asked for: the one that the header names, or a new one."""
    if not wanted(request):
        return None
    given = given_id(request)
    known = None if given is None else await (await services.store.entity_maps(request.call.tenant)).part(given)
    if known is not None:
        return known
    return await _made(request, services, Query(among=frozenset((entity_id,))))


async def narrowed(request: Request, services: Services, asked: Query) -> Query:
    """The query, of the entities of the map alone that the header names. Raises ResourceNotFound if that is gone."""
    given = given_id(request)
    return asked if given is None else await maps.among(services.store, request.call, given, asked)


async def create(request: Request, services: Services) -> Response:
    """GET /entityMaps: the map of a query."""
    new = await _made(request, services, query_of(request))
    response = rendering.document(request, _document(new))
    response.status = 201
    response.headers.append(line(new))
    return response


async def create_by_body(request: Request, services: Services) -> Response:
    """POST /entityMaps."""
    read_body(request)
    return await create(request, services)


async def retrieve(request: Request, services: Services) -> Response:
    """GET /entityMaps/{entityMapId}."""
    found = await maps.retrieve(services.store, request.call, _id(request))
    return rendering.document(request, _document(found))


async def update(request: Request, services: Services) -> Response:
    """PATCH /entityMaps/{entityMapId}: of its members a client can change `expiresAt` alone (GS CIM 009 §5.14.2)."""
    map_id, payload = _id(request), request.payload
    if not isinstance(payload, dict):
        raise BadRequestData("The body is no object of type EntityMap.")
    if "expiresAt" not in payload:
        await maps.retrieve(services.store, request.call, map_id)
        return bare(204)
    text = date_time(payload["expiresAt"])
    if text is None:
        raise BadRequestData(f"EntityMap: expiresAt is {shown(payload['expiresAt'])}, no DateTime.")
    latest = datetime.now(UTC) + timedelta(seconds=services.settings.max_entity_map_lifetime)
    await maps.expire(services.store, request.call, map_id, min(datetime.fromisoformat(text), latest))
    return bare(204)


async def delete(request: Request, services: Services) -> Response:
    """DELETE /entityMaps/{entityMapId}."""
    await maps.delete(services.store, request.call, _id(request))
    return bare(204)


def line(known: EntityMap) -> HeaderLine:
    """The header that names a map (GS CIM 009 §6.3.21)."""
    return (_HEADER, f"{_MAPS}/{segment(known.id)}".encode("ascii"))


def given_id(request: Request) -> str | None:
    """The id of the map that the header names. Raises BadRequestData if it is no URI."""
    header = request.headers.get(_HEADER)
    if header is None:
        return None
    text = header.decode("latin-1")
    found = unquote(text.rpartition("/entityMaps/")[2])
    if not is_uri(found):
        raise BadRequestData(f"Header {ENTITY_MAP_HEADER}: {shown(text)} is no URI of an entity map.")
    return found


def _id(request: Request) -> str:
    map_id = request.path["entityMapId"]
    if not is_uri(map_id):
        raise BadRequestData(f"Entity map id {shown(map_id)} is no URI.")
    return map_id


async def _made(request: Request, services: Services, asked: Query) -> EntityMap:
    """A new map; it lives as long as is asked for, within this deployment's limit (GS CIM 009 §6.4.3.2)."""
    settings = services.settings
    longest = timedelta(seconds=settings.max_entity_map_lifetime)
    lifetime = request.get(ENTITY_MAP_LIFETIME) or timedelta(seconds=settings.entity_map_lifetime)
    return await maps.make(services.store, request.call, asked, min(lifetime, longest), settings.max_entity_map)


def _document(known: EntityMap) -> dict[str, Any]:
    """GS CIM 009 §5.2.39."""
    return {
        "id": known.id,
        "type": "EntityMap",
        "expiresAt": format_instant(known.expires_at),
        "entityMap": {entity_id: [DEFAULT_DATASET] for entity_id in known.ids},
    }
