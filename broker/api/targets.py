"""What the path and the selecting parameters of a request name."""

from broker.api.parameters import TYPE
from broker.api.querying import parse_types
from broker.api.requests import Request
from broker.entities.commit import Target
from broker.errors import BadRequestData
from broker.model.grammar import is_uri, shown
from broker.model.merge import SCOPE
from broker.model.parse import parse_attribute_name
from broker.query.ast import TypeSelection


def target(request: Request) -> Target:
    """The entity that the path and `type` name. Raises BadRequestData if its id is no URI."""
    entity_id = request.path["entityId"]
    if not is_uri(entity_id):
        raise BadRequestData(f"Entity id {shown(entity_id)} is no URI.")
    return Target(entity_id, types(request))


def types(request: Request) -> TypeSelection | None:
    """The type selection of `type` (GS CIM 009 §4.17). Raises BadRequestData."""
    text = request.get(TYPE)
    if text is None:
        return None
    return parse_types(request, text)


def attribute(request: Request) -> str:
    """The expanded name of the attribute in the path. Raises BadRequestData if it is no name."""
    return parse_attribute_name(request.path["attrId"], request.call.context)


def attribute_or_scope(request: Request) -> str:
    """As `attribute`; the scope counts as one (GS CIM 009 §4.18)."""
    return SCOPE if request.path["attrId"] == "scope" else attribute(request)
