"""What of a change goes into history: every attribute instance that a write touched (GS CIM 009 §4.5.6).

A write that sends an equal value again touches the instance, too: it is another object then (`broker.model.merge`),
and another point; but of the scopes, which are no attribute. What a write removes leaves a deletion. Rules can have it
otherwise.
"""

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any, Final, NamedTuple, TypeAlias

from broker.model.entity import Attributes, Entity, Instance, created_at, modified_at
from broker.model.instances import by_dataset
from broker.model.merge import SCOPE
from broker.model.series import Row, microseconds, series_key
from broker.model.temporal import Duration

_TIMES: Final = frozenset({"createdAt", "modifiedAt", "observedAt"})

Marks: TypeAlias = dict[str, list[Any]]
"""Series key to [time in microseconds, number or None] of the last point that was recorded."""


class Mode(StrEnum):
    """Which writes of an attribute are recorded."""

    ALL = "all"
    CHANGES = "changes"
    """Those after which something but its times differs."""
    OFF = "off"


class Rule(NamedTuple):
    """How attributes of one name are recorded.

    `interval`: microseconds that lie between two points at least. `dead_band`: by how much a number differs from the
    last one recorded at least. Deletions are recorded all the same.
    """

    mode: Mode = Mode.ALL
    interval: int = 0
    dead_band: float = 0
    retention: Duration | None = None
    """How long points are kept; None for ever."""

    @property
    def needs_marks(self) -> bool:
        """Whether the last point recorded decides on the next."""
        return self.mode is not Mode.OFF and (self.interval > 0 or self.dead_band > 0)


EVERYTHING: Final = Rule()
Rules: TypeAlias = Callable[[tuple[str, ...], str], Rule]
"""(types of the entity, attribute) to the rule of both."""


class Recorded(NamedTuple):
    """A point to be recorded: the instance is as its entity holds it, `owner` the entity's createdAt."""

    name: str
    owner: str
    instance: Instance
    deleted_at: str | None = None


def as_row(sequence: int, owner: str, instance: Instance, deleted_at: str | None) -> Row:
    """The row of a recorded point."""
    created = created_at(instance, owner)
    body = {member: content for member, content in instance.items() if member not in ("createdAt", "modifiedAt")}
    if deleted_at is not None:
        return Row(sequence, created, deleted_at, True, body)
    return Row(sequence, created, modified_at(instance, owner), False, body)


def recorded(old: Entity | None, new: Entity | None, instant: str) -> list[Recorded]:
    """The points of a step from one state to the next."""
    points: list[Recorded] = []
    before = old.attributes if old is not None else {}
    after = new.attributes if new is not None else {}
    if new is not None:
        _add_touched(points, before, after, new.created_at)
    if old is not None:
        _add_removed(points, before, after, old.created_at, instant)
    points += _scopes(old, new, instant)
    return points


def differ(old: Any, new: Any) -> bool:
    """Whether two instances, or anything in them, differ in more than their times."""
    if old.__class__ is dict and new.__class__ is dict:
        members = (old.keys() | new.keys()) - _TIMES
        return any(differ(old.get(member), new.get(member)) for member in members)
    if old.__class__ is list and new.__class__ is list:
        return len(old) != len(new) or any(map(differ, old, new))
    return old.__class__ is not new.__class__ or bool(old != new)


def kept(point: Recorded, rule: Rule, old: Entity | None, marks: Marks) -> bool:
    """Whether a rule records a point; then `marks` remember it, if the rule needs that."""
    if rule.mode is Mode.OFF:
        return False
    if point.deleted_at is not None:
        return True
    dataset_id = point.instance.get("datasetId")
    if rule.mode is Mode.CHANGES and old is not None:
        before = by_dataset(old.attributes.get(point.name, [])).get(dataset_id)
        if before is not None and not differ(before, point.instance):
            return False
    if not rule.needs_marks:
        return True
    key = series_key(point.name, dataset_id)
    time = microseconds(point.instance.get("observedAt") or modified_at(point.instance, point.owner))
    number = _number(point.instance)
    last = marks.get(key)
    if last is not None:
        if abs(time - last[0]) < rule.interval:
            return False
        if number is not None and last[1] is not None and abs(number - last[1]) < rule.dead_band:
            return False
    marks[key] = [time, number]
    return True


def _add_touched(points: list[Recorded], before: Attributes, after: Attributes, owner: str) -> None:
    for name, instances in after.items():
        was = before.get(name, ())
        if was is instances:
            continue
        if len(instances) == 1 and len(was) <= 1:  # mostly
            if not was or was[0] is not instances[0]:
                points.append(Recorded(name, owner, instances[0]))
            continue
        untouched = {id(instance) for instance in was}
        points += [Recorded(name, owner, instance) for instance in instances if id(instance) not in untouched]


def _add_removed(points: list[Recorded], before: Attributes, after: Attributes, owner: str, instant: str) -> None:
    for name, instances in before.items():
        left = after.get(name, ())
        if left is instances:
            continue
        if len(left) == len(instances) == 1 and left[0].get("datasetId") == instances[0].get("datasetId"):
            continue
        datasets = {instance.get("datasetId") for instance in left}
        for instance in instances:
            if instance.get("datasetId") not in datasets:
                points.append(Recorded(name, owner, _bare(instance), instant))


def _bare(instance: Instance) -> Instance:
    """An instance without its value, for a deletion."""
    return {member: instance[member] for member in ("type", "datasetId", "createdAt") if member in instance}


def _scopes(old: Entity | None, new: Entity | None, instant: str) -> Iterator[Recorded]:
    before = old.scopes if old is not None else ()
    after = new.scopes if new is not None else ()
    owner = new.created_at if new is not None else old.created_at if old is not None else instant
    if after and after != before:
        yield Recorded(SCOPE, owner, scope_instance(after, instant, owner))
    elif before and not after:
        yield Recorded(SCOPE, owner, {"type": "Property"}, instant)


def scope_instance(scopes: tuple[str, ...], instant: str, owner: str) -> Instance:
    """Scopes as the instance of a Property: they are as they were observed when they were written."""
    instance: Instance = {"type": "Property", "value": list(scopes), "observedAt": instant}
    return instance if instant == owner else {**instance, "modifiedAt": instant}


def _number(instance: Instance) -> float | None:
    value = instance.get("value")
    return value if value.__class__ is int or value.__class__ is float else None
