"""Places in an index that mostly hold one entry, and may hold many: `{place: entry or set of entries}`."""

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V", bound=Hashable)


class Buckets(Generic[K, V]):
    """Entries by place. An entry that is alone in its place costs no set: there are very many of them."""

    __slots__ = ("_places",)

    def __init__(self) -> None:
        self._places: dict[K, V | set[V]] = {}

    def __bool__(self) -> bool:
        return bool(self._places)

    def add(self, place: K, entry: V) -> None:
        """Put an entry."""
        found = self._places.get(place)
        if found is None:
            self._places[place] = entry
        elif isinstance(found, set):
            found.add(entry)
        elif found != entry:
            self._places[place] = {found, entry}

    def remove(self, place: K, entry: V) -> None:
        """Take an entry away, if it is there."""
        found = self._places.get(place)
        if isinstance(found, set):
            found.discard(entry)
            if not found:
                del self._places[place]
        elif found == entry:
            del self._places[place]

    def collect(self, place: K, into: set[V]) -> None:
        """Add the entries in a place."""
        found = self._places.get(place)
        if found is not None:
            if isinstance(found, set):
                into |= found
            else:
                into.add(found)

    def all(self) -> Iterable[tuple[K, Iterable[V]]]:
        """Every place with its entries."""
        for place, found in self._places.items():
            yield place, found if isinstance(found, set) else (found,)
