"""Handlers of `/entityOperations`: each entity of a batch is answered for itself (GS CIM 009 §6.14–§6.17)."""

import asyncio
from typing import Any, Final

from broker.api import problems
from broker.api.parameters import options
from broker.api.requests import Request, split_context
from broker.api.responses import Response, bare, json
from broker.api.services import Services
from broker.entities import batch
from broker.entities.batch import BatchResult, Item, Mode
from broker.errors import BadRequestData, BrokerError, InvalidRequest, TooManyResults
from broker.jsonld.compiled import CompiledContext
from broker.model.parse import parse_fragment

UPSERT_OPTIONS: Final = options(
    "Whether entities that exist are replaced (the default), or only the attributes that are sent.",
    *(mode.value for mode in Mode),
)

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


async def _items(request: Request, services: Services, *, nulls: bool = False) -> list[Item]:
    """The entities of the body, each parsed, or with what is wrong with it.

    Raises BadRequestData for a body that is no array, has no or too many elements or one that is no object.
    """
    payload = request.payload
    if not isinstance(payload, list) or not payload:
        raise BadRequestData("The body is no array of at least one entity.")
    if len(payload) > services.settings.max_batch:
        raise TooManyResults(f"The batch has {len(payload)} entities; {services.settings.max_batch} are the most.")
    for position, element in enumerate(payload):
        if not isinstance(element, dict):
            raise BadRequestData(f"Element {position} of the batch is no object.")
    size = request.size // len(payload)
    contexts = _Contexts(services)
    items = []
    for position, element in enumerate(payload):
        if position % _BREATH == _BREATH - 1:
            await asyncio.sleep(0)
        items.append(await _item(request, contexts, element, size, nulls=nulls))
    return items


async def _item(request: Request, contexts: "_Contexts", element: dict[str, Any], size: int, *, nulls: bool) -> Item:
    try:
        if request.context_in_body or "@context" in element:
            content, source = split_context(element, request.context_in_body, None)
            fragment = parse_fragment(content, await contexts.resolve(source), nulls=nulls)
        else:
            fragment = parse_fragment(element, request.call.context, nulls=nulls)
        if fragment.id is None:
            raise BadRequestData("Entity: id is missing")
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
        return json(
            207,
            {
                "success": [*result.created, *result.changed],
                "errors": [
                    {"entityId": entity_id, "error": problems.document(error)} for entity_id, error in result.errors
                ],
            },
        )
    return json(201, result.created) if result.created else bare(204)
