"""Handlers of `/admin/v1/models` and `/admin/v1/violations`: data models, and the rules that hold entities to them.

The @context of a request is that of the data model: it tells what the names in the schema mean.
"""

from typing import Any, Final

from broker.api.requests import Request
from broker.api.responses import Response, bare, json
from broker.api.services import Services
from broker.errors import BadRequestData, NonexistentTenant, ResourceNotFound
from broker.model.grammar import check_name, shown
from broker.store.apart import apart
from broker.validation.bundle import bundle
from broker.validation.datamodel import DataModel, own_model
from broker.validation.rules import Mode

LISTED: Final = 1000
"""Most violating entities that are listed."""
_LISTS: Final = {"units": "UN/CEFACT codes", "targets": "names of types"}
"""Members of a body that belong to a schema: objects of arrays of such texts, by attribute."""
_MEMBERS: Final = frozenset({"mode", "schema", *_LISTS})


async def listed(request: Request, services: Services) -> Response:
    """GET /admin/v1/models."""
    found = await apart(services.models.listed(request.call.tenant))
    return json(200, [each._asdict() for each in found])


async def retrieve(request: Request, services: Services) -> Response:
    """GET /admin/v1/models/{type}."""
    type_ = await _type(request, services)
    model = await apart(services.models.model(request.call.tenant, type_))
    return json(200, model.document())


async def put(request: Request, services: Services) -> Response:
    """PUT /admin/v1/models/{type}."""
    body = request.payload
    if not isinstance(body, dict) or not body or not body.keys() <= _MEMBERS:
        raise BadRequestData("The body is no object with mode, schema, units or targets, and nothing else.")
    mode = _mode(body.get("mode", Mode.OFF.value))
    if "schema" in body:
        await apart(services.models.add(request.call.tenant, _model(request, body), mode))
    elif alone := _LISTS.keys() & body.keys():
        raise BadRequestData(f"Member {min(alone)} belongs to a schema, which is missing.")
    else:
        await apart(services.models.set_mode(request.call.tenant, await _type(request, services), mode))
    return bare(204)


async def remove(request: Request, services: Services) -> Response:
    """DELETE /admin/v1/models/{type}."""
    await apart(services.models.remove(request.call.tenant, await _type(request, services)))
    return bare(204)


async def violations(request: Request, services: Services) -> Response:
    """GET /admin/v1/violations."""
    found = await apart(services.models.violating(request.call.tenant, None, LISTED))
    return json(200, [each._asdict() for each in found])


async def _type(request: Request, services: Services) -> str:
    """The type that the path names: as a data model has it, or as the request's @context does."""
    name = request.path["type"]
    try:
        return await apart(services.models.type_of(request.call.tenant, name))
    except NonexistentTenant:
        raise
    except ResourceNotFound:
        return await apart(services.models.type_of(request.call.tenant, request.call.context.expand(check_name(name))))


def _model(request: Request, body: dict[str, Any]) -> DataModel:
    """The data model of a body. Raises BadRequestData."""
    schema = body["schema"]
    if not isinstance(schema, dict):
        raise BadRequestData(f"Member schema is {shown(schema)}, not an object.")
    lists = {member: _lists(member, body.get(member, {})) for member in _LISTS}
    return own_model(request.path["type"], schema, request.call.context, bundle().retrieve, **lists)


def _lists(member: str, given: Any) -> dict[str, list[str]]:
    if not isinstance(given, dict) or not all(
        isinstance(texts, list) and texts and all(isinstance(text, str) for text in texts) for texts in given.values()
    ):
        raise BadRequestData(f"Member {member} is no object of arrays of {_LISTS[member]}, by attribute.")
    return given


def _mode(text: Any) -> Mode:
    if text not in list(Mode):
        raise BadRequestData(f"Member mode is {shown(text)}, none of {', '.join(Mode)}.")
    return Mode(text)
