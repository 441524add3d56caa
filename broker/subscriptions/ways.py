"""The ways to find entries by what an entity is and has: an index for each of `broker.subscriptions.access`.

They only narrow down: what they collect need not match.
"""

from abc import ABC, abstractmethod
from typing import Any, Final, Generic

from broker.model.entity import Entity
from broker.query.targets import value_elements
from broker.subscriptions.access import ById, ByNumber, ByPlace, ByPrefix, ByValue, Value, Way, value_of
from broker.subscriptions.buckets import Buckets, V
from broker.subscriptions.grid import Grid
from broker.subscriptions.thresholds import Thresholds

_NUMBERS: Final = frozenset({int, float})


class Facts:
    """What the ways ask of an entity, looked up once."""

    __slots__ = ("_elements", "entity")

    def __init__(self, entity: Entity) -> None:
        self.entity = entity
        self._elements: dict[str, list[Any]] = {}

    def elements(self, name: str) -> list[Any]:
        """The elements of all instances of an attribute."""
        found = self._elements.get(name)
        if found is None:
            instances = self.entity.attributes.get(name, ())
            found = self._elements[name] = [each for instance in instances for each in value_elements(instance)]
        return found


class _Found(ABC, Generic[V]):
    """Entries that are found in one way."""

    __slots__ = ()

    @abstractmethod
    def __bool__(self) -> bool: ...

    @abstractmethod
    def add(self, way: Any, entry: V) -> None:
        """Put an entry."""

    @abstractmethod
    def remove(self, way: Any, entry: V) -> None:
        """Take an entry away that was put so."""

    @abstractmethod
    def collect(self, facts: Facts, found: set[V]) -> None:
        """Add the entries that an entity may concern."""


class _All(_Found[V]):
    __slots__ = ("_entries",)

    def __init__(self) -> None:
        self._entries: set[V] = set()

    def __bool__(self) -> bool:
        return bool(self._entries)

    def add(self, way: None, entry: V) -> None:
        self._entries.add(entry)

    def remove(self, way: None, entry: V) -> None:
        self._entries.discard(entry)

    def collect(self, facts: Facts, found: set[V]) -> None:
        found |= self._entries


class _Ids(_Found[V]):
    __slots__ = ("_ids",)

    def __init__(self) -> None:
        self._ids: Buckets[str, V] = Buckets()

    def __bool__(self) -> bool:
        return bool(self._ids)

    def add(self, way: ById, entry: V) -> None:
        self._ids.add(way.id, entry)

    def remove(self, way: ById, entry: V) -> None:
        self._ids.remove(way.id, entry)

    def collect(self, facts: Facts, found: set[V]) -> None:
        self._ids.collect(facts.entity.id, found)


class _Prefixes(_Found[V]):
    __slots__ = ("_by_length",)

    def __init__(self) -> None:
        self._by_length: dict[int, Buckets[str, V]] = {}

    def __bool__(self) -> bool:
        return bool(self._by_length)

    def add(self, way: ByPrefix, entry: V) -> None:
        self._by_length.setdefault(len(way.text), Buckets()).add(way.text, entry)

    def remove(self, way: ByPrefix, entry: V) -> None:
        prefixes = self._by_length.get(len(way.text), Buckets())
        prefixes.remove(way.text, entry)
        if not prefixes:
            self._by_length.pop(len(way.text), None)

    def collect(self, facts: Facts, found: set[V]) -> None:
        entity_id = facts.entity.id
        for length, prefixes in self._by_length.items():
            prefixes.collect(entity_id[:length], found)


class _Places(_Found[V]):
    __slots__ = ("_grids",)

    def __init__(self) -> None:
        self._grids: dict[str, Grid[V]] = {}

    def __bool__(self) -> bool:
        return any(self._grids.values())

    def add(self, way: ByPlace, entry: V) -> None:
        self._grids.setdefault(way.name, Grid()).add(way.box, entry)

    def remove(self, way: ByPlace, entry: V) -> None:
        if way.name in self._grids:
            self._grids[way.name].remove(way.box, entry)

    def collect(self, facts: Facts, found: set[V]) -> None:
        for name, grid in self._grids.items():
            for instance in facts.entity.attributes.get(name, ()):
                if instance["type"] == "GeoProperty":
                    grid.collect(instance["value"], found)


class _Values(_Found[V]):
    __slots__ = ("_by_name",)

    def __init__(self) -> None:
        self._by_name: dict[str, Buckets[Value, V]] = {}

    def __bool__(self) -> bool:
        return any(self._by_name.values())

    def add(self, way: ByValue, entry: V) -> None:
        buckets = self._by_name.setdefault(way.name, Buckets())
        for value in way.values:
            buckets.add(value, entry)

    def remove(self, way: ByValue, entry: V) -> None:
        for value in way.values:
            self._by_name.get(way.name, Buckets()).remove(value, entry)

    def collect(self, facts: Facts, found: set[V]) -> None:
        for name, buckets in self._by_name.items():
            for element in facts.elements(name):
                value = value_of(element)
                if value is not None:
                    buckets.collect(value, found)


class _Numbers(_Found[V]):
    __slots__ = ("_by_name",)

    def __init__(self) -> None:
        self._by_name: dict[str, Thresholds[V]] = {}

    def __bool__(self) -> bool:
        return any(self._by_name.values())

    def add(self, way: ByNumber, entry: V) -> None:
        self._by_name.setdefault(way.name, Thresholds()).add(way.operator, way.bound, entry)

    def remove(self, way: ByNumber, entry: V) -> None:
        if way.name in self._by_name:
            self._by_name[way.name].remove(way.operator, way.bound, entry)

    def collect(self, facts: Facts, found: set[V]) -> None:
        for name, thresholds in self._by_name.items():
            thresholds.collect([each for each in facts.elements(name) if type(each) in _NUMBERS], found)


_WAYS: Final[dict[type, type[_Found[Any]]]] = {
    type(None): _All,
    ById: _Ids,
    ByPrefix: _Prefixes,
    ByPlace: _Places,
    ByValue: _Values,
    ByNumber: _Numbers,
}


class Node(Generic[V]):
    """Entries of one type and one watched attribute."""

    __slots__ = ("_ways",)

    def __init__(self) -> None:
        self._ways: dict[type, _Found[V]] = {}

    def __bool__(self) -> bool:
        return bool(self._ways)

    def add(self, way: Way, entry: V) -> None:
        """Put an entry."""
        kind = type(way)
        if kind not in self._ways:
            self._ways[kind] = _WAYS[kind]()
        self._ways[kind].add(way, entry)

    def remove(self, way: Way, entry: V) -> None:
        """Take an entry away that was put so."""
        found = self._ways.get(type(way))
        if found is not None:
            found.remove(way, entry)
            if not found:
                del self._ways[type(way)]

    def collect(self, facts: Facts, found: set[V]) -> None:
        """Add the entries that an entity may concern."""
        for way in self._ways.values():
            way.collect(facts, found)
