"""Handlers of `/admin/v1/history/rules`: what of a tenant's writes goes into history, and how long it is kept.

The @context of a request tells what the names of types and attributes mean; answers have them expanded.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from broker.api.parameters import Parameter, text
from broker.api.requests import Request
from broker.api.responses import Response, bare, json
from broker.api.services import Services
from broker.errors import BadRequestData
from broker.model.grammar import check_name, shown
from broker.model.parse import parse_attribute_name
from broker.model.recording import Mode
from broker.model.recording_rules import Stated, flaw
from broker.store.apart import apart
from broker.store.history.rules import written

TYPE: Final = Parameter("type", text, "The type that the rule is for; absent: all.", {"type": "string"})
ATTRIBUTE: Final = Parameter("attribute", text, "The attribute that the rule is for; absent: all.", {"type": "string"})

_MEMBERS: Final = {
    "type": "type",
    "attribute": "attribute",
    "mode": "mode",
    "interval": "interval",
    "deadBand": "dead_band",
    "retention": "retention",
}
"""Members of a rule in JSON, and what `Stated` calls them."""
_JSON_NAMES: Final = {name: member for member, name in _MEMBERS.items()}


async def listed(request: Request, services: Services) -> Response:
    """GET /admin/v1/history/rules."""
    found = await apart(services.rulings.listed(request.call.tenant))
    return json(200, [{_JSON_NAMES[name]: value for name, value in written(rule).items()} for rule in found])


async def put(request: Request, services: Services) -> Response:
    """PUT /admin/v1/history/rules."""
    await apart(services.rulings.state(request.call.tenant, _rule(request)))
    return bare(204)


async def remove(request: Request, services: Services) -> Response:
    """DELETE /admin/v1/history/rules."""
    of = {"type": request.get(TYPE), "attribute": request.get(ATTRIBUTE)}
    await apart(services.rulings.withdraw(request.call.tenant, *_names(request, of)))
    return bare(204)


def _rule(request: Request) -> Stated:
    """The rule of a body. Raises BadRequestData."""
    body = request.payload
    if not isinstance(body, dict) or not body.keys() <= _MEMBERS.keys():
        raise BadRequestData(f"The body is no object with members of {', '.join(_MEMBERS)}, and nothing else.")
    for member, content in body.items():
        if member == "deadBand":
            if not isinstance(content, int | float) or isinstance(content, bool):
                raise BadRequestData(f"Member deadBand {shown(content)} is no number.")
        elif not isinstance(content, str):
            raise BadRequestData(f"Member {member} {shown(content)} is no string.")
    if body.get("mode", Mode.ALL) not in list(Mode):
        raise BadRequestData(f"Member mode {shown(body['mode'])} is none of {', '.join(Mode)}.")
    type_, attribute = _names(request, body)
    said = {
        _MEMBERS[member]: content for member, content in body.items() if member not in ("type", "attribute", "mode")
    }
    rule = Stated(type_, attribute, Mode(body["mode"]) if "mode" in body else None, **said)
    wrong = flaw(rule)
    if wrong is not None:
        raise BadRequestData(f"Member {_JSON_NAMES[wrong.member]} {wrong.problem}.")
    return rule


def _names(request: Request, of: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The IRIs of the type and the attribute that a rule is for. Raises BadRequestData."""
    context = request.call.context
    return (
        _name("type", of.get("type"), lambda name: context.expand(check_name(name))),
        _name("attribute", of.get("attribute"), lambda name: parse_attribute_name(name, context)),
    )


def _name(member: str, name: str | None, expanded: Callable[[str], str]) -> str | None:
    if name is None:
        return None
    try:
        return expanded(name)
    except BadRequestData as error:
        raise BadRequestData(f"Rule: {member}: {error.detail}") from None
