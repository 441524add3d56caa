"""Operations on data models and their rules."""

from typing import Final

from broker.api import models
from broker.api.operation import Action, Body, Operation, Success
from broker.errors import ResourceNotFound
from broker.names import ADMIN_ROOT, JSON

_PATH: Final = f"{ADMIN_ROOT}/models"

OPERATIONS: Final = (
    Operation(
        name="listDataModels",
        title="List data models",
        method="GET",
        path=_PATH,
        handler=models.listed,
        action=Action.ADMINISTER,
        clause="",
        summary="The data models, the tenant's own first, with the rule for each and the number of violating entities.",
        success=(Success(200, "the data models", "DataModels"),),
        produces=(JSON,),
    ),
    Operation(
        name="retrieveDataModel",
        title="Retrieve a data model",
        method="GET",
        path=f"{_PATH}/{{type}}",
        handler=models.retrieve,
        action=Action.ADMINISTER,
        clause="",
        summary="A data model: schema, names, units, types that relationships point to.",
        success=(Success(200, "the data model", "DataModel"),),
        errors=(ResourceNotFound,),
        produces=(JSON,),
    ),
    Operation(
        name="putDataModel",
        title="Set a data model or its rule",
        method="PUT",
        path=f"{_PATH}/{{type}}",
        handler=models.put,
        action=Action.ADMINISTER,
        clause="",
        summary="Rule what is done with entities that violate a data model; `schema` gives the tenant one of its own.",
        success=(Success(204, "the rule holds for every write from now on"),),
        errors=(ResourceNotFound,),
        body=Body("DataModelRule"),
        produces=(JSON,),
    ),
    Operation(
        name="deleteDataModel",
        title="Remove a data model or its rule",
        method="DELETE",
        path=f"{_PATH}/{{type}}",
        handler=models.remove,
        action=Action.ADMINISTER,
        clause="",
        summary="Remove the tenant's own data model and its rule. A data model that ships stays, without a rule.",
        success=(Success(204, "the type has no rule any more"),),
        errors=(ResourceNotFound,),
        produces=(JSON,),
    ),
    Operation(
        name="listViolations",
        title="List violations",
        method="GET",
        path=f"{ADMIN_ROOT}/violations",
        handler=models.violations,
        action=Action.ADMINISTER,
        clause="",
        summary="Entities that were accepted although they violate their data models, as they are now; 1 000 at most.",
        success=(Success(200, "the entities with their violations", "Violations"),),
        produces=(JSON,),
    ),
)
