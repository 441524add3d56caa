"""Operations on the temporal evolution of entities (GS CIM 009 §6.18–§6.24)."""

from typing import Final

from broker.api import temporal
from broker.api.operation import PATCH_MEDIA, Action, Body, Operation, Success
from broker.api.paging import PAGING
from broker.api.parameters import (
    ATTRS,
    COLLATION,
    DATASET_ID,
    DELETE_ALL,
    ID,
    LANG,
    LOCAL,
    OMIT,
    ORDER_BY,
    PICK,
    TYPE,
)
from broker.api.querying import CONDITIONS
from broker.api.temporal_parameters import FORMAT, OPTIONS, TEMPORAL
from broker.errors import OperationNotSupported, ResourceNotFound, TooComplexQuery, TooManyResults
from broker.names import API_ROOT

_EVOLUTIONS: Final = f"{API_ROOT}/temporal/entities"
_EVOLUTION: Final = f"{_EVOLUTIONS}/{{entityId}}"
_ATTRIBUTES: Final = f"{_EVOLUTION}/attrs"
_ATTRIBUTE: Final = f"{_ATTRIBUTES}/{{attrId}}"
_INSTANCE: Final = f"{_ATTRIBUTE}/{{instanceId}}"
_PART: Final = "a part of it in time, which `Content-Range` names"
_PROJECTION: Final = (ATTRS, PICK, OMIT, LANG, DATASET_ID)

OPERATIONS: Final = (
    Operation(
        name="upsertTemporal",
        title="Create or Update Temporal Evolution of an Entity",
        method="POST",
        path=_EVOLUTIONS,
        handler=temporal.upsert,
        action=Action.CREATE,
        clause="6.18.3.1",
        summary="Give an entity a history, or more of it; its tenant too, if that is new.",
        success=(Success(201, "created; `Location` names it"), Success(204, "instances added")),
        parameters=(LOCAL,),
        body=Body("EntityTemporal"),
        creates_tenant=True,
    ),
    Operation(
        name="queryTemporal",
        title="Query Temporal Evolution of Entities",
        method="GET",
        path=_EVOLUTIONS,
        handler=temporal.query,
        action=Action.READ,
        clause="6.18.3.2",
        summary="A page of the evolutions that match, ordered by id; `timerel` and `timeAt` are needed.",
        success=(Success(200, "the page", "EntityTemporalList"), Success(206, _PART, "EntityTemporalList")),
        errors=(TooManyResults, TooComplexQuery, OperationNotSupported),
        parameters=(
            TYPE,
            ID,
            *TEMPORAL,
            *CONDITIONS,
            *_PROJECTION,
            ORDER_BY,
            COLLATION,
            *PAGING,
            FORMAT,
            OPTIONS,
            LOCAL,
        ),
    ),
    Operation(
        name="retrieveTemporal",
        title="Retrieve Temporal Evolution of an Entity",
        method="GET",
        path=_EVOLUTION,
        handler=temporal.retrieve,
        action=Action.READ,
        clause="6.19.3.1",
        summary="The evolution of an entity by its id.",
        success=(Success(200, "the evolution", "EntityTemporal"), Success(206, _PART, "EntityTemporal")),
        errors=(ResourceNotFound, TooComplexQuery, TooManyResults),
        parameters=(*TEMPORAL, *_PROJECTION, FORMAT, OPTIONS, LOCAL),
    ),
    Operation(
        name="deleteTemporal",
        title="Delete Temporal Evolution of an Entity",
        method="DELETE",
        path=_EVOLUTION,
        handler=temporal.delete,
        action=Action.DELETE,
        clause="6.19.3.2",
        summary="Delete the history of an entity; its current state stays.",
        success=(Success(204, "deleted"),),
        errors=(ResourceNotFound,),
        parameters=(LOCAL,),
    ),
    Operation(
        name="appendAttrsTemporal",
        title="Add Attributes to Temporal Evolution of an Entity",
        method="POST",
        path=_ATTRIBUTES,
        handler=temporal.add_attributes,
        action=Action.UPDATE,
        clause="6.20.3.1",
        summary="Add instances of attributes; one with the datasetId and observedAt of another replaces it.",
        success=(Success(204, "added"),),
        errors=(ResourceNotFound,),
        parameters=(LOCAL,),
        body=Body("EntityTemporalFragment"),
    ),
    Operation(
        name="deleteAttrsTemporal",
        title="Delete Attribute from Temporal Evolution of an Entity",
        method="DELETE",
        path=_ATTRIBUTE,
        handler=temporal.delete_attribute,
        action=Action.DELETE,
        clause="6.21.3.1",
        summary="Delete the history of an attribute: without datasetId, with that of `datasetId`, or all of it.",
        success=(Success(204, "deleted"),),
        errors=(ResourceNotFound,),
        parameters=(DATASET_ID, DELETE_ALL, LOCAL),
    ),
    Operation(
        name="updateAttrInstanceTemporal",
        title="Update Attribute Instance in Temporal Evolution of an Entity",
        method="PATCH",
        path=_INSTANCE,
        handler=temporal.replace_instance,
        action=Action.UPDATE,
        clause="6.22.3.1",
        summary="Replace an instance of an attribute; its createdAt and datasetId stay.",
        success=(Success(204, "replaced"),),
        errors=(ResourceNotFound,),
        parameters=(LOCAL,),
        body=Body("Attribute", PATCH_MEDIA),
    ),
    Operation(
        name="deleteAttrInstanceTemporal",
        title="Delete Attribute Instance from Temporal Evolution of an Entity",
        method="DELETE",
        path=_INSTANCE,
        handler=temporal.delete_instance,
        empty_id=True,
        action=Action.DELETE,
        clause="6.22.3.2",
        summary="Delete an instance of an attribute.",
        success=(Success(204, "deleted"),),
        errors=(ResourceNotFound,),
        parameters=(LOCAL,),
    ),
    Operation(
        name="queryTemporalBatch",
        title="Query Temporal Evolution of Entities (by a body)",
        method="POST",
        path=f"{API_ROOT}/temporal/entityOperations/query",
        handler=temporal.query_by_body,
        action=Action.READ,
        clause="6.24.3.1",
        summary="A page of the evolutions that match; the body says what parameters say otherwise.",
        success=(Success(200, "the page", "EntityTemporalList"), Success(206, _PART, "EntityTemporalList")),
        errors=(TooManyResults, TooComplexQuery, OperationNotSupported),
        parameters=(*PAGING, FORMAT, OPTIONS, LOCAL),
        body=Body("TemporalQuery"),
    ),
)
