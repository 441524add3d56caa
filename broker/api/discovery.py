"""Handlers of `/types` and `/attributes` (GS CIM 009 §6.25–§6.28)."""

from typing import Any, Final
from uuid import uuid4

from broker.api import rendering
from broker.api.parameters import Parameter, boolean
from broker.api.requests import Request
from broker.api.responses import Response
from broker.api.services import Services
from broker.entities import discovery
from broker.entities.discovery import AttributeInfo
from broker.model.parse import entity_types, parse_attribute_name

DETAILS: Final = Parameter("details", boolean, "Tell more of each than its name.", {"type": "boolean"})


async def types(request: Request, services: Services) -> Response:
    """GET /types."""
    found = await discovery.types(services.store, request.call)
    compact = request.call.context.compact
    if not request.get(DETAILS):
        return rendering.document(request, _list("EntityTypeList", "typeList", [compact(each.name) for each in found]))
    return rendering.documents(
        request,
        [
            {
                "id": each.name,
                "type": "EntityType",
                "typeName": compact(each.name),
                "attributeNames": [compact(name) for name in each.attributes],
            }
            for each in found
        ],
    )


async def type_info(request: Request, services: Services) -> Response:
    """GET /types/{type}."""
    (name,) = entity_types(request.path["type"], request.call.context)
    found = await discovery.type_info(services.store, request.call, name)
    compact = request.call.context.compact
    details = [
        {"id": name, "type": "Attribute", "attributeName": compact(name), "attributeTypes": kinds}
        for name, kinds in found.attributes.items()
    ]
    return rendering.document(
        request,
        {
            "id": found.name,
            "type": "EntityTypeInfo",
            "typeName": compact(found.name),
            "entityCount": found.entities,
            "attributeDetails": details,
        },
    )


async def attributes(request: Request, services: Services) -> Response:
    """GET /attributes."""
    found = await discovery.attributes(services.store, request.call)
    compact = request.call.context.compact
    if not request.get(DETAILS):
        names = [compact(each.name) for each in found]
        return rendering.document(request, _list("AttributeList", "attributeList", names))
    return rendering.documents(request, [_attribute(request, each) for each in found])


async def attribute_info(request: Request, services: Services) -> Response:
    """GET /attributes/{attrId}."""
    name = parse_attribute_name(request.path["attrId"], request.call.context)
    found = await discovery.attribute_info(services.store, request.call, name)
    counted = {"attributeCount": found.instances, "attributeTypes": found.kinds}
    return rendering.document(request, {**_attribute(request, found), **counted})


def _list(kind: str, member: str, names: list[str]) -> dict[str, Any]:
    """A list of names, which has an id of its own each time (GS CIM 009 §5.2.24, §5.2.27)."""
    return {"id": f"urn:ngsi-ld:{kind}:{uuid4()}", "type": kind, member: names}


def _attribute(request: Request, found: AttributeInfo) -> dict[str, Any]:
    compact = request.call.context.compact
    return {
        "id": found.name,
        "type": "Attribute",
        "attributeName": compact(found.name),
        "typeNames": [compact(name) for name in found.types],
    }
