"""Handlers of `/entityOperations`: each entity of a batch is answered for itself (GS CIM 009 §6.14–§6.17)."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from broker.api import problems
from broker.api.parameters import NO_OVERWRITE, options
from broker.api.requests import Request, split_context
from broker.api.responses import Response, bare, json
from broker.api.services import Services
from broker.entities import batch
from broker.entities.batch import BatchResult, Item, Mode
from broker.errors import BadRequestData, BrokerError, InvalidRequest, TooManyResults
from broker.jsonld.compiled import CompiledContext
from broker.model.grammar import is_uri, shown
from broker.model.parse import Fragment, parse_fragment

UPSERT_OPTIONS: Final = options(
    "Whether entities that exist are replaced (the default), or only the attributes that are sent.",
    *(mode.value for mode in Mode),
)

UPDATE_OPTIONS: Final = options("`noOverwrite`: attributes that exist stay as they are.", NO_OVERWRITE)

_BREATH: Final = 50
"""Entities that are parsed before other requests get a turn: some 2 ms."""


async def upsert(request: Request, services: Services) -> Response:
    """POST /entityOperations/upsert."""
    chosen = request.get(UPSERT_OPTIONS) or {Mode.REPLACE.value}
    if len(chosen) > 1:
        raise InvalidRequest("Parameter options: replace and update exclude each other.")
    mode = Mode(next(iter(chosen)))
    items = await _items(request, services, nulls=mode is Mode.UPDATE)
    result = await batch.upsert(services.store, request.call, items, mode)
    return _answer(result)


async def create(request: Request, services: Services) -> Response:
    """POST /entityOperations/create."""
    return _answer(await batch.create(services.store, request.call, await _items(request, services)))


async def update(request: Request, services: Services) -> Response:
    """POST /entityOperations/update."""
    overwrite = NO_OVERWRITE not in (request.get(UPDATE_OPTIONS) or ())
    items = await _items(request, services)
    return _answer(await batch.update(services.store, request.call, items, overwrite=overwrite))


async def merge(request: Request, services: Services) -> Response:
    """POST /entityOperations/merge."""
    items = await _items(request, services, merging=True)
    return _answer(await batch.merge(services.store, request.call, items))


async def delete(request: Request, services: Services) -> Response:
    """POST /entityOperations/delete."""
    ids = _elements(request, services)
    for position, entity_id in enumerate(ids):
        if not is_uri(entity_id):
            raise BadRequestData(f"Element {position} of the batch is {shown(entity_id)}, not a URI.")
    return _answer(await batch.delete(services.store, request.call, ids))


def _elements(request: Request, services: Services) -> list[Any]:
    """The elements of the body. Raises BadRequestData if it is no array or empty, TooManyResults if it is too long."""
    payload = request.payload
    if not isinstance(payload, list) or not payload:
        raise BadRequestData("The body is no array of at least one element.")
    if len(payload) > services.settings.max_batch:
        raise TooManyResults(f"The batch has {len(payload)} elements; {services.settings.max_batch} are the most.")
    return payload


async def _items(request: Request, services: Services, *, nulls: bool = False, merging: bool = False) -> list[Item]:
    """The entities of the body, each parsed, or with what is wrong with it.

    Raises BadRequestData for a body that is no array, has no or too many elements or one that is no object.
    """
    payload = _elements(request, services)
    parse = partial(parse_fragment, nulls=nulls, merging=merging)
    for position, element in enumerate(payload):
        if not isinstance(element, dict):
            raise BadRequestData(f"Element {position} of the batch is no object.")
    size = request.size // len(payload)
    contexts = _Contexts(services)
    items = []
    for position, element in enumerate(payload):
        if position % _BREATH == _BREATH - 1:
            await asyncio.sleep(0)
        items.append(await _item(request, contexts, element, size, parse))
    return items


async def _item(
    request: Request, contexts: "_Contexts", element: dict[str, Any], size: int, parse: Callable[..., Fragment]
) -> Item:
    try:
        if request.context_in_body or "@context" in element:
            content, source = split_context(element, request.context_in_body, None)
            fragment = parse(content, await contexts.resolve(source))
        else:
            fragment = parse(element, request.call.context)
        if fragment.id is None:
            raise BadRequestData("Entity: id is missing.")
    except BrokerError as error:
        given = element.get("id", element.get("@id"))
        return Item(given if isinstance(given, str) else "", error, size)
    return Item(fragment.id, fragment, size)


class _Contexts:
    """The contexts of one batch. Its elements mostly have the same: that is asked for once."""

    def __init__(self, services: Services) -> None:
        self._contexts = services.contexts
        self._source: Any = None
        self._context = services.contexts.core

    async def resolve(self, source: Any) -> CompiledContext:
        """The compiled context. Raises LdContextNotAvailable, BadRequestData."""
        if source != self._source:
            self._context = self._contexts.known(source) or await self._contexts.resolve(source)
            self._source = source
        return self._context


def _answer(result: BatchResult) -> Response:
    """201 with the ids of those created, 204 if there are none; 207 if some were refused (GS CIM 009 §6.15.3.1)."""
    if result.errors:
        return result_of(result)
    return json(201, result.created) if result.created else bare(204)


def result_of(result: BatchResult) -> Response:
    """207 with a BatchOperationResult (GS CIM 009 §5.2.16)."""
    errors = [{"entityId": entity_id, "error": problems.document(error)} for entity_id, error in result.errors]
    return json(207, {"success": [*result.created, *result.changed], "errors": errors})
