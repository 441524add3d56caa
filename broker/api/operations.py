"""THE operations table. Router, `Allow`, parameter checks, OpenAPI, metric labels and docs/api.md derive from it."""

from functools import cache
from typing import Final

import orjson

from broker.api import batch, entities, openapi, probes
from broker.api.operation import PATCH_MEDIA, Action, Body, Operation, Success
from broker.api.parameters import COUNT, FORMAT, LIMIT, LOCAL, OFFSET, TYPE
from broker.api.rendering import OPTIONS
from broker.api.requests import Request
from broker.api.responses import CONTENT_TYPE, Response, content
from broker.api.services import Services
from broker.errors import AlreadyExists, ResourceNotFound, TooManyResults
from broker.names import API_ROOT, JSON

_ENTITIES: Final = f"{API_ROOT}/entities"
_ENTITY: Final = f"{_ENTITIES}/{{entityId}}"
_BATCH: Final = f"{API_ROOT}/entityOperations"


async def _describe(_request: Request, _services: Services) -> Response:
    """GET /openapi.json."""
    return content(200, CONTENT_TYPE[JSON], _description())


@cache
def _description() -> bytes:
    return orjson.dumps(openapi.document(OPERATIONS))


OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        name="createEntity",
        title="Create Entity",
        method="POST",
        path=_ENTITIES,
        handler=entities.create,
        action=Action.CREATE,
        clause="6.4.3.1",
        summary="Create an entity; its tenant too, if that is new.",
        success=(Success(201, "created; `Location` names it"),),
        errors=(AlreadyExists,),
        parameters=(LOCAL,),
        body=Body("Entity"),
        creates_tenant=True,
    ),
    Operation(
        name="queryEntities",
        title="Query Entities",
        method="GET",
        path=_ENTITIES,
        handler=entities.query,
        action=Action.READ,
        clause="6.4.3.2",
        summary="A page of the entities that match, ordered by id.",
        success=(Success(200, "the page", "EntityList"),),
        errors=(TooManyResults,),
        parameters=(TYPE, LIMIT, OFFSET, COUNT, FORMAT, OPTIONS, LOCAL),
    ),
    Operation(
        name="retrieveEntity",
        title="Retrieve Entity",
        method="GET",
        path=_ENTITY,
        handler=entities.retrieve,
        action=Action.READ,
        clause="6.5.3.1",
        summary="An entity by its id.",
        success=(Success(200, "the entity", "Entity"),),
        errors=(ResourceNotFound,),
        parameters=(TYPE, FORMAT, OPTIONS, LOCAL),
    ),
    Operation(
        name="deleteEntity",
        title="Delete Entity",
        method="DELETE",
        path=_ENTITY,
        handler=entities.delete,
        action=Action.DELETE,
        clause="6.5.3.2",
        summary="Delete an entity.",
        success=(Success(204, "deleted"),),
        errors=(ResourceNotFound,),
        parameters=(TYPE, LOCAL),
    ),
    Operation(
        name="updateAttributes",
        title="Update Attributes",
        method="PATCH",
        path=f"{_ENTITY}/attrs",
        handler=entities.update_attributes,
        action=Action.UPDATE,
        clause="6.6.3.2",
        summary="Replace the attributes that are sent, add those that are missing, delete those that are NGSI-LD Null.",
        success=(Success(204, "all updated"), Success(207, "some were not", "UpdateResult")),
        errors=(ResourceNotFound,),
        parameters=(TYPE, LOCAL),
        body=Body("EntityFragment", PATCH_MEDIA),
    ),
    Operation(
        name="batchUpsert",
        title="Batch Entity Create or Update (Upsert)",
        method="POST",
        path=f"{_BATCH}/upsert",
        handler=batch.upsert,
        action=Action.UPDATE,
        clause="6.15.3.1",
        summary="Create or replace entities, or update their attributes; each is answered for itself.",
        success=(
            Success(201, "the ids of those created", "Identifiers"),
            Success(204, "all existed and are updated"),
            Success(207, "some were refused", "BatchOperationResult"),
        ),
        errors=(TooManyResults,),
        parameters=(batch.UPSERT_OPTIONS, LOCAL),
        body=Body("EntityList", array=True),
        creates_tenant=True,
    ),
    Operation(
        name="health",
        title="Health",
        method="GET",
        path="/health",
        handler=probes.health,
        action=Action.OPERATE,
        clause="",
        summary="Is the process alive, and what do its checks say?",
        success=(Success(200, "alive", "Health"),),
        produces=(JSON,),
        ngsi_ld=False,
    ),
    Operation(
        name="ready",
        title="Readiness",
        method="GET",
        path="/ready",
        handler=probes.ready,
        action=Action.OPERATE,
        clause="",
        summary="Can requests be answered now? 503 if not.",
        success=(Success(200, "ready", "Health"),),
        produces=(JSON,),
        ngsi_ld=False,
    ),
    Operation(
        name="version",
        title="Version",
        method="GET",
        path="/version",
        handler=probes.version,
        action=Action.OPERATE,
        clause="",
        summary="The broker's version, and the specification's.",
        success=(Success(200, "the versions", "Version"),),
        produces=(JSON,),
        ngsi_ld=False,
    ),
    Operation(
        name="metrics",
        title="Metrics",
        method="GET",
        path="/metrics",
        handler=probes.metrics,
        action=Action.OPERATE,
        clause="",
        summary="Counters and histograms of all workers, for Prometheus.",
        success=(Success(200, "the metrics", "Metrics"),),
        produces=("text/plain",),
        ngsi_ld=False,
    ),
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
