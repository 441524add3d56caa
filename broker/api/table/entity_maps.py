"""Operations on entity maps (GS CIM 009 §6.32, §6.34)."""

from typing import Final

from broker.api import entity_maps
from broker.api.operation import PATCH_MEDIA, Action, Body, Operation, Success
from broker.api.parameters import ATTRS, ENTITY_MAP_LIFETIME, ID, JOIN, JOIN_LEVEL, LOCAL, SPLIT_ENTITIES, TYPE
from broker.api.querying import CONDITIONS, ORDERING
from broker.errors import ResourceNotFound, TooComplexQuery, TooManyResults
from broker.names import API_ROOT

_MAPS: Final = f"{API_ROOT}/entityMaps"
_MAP: Final = f"{_MAPS}/{{entityMapId}}"

OPERATIONS: Final = (
    Operation(
        name="createEntityMap",
        title="Create Entity Map for Query Entities",
        method="GET",
        path=_MAPS,
        handler=entity_maps.create,
        action=Action.READ,
        clause="6.34.3.2",
        summary="Keep which entities match, so that the pages of a query are of these.",
        success=(Success(201, "created; `NGSILD-EntityMap` names it", "EntityMap"),),
        errors=(TooManyResults, TooComplexQuery),
        parameters=(
            TYPE,
            ID,
            *CONDITIONS,
            ATTRS,
            *ORDERING,
            JOIN,
            JOIN_LEVEL,
            ENTITY_MAP_LIFETIME,
            SPLIT_ENTITIES,
            LOCAL,
        ),
    ),
    Operation(
        name="createEntityMapByBody",
        title="Create Entity Map for Query Entities (by a body)",
        method="POST",
        path=_MAPS,
        handler=entity_maps.create_by_body,
        action=Action.READ,
        clause="6.34.3.1",
        summary="The same; the body says what parameters say there.",
        success=(Success(201, "created; `NGSILD-EntityMap` names it", "EntityMap"),),
        errors=(TooManyResults, TooComplexQuery),
        parameters=(LOCAL,),
        body=Body("Query"),
    ),
    Operation(
        name="retrieveEntityMap",
        title="Retrieve Entity Map",
        method="GET",
        path=_MAP,
        handler=entity_maps.retrieve,
        action=Action.READ,
        clause="6.32.3.1",
        summary="An entity map: its entities, in order, and where each comes from.",
        success=(Success(200, "the entity map", "EntityMap"),),
        errors=(ResourceNotFound,),
    ),
    Operation(
        name="updateEntityMap",
        title="Update Entity Map",
        method="PATCH",
        path=_MAP,
        handler=entity_maps.update,
        action=Action.UPDATE,
        clause="6.32.3.2",
        summary="Set when an entity map expires, at most NGSILD_MAX_ENTITY_MAP_LIFETIME from now.",
        success=(Success(204, "updated"),),
        errors=(ResourceNotFound,),
        body=Body("EntityMapFragment", PATCH_MEDIA),
    ),
    Operation(
        name="deleteEntityMap",
        title="Delete Entity Map",
        method="DELETE",
        path=_MAP,
        handler=entity_maps.delete,
        action=Action.DELETE,
        clause="6.32.3.3",
        summary="Delete an entity map.",
        success=(Success(204, "deleted"),),
        errors=(ResourceNotFound,),
    ),
)
