"""THE operations table. Router, `Allow`, parameter checks, OpenAPI, metric labels and docs/api.md derive from it."""

from functools import cache
from typing import Final

import orjson

from broker.api import openapi
from broker.api.operation import Action, Operation, Success
from broker.api.requests import Request
from broker.api.responses import CONTENT_TYPE, Response, content
from broker.api.services import Services
from broker.api.table import (
    admin,
    attributes,
    batch,
    contexts,
    discovery,
    entities,
    entity_maps,
    models,
    process,
    recording,
    subscriptions,
    temporal,
)
from broker.names import JSON


async def _describe(_request: Request, _services: Services) -> Response:
    """GET /openapi.json."""
    return content(200, CONTENT_TYPE[JSON], _description())


@cache
def _description() -> bytes:
    return orjson.dumps(openapi.document(OPERATIONS))


OPERATIONS: Final[tuple[Operation, ...]] = (
    *entities.OPERATIONS,
    *attributes.OPERATIONS,
    *batch.OPERATIONS,
    *discovery.OPERATIONS,
    *temporal.OPERATIONS,
    *subscriptions.OPERATIONS,
    *contexts.OPERATIONS,
    *entity_maps.OPERATIONS,
    *process.OPERATIONS,
    *admin.OPERATIONS,
    *models.OPERATIONS,
    *recording.OPERATIONS,
    Operation(
        name="openapi",
        title="OpenAPI description",
        method="GET",
        path="/openapi.json",
        handler=_describe,
        action=Action.OPERATE,
        clause="",
        summary="This API, as an OpenAPI 3.1 document.",
        success=(Success(200, "the document", "OpenAPI"),),
        produces=(JSON,),
        ngsi_ld=False,
    ),
)
