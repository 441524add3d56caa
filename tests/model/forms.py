"""Entities of the merge tests: written and read in their concise form."""

from typing import Any

from broker.model import merge
from broker.model.entity import Entity
from broker.model.parse import Fragment, parse_entity, parse_fragment
from broker.model.render import Representation, renderer
from tests.model.context import NAMES, T0

POINT = {"type": "Point", "coordinates": [8.5, 41.2]}
D1 = "urn:d:1"
INSTANCES = [{"value": 1}, {"value": 2, "datasetId": D1}, {"value": 3, "datasetId": "urn:d:2"}]


def entity(**members: Any) -> Entity:
    """An entity as it was created at T0."""
    return merge.create(parse_entity({"id": "urn:x:1", "type": "Vehicle", **members}, NAMES), T0)


def fragment(members: dict[str, Any], **reading: Any) -> Fragment:
    """A fragment as it was read."""
    return parse_fragment(members, NAMES, **reading)


def shown(entity: Entity) -> dict[str, Any]:
    """What is shown of an entity, without the id, and without the type if it is as it was."""
    out = renderer(NAMES, Representation("concise"))(entity)
    assert out.pop("id") == "urn:x:1"
    if out["type"] == "Vehicle":
        del out["type"]
    return out


def with_times(entity: Entity) -> dict[str, Any]:
    """An entity, normalized, with its system times."""
    return renderer(NAMES, Representation(sys_attrs=True))(entity)
