"""Handlers of `/subscriptions` (GS CIM 009 §6.10, §6.11)."""

from typing import Any, Final

from broker.api import contexts, rendering
from broker.api.paging import page_lines, page_of
from broker.api.parameters import options
from broker.api.requests import Request
from broker.api.responses import Response, bare, created, segment
from broker.api.services import Services
from broker.names import API_ROOT, NULL
from broker.store.subscriptions import Listing
from broker.store.visible import current_instant
from broker.subscriptions import manage

OPTIONS: Final = options("`sysAttrs`: with createdAt and modifiedAt.", rendering.SYS_ATTRS)


async def create(request: Request, services: Services) -> Response:
    """POST /subscriptions."""
    await _resolve(request.payload, services)
    found = await manage.create(
        services.store,
        request.call,
        request.payload,
        current_instant(),
        max_join_level=services.settings.max_join_level,
        url_of_context=_url_of_context(request, services),
    )
    return created(f"{API_ROOT}/subscriptions/{segment(found)}")


async def query(request: Request, services: Services) -> Response:
    """GET /subscriptions."""
    page = page_of(request, services.settings)
    listing = Listing(page.fetched, page.offset, page.after, page.before)
    found, total = await manage.listed(services.store, request.call, listing, count=page.count)
    ids = [shown.kept["id"] for shown in found]
    lines = page_lines(request, page, ids, total, ordered=bool(page.offset))  # who counts gets numbers (suite 031_02)
    response = rendering.documents(request, [_shown(request, each) for each in page.shown(found)])
    response.headers.extend(lines)
    return response


async def retrieve(request: Request, services: Services) -> Response:
    """GET /subscriptions/{subscriptionId}."""
    found = await manage.retrieve(services.store, request.call, request.path["subscriptionId"])
    return rendering.document(request, _shown(request, found))


async def update(request: Request, services: Services) -> Response:
    """PATCH /subscriptions/{subscriptionId}."""
    await _resolve(request.payload, services)
    await manage.update(
        services.store,
        request.call,
        request.path["subscriptionId"],
        request.payload,
        current_instant(),
        max_join_level=services.settings.max_join_level,
        url_of_context=_url_of_context(request, services) if await _new_context(request, services) else None,
    )
    return bare(204)


async def delete(request: Request, services: Services) -> Response:
    """DELETE /subscriptions/{subscriptionId}."""
    await manage.delete(services.store, request.call, request.path["subscriptionId"])
    return bare(204)


def _shown(request: Request, found: manage.Shown) -> dict[str, Any]:
    sys_attrs = rendering.SYS_ATTRS in (request.get(OPTIONS) or ())
    return manage.as_shown(found, request.call.context, current_instant(), sys_attrs=sys_attrs)


def _url_of_context(request: Request, services: Services) -> manage.UrlOfContext:
    """What gives the request's @context a URL, if it has none (ImplicitlyCreated, GS CIM 009 §5.13.1)."""

    async def url() -> str:
        call = request.call
        return await services.catalogue.implicit(call.tenant, call.context.source, contexts.base(request, services))

    return url


async def _new_context(request: Request, services: Services) -> bool:
    """Whether a fragment brings a @context of its own, or takes away the one that was named."""
    if isinstance(request.payload, dict) and request.payload.get("jsonldContext") == NULL:
        return True
    default = await services.contexts.resolve(None)
    return request.call.context.key not in (default.key, services.contexts.core.key)


async def _resolve(payload: Any, services: Services) -> None:
    """Raise LdContextNotAvailable or BadRequestData if the @context of notifications cannot be had."""
    named = payload.get("jsonldContext") if isinstance(payload, dict) else None
    if manage.is_context(named):
        await services.contexts.resolve(named)
