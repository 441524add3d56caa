"""Geo-queries as a function of an entity in memory (GS CIM 009 §4.10). It decides; the filter only narrows down."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import compress
from typing import Any, TypeAlias, assert_never

import numpy as np
import spherely

from broker.model.entity import Entity
from broker.query import sphere
from broker.query.ast import GeoCondition, Relation
from broker.query.convex import INSIDE, UNSURE, convex
from broker.query.geo_filter import ANYWHERE
from broker.query.sphere import Geography, Geometry, Operand, Truth

Test: TypeAlias = Callable[[Operand], Truth]
Places: TypeAlias = Sequence[dict[str, Any]]
"""What is in the index of an entity's geometries: the field `g` of its document."""


@lru_cache(maxsize=256)
def located(condition: GeoCondition) -> Callable[[Entity], bool]:
    """Whether one of the instances of the GeoProperty stands in the relation. The reference is prepared once."""
    test = _test(condition, prepared(condition.geometry))
    name = condition.name

    def meets(entity: Entity) -> bool:
        for instance in entity.attributes.get(name, ()):
            if instance["type"] == "GeoProperty" and test(sphere.geography(instance["value"])):
                return True
        return False

    return meets


@lru_cache(maxsize=256)
def placed(condition: GeoCondition) -> Callable[[Sequence[Places]], list[bool | None]]:
    """As `located`, of the places of many entities; None for one if more than that must be looked at."""
    test = _of_many(condition)
    name = condition.name

    def meet(many: Sequence[Places]) -> list[bool | None]:
        verdicts: list[bool | None] = [False] * len(many)
        owners: list[int] = []
        targets: list[Geometry] = []
        for number, places in enumerate(many):
            for place in places:
                keys = place["k"]
                if keys[0] == ANYWHERE:
                    verdicts[number] = None
                elif keys[0] == name:
                    owners.append(number)
                    targets.append(place["v"])
        if targets:
            for number in compress(owners, test(targets)):
                verdicts[number] = True
        return verdicts

    return meet


def distance_from(reference: Geometry) -> Callable[[Geometry], float]:
    """The function from a geometry to its distance from a reference, in metres, for ordering (GS CIM 009 §4.23)."""
    origin = prepared(reference)
    return lambda geometry: float(sphere.distance(sphere.geography(geometry), origin))


def prepared(geometry: Geometry) -> Geography:
    """The geometry with S2's index over its edges, for many comparisons."""
    built = sphere.geography(geometry)
    spherely.prepare(built)
    return built


def _of_many(condition: GeoCondition) -> Callable[[Sequence[Geometry]], Truth]:
    """The test of many geometries at once."""
    test = _test(condition, prepared(condition.geometry))

    def by_geometry(targets: Sequence[Geometry]) -> Truth:
        return test(sphere.geographies(targets))

    area = convex(condition.geometry) if condition.relation in (Relation.WITHIN, Relation.INTERSECTS) else None
    if area is None:
        return by_geometry

    def by_place(targets: Sequence[Geometry]) -> Truth:
        if any(target["type"] != "Point" for target in targets):
            return by_geometry(targets)
        sides = area.sides([target["coordinates"] for target in targets])
        found = sides == INSIDE
        unsure = np.flatnonzero(sides == UNSURE)
        if len(unsure):
            found[unsure] = by_geometry([targets[number] for number in unsure.tolist()])
        return found

    return by_place


def _test(condition: GeoCondition, reference: Geography) -> Test:
    metres = condition.metres
    match condition.relation:
        case Relation.NEARER:
            return lambda target: sphere.distance(target, reference) <= metres
        case Relation.FARTHER:
            return lambda target: sphere.distance(target, reference) >= metres
        case Relation.WITHIN:
            return lambda target: sphere.within(target, reference)
        case Relation.CONTAINS:
            return lambda target: sphere.within(reference, target)
        case Relation.INTERSECTS:
            return lambda target: sphere.intersects(target, reference)
        case Relation.EQUALS:
            return lambda target: sphere.equals(target, reference)
        case Relation.DISJOINT:
            return lambda target: np.logical_not(sphere.intersects(target, reference))
        case Relation.OVERLAPS:
            return lambda target: sphere.overlaps(target, reference)
        case _:
            assert_never(condition.relation)
