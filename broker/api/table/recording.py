"""Operations on the rules of history."""

from typing import Final

from broker.api import recording
from broker.api.operation import Action, Body, Operation, Success
from broker.errors import ResourceNotFound
from broker.names import ADMIN_ROOT, JSON

_PATH: Final = f"{ADMIN_ROOT}/history/rules"

OPERATIONS: Final = (
    Operation(
        name="listHistoryRules",
        title="List the rules of history",
        method="GET",
        path=_PATH,
        handler=recording.listed,
        action=Action.ADMINISTER,
        clause="",
        summary="What a tenant's rules say of recording and keeping; what they leave open, the settings say.",
        success=(Success(200, "the rules", "HistoryRules"),),
        produces=(JSON,),
    ),
    Operation(
        name="putHistoryRule",
        title="State a rule of history",
        method="PUT",
        path=_PATH,
        handler=recording.put,
        action=Action.ADMINISTER,
        clause="",
        summary="State a rule for a type, an attribute, both or all, instead of the one for the same.",
        success=(Success(204, "the rule holds for every write from now on"),),
        body=Body("HistoryRule"),
        produces=(JSON,),
    ),
    Operation(
        name="deleteHistoryRule",
        title="Remove a rule of history",
        method="DELETE",
        path=_PATH,
        handler=recording.remove,
        action=Action.ADMINISTER,
        clause="",
        summary="Remove the rule for a type, an attribute, both or all.",
        success=(Success(204, "removed"),),
        errors=(ResourceNotFound,),
        parameters=(recording.TYPE, recording.ATTRIBUTE),
        produces=(JSON,),
    ),
)
