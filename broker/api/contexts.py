"""Handlers of `/jsonldContexts` (GS CIM 009 §6.29, §6.30)."""

import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

from broker.api.parameters import Parameter, boolean, one_of
from broker.api.requests import Request
from broker.api.responses import CONTENT_TYPE, Response, bare, content, created, json
from broker.api.services import Services
from broker.errors import BadRequestData, InvalidRequest
from broker.hosting.addresses import url_of
from broker.model.instants import format_instant
from broker.names import CONTEXTS_PATH
from broker.store.contexts import Kind, Record

T = TypeVar("T")

_HOST: Final = re.compile(rb"[A-Za-z0-9_.\[\]:-]{1,255}")
_BOOLEAN: Final = {"type": "boolean"}


def _bad(name: str, parse: Callable[[str], T]) -> Callable[[str], T]:
    """The parser, whose refusals are BadRequestData here (suite 051_04, 052_04)."""

    def parsed(text: str) -> T:
        try:
            return parse(text)
        except ValueError as error:
            raise BadRequestData(f"Parameter {name}: expected {error}.") from None

    return parsed


DETAILS: Final = Parameter("details", _bad("details", boolean), "Tell what is known of each context.", _BOOLEAN)
KIND: Final = Parameter(
    "kind", _bad("kind", one_of(*Kind)), "Only contexts of this kind.", {"type": "string", "enum": list(Kind)}
)
RELOAD: Final = Parameter(
    "reload", _bad("reload", boolean), "Fetch the Cached context anew instead of deleting it.", _BOOLEAN
)


async def add(request: Request, services: Services) -> Response:
    """POST /jsonldContexts."""
    if not isinstance(request.payload, dict) or "@context" not in request.payload:
        raise InvalidRequest("The body is no JSON object with an @context.")
    await services.store.enter(request.call.tenant, create=True)
    local_id = await services.catalogue.add(request.call.tenant, request.payload["@context"])
    return created(f"{CONTEXTS_PATH}/{local_id}")


async def listed(request: Request, services: Services) -> Response:
    """GET /jsonldContexts."""
    await services.store.enter(request.call.tenant)
    kind = request.get(KIND)
    records = await services.catalogue.listed(request.call.tenant, Kind(kind) if kind else None)
    here = base(request, services)
    if request.get(DETAILS):
        return json(200, [_info(record, here) for record in records])
    return json(200, [_url(record, here) for record in records])


async def serve(request: Request, services: Services) -> Response:
    """GET /jsonldContexts/{contextId}."""
    tenant, context_id = request.call.tenant, request.path["contextId"]
    await services.store.enter(tenant)
    if request.get(DETAILS):
        return json(200, _info(await services.catalogue.detail(tenant, context_id), base(request, services)))
    return content(200, CONTENT_TYPE[request.media], await services.catalogue.content(tenant, context_id))


async def delete(request: Request, services: Services) -> Response:
    """DELETE /jsonldContexts/{contextId}."""
    await services.store.enter(request.call.tenant)
    act = services.catalogue.reload if request.get(RELOAD) else services.catalogue.delete
    await act(request.call.tenant, request.path["contextId"])
    return bare(204)


def base(request: Request, services: Services) -> str:
    """What clients put before the API's root: as configured, or as this request says."""
    settings = services.settings
    if settings.public_url:
        return settings.public_url
    scheme = "http" if settings.tls_cert is None else "https"
    host = request.headers.get(b"host", b"")
    named = host.decode("ascii") if _HOST.fullmatch(host) else f"{settings.host}:{settings.port}"
    return f"{scheme}://{named}"


def _url(record: Record, here: str) -> str:
    return record.id if record.kind is Kind.CACHED else url_of(record.id, here)


def _info(record: Record, here: str) -> dict[str, Any]:
    """What is known of a context (GS CIM 009 §5.13.3.5)."""
    info = {
        "URL": _url(record, here),
        "localId": record.id,
        "kind": record.kind,
        "createdAt": format_instant(record.created),
        "numberOfHits": record.hits,
    }
    if record.last_usage is not None:
        info["lastUsage"] = format_instant(record.last_usage)
    if record.expires is not None:
        info["expiresAt"] = format_instant(record.expires)
    return info
