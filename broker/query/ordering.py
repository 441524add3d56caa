"""The order of entities (GS CIM 009 §4.23): what an entity is ordered by, as keys that Python compares.

Values of different kinds are ordered by kind: numbers, strings, objects, arrays, booleans, Times, Dates, DateTimes,
null, then entities that have no such value; descending, all of it is turned round. Of several instances the first
counts, of several texts that without a language or the first. Objects and arrays are ordered by their JSON.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import IntEnum
from operator import itemgetter
from typing import Any, Final, TypeAlias, TypeVar

import orjson

from broker.model.entity import Entity, Instance
from broker.model.instants import instant_key
from broker.names import DEFAULT_DATASET
from broker.query.ast import Date, DateTime, Distance, OrderKey, Path, Time
from broker.query.comparisons import time_key
from broker.query.geo_predicate import distance_from
from broker.query.literals import temporal
from broker.query.targets import instances, targets

T = TypeVar("T")


class Rank(IntEnum):
    """Kinds of values, in their order."""

    NUMBER = 1
    STRING = 2
    OBJECT = 3
    ARRAY = 4
    BOOLEAN = 5
    TIME = 6
    DATE = 7
    DATE_TIME = 8
    NULL = 9
    ABSENT = 10


Key: TypeAlias = tuple[int, Any]
_ABSENT: Final[Key] = (Rank.ABSENT, 0)


def keys_of(order: OrderKey) -> Callable[[Entity], Key]:
    """The function from an entity to its key. The second part of a string's key is the string itself: see `ordered`."""
    match order.by:
        case "id":
            return lambda entity: (Rank.OBJECT, entity.id)  # URIs: by code points, in no collation
        case "type":
            return lambda entity: (Rank.STRING, min(entity.types))
        case Path() as path:
            return _by_path(path)
        case Distance() as distance:
            return _by_distance(distance)
        case _:
            raise AssertionError(f"nothing is ordered by {order.by}")


def strings(keyed: Sequence[Sequence[Key]]) -> set[str]:
    """The strings in the keys, which a collation orders."""
    return {value for keys in keyed for rank, value in keys if rank == Rank.STRING}


def ordered(
    entities: Sequence[T],
    keyed: Sequence[Sequence[Key]],
    orders: Sequence[OrderKey],
    places: Mapping[str, int],
) -> list[T]:
    """Entities, or what stands for them, in order.

    Given are their keys for each OrderKey, and the places of strings in the collation.
    Entities with equal keys stay as they are.
    """
    rows = [
        ([(rank, places[value]) if rank == Rank.STRING else (rank, value) for rank, value in keys], entity)
        for entity, keys in zip(entities, keyed, strict=True)
    ]
    for position in reversed(range(len(orders))):
        rows.sort(key=lambda row: row[0][position], reverse=orders[position].descending)
    return list(map(itemgetter(1), rows))


def _by_path(path: Path) -> Callable[[Entity], Key]:
    if path.member is not None or path.inside is not None:
        found = targets(path, ordered=False, linked={})

        def by_target(entity: Entity) -> Key:
            elements = next(found(entity), None)
            if elements is None:
                return _ABSENT
            return _key(elements[0] if len(elements) == 1 else list(elements))

        return by_target

    def by_value(entity: Entity) -> Key:
        for instance, _ in instances(entity.attributes, path.names, entity.created_at):
            return _key(next(_values(instance)))
        return _ABSENT

    return by_value


def _by_distance(order: Distance) -> Callable[[Entity], Key]:
    measured = distance_from({"type": order.kind, "coordinates": order.coordinates})
    sign = -1 if order.farthest_first else 1

    def by_distance(entity: Entity) -> Key:
        for instance, _ in instances(entity.attributes, order.path.names, entity.created_at):
            if instance["type"] == "GeoProperty":
                return Rank.NUMBER, sign * measured(instance["value"])
        return _ABSENT

    return by_distance


def _values(instance: Instance) -> Iterator[Any]:
    """The value of an instance."""
    match instance:
        case {"languageMap": languages}:
            texts = languages.get(DEFAULT_DATASET) or next(iter(languages.values()))
            yield texts[0] if isinstance(texts, list) and texts else texts
        case {"value": {"@value": content}}:
            yield content
        case {"value": value} | {"object": value} | {"vocab": value} | {"json": value}:
            yield value
        case {"valueList": value} | {"objectList": value}:
            yield value


def _key(value: Any) -> Key:
    match value:
        case None:
            return Rank.NULL, 0
        case bool():
            return Rank.BOOLEAN, value
        case int() | float():
            return Rank.NUMBER, value
        case str():
            return _text_key(value)
        case dict():
            return Rank.OBJECT, orjson.dumps(value).decode()
        case _:
            return Rank.ARRAY, orjson.dumps(value).decode()


def _text_key(text: str) -> Key:
    match temporal(text):
        case DateTime(instant):
            return Rank.DATE_TIME, instant_key(instant)
        case Date(day):
            return Rank.DATE, day
        case Time(hour):
            return Rank.TIME, time_key(hour)
        case _:
            return Rank.STRING, text
