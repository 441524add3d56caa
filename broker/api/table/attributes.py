"""Operations on attributes (GS CIM 009 §6.6, §6.7)."""

from typing import Final

from broker.api import attributes
from broker.api.operation import PATCH_MEDIA, Action, Body, Operation, Success
from broker.api.parameters import DATASET_ID, DELETE_ALL, FORMAT, LANG, LOCAL, OBSERVED_AT, TYPE
from broker.api.rendering import OPTIONS
from broker.errors import ResourceNotFound
from broker.names import API_ROOT, JSON

_ATTRIBUTES: Final = f"{API_ROOT}/entities/{{entityId}}/attrs"
_ATTRIBUTE: Final = f"{_ATTRIBUTES}/{{attrId}}"
_VALUE: Final = f"{_ATTRIBUTE}/value"

OPERATIONS: Final = (
    Operation(
        name="appendAttributes",
        title="Append Attributes",
        method="POST",
        path=_ATTRIBUTES,
        handler=attributes.append,
        action=Action.UPDATE,
        clause="6.6.3.1",
        summary="Add attributes, or replace those that exist.",
        success=(
            Success(204, "all appended"),
            Success(207, "some were not", "UpdateResult"),
        ),
        errors=(ResourceNotFound,),
        parameters=(
            TYPE,
            attributes.APPEND_OPTIONS,
            LOCAL,
        ),
        body=Body("EntityFragment"),
    ),
    Operation(
        name="updateAttributes",
        title="Update Attributes",
        method="PATCH",
        path=_ATTRIBUTES,
        handler=attributes.update,
        action=Action.UPDATE,
        clause="6.6.3.2",
        summary="Replace the attributes that are sent, add those that are missing, delete those that are NGSI-LD Null.",
        success=(Success(204, "all updated"), Success(207, "some were not", "UpdateResult")),
        errors=(ResourceNotFound,),
        parameters=(TYPE, LOCAL),
        body=Body("EntityFragment", PATCH_MEDIA),
    ),
    Operation(
        name="retrieveAttribute",
        title="Retrieve Attribute",
        method="GET",
        path=_ATTRIBUTE,
        handler=attributes.retrieve,
        action=Action.READ,
        clause="",
        summary="An attribute of an entity (draft of NGSI-LD 2.0).",
        success=(Success(200, "the attribute", "Attribute"),),
        errors=(ResourceNotFound,),
        parameters=(
            TYPE,
            FORMAT,
            OPTIONS,
            LANG,
            DATASET_ID,
            LOCAL,
        ),
    ),
    Operation(
        name="partialAttributeUpdate",
        title="Partial Attribute Update",
        method="PATCH",
        path=_ATTRIBUTE,
        handler=attributes.partial_update,
        action=Action.UPDATE,
        clause="6.7.3.1",
        summary="Replace members of an attribute; an NGSI-LD Null removes a sub-attribute.",
        success=(Success(204, "updated"),),
        errors=(ResourceNotFound,),
        parameters=(
            TYPE,
            LOCAL,
        ),
        body=Body("Attribute", PATCH_MEDIA),
    ),
    Operation(
        name="replaceAttribute",
        title="Replace Attribute",
        method="PUT",
        path=_ATTRIBUTE,
        handler=attributes.replace,
        action=Action.UPDATE,
        clause="6.7.3.3",
        summary="Replace an attribute that exists.",
        success=(Success(204, "replaced"),),
        errors=(ResourceNotFound,),
        parameters=(
            TYPE,
            LOCAL,
        ),
        body=Body("Attribute"),
    ),
    Operation(
        name="deleteAttribute",
        title="Delete Attribute",
        method="DELETE",
        path=_ATTRIBUTE,
        handler=attributes.delete,
        action=Action.DELETE,
        clause="6.7.3.2",
        summary="Delete an instance of an attribute, or all of them.",
        success=(Success(204, "deleted"),),
        errors=(ResourceNotFound,),
        parameters=(
            TYPE,
            DATASET_ID,
            DELETE_ALL,
            LOCAL,
        ),
    ),
    Operation(
        name="retrieveAttributeValue",
        title="Retrieve Attribute Value",
        method="GET",
        path=_VALUE,
        handler=attributes.retrieve_value,
        action=Action.READ,
        clause="",
        summary="The bare value of an attribute (draft of NGSI-LD 2.0).",
        success=(Success(200, "the value", "Value"),),
        errors=(ResourceNotFound,),
        parameters=(
            TYPE,
            LANG,
            DATASET_ID,
            LOCAL,
        ),
        produces=(JSON,),
    ),
    Operation(
        name="setAttributeValue",
        title="Set Attribute Value",
        method="PUT",
        path=_VALUE,
        handler=attributes.replace_value,
        action=Action.UPDATE,
        clause="",
        summary="Replace the value of an attribute that exists; its kind and what else it has stay "
        "(draft of NGSI-LD 2.0).",
        success=(Success(204, "replaced"),),
        errors=(ResourceNotFound,),
        parameters=(
            TYPE,
            DATASET_ID,
            OBSERVED_AT,
            LOCAL,
        ),
        body=Body("Value", (JSON,)),
    ),
)
