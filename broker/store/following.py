"""Linked entities that a condition of `q` looks at, fetched for the candidates of a query (GS CIM 009 §4.9)."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from pymongo.asynchronous.collection import AsyncCollection

from broker.errors import TooComplexQuery
from broker.model.entity import Entity
from broker.query.ast import Path
from broker.query.links import paths
from broker.query.plan import Query
from broker.query.targets import linked_ids
from broker.store.errors import asking
from broker.store.visible import visible

MOST_AT_ONCE: Final = 5000
"""Most linked entities that are held at once."""


class Following:
    """What the candidates of one query link to, as far as its conditions look there."""

    def __init__(self, entities: AsyncCollection[dict[str, Any]], query: Query, most: int) -> None:
        self._entities = entities
        self._paths = () if query.q is None else tuple(dict.fromkeys(paths(query.q)))
        self._left = most
        self._most = most
        self._absent: set[str] = set()
        self.linked: dict[str, Entity] = {}
        """By id; what `broker.query.to_predicate.matches` looks into."""

    async def fetch(self, documents: Sequence[dict[str, Any]]) -> None:
        """Fetch what these documents link to, level by level. Raises TooComplexQuery, StoreUnavailable."""
        if self._paths:
            await self.follow([entity for entity in map(visible, documents) if entity is not None])

    async def follow(self, candidates: Sequence[Entity]) -> None:
        """The same for entities that are at hand."""
        if len(self.linked) + len(self._absent) > MOST_AT_ONCE // 2:
            self.linked.clear()
            self._absent.clear()
        frontier = [(entity, path) for entity in candidates for path in self._paths]
        while frontier:
            reached = {
                (uri, path.link.path)
                for entity, path in frontier
                if path.link is not None
                for uri in linked_ids(entity, path.names)
            }
            await self._read({uri for uri, _ in reached} - self.linked.keys() - self._absent)
            frontier = self._onwards(reached)

    def _onwards(self, reached: Iterable[tuple[str, Path]]) -> list[tuple[Entity, Path]]:
        return [(self.linked[uri], path) for uri, path in reached if path.link is not None and uri in self.linked]

    async def _read(self, ids: set[str]) -> None:
        if not ids:
            return
        self._left -= len(ids)
        if self._left < 0 or len(self.linked) + len(ids) > MOST_AT_ONCE:
            most = self._most if self._left < 0 else MOST_AT_ONCE
            raise TooComplexQuery(f"q: its paths lead to more than {most} linked entities. Narrow the query down.")
        with asking("follow"):
            cursor = self._entities.find({"_id": {"$in": list(ids)}}, {"j": 1, "x": 1}, batch_size=MOST_AT_ONCE)
            documents = await cursor.to_list()
        found = {entity.id: entity for entity in map(visible, documents) if entity is not None}
        self.linked.update(found)
        self._absent |= ids - found.keys()
