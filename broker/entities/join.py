"""Linked entities, fetched level by level (GS CIM 009 §4.5.23, §5.7.1, §5.7.2)."""

import asyncio
from collections.abc import Sequence

from broker.call import Call
from broker.model.entity import Entity
from broker.model.join import Join, Linked, View, too_many
from broker.model.render import Representation
from broker.store.store import Store


async def linked(
    store: Store, call: Call, page: Sequence[Entity], join: Join, representation: Representation
) -> Linked:
    """What the entities of a page link to, each looked up once; `representation` is that of the page.

    Raises TooComplexQuery, StoreUnavailable.
    """
    known: dict[str, Entity | None] = {entity.id: entity for entity in page}
    of_page = len(known)
    view = View(representation)
    frontier = [(entity, view) for entity in page]
    met = {(entity.id, view) for entity in page}
    for _ in range(join.level):
        reached = _reached(frontier, join, met)
        missing = list({uri for uri, _ in reached} - known.keys())
        if len(known) - of_page + len(missing) > join.most:
            raise too_many(join.most)
        known.update(zip(missing, await _read(store, call, missing), strict=True))
        frontier = [(entity, below) for uri, below in reached if (entity := known[uri]) is not None]
    return Linked(join, {uri: entity for uri, entity in known.items() if entity is not None})


def _reached(frontier: list[tuple[Entity, View]], join: Join, met: set[tuple[str, View]]) -> list[tuple[str, View]]:
    """Where the links lead, each place once in all."""
    reached = []
    for entity, view in frontier:
        for below, uri in view.links(entity):
            if uri not in join.contained_by and (uri, below) not in met:
                met.add((uri, below))
                reached.append((uri, below))
    return reached


async def _read(store: Store, call: Call, ids: list[str]) -> list[Entity | None]:
    """One query, or few: the reads coalesce."""
    return await asyncio.gather(*(store.entity(call.tenant, entity_id) for entity_id in ids))
