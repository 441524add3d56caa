"""Operations on subscriptions (GS CIM 009 §6.10, §6.11)."""

from typing import Final

from broker.api import subscriptions
from broker.api.operation import PATCH_MEDIA, Action, Body, Operation, Success
from broker.api.paging import PAGING
from broker.api.subscriptions import OPTIONS
from broker.errors import AlreadyExists, ResourceNotFound, TooComplexQuery, TooManyResults
from broker.names import API_ROOT

_LIST: Final = f"{API_ROOT}/subscriptions"
_ONE: Final = f"{_LIST}/{{subscriptionId}}"

OPERATIONS: Final = (
    Operation(
        name="createSubscription",
        title="Create Subscription",
        method="POST",
        path=_LIST,
        handler=subscriptions.create,
        action=Action.CREATE,
        clause="6.10.3.1",
        summary="Subscribe to changes of entities, or to what matches in intervals.",
        success=(Success(201, "created; `Location` names it"),),
        errors=(AlreadyExists, TooComplexQuery),
        body=Body("Subscription"),
        creates_tenant=True,
    ),
    Operation(
        name="querySubscriptions",
        title="Query Subscriptions",
        method="GET",
        path=_LIST,
        handler=subscriptions.query,
        action=Action.READ,
        clause="6.10.3.2",
        summary="The subscriptions, in the order of their ids.",
        success=(Success(200, "a page of them", "SubscriptionList"),),
        errors=(TooManyResults,),
        parameters=(*PAGING, OPTIONS),
    ),
    Operation(
        name="retrieveSubscription",
        title="Retrieve Subscription",
        method="GET",
        path=_ONE,
        handler=subscriptions.retrieve,
        action=Action.READ,
        clause="6.11.3.1",
        summary="A subscription and what became of its notifications.",
        success=(Success(200, "the subscription", "Subscription"),),
        errors=(ResourceNotFound,),
        parameters=(OPTIONS,),
    ),
    Operation(
        name="updateSubscription",
        title="Update Subscription",
        method="PATCH",
        path=_ONE,
        handler=subscriptions.update,
        action=Action.UPDATE,
        clause="6.11.3.2",
        summary="Change members of a subscription; `urn:ngsi-ld:null` removes one.",
        success=(Success(204, "changed"),),
        errors=(ResourceNotFound, TooComplexQuery),
        body=Body("SubscriptionFragment", media=PATCH_MEDIA),
    ),
    Operation(
        name="deleteSubscription",
        title="Delete Subscription",
        method="DELETE",
        path=_ONE,
        handler=subscriptions.delete,
        action=Action.DELETE,
        clause="6.11.3.3",
        summary="End a subscription; what it is still owed is not sent.",
        success=(Success(204, "deleted"),),
        errors=(ResourceNotFound,),
    ),
)
