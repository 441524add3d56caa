"""Operations on types and attributes (GS CIM 009 §6.25–§6.28)."""

from typing import Final

from broker.api import discovery
from broker.api.discovery import DETAILS
from broker.api.operation import Action, Operation, Success
from broker.api.parameters import LOCAL
from broker.errors import ResourceNotFound
from broker.names import API_ROOT

OPERATIONS: Final = (
    Operation(
        name="retrieveTypes",
        title="Retrieve Available Entity Types",
        method="GET",
        path=f"{API_ROOT}/types",
        handler=discovery.types,
        action=Action.READ,
        clause="6.25.3.1",
        summary="The types of all entities.",
        success=(Success(200, "a list of names, or of types with `details=true`", "Types"),),
        parameters=(DETAILS, LOCAL),
    ),
    Operation(
        name="retrieveTypeInfo",
        title="Retrieve Available Entity Type Information",
        method="GET",
        path=f"{API_ROOT}/types/{{type}}",
        handler=discovery.type_info,
        action=Action.READ,
        clause="6.26.3.1",
        summary="A type: how many entities it has, and their attributes.",
        success=(Success(200, "the type", "TypeInfo"),),
        errors=(ResourceNotFound,),
        parameters=(LOCAL,),
    ),
    Operation(
        name="retrieveAttributes",
        title="Retrieve Available Attributes",
        method="GET",
        path=f"{API_ROOT}/attributes",
        handler=discovery.attributes,
        action=Action.READ,
        clause="6.27.3.1",
        summary="The attributes of all entities.",
        success=(Success(200, "a list of names, or of attributes with `details=true`", "Attributes"),),
        parameters=(DETAILS, LOCAL),
    ),
    Operation(
        name="retrieveAttributeInfo",
        title="Retrieve Available Attribute Information",
        method="GET",
        path=f"{API_ROOT}/attributes/{{attrId}}",
        handler=discovery.attribute_info,
        action=Action.READ,
        clause="6.28.3.1",
        summary="An attribute: how often it is there, of which kinds, with which types.",
        success=(Success(200, "the attribute", "AttributeInfo"),),
        errors=(ResourceNotFound,),
        parameters=(LOCAL,),
    ),
)
