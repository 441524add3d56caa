"""Where an entity is, as the index of geometries holds it: the field `g` of its document.

    g: [{k: [name, "type name", …], v: geometry}, …]     every geometry, under its name alone and with each type

A query for a type and a place thus finds both in one index; an index more would cost every write, whatever it changes.
What cannot be indexed so is found by every geo-query, and the entity itself decides: docs/decisions/0005-geo-index.md.
"""

from enum import IntEnum
from typing import Any, Final

from broker.model.entity import Entity
from broker.query.geo_filter import ANYWHERE, typed
from broker.query.sphere import Geometry, plain, sound

MAX_PLACES: Final = 256
"""Most geometries, times names, that one entity has in the index."""


class Indexing(IntEnum):
    """How the geometries of an entity are indexed: each way is tried when mongod has refused the one before."""

    AS_SENT = 0
    REPAIRED = 1
    """What S2 does not take as it stands, as its repaired copy."""
    ANYWHERE = 2


def place_fields(entity: Entity, indexing: Indexing) -> dict[str, Any]:
    """The field `g`; nothing for an entity without geometries."""
    geometries = [
        (name, instance["value"])
        for name, instances in entity.attributes.items()
        for instance in instances
        if instance["type"] == "GeoProperty"
    ]
    if not geometries:
        return {}
    if indexing is Indexing.ANYWHERE or len(geometries) * (1 + len(entity.types)) > MAX_PLACES:
        return {"g": [_EVERYWHERE]}
    return {"g": [_place(name, entity.types, geometry, indexing) for name, geometry in geometries]}


def _place(name: str, types: tuple[str, ...], geometry: Geometry, indexing: Indexing) -> dict[str, Any]:
    indexed = plain(geometry) if indexing is Indexing.AS_SENT else sound(geometry)
    if indexed is None:
        return _EVERYWHERE
    return {"k": [name, *(typed(each, name) for each in types)], "v": indexed}


_OCTANTS: Final = [
    [[[west, 0], [west + 90, 0], [0, pole], [west, 0]]] for pole in (-90, 90) for west in (-180, -90, 0, 90)
]
_EVERYWHERE: Final = {"k": [ANYWHERE], "v": {"type": "MultiPolygon", "coordinates": _OCTANTS}}
