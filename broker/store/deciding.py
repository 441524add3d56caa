"""Whether a document that has passed a query's filter matches: its entity is decoded only if nothing else tells.

- Where the filter is exact, all that pass it match.
- Where it is exact but for a geo-query, the geometries in the field `g` decide, if they are all there.
- An entity that holds something with an expiry is decided on as what is left of it now; an expired one is not there.
- Otherwise, and where there is more than the index has keys for, the entity decides.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, TypeAlias

from broker.query.geo_predicate import placed
from broker.query.plan import Query
from broker.query.targets import Linked
from broker.query.to_mongo import entity_filter
from broker.query.to_predicate import matches
from broker.store.found import Found, found_in

Document: TypeAlias = dict[str, Any]

_TOGETHER: Final = 128 * 2**10
"""Bytes of entities."""
_MARKED: Final = {"j": 1, "x": 1, "o": 1}
_PLACED: Final = {**_MARKED, "g": 1}


def projection(query: Query) -> dict[str, int]:
    """The fields that `deciding` looks at."""
    return _MARKED if query.geo is None else _PLACED


class Deciding:
    """The decisions on what one query finds. Links of its `q` lead to `linked`."""

    def __init__(self, query: Query, linked: Linked) -> None:
        self._exact = entity_filter(query).exact
        self._meets = matches(query, linked)
        self._placed = None
        if query.geo is not None and entity_filter(replace(query, geo=None)).exact:
            self._placed = placed(query.geo)

    def found(self, documents: Sequence[Document]) -> Iterator[Found | None]:
        """For each document what was found, one by one; None if it does not match."""
        for some in _portions(documents):
            for document, known in zip(some, self._known(some), strict=True):
                found = found_in(document)
                if found is None:
                    yield None
                elif known is None or "o" in document or not found.lasting:
                    yield found if self._meets(found.entity) else None
                else:
                    yield found if known else None

    def _known(self, documents: Sequence[Document]) -> Sequence[bool | None]:
        """What the filter and the geometries tell of each document, as far as they hold all of its entity."""
        if self._exact:
            return [True] * len(documents)
        if self._placed is None:
            return [None] * len(documents)
        return self._placed([document.get("g", ()) for document in documents])


def _portions(documents: Sequence[Document]) -> Iterator[Sequence[Document]]:
    """The documents, as many at a time as geometries are looked at together without a pause."""
    start = size = 0
    for end, document in enumerate(documents):
        if size > _TOGETHER:
            yield documents[start:end]
            start, size = end, 0
        size += len(document["j"])
    yield documents[start:]
