"""Entities in the forms that clients ask for: normalized, concise, simplified (GS CIM 009 §4.5).

`renderer` is called once a request, or once a page; what it gives is called for each entity. What comes out shares
parts with the entity: it is for serialising, not for changing. System times and `expiresAt` are shown with `sys_attrs`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, TypeAlias

from broker.errors import ResourceNotFound
from broker.model.entity import Attributes, Entity, Instance, Names, created_at, modified_at
from broker.model.geometry import is_geometry
from broker.model.kinds import KINDS, PROOF
from broker.model.parse_attributes import is_bare_value
from broker.model.project import Members, in_language, omit, pick, with_datasets
from broker.model.values import VERBATIM, compact_value
from broker.model.versions import Version, amendment
from broker.names import DEFAULT_DATASET, NULL

Format: TypeAlias = Literal["normalized", "concise", "simplified"]
Render: TypeAlias = Callable[[Entity], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Representation:
    """What a client asks to see of an entity."""

    format: Format = "normalized"
    sys_attrs: bool = False
    pick: frozenset[str] | None = None
    """Members to show, by expanded name, and "id", "type", "scope"; None: all."""
    omit: frozenset[str] = frozenset()
    dataset_ids: frozenset[str] | None = None
    """Instances to show, `@none` for the default one; None: all."""
    languages: tuple[str, ...] = ()
    """Ranges of `languages.language_ranges`; none: LanguageProperties stay what they are."""
    version: Version | None = None
    """Of the specification, for clients that know no newer one; None: the current one."""
    linked: tuple[tuple[str, "Representation"], ...] = ()
    """By relationship, how the entities are shown that it links to; the others as this one, with all members."""


def reduced(
    plain: Representation,
    dataset_ids: frozenset[str] | None,
    languages: tuple[str, ...],
    picked: Members | None,
    omitted: Members | None,
) -> Representation:
    """The representation with these members, and below it those of the linked entities."""
    inner_picked = picked.linked if picked is not None else {}
    inner_omitted = omitted.linked if omitted is not None else {}
    return replace(
        plain,
        pick=picked.names if picked is not None else None,
        omit=omitted.whole if omitted is not None else frozenset(),
        dataset_ids=dataset_ids,
        languages=languages,
        linked=tuple(
            (name, reduced(plain, dataset_ids, languages, inner_picked.get(name), inner_omitted.get(name)))
            for name in {**inner_picked, **inner_omitted}
        ),
    )


def renderer(names: Names, representation: Representation) -> Render:
    """A function that renders entities with the names of a request."""
    form = form_renderer(names, representation)
    select = selection(representation)
    if select is None:
        return form
    return lambda entity: form(select(entity))


def form_renderer(names: Names, representation: Representation) -> Render:
    """As `renderer`, of entities that `selection` has been through."""
    form = _FORMS[representation.format](names, representation).entity
    if representation.version is None:
        return form
    amend = amendment(names, representation.version)
    return lambda entity: form(amend(entity))


def attribute_renderer(names: Names, representation: Representation) -> Callable[[Entity, str], Any]:
    """A function that renders one attribute of an entity, by its expanded name. It raises ResourceNotFound."""
    form = _FORMS[representation.format](names, representation)
    select = selection(representation)

    def attribute(entity: Entity, name: str) -> Any:
        if select is not None:
            entity = select(entity)
        if name not in entity.attributes:
            raise ResourceNotFound(f"Entity {entity.id} has no attribute {name}.")
        out: dict[str, Any] = {}
        form.attributes(out, {name: entity.attributes[name]}, entity.created_at)
        return out.popitem()[1]

    return attribute


def instance_renderer(names: Names, representation: Representation) -> Callable[[str, Instance], dict[str, Any]]:
    """A function that renders one instance of an attribute, by the attribute's expanded name, as an object.

    The instance holds its createdAt. Simplified is no form of an object.
    """
    form = _Concise(names, representation) if representation.format == "concise" else _Normalized(names, representation)

    def instance(name: str, instance: Instance) -> dict[str, Any]:
        if name == PROOF:
            out: dict[str, Any] = {}
            form.proofs(out, {PROOF: [instance]}, "")
            proof: dict[str, Any] = out.popitem()[1]
            return proof
        shown: dict[str, Any] = form.instance(instance, "")
        return shown

    return instance


def value_renderer(names: Names) -> Callable[[str, Instance], Any]:
    """A function that renders the value of one instance of an attribute as the simplified form has it."""
    form = _Simplified(names, Representation("simplified"))
    return lambda name, instance: _as_it_came(instance) if name == PROOF else form.value(instance)


def bare_value(name: str, instance: Instance, names: Names) -> Any:
    """The content of an instance's value member, without a wrapper; `name` is the attribute's expanded name."""
    member = KINDS[instance["type"]].member
    out: dict[str, Any] = {}
    alone = {"type": instance["type"], member: instance[member]}
    _Normalized(names, Representation()).attributes(out, {name: [alone]}, "")
    return out.popitem()[1][member]


def selection(representation: Representation) -> Callable[[Entity], Entity] | None:
    """What leaves parts of an entity away before it is rendered; None if nothing does."""
    picked, omitted = representation.pick, representation.omit
    dataset_ids, languages = representation.dataset_ids, representation.languages
    if picked is None and not omitted and dataset_ids is None and not languages:
        return None

    def select(entity: Entity) -> Entity:
        if picked is not None:
            entity = pick(entity, picked)
        if omitted:
            entity = omit(entity, omitted)
        if dataset_ids is not None:
            entity = with_datasets(entity, dataset_ids)
        return in_language(entity, languages) if languages else entity

    return select


_AS_THEY_ARE: Final = frozenset(
    {"type", "object", "languageMap", "json", "lang", "observedAt", "unitCode", "datasetId", "entityIdSealed"}
    | {"entity", "entityList"}  # rendered already (`broker.model.join`)
    | {"deletedAt", "previousObject", "previousLanguageMap", "previousJson"}  # of `broker.model.notification`
)
_VALUES: Final = frozenset({"value", "previousValue"})
_CONCISE_TARGETS: Final = frozenset({"objectList", "previousObjectList"})
_SYSTEM: Final = frozenset({"createdAt", "modifiedAt", "expiresAt"})
_SCALARS: Final = frozenset({str, int, float, bool})


class _Renderer:
    """The parts that all forms have in common."""

    def __init__(self, names: Names, representation: Representation) -> None:
        self.names = names
        self.compact = names.compactions.__getitem__
        self.sys_attrs = representation.sys_attrs
        picked, omitted = representation.pick, representation.omit
        self.with_id = (picked is None or "id" in picked) and "id" not in omitted
        self.with_type = (picked is None or "type" in picked) and "type" not in omitted

    def entity(self, entity: Entity) -> dict[str, Any]:
        """The JSON of an entity: id, type, scope, attributes, times."""
        out: dict[str, Any] = {}
        if self.with_id:
            out["id"] = entity.id
        if self.with_type:
            types = entity.types
            out["type"] = self.compact(types[0]) if len(types) == 1 else [self.compact(each) for each in types]
        if entity.scopes:
            out["scope"] = entity.scopes[0] if len(entity.scopes) == 1 else list(entity.scopes)
        self.attributes(out, entity.attributes, entity.created_at)
        if self.sys_attrs:
            out["createdAt"] = entity.created_at
            out["modifiedAt"] = entity.modified_at
            if entity.expires_at is not None:
                out["expiresAt"] = entity.expires_at
        return out

    def attributes(self, out: dict[str, Any], attributes: Attributes, owner: str) -> None:
        """Put attributes into `out`; `owner` is the createdAt of what holds them."""
        raise NotImplementedError

    def terms(self, content: Any) -> Any:
        """A term or an array of them, compacted."""
        return self.compact(content) if content.__class__ is str else [self.compact(term) for term in content]


class _Normalized(_Renderer):
    """§4.5.2.2 and its like: every attribute an object with its type."""

    def attributes(self, out: dict[str, Any], attributes: Attributes, owner: str) -> None:
        compact = self.compact
        if PROOF in attributes:
            attributes = self.proofs(out, attributes, owner)
        for name, instances in attributes.items():
            if len(instances) == 1:
                out[compact(name)] = self.instance(instances[0], owner)
            else:
                out[compact(name)] = [self.instance(instance, owner) for instance in instances]

    def proofs(self, out: dict[str, Any], attributes: Attributes, owner: str) -> Attributes:
        """Put the proof into `out`, its value as it came, and give the other attributes."""
        proofs = [
            {**self.instance({**instance, "value": ""}, owner), "value": instance["value"]}
            for instance in attributes[PROOF]
        ]
        out[self.compact(PROOF)] = proofs[0] if len(proofs) == 1 else proofs
        return {name: instances for name, instances in attributes.items() if name != PROOF}

    def instance(self, instance: Instance, owner: str) -> Any:
        """One instance as an object."""
        out: dict[str, Any] = {}
        for member, content in instance.items():
            if member in _AS_THEY_ARE:
                out[member] = content
            elif member in _VALUES:
                simple = content.__class__ in _SCALARS or instance["type"] == "GeoProperty"
                out[member] = content if simple else compact_value(content, self.names)
            elif member == "attributes":
                self.attributes(out, content, created_at(instance, owner))
            elif member not in _SYSTEM:
                out[member] = self.compacted(member, content)
        if self.sys_attrs:
            self.times(out, instance, owner)
        return out

    def compacted(self, member: str, content: Any) -> Any:
        """The content of a member that holds names, or is written in another way."""
        if member in ("valueList", "previousValueList"):
            return compact_value(content, self.names)
        if member in ("objectList", "previousObjectList"):
            return content if content == [NULL] else [{"object": target} for target in content]
        return self.terms(content)

    def times(self, out: dict[str, Any], instance: Instance, owner: str) -> None:
        """Put the system's times into `out`."""
        out["createdAt"] = created_at(instance, owner)
        out["modifiedAt"] = modified_at(instance, owner)
        if "expiresAt" in instance:
            out["expiresAt"] = instance["expiresAt"]


