"""Dead letters, for the operator: below `/admin/v1`."""

import re
from typing import Any, Final

from broker.api.parameters import LIMIT, Parameter
from broker.api.requests import Request
from broker.api.responses import Response, bare, json
from broker.api.services import Services
from broker.errors import ResourceNotFound
from broker.model.instants import format_instant
from broker.store.apart import apart
from broker.store.dead_letters import Chosen, DeadLetter, DeadLetters

_ID: Final = re.compile(r"(?:[0-9a-f]{2}){1,32}")


def _id(text: str) -> str:
    if _ID.fullmatch(text) is None:
        raise ValueError("the id of a dead letter")
    return text


AFTER: Final = Parameter("after", _id, "Those after this dead letter, by its id.", {"type": "string"})


async def listed(request: Request, services: Services) -> Response:
    """GET /admin/v1/deadLetters."""
    settings = services.settings
    number = min(request.get(LIMIT) or settings.default_limit, settings.max_limit)
    found = await apart(_letters(services).listed(Chosen(), number, request.get(AFTER) or ""))
    return json(200, [_shown(each) for each in found])


async def replay(request: Request, services: Services) -> Response:
    """POST /admin/v1/deadLetters/{deadLetterId}/replay."""
    chosen = _chosen(request)
    if not await apart(_letters(services).replay(chosen)):
        raise _not_there(chosen)
    return bare(204)


async def remove(request: Request, services: Services) -> Response:
    """DELETE /admin/v1/deadLetters/{deadLetterId}."""
    chosen = _chosen(request)
    if not await apart(_letters(services).remove(chosen)):
        raise _not_there(chosen)
    return bare(204)


def _letters(services: Services) -> DeadLetters:
    return DeadLetters(services.store.control)


def _chosen(request: Request) -> Chosen:
    given = request.path["deadLetterId"]
    if _ID.fullmatch(given) is None:
        raise ResourceNotFound("There is no such dead letter: its id is hexadecimal.")
    return Chosen((given,))


def _not_there(chosen: Chosen) -> ResourceNotFound:
    return ResourceNotFound(f"There is no dead letter {chosen.ids[0]}.")


def _shown(each: DeadLetter) -> dict[str, Any]:
    return {
        "id": each.id,
        "tenant": each.tenant,
        "subscriptionId": each.subscription,
        "entities": list(each.entities),
        "changedAt": format_instant(each.at),
        "givenUpAt": format_instant(each.since),
        "reason": each.reason,
    }
