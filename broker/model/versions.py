"""Entities as an older version of the specification knows them (GS CIM 009 §4.3.6.8).

Kinds of attributes that came later become Properties and Relationships, members that came later are left out.
The clause has no fallback for an array of URIs in a Relationship: it stays.
"""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from broker.model.entity import Attributes, Entity, Instance, Names
from broker.model.kinds import KINDS
from broker.model.values import verbatim

Version: TypeAlias = tuple[int, int]
"""Major and minor."""
CURRENT: Final[Version] = (1, 9)
OLDEST: Final[Version] = (1, 0)

KINDS_SINCE: Final[dict[str, tuple[Version, str]]] = {
    "LanguageProperty": ((1, 4), "Property"),
    "VocabProperty": ((1, 8), "Property"),
    "JsonProperty": ((1, 8), "Property"),
    "ListProperty": ((1, 8), "Property"),
    "ListRelationship": ((1, 8), "Relationship"),
}
"""Kind to the version that introduced it, and the kind that it is to older ones (table 4.3.6.8-1)."""
MEMBERS_SINCE: Final[dict[str, Version]] = {
    "datasetId": (1, 3),
    "observedAt": (1, 3),
    "unitCode": (1, 3),
    "scope": (1, 4),
    "lang": (1, 4),
    "objectType": (1, 8),
    "entity": (1, 8),
    "entityList": (1, 8),
    "expiresAt": (1, 9),
    "valueType": (1, 9),
    "entityIdSealed": (1, 9),
    "entityTypeSealed": (1, 9),
}
"""Member of an entity or an attribute to the version that introduced it (tables 4.3.6.8-1 to -3).

The tables lack `lang`, which came with the LanguageProperty, and the members of `ngsildproof`.
"""
SEVERAL_SINCE: Final[Version] = (1, 3)
"""Version that introduced several types of an entity, and several instances of an attribute (notes 1 to 3)."""


def conformed(version: Version) -> Version:
    """The version that entities can be amended to for somebody who asks for this one."""
    return min(max(version, OLDEST), CURRENT)


def amendment(names: Names, version: Version) -> Callable[[Entity], Entity]:
    """A function that leaves of entities what this version knows; they are for showing with the same names."""
    return _Amendment(names, version).entity


class _Amendment:
    def __init__(self, names: Names, version: Version) -> None:
        self._names = names
        self._unknown = frozenset(member for member, since in MEMBERS_SINCE.items() if version < since)
        self._fallbacks = {kind: KINDS[other] for kind, (since, other) in KINDS_SINCE.items() if version < since}
        self._single = version < SEVERAL_SINCE

    def entity(self, entity: Entity) -> Entity:
        return entity._replace(
            types=entity.types[:1] if self._single else entity.types,
            attributes=self._attributes(entity.attributes),
            scopes=() if "scope" in self._unknown else entity.scopes,
            expires_at=None if "expiresAt" in self._unknown else entity.expires_at,
        )

    def _attributes(self, attributes: Attributes) -> Attributes:
        result: Attributes = {}
        for name, instances in attributes.items():
            known = [self._instance(instance) for instance in instances if not self._is_lost(instance)]
            if known:
                result[name] = known[:1] if self._single else known
        return result

    def _is_lost(self, instance: Instance) -> bool:
        """Whether nothing can stand for it: a Relationship has at least one object."""
        return instance["type"] in self._fallbacks and instance.get("objectList") == []

    def _instance(self, instance: Instance) -> Instance:
        known = {member: content for member, content in instance.items() if member not in self._unknown}
        kind = instance["type"]
        fallback = self._fallbacks.get(kind)
        if fallback is not None:
            value = self._value(kind, known.pop(KINDS[kind].member))
            known = {**known, "type": fallback.name, fallback.member: value}
        if "attributes" in known:
            known["attributes"] = self._attributes(known["attributes"])
        return known

    def _value(self, kind: str, content: Any) -> Any:
        """The content of a value member as that of a Property or a Relationship."""
        if kind == "VocabProperty":
            compact = self._names.compact
            return compact(content) if isinstance(content, str) else [compact(term) for term in content]
        return verbatim(content) if kind in {"JsonProperty", "LanguageProperty"} else content
