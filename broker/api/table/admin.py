"""Operations of the operator."""

from typing import Final

from broker.api import admin, dead_letters
from broker.api.operation import Action, Operation, Success
from broker.api.parameters import LIMIT
from broker.errors import ResourceNotFound
from broker.names import ADMIN_ROOT, JSON

_DEAD_LETTERS: Final = f"{ADMIN_ROOT}/deadLetters"
_DEAD_LETTER: Final = f"{_DEAD_LETTERS}/{{deadLetterId}}"

OPERATIONS: Final = (
    Operation(
        name="listTenants",
        title="List tenants",
        method="GET",
        path=f"{ADMIN_ROOT}/tenants",
        handler=admin.tenants,
        action=Action.ADMINISTER,
        clause="",
        summary="The tenants, the default one first, with their databases and about how many entities they have.",
        success=(Success(200, "the tenants", "Tenants"),),
        produces=(JSON,),
        ngsi_ld=False,
    ),
    Operation(
        name="listDeadLetters",
        title="List dead letters",
        method="GET",
        path=_DEAD_LETTERS,
        handler=dead_letters.listed,
        action=Action.ADMINISTER,
        clause="",
        summary="Notifications of all tenants that were given up, the oldest first.",
        success=(Success(200, "a page of them", "DeadLetters"),),
        parameters=(LIMIT, dead_letters.AFTER),
        produces=(JSON,),
        ngsi_ld=False,
    ),
    Operation(
        name="replayDeadLetter",
        title="Replay dead letter",
        method="POST",
        path=f"{_DEAD_LETTER}/replay",
        handler=dead_letters.replay,
        action=Action.ADMINISTER,
        clause="",
        summary="Owe the notification again.",
        success=(Success(204, "owed again"),),
        errors=(ResourceNotFound,),
        produces=(JSON,),
        ngsi_ld=False,
    ),
    Operation(
        name="removeDeadLetter",
        title="Remove dead letter",
        method="DELETE",
        path=_DEAD_LETTER,
        handler=dead_letters.remove,
        action=Action.ADMINISTER,
        clause="",
        summary="Remove it for good.",
        success=(Success(204, "removed"),),
        errors=(ResourceNotFound,),
        produces=(JSON,),
        ngsi_ld=False,
    ),
)
