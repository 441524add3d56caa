"""Scopes over time: each holds from when it was set until it is replaced or removed (GS CIM 009 §4.18)."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from broker.model.entity import Entity
from broker.model.instants import instant_key
from broker.model.temporal import Evolution, Point, Reading, TimeProperty, Window
from broker.names import SCOPE
from broker.query.ast import ScopeCondition
from broker.query.to_predicate import in_scopes
from broker.store.history.history import History


class Validity(NamedTuple):
    """Scopes, and keys of the instants between which they hold: from `start` until before `end`."""

    scopes: tuple[str, ...]
    start: str
    end: str


_FOR_EVER = instant_key("9999-12-31T23:59:59.999999Z")


async def in_scope(
    history: History, tenant: str, ids: Sequence[str], condition: ScopeCondition, window: Window
) -> list[str]:
    """Those of the entities whose scopes meet the condition at some time in the window."""
    read = await history.read(tenant, ids, Reading(attributes=frozenset({SCOPE})))
    holds = in_scopes(condition)
    return [
        each.id
        for each in read.evolutions
        if any(
            _overlaps(validity, window) and holds(_with_scopes(each, validity))
            for validity in validities(each, window.timeproperty)
        )
    ]


def validities(evolution: Evolution, timeproperty: TimeProperty) -> Iterator[Validity]:
    """When the entity had which scopes, in order."""
    points = [point for series in evolution.attributes.get(SCOPE, {}).values() for point in series]
    points.sort(key=lambda point: (_since(point, timeproperty), point.sequence))
    ends = [_since(point, timeproperty) for point in points[1:]]
    for point, end in zip(points, [*ends, _FOR_EVER], strict=False):
        if point.deleted_at is None:
            yield Validity(tuple(point.instance["value"]), _since(point, timeproperty), end)


def _since(point: Point, timeproperty: TimeProperty) -> str:
    return instant_key(point.deleted_at or point.time(timeproperty) or point.modified_at)


def _overlaps(validity: Validity, window: Window) -> bool:
    if window.end is not None and validity.start >= instant_key(window.end):
        return False
    return window.start is None or validity.end > instant_key(window.start)


def _with_scopes(evolution: Evolution, validity: Validity) -> Entity:
    return Entity(evolution.id, evolution.types, {}, evolution.created_at, evolution.modified_at, validity.scopes)