class _Concise(_Normalized):
    """§4.5.2.3 and its like: without `type` where it can be told, a bare value where nothing else is there."""

    def attributes(self, out: dict[str, Any], attributes: Attributes, owner: str) -> None:
        compact = self.compact
        if PROOF in attributes:
            attributes = self.proofs(out, attributes, owner)
        for name, instances in attributes.items():
            concise = [self.instance(instance, owner) for instance in instances]
            out[compact(name)] = self.collapsed(concise[0]) if len(concise) == 1 else concise

    def instance(self, instance: Instance, owner: str) -> Any:
        out: dict[str, Any] = super().instance(instance, owner)
        if out["type"] != "Property" or not is_geometry(out["value"]):
            del out["type"]
        return out

    def compacted(self, member: str, content: Any) -> Any:
        return content if member in _CONCISE_TARGETS else super().compacted(member, content)

    def collapsed(self, attribute: dict[str, Any]) -> Any:
        """The bare value, if there is nothing else and it will be read as what it is."""
        if len(attribute) == 1 and "value" in attribute:
            value = attribute["value"]
            if value.__class__ not in VERBATIM and is_bare_value(value):
                return value
        return attribute


class _Simplified(_Renderer):
    """§4.5.4: values only; of several instances, or one with a datasetId, a map by datasetId."""

    def attributes(self, out: dict[str, Any], attributes: Attributes, owner: str) -> None:
        compact = self.compact
        for name, instances in attributes.items():
            value = self.value if name != PROOF else _as_it_came
            if len(instances) == 1 and "datasetId" not in instances[0]:
                out[compact(name)] = value(instances[0])
            else:
                values = {instance.get("datasetId", DEFAULT_DATASET): value(instance) for instance in instances}
                out[compact(name)] = {"dataset": values}

    def value(self, instance: Instance) -> Any:
        """The value of an instance, wrapped if the kind wants it."""
        kind = instance["type"]
        if kind == "Property":
            value = instance["value"]
            return value if value.__class__ in _SCALARS else compact_value(value, self.names)
        member = KINDS[kind].member
        content = instance[member]
        if kind == "VocabProperty":
            content = self.terms(content)
        elif kind == "ListProperty":
            content = compact_value(content, self.names)
        return {member: content} if KINDS[kind].wrapped else content


def _as_it_came(instance: Instance) -> Any:
    return instance["value"]


_FORMS: Final[dict[Format, type[_Normalized | _Simplified]]] = {
    "normalized": _Normalized,
    "concise": _Concise,
    "simplified": _Simplified,
}
