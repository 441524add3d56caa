"""Handlers of `/entities`: parse, one use case, render (GS CIM 009 §6.4, §6.5)."""

from collections.abc import Iterable, Sequence
from typing import Final

from broker.api import entity_maps, joining, live, rendering, streaming
from broker.api.batch import result_of
from broker.api.paging import Page, page_lines
from broker.api.parameters import DROP, JOIN, KEEP, LANG, OBSERVED_AT, Parameter, options
from broker.api.querying import query_of, read_body
from broker.api.requests import Request
from broker.api.responses import HeaderLine, Response, bare, created, segment
from broker.api.services import Services
from broker.api.targets import target
from broker.entities import purge as purging
from broker.entities import query as reads
from broker.entities import write
from broker.errors import BadRequestData
from broker.model.merge import SCOPE
from broker.model.parse import parse_attribute_name, parse_entity, parse_fragment
from broker.model.patch import Extras
from broker.names import API_ROOT, EVENT_STREAM
from broker.query.plan import Query
from broker.store.queries import Matches

MERGE_OPTIONS: Final = options(
    "`keyValues`, `simplified`: the fragment is in the simplified form.", "keyValues", "simplified"
)


async def create(request: Request, services: Services) -> Response:
    """POST /entities."""
    entity = parse_entity(request.payload, request.call.context)
    await write.create(services.store, request.call, entity, request.size)
    return created(f"{API_ROOT}/entities/{segment(entity.id)}")


async def retrieve(request: Request, services: Services) -> Response:
    """GET /entities/{entityId}."""
    found = await reads.look_up(services.store, request.call, target(request))
    if JOIN.name not in request.values:
        response = rendering.one(request, services.rendered, found)
    else:
        linked = await joining.linked(request, services, [found.entity])
        response = rendering.entity(request, found.entity, linked)
    known = await entity_maps.of_one(request, services, found.id)
    if known is not None:
        response.headers.append(entity_maps.line(known))
    return response


async def replace(request: Request, services: Services) -> Response:
    """PUT /entities/{entityId}."""
    fragment = parse_fragment(request.payload, request.call.context)
    await write.replace(services.store, request.call, target(request), fragment, request.size)
    return bare(204)


async def merge(request: Request, services: Services) -> Response:
    """PATCH /entities/{entityId}."""
    simplified = rendering.simplified_input(request, MERGE_OPTIONS)
    extras = Extras(simplified=simplified, lang=request.get(LANG), observed_at=request.get(OBSERVED_AT))
    fragment = parse_fragment(request.payload, request.call.context, merging=True, simplified=simplified)
    await write.merge(services.store, request.call, target(request), fragment, extras, request.size)
    return bare(204)


async def delete(request: Request, services: Services) -> Response:
    """DELETE /entities/{entityId}."""
    await write.delete(services.store, request.call, target(request))
    return bare(204)


async def query(request: Request, services: Services) -> Response:
    """GET /entities."""
    if request.media == EVENT_STREAM:
        return await live.feed(request, services)
    if JOIN.name in request.values:
        joining.join_of(request, services.settings)
    page, asked = services.readings.of(request)
    if entity_maps.wanted(request):
        return await entity_maps.query(request, services, page, asked)
    found = await reads.query(services.store, request.call, asked)
    if JOIN.name in request.values or found.matches.rest:
        return await _unshared(request, services, page, asked, found)
    if request.payload is not None or b"prefer" in request.headers:
        return await _page(request, services, page, asked, found)
    context = request.call.context
    form = (request.target, request.query, request.media, context.key, context.link, found.total)
    response = services.answers.to(found.matches, form)
    if response is None:
        response = await _page(request, services, page, asked, found)
        services.answers.keep(found.matches, form, response)
    return response


async def _page(request: Request, services: Services, page: Page, asked: Query, found: reads.Page) -> Response:
    """A page that is held, of entities that link to none."""
    lines = _lines(request, page, asked, found)
    return await rendering.page(request, services.rendered, page.shown(found.matches.found), lines)


async def _unshared(request: Request, services: Services, page: Page, asked: Query, found: reads.Page) -> Response:
    """A page of which more is read while it is answered: what its entities link to, or the rest of a large one."""
    lines, matches = _lines(request, page, asked, found), found.matches
    if matches.rest:
        return _stream(request, services, asked, page.shown(matches.ids), matches, lines)
    entities = [each.entity for each in page.shown(matches.found)]
    return rendering.entities(request, entities, lines, await joining.linked(request, services, entities))


def _lines(request: Request, page: Page, asked: Query, found: reads.Page) -> Iterable[HeaderLine]:
    return page_lines(request, page, found.matches.ids, found.total, ordered=asked.ordering is not None)


def _stream(
    request: Request,
    services: Services,
    asked: Query,
    shown: Sequence[str],
    matches: Matches,
    lines: Iterable[HeaderLine],
) -> Response:
    """A page that is too large to hold. It begins with what is there already; backwards, nothing is."""
    held = matches.found[: len(shown)]
    rest = services.store.rest(request.call.tenant, asked, Matches(held, tuple(shown[len(held) :])))
    return streaming.page(request, held, rest, lines)


async def query_by_body(request: Request, services: Services) -> Response:
    """POST /entityOperations/query."""
    read_body(request)
    return await query(request, services)


async def purge(request: Request, services: Services) -> Response:
    """DELETE /entities."""
    keep, drop = _attributes(request, KEEP), _attributes(request, DROP)
    if keep is not None and drop is not None:
        raise BadRequestData("Parameters keep and drop exclude each other.")
    asked = await entity_maps.narrowed(request, services, query_of(request))
    result = await purging.purge(services.store, request.call, asked, keep=keep, drop=drop)
    return result_of(result) if result.errors else bare(204)


def _attributes(request: Request, parameter: Parameter[tuple[str, ...]]) -> frozenset[str] | None:
    names = request.get(parameter)
    if names is None:
        return None
    context = request.call.context
    try:
        return frozenset(SCOPE if name == "scope" else parse_attribute_name(name, context) for name in names)
    except BadRequestData as error:
        raise BadRequestData(f"Parameter {parameter.name}: {error.detail}") from None
