"""Batch operations (GS CIM 009 §6.14–§6.17, §6.31)."""

from typing import Final

from broker.api import batch
from broker.api.operation import Action, Body, Operation, Success
from broker.api.parameters import LOCAL
from broker.errors import TooManyResults
from broker.names import API_ROOT

_BATCH: Final = f"{API_ROOT}/entityOperations"

OPERATIONS: Final = (
    Operation(
        name="batchCreate",
        title="Batch Entity Creation",
        method="POST",
        path=f"{_BATCH}/create",
        handler=batch.create,
        action=Action.CREATE,
        clause="6.14.3.1",
        summary="Create entities; each is answered for itself.",
        success=(
            Success(201, "the ids of those created", "Identifiers"),
            Success(207, "some were refused", "BatchOperationResult"),
        ),
        errors=(TooManyResults,),
        parameters=(LOCAL,),
        body=Body("EntityList", array=True),
        creates_tenant=True,
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
        name="batchUpdate",
        title="Batch Entity Update",
        method="POST",
        path=f"{_BATCH}/update",
        handler=batch.update,
        action=Action.UPDATE,
        clause="6.16.3.1",
        summary="Append attributes to entities; each is answered for itself.",
        success=(
            Success(204, "all updated"),
            Success(207, "some were refused", "BatchOperationResult"),
        ),
        errors=(TooManyResults,),
        parameters=(
            batch.UPDATE_OPTIONS,
            LOCAL,
        ),
        body=Body("EntityList", array=True),
    ),
    Operation(
        name="batchMerge",
        title="Batch Entity Merge",
        method="POST",
        path=f"{_BATCH}/merge",
        handler=batch.merge,
        action=Action.UPDATE,
        clause="6.31.3.1",
        summary="Merge fragments into entities; each is answered for itself.",
        success=(
            Success(204, "all merged"),
            Success(207, "some were refused", "BatchOperationResult"),
        ),
        errors=(TooManyResults,),
        parameters=(LOCAL,),
        body=Body("EntityList", array=True),
    ),
    Operation(
        name="batchDelete",
        title="Batch Entity Delete",
        method="POST",
        path=f"{_BATCH}/delete",
        handler=batch.delete,
        action=Action.DELETE,
        clause="6.17.3.1",
        summary="Delete entities; each is answered for itself.",
        success=(
            Success(204, "all deleted"),
            Success(207, "some were refused", "BatchOperationResult"),
        ),
        errors=(TooManyResults,),
        parameters=(LOCAL,),
        body=Body("Identifiers", array=True),
    ),
)
