"""Linked entities: what relationships point to, shown with the entities that point (GS CIM 009 §4.5.23).

inline   a Relationship has the linked entity beside its `object` as `entity` (an array of them if `object` is one), a
         ListRelationship has `entityList`; simplified, the linked entity stands in the place of its URI
flat     linked entities follow the entities that link to them, each once

Relationships of the entity itself are followed, those of its attributes are not; of a relationship that is not shown
there is nothing to follow. No URI is expanded below itself, nor one of `containedBy`. What is not there, or has none of
the members that are asked for, stays a URI.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from broker.errors import TooComplexQuery
from broker.model.entity import Attributes, Entity, Instance, Names, encode
from broker.model.kinds import KINDS
from broker.model.render import Render, Representation, form_renderer, selection

JoinForm: TypeAlias = Literal["inline", "flat"]

RELATIONSHIPS: Final = {kind.name: kind.member for kind in KINDS.values() if kind.relationship}
"""Kind to the member that holds its target or targets."""
_BESIDE: Final = {"Relationship": "entity", "ListRelationship": "entityList"}
"""Kind to the member that holds the linked entities."""

MAX_INLINE: Final = 64 * 2**20
"""Bytes of linked entities inside the entities of one answer: a few large ones can be linked to many times."""


@dataclass(frozen=True, slots=True)
class Join:
    """Which linked entities a client asks for."""

    form: JoinForm
    level: int = 1
    """How many links are followed."""
    contained_by: frozenset[str] = frozenset()
    """Entities that the client has already: they are not shown again."""
    most: int = 1000
    """Linked entities that an answer may hold."""


class Linked(NamedTuple):
    """The linked entities of an answer: those that exist, by id."""

    join: Join
    entities: Mapping[str, Entity]


class View:
    """How entities at one place of the graph are shown, and from there those that they link to."""

    def __init__(self, representation: Representation) -> None:
        self.representation = representation
        self._select = selection(representation)
        self._through = {name: View(inner) for name, inner in representation.linked}
        self._others: View | None = None

    def through(self, name: str) -> "View":
        """The view of what this relationship links to."""
        found = self._through.get(name)
        if found is not None:
            return found
        if self._others is None:
            whole = replace(self.representation, pick=None, omit=frozenset(), linked=())
            self._others = self if whole == self.representation else View(whole)
        return self._others

    def select(self, entity: Entity) -> Entity:
        """The entity without the parts that are not shown."""
        return entity if self._select is None else self._select(entity)

    def links(self, entity: Entity) -> Iterator[tuple["View", str]]:
        """The targets of the relationships that are shown, with the views of them."""
        for name, instances in self.select(entity).attributes.items():
            for instance in instances:
                for target in targets(instance):
                    yield self.through(name), target


def targets(instance: Instance) -> list[str]:
    """The URIs that an instance of an attribute points to; none if it is no relationship."""
    member = RELATIONSHIPS.get(instance["type"])
    if member is None:
        return []
    content = instance[member]
    return [content] if isinstance(content, str) else content


def too_many(most: int) -> TooComplexQuery:
    """The refusal of a join that is too large."""
    return TooComplexQuery(
        f"The answer would take more than {most} linked entities: ask for fewer levels, relationships or entities."
    )


def flattened(page: Iterable[Entity], view: View, linked: Linked) -> Iterator[tuple[Entity, View]]:
    """The linked entities of a page, each once and as it was met first, level by level."""
    frontier = [(entity, view) for entity in page]
    met = {entity.id for entity, _ in frontier} | linked.join.contained_by
    for _ in range(linked.join.level):
        following = []
        for entity, above in frontier:
            for below, uri in above.links(entity):
                if uri not in met and uri in linked.entities:
                    met.add(uri)
                    following.append((linked.entities[uri], below))
        yield from following
        frontier = following


def inline_renderer(names: Names, view: View, linked: Linked) -> Render:
    """A function that renders entities with the linked ones inside. It raises TooComplexQuery, counting all of them."""
    inline = _Inline(names, linked)
    return lambda entity: inline.render(view, entity, linked.join.level, linked.join.contained_by)


class _Inline:
    def __init__(self, names: Names, linked: Linked) -> None:
        self._names = names
        self._entities = linked.entities
        self._most = linked.join.most
        self._count = 0
        self._size = 0
        self._sizes: dict[str, int] = {}
        self._forms: dict[View, Render] = {}

    def render(self, view: View, entity: Entity, level: int, above: frozenset[str]) -> dict[str, Any]:
        """`level` is how many links may still be followed, `above` what is not expanded again."""
        shown = view.select(entity)
        if level:
            path = above | {entity.id}
            shown = shown._replace(attributes=self._attributes(shown.attributes, view, level - 1, path))
        form = self._forms.get(view)
        if form is None:
            form = self._forms[view] = form_renderer(self._names, view.representation)
        return form(shown)

    def _attributes(self, attributes: Attributes, view: View, level: int, path: frozenset[str]) -> Attributes:
        return {
            name: [
                self._instance(instance, view.through(name), level, path)
                if instance["type"] in RELATIONSHIPS
                else instance
                for instance in instances
            ]
            for name, instances in attributes.items()
        }

    def _instance(self, instance: Instance, view: View, level: int, path: frozenset[str]) -> Instance:
        kind = instance["type"]
        content = instance[RELATIONSHIPS[kind]]
        single = isinstance(content, str)
        bodies = [self._body(uri, view, level, path) for uri in ([content] if single else content)]
        if not any(bodies):
            return instance
        if view.representation.format == "simplified":
            mixed = [body or uri for body, uri in zip(bodies, [content] if single else content, strict=True)]
            return {**instance, RELATIONSHIPS[kind]: mixed[0] if single else mixed}
        found = [body for body in bodies if body]
        return {**instance, _BESIDE[kind]: found[0] if single else found}

    def _body(self, uri: str, view: View, level: int, path: frozenset[str]) -> dict[str, Any] | None:
        if uri in path or uri not in self._entities:
            return None
        entity = self._entities[uri]
        self._account(entity)
        return self.render(view, entity, level, path)

    def _account(self, entity: Entity) -> None:
        size = self._sizes.get(entity.id)
        if size is None:
            size = self._sizes[entity.id] = len(encode(entity))
        self._count += 1
        self._size += size
        if self._count > self._most:
            raise too_many(self._most)
        if self._size > MAX_INLINE:
            raise TooComplexQuery(f"The answer would take more than {MAX_INLINE} bytes of linked entities.")
