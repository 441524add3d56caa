"""Entities as the broker holds them: expanded names, one shape for memory and for the stored bytes.

An attribute instance is a JSON object, never changed in place once it is part of an Entity:

    {"type": "Property",                  a name of `broker.model.kinds.KINDS`
     "value": …,                          the kind's value member, expanded:
                                          compound values carry expanded keys, `vocab` IRIs, `objectList` URIs,
                                          geometries are GeoJSON, `json` and proofs as they came
     "datasetId": URI,                    absent for the default instance
     "observedAt": DateTime, "unitCode": str, "valueType": IRI, "objectType": IRI | [IRI], "expiresAt": DateTime,
     "createdAt": DateTime,               absent where equal to the entity's (a sub-attribute: to its instance's)
     "modifiedAt": DateTime,              absent where equal to the instance's own createdAt
     "attributes": {name: [instance, …]}} sub-attributes, absent if there are none

A proof (`ngsildproof`) may also hold "entityIdSealed": str, "entityTypeSealed": IRI. In a fragment an instance may be
less than whole (`broker.model.parse_attributes`), and {"type": NULL, "datasetId": URI} asks for a deletion.
DateTimes are strings as GS CIM 009 §4.6.3 writes them, `YYYY-MM-DDThh:mm:ss[.ffffff]Z`.
The system times stand only where they differ: they would double the size of a small entity.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol, TypeAlias

import orjson

Instance: TypeAlias = dict[str, Any]
Attributes: TypeAlias = dict[str, list[Instance]]
"""Expanded name to instances: the default instance first, each datasetId once."""


class Entity(NamedTuple):
    """An entity in expanded form. A value: nothing in it is ever changed in place."""

    id: str
    types: tuple[str, ...]
    attributes: Attributes
    created_at: str
    modified_at: str
    scopes: tuple[str, ...] = ()
    expires_at: str | None = None


class Names(Protocol):
    """What the model asks of a compiled @context: names to IRIs and back."""

    def expand(self, name: str) -> str:
        """The IRI of an attribute, a type or a vocabulary value."""
        ...

    def compact(self, iri: str) -> str:
        """The shortest name for an IRI; the IRI itself if the context has none."""
        ...

    @property
    def expansions(self) -> Mapping[str, str]:
        """What `expand` looks up; it finds what it does not hold."""
        ...

    @property
    def compactions(self) -> Mapping[str, str]:
        """What `compact` looks up; it finds what it does not hold."""
        ...

    @property
    def members(self) -> Mapping[str, str]:
        """Any member of a compound value to its IRI or keyword, or to nothing where JSON-LD drops the member."""
        ...

    @property
    def coercions(self) -> Mapping[str, str]:
        """Terms below which objects are read otherwise: `json`, as they are; `language`, `index`: keys are no names."""
        ...


def encode(entity: Entity) -> bytes:
    """The bytes of an entity that the store keeps; `decode` reads them."""
    return orjson.dumps(tuple(entity))


def decode(stored: bytes) -> Entity:
    """The entity in stored bytes."""
    id_, types, attributes, created_at, modified_at, scopes, expires_at = orjson.loads(stored)
    return Entity(id_, tuple(types), attributes, created_at, modified_at, tuple(scopes), expires_at)


def created_at(instance: Instance, owner: str) -> str:
    """When the instance was created; `owner` is the createdAt of what holds it."""
    created: str = instance.get("createdAt", owner)
    return created


def modified_at(instance: Instance, owner: str) -> str:
    """When the instance was last modified; `owner` is the createdAt of what holds it."""
    modified: str | None = instance.get("modifiedAt")
    return modified if modified is not None else created_at(instance, owner)
