"""A view: one query in one form, whoever looks at it. It knows which entities it shows, as far as there is room.

What an entity was before a change is what MongoDB does not tell, so a view keeps the ids of what matches: those that a
query found when it was opened, and since then as the changes say. Where it has no room for that, and of what happened
before a viewer came back, it does not know whether an entity was shown. Then it tells of each that could have been, and
does not match: a viewer that has never seen it has nothing to remove. docs/decisions/0011-live-feed.md.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Final, TypeAlias

import orjson

from broker.feed.events import Event, Kept, Kind
from broker.feed.viewer import Viewer
from broker.model.entity import Entity, decode
from broker.model.expiry import alive
from broker.query.plan import Query
from broker.query.to_predicate import matches, may_match, selects
from broker.store.changes import Change
from broker.store.visible import current_instant

Show: TypeAlias = Callable[[Entity], bytes | None]
"""The JSON of an entity, as the viewers want it; None if nothing of it is left."""

MEANWHILE: Final = 100_000
"""Entities that may change while those that match are looked for; with more a view does without knowing them."""
ABSENT: Final = 10_000
"""Entities of which it is remembered that a viewer that came back does not show them."""


class Changed:
    """A change, decoded once for all views, and only if one of them wants to know."""

    def __init__(self, change: Change) -> None:
        self.change = change
        self.place = change.place
        self.entity_id = change.entity_id

    @cached_property
    def entity(self) -> Entity | None:
        """The entity as it is now; None if it was deleted, or has expired."""
        return None if self.change.stored is None else alive(decode(self.change.stored), current_instant())


class View:
    """It is opened by `remember`, then `settle`; viewers come after that."""

    def __init__(self, query: Query, show: Show, kept: Kept) -> None:
        self.query = query
        self.viewers: set[Viewer] = set()
        self.holders = 0
        """Viewers, and those to come."""
        self.opening: asyncio.Task[None]
        """Ends when it is settled."""
        self._show = show
        self._kept = kept
        self._meets = matches(query)
        self._by_id = may_match(query)
        self._types = [selector.types for selector in query.selectors]
        self._known: set[int] | None = set()
        self._meanwhile: dict[int, bool] | None = {}

    def remember(self, ids: Sequence[str]) -> bool:
        """These match. Whether there is room for more."""
        for entity_id in ids:
            self._add(hash(entity_id))
        return self._known is not None

    def settle(self) -> None:
        """All that matches was remembered; what has changed in the meantime prevails."""
        meanwhile, self._meanwhile = self._meanwhile or {}, None
        for known, matching in meanwhile.items():
            if matching:
                self._add(known)
            else:
                self._remove(known)

    def forget(self) -> None:
        """Keep nothing in mind."""
        if self._known is not None:
            self._kept.number -= len(self._known)
        self._known = None

    def tell(self, changed: Changed) -> None:
        """Tell the viewers of a change."""
        if self._by_id is not None and not self._by_id(changed.entity_id):
            return
        shown = self._shown(changed)
        known = hash(changed.entity_id)
        if self._meanwhile is not None:
            self._meanwhile[known] = shown is not None
            if len(self._meanwhile) > MEANWHILE:
                self._meanwhile = {}
                self.forget()
            return
        if shown is not None:
            self._add(known)
            event = Event(Kind.ENTITY, changed.place, shown)
        elif self._remove(known) or (self._known is None and self._could_match(changed)):
            event = _gone(changed)
        else:
            return
        for viewer in tuple(self.viewers):
            viewer.put(event)

    def retold(self, changed: Changed, absent: set[int]) -> Event | None:
        """What a viewer is told of a change that was before it came back.

        `absent`: what it is known not to show, which this keeps.
        """
        if self._by_id is not None and not self._by_id(changed.entity_id):
            return None
        shown = self._shown(changed)
        known = hash(changed.entity_id)
        if shown is not None:
            absent.discard(known)
            return Event(Kind.ENTITY, changed.place, shown)
        told = known not in absent and self._could_match(changed)
        if len(absent) < ABSENT:
            absent.add(known)
        return _gone(changed) if told else None

    def _shown(self, changed: Changed) -> bytes | None:
        entity = changed.entity
        return self._show(entity) if entity is not None and self._meets(entity) else None

    def _could_match(self, changed: Changed) -> bool:
        """Whether an entity that does not match may have matched before the change."""
        entity = changed.entity
        if entity is None:
            return True
        if changed.change.made:
            return False
        return (
            changed.change.retyped
            or not self._types
            or any(types is None or selects(types, entity.types) for types in self._types)
        )

    def _add(self, known: int) -> None:
        if self._known is None or known in self._known:
            return
        if self._kept.full:
            self.forget()
            return
        self._known.add(known)
        self._kept.number += 1

    def _remove(self, known: int) -> bool:
        if self._known is None or known not in self._known:
            return False
        self._known.remove(known)
        self._kept.number -= 1
        return True


def _gone(changed: Changed) -> Event:
    kind = Kind.DELETED if changed.entity is None else Kind.LEFT
    return Event(kind, changed.place, orjson.dumps({"id": changed.entity_id}))
