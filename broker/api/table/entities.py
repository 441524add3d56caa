"""Operations on entities (GS CIM 009 §6.4, §6.5)."""

from typing import Final

from broker.api import entities
from broker.api.operation import PATCH_MEDIA, Action, Body, Operation, Success
from broker.api.paging import PAGING
from broker.api.parameters import (
    ATTRS,
    DROP,
    FORMAT,
    GEOMETRY_PROPERTY,
    ID,
    KEEP,
    LANG,
    LOCAL,
    OBSERVED_AT,
    TYPE,
)
from broker.api.querying import CONDITIONS, MAPPING, ORDERING
from broker.api.rendering import JOINING, OPTIONS, PROJECTION
from broker.errors import AlreadyExists, ResourceNotFound, TooComplexQuery, TooManyResults
from broker.names import API_ROOT, EVENT_STREAM, GEO_JSON, JSON, JSON_LD

ENTITY_MEDIA: Final = (JSON, JSON_LD, GEO_JSON)

_ENTITIES: Final = f"{API_ROOT}/entities"
_ENTITY: Final = f"{_ENTITIES}/{{entityId}}"
_MAPPED: Final = "the first page of a new entity map, which `NGSILD-EntityMap` names"
_AMENDED: Final = "the same, amended to the version of the specification that `Prefer` names"

OPERATIONS: Final = (
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
        abandoned=True,
        action=Action.READ,
        clause="6.4.3.2",
        summary="A page of the entities that match, ordered by id, or as `orderBy` says; as `text/event-stream` a "
        "live feed of those that change (docs/live-feed.md).",
        success=(
            Success(200, "the page", "EntityList"),
            Success(201, _MAPPED, "EntityList"),
            Success(203, _AMENDED, "EntityList"),
        ),
        errors=(TooManyResults, TooComplexQuery),
        parameters=(
            TYPE,
            ID,
            *CONDITIONS,
            ATTRS,
            *ORDERING,
            *PAGING,
            FORMAT,
            OPTIONS,
            *PROJECTION,
            *JOINING,
            *MAPPING,
            LOCAL,
        ),
        produces=(*ENTITY_MEDIA, EVENT_STREAM),
    ),
    Operation(
        name="batchQuery",
        title="Query Entities (by a body)",
        method="POST",
        path=f"{API_ROOT}/entityOperations/query",
        handler=entities.query_by_body,
        abandoned=True,
        action=Action.READ,
        clause="6.23.3.1",
        summary="A page of the entities that match, as Query Entities; the body says what parameters say there.",
        success=(Success(200, "the page", "EntityList"), Success(201, _MAPPED, "EntityList")),
        errors=(TooManyResults, TooComplexQuery),
        parameters=(*PAGING, FORMAT, OPTIONS, GEOMETRY_PROPERTY, LOCAL),
        body=Body("Query"),
        produces=ENTITY_MEDIA,
    ),
    Operation(
        name="purgeEntities",
        title="Purge Entities",
        method="DELETE",
        path=_ENTITIES,
        handler=entities.purge,
        action=Action.DELETE,
        clause="6.4.3.3",
        summary="Delete the entities that match, or attributes of them.",
        success=(
            Success(204, "purged"),
            Success(207, "some could not be", "BatchOperationResult"),
        ),
        errors=(TooComplexQuery,),
        parameters=(
            TYPE,
            ID,
            *CONDITIONS,
            KEEP,
            DROP,
            LOCAL,
        ),
    ),
    Operation(
        name="retrieveEntity",
        title="Retrieve Entity",
        method="GET",
        path=_ENTITY,
        handler=entities.retrieve,
        action=Action.READ,
        clause="6.5.3.1",
        summary="An entity by its id; with `join=flat` an array, if there are linked entities.",
        success=(Success(200, "the entity", "EntityOrList"), Success(203, _AMENDED, "EntityOrList")),
        errors=(ResourceNotFound, TooComplexQuery),
        parameters=(
            TYPE,
            ATTRS,
            FORMAT,
            OPTIONS,
            *PROJECTION,
            *JOINING,
            *MAPPING[:2],
            LOCAL,
        ),
        produces=ENTITY_MEDIA,
    ),
    Operation(
        name="replaceEntity",
        title="Replace Entity",
        method="PUT",
        path=_ENTITY,
        handler=entities.replace,
        empty_id=True,
        action=Action.UPDATE,
        clause="6.5.3.3",
        summary="Replace an entity: what is not sent is gone.",
        success=(Success(204, "replaced"),),
        errors=(ResourceNotFound,),
        parameters=(
            TYPE,
            LOCAL,
        ),
        body=Body("EntityFragment"),
    ),
    Operation(
        name="mergeEntity",
        title="Merge Entity",
        method="PATCH",
        path=_ENTITY,
        handler=entities.merge,
        empty_id=True,
        action=Action.UPDATE,
        clause="6.5.3.4",
        summary="Merge a fragment into an entity at any depth; an NGSI-LD Null removes what it stands for.",
        success=(Success(204, "merged"),),
        errors=(ResourceNotFound,),
        parameters=(
            TYPE,
            FORMAT,
            entities.MERGE_OPTIONS,
            LANG,
            OBSERVED_AT,
            LOCAL,
        ),
        body=Body("EntityFragment", PATCH_MEDIA),
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
)
