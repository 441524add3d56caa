"""Views and viewers without a database: changes are made up, in their order."""

from itertools import count
from typing import Any

import orjson

from broker.feed.events import Backlog, Event, Kept, Kind
from broker.feed.view import Changed, View
from broker.feed.viewer import Viewer
from broker.model.entity import Entity, encode
from broker.query.ast import HasType
from broker.query.plan import Query, Selector
from broker.store.changes import Change, Place

NOW = "2026-11-21T08:00:00Z"
ROOM = "https://example.org/Room"
SHED = "https://example.org/Shed"
WARM = "https://example.org/warm"
ROOMS = Query(selectors=(Selector(types=HasType(ROOM)),))
WARM_ROOMS = Query(selectors=(Selector(types=HasType(ROOM)),), attributes=frozenset({WARM}))


def room(number: int, *, warm: bool = True, types: tuple[str, ...] = (ROOM,), **members: Any) -> Entity:
    """An entity that `WARM_ROOMS` matches, unless it is cold."""
    attributes = {WARM: [{"type": "Property", "value": 1}]} if warm else {}
    return Entity(f"urn:room:{number}", types, attributes, NOW, NOW, **members)


def show(entity: Entity) -> bytes | None:
    return orjson.dumps({"id": entity.id})


class Course:
    """What happens, in its order."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self.at = Place(1, 0, 0)

    def place(self) -> Place:
        return self.at

    def changed(self, entity: Entity, **how: bool) -> Changed:
        return self._next(entity.id, encode(entity), **how)

    def deleted(self, number: int) -> Changed:
        return self._next(room(number).id, None)

    def event(self, size: int = 10) -> Event:
        self.at = Place(1, next(self._numbers), 1)
        return Event(Kind.ENTITY, self.at, b"x" * size)

    def _next(self, entity_id: str, stored: bytes | None, **how: bool) -> Changed:
        self.at = Place(1, next(self._numbers), 1)
        return Changed(Change(self.at, entity_id, stored, **how))


def viewer_of(course: Course, backlog: Backlog | None = None, **more: Any) -> Viewer:
    return Viewer(course.place, backlog or Backlog(2**30), closed=lambda _: None, **more)


def watched(view: View, course: Course) -> Viewer:
    """A viewer of a view."""
    viewer = viewer_of(course)
    view.viewers.add(viewer)
    return viewer


def view_of(query: Query = WARM_ROOMS, kept: Kept | None = None, shown: tuple[int, ...] = ()) -> View:
    """A view that is open and shows some rooms."""
    view = View(query, show, kept or Kept(1000))
    view.remember([room(number).id for number in shown])
    view.settle()
    return view


async def taken(viewer: Viewer) -> list[tuple[str, Any]]:
    """Kind and data of what waits for a viewer: for an entity, the number of its room."""
    found: list[tuple[str, Any]] = []
    while True:
        batch = await viewer.next(0.001)
        if batch is None or not batch.events:
            return found
        for event in batch.events:
            data = orjson.loads(event.data)
            found.append((event.kind.value, int(data["id"].rpartition(":")[2]) if "id" in data else data))
