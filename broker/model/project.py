"""Parts of an entity: picked and omitted members, instances by datasetId, one language.

Entities to entities: what is left out of an entity here is not rendered. Names are expanded, and "id", "type", "scope".
GS CIM 009 §4.21, §4.5.5, §4.15.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from broker.errors import ResourceNotFound
from broker.model.entity import Attributes, Entity, Instance
from broker.model.languages import choose_language
from broker.names import DEFAULT_DATASET

ENTITY_MEMBERS: Final = frozenset({"id", "type", "scope"})
"""Members of entities that are no attributes and can be picked and omitted."""


@dataclass(frozen=True, slots=True)
class Members:
    """Members that are picked or omitted: of an entity, and of those that it links to."""

    whole: frozenset[str] = frozenset()
    linked: Mapping[str, "Members"] = field(default_factory=dict)
    """By relationship, members of the linked entities. No relationship is in `whole`, too."""

    @property
    def names(self) -> frozenset[str]:
        """All members of the entity itself."""
        return frozenset({*self.whole, *self.linked})

    @property
    def depth(self) -> int:
        """How many links it follows."""
        return max((1 + inner.depth for inner in self.linked.values()), default=0)

    def __or__(self, other: "Members") -> "Members":
        """What either names."""
        whole = self.whole | other.whole
        linked = {**self.linked, **other.linked}
        for name in self.linked.keys() & other.linked.keys():
            linked[name] = self.linked[name] | other.linked[name]
        return Members(whole, {name: inner for name, inner in linked.items() if name not in whole})

    def contradicts(self, omitted: "Members") -> bool:
        """Whether something is picked here and omitted there."""
        return not omitted.whole.isdisjoint(self.names) or any(
            inner.contradicts(omitted.linked[name]) for name, inner in self.linked.items() if name in omitted.linked
        )


def pick(entity: Entity, names: frozenset[str]) -> Entity:
    """The entity with these attributes only."""
    return entity._replace(
        attributes={name: instances for name, instances in entity.attributes.items() if name in names},
        scopes=entity.scopes if "scope" in names else (),
    )


def omit(entity: Entity, names: frozenset[str]) -> Entity:
    """The entity without these attributes."""
    return entity._replace(
        attributes={name: instances for name, instances in entity.attributes.items() if name not in names},
        scopes=() if "scope" in names else entity.scopes,
    )


def with_datasets(entity: Entity, dataset_ids: frozenset[str]) -> Entity:
    """The entity with the instances of these datasetIds, `@none` for the default; attributes without any are gone."""
    attributes: Attributes = {}
    for name, instances in entity.attributes.items():
        kept = [instance for instance in instances if instance.get("datasetId", DEFAULT_DATASET) in dataset_ids]
        if kept:
            attributes[name] = kept
    return entity._replace(attributes=attributes)


def instance_of(entity: Entity, name: str, dataset_id: str | None) -> Instance:
    """An instance of an attribute, the default one without a datasetId. Raises ResourceNotFound."""
    for instance in entity.attributes.get(name, ()):
        if instance.get("datasetId") == dataset_id:
            return instance
    which = f"instance with datasetId {dataset_id}" if dataset_id else "default instance"
    raise ResourceNotFound(f"Attribute {name} of entity {entity.id} has no {which}.")


def in_language(entity: Entity, ranges: Iterable[str]) -> Entity:
    """The entity with a Property, and its `lang`, in the place of each LanguageProperty at any depth."""
    return entity._replace(attributes=_in_language(entity.attributes, tuple(ranges)))


def _in_language(attributes: Attributes, ranges: tuple[str, ...]) -> Attributes:
    return {name: [reduced(instance, ranges) for instance in instances] for name, instances in attributes.items()}


def reduced(instance: Instance, ranges: tuple[str, ...]) -> Instance:
    """The instance in one language, at any depth; `ranges` as `languages.language_ranges` gives them."""
    if instance["type"] == "LanguageProperty":
        texts = instance["languageMap"]
        tag = choose_language(texts, ranges)
        others = {member: content for member, content in instance.items() if member not in {"type", "languageMap"}}
        instance = {"type": "Property", "value": texts[tag], "lang": tag, **others}
    if "attributes" in instance:
        instance = {**instance, "attributes": _in_language(instance["attributes"], ranges)}
    return instance
