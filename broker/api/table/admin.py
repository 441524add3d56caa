"""Operations of the operator."""

from typing import Final

from broker.api import admin
from broker.api.operation import Action, Operation, Success
from broker.names import ADMIN_ROOT, JSON

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
)
