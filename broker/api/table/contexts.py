"""Operations on stored @contexts (GS CIM 009 §6.29, §6.30)."""

from typing import Final

from broker.api import contexts
from broker.api.contexts import DETAILS, KIND, RELOAD
from broker.api.operation import Action, Body, Operation, Success
from broker.errors import OperationNotSupported, ResourceNotFound
from broker.names import CONTEXTS_PATH, JSON

_CONTEXT: Final = f"{CONTEXTS_PATH}/{{contextId}}"

OPERATIONS: Final = (
    Operation(
        name="addContext",
        title="Add @context",
        method="POST",
        path=CONTEXTS_PATH,
        handler=contexts.add,
        action=Action.CREATE,
        clause="6.29.3.1",
        summary="Host an @context here.",
        success=(Success(201, "hosted; its path is in Location"),),
        errors=(OperationNotSupported,),
        body=Body("JsonLdContext", of_context=True),
        creates_tenant=True,
    ),
    Operation(
        name="listContexts",
        title="List @contexts",
        method="GET",
        path=CONTEXTS_PATH,
        handler=contexts.listed,
        action=Action.READ,
        clause="6.29.3.2",
        summary="The @contexts that are hosted here, were made for subscriptions, or were fetched.",
        success=(Success(200, "their URLs, or what is known of each with `details=true`", "Contexts"),),
        parameters=(DETAILS, KIND),
        produces=(JSON,),
    ),
    Operation(
        name="serveContext",
        title="Serve @context",
        method="GET",
        path=_CONTEXT,
        handler=contexts.serve,
        action=Action.READ,
        clause="6.30.3.1",
        summary="An @context that is served here, or what is known of any.",
        success=(Success(200, "the @context, or what is known of it with `details=true`", "ContextOrInfo"),),
        errors=(ResourceNotFound, OperationNotSupported),
        parameters=(DETAILS,),
    ),
    Operation(
        name="deleteContext",
        title="Delete and Reload @context",
        method="DELETE",
        path=_CONTEXT,
        handler=contexts.delete,
        action=Action.DELETE,
        clause="6.30.3.2",
        summary="Delete an @context, or fetch it anew.",
        success=(Success(204, "deleted, or reloaded"),),
        errors=(ResourceNotFound,),
        parameters=(RELOAD,),
    ),
)
