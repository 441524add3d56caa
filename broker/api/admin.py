"""What only an operator may ask: below `/admin/v1`, which is not there without NGSILD_ADMIN_TOKEN."""

import hmac

from pydantic import SecretStr

from broker.api.problems import Unauthorized
from broker.api.requests import Headers, Request
from broker.api.responses import Response, json
from broker.api.services import Services
from broker.errors import ResourceNotFound


def authorize(headers: Headers, token: SecretStr | None) -> None:
    """Raise Unauthorized unless the request bears the token; ResourceNotFound if there is none to bear."""
    if token is None:
        raise ResourceNotFound("There is nothing below /admin/v1: the broker has no NGSILD_ADMIN_TOKEN.")
    scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() != b"bearer" or not hmac.compare_digest(given.strip(), token.get_secret_value().encode()):
        raise Unauthorized


async def tenants(_request: Request, services: Services) -> Response:
    """GET /admin/v1/tenants."""
    return json(
        200,
        [
            {
                "tenant": each.tenant,
                "database": each.database,
                "entityCount": each.entities,
                "dropping": each.dropping,
            }
            for each in await services.store.tenants()
        ],
    )
