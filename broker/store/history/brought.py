"""Instances that requests and files bring: which of them stand for one point, and the rows that they become.

An instance with a `deletedAt` is what a deletion left: it has no value. An empty one means the instant of its coming.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from broker.model.entity import Entity, Instance
from broker.model.instants import instant_key
from broker.model.merge import SCOPE
from broker.model.series import Row, instant, microseconds
from broker.store.history.tail import Found

Brought: TypeAlias = Mapping[str, Sequence[Instance]]
Identity: TypeAlias = tuple[str, str | None, str, bool]
"""Attribute, datasetId, the instant by which a point is known, whether that is its deletedAt."""

_SYSTEM: Final = frozenset({"createdAt", "modifiedAt", "deletedAt"})
_NOW: Final = "~"
"""Behind all times."""


def newest(instances: Iterable[Instance]) -> list[Instance]:
    """Of each datasetId the instance that was observed, or deleted, last; those without a time come before all others.

    Of equal times the last.
    """
    found: dict[Any, tuple[str, Instance]] = {}
    for instance in instances:
        dataset_id, seen = instance.get("datasetId"), _seen(instance)
        if dataset_id not in found or seen >= found[dataset_id][0]:
            found[dataset_id] = seen, instance
    return [instance for _, instance in found.values()]


def _seen(instance: Instance) -> str:
    time = instance.get("observedAt") or instance.get("deletedAt")
    return instant_key(time) if time else _NOW if "deletedAt" in instance else ""


def current(entity_id: str, types: tuple[str, ...], attributes: Brought) -> Entity:
    """The state that the newest instances make."""
    shown: dict[str, list[Instance]] = {}
    for name, instances in attributes.items():
        there = [each for each in newest(instances) if "deletedAt" not in each]
        if there:
            shown[name] = sorted(there, key=lambda instance: "datasetId" in instance)
    scope = shown.pop(SCOPE, None)
    return Entity(entity_id, types, shown, "", "", tuple(scope[0]["value"]) if scope else ())


def count(attributes: Brought) -> int:
    """How many instances there are."""
    return sum(map(len, attributes.values()))


def identity(name: str, instance: Instance) -> Identity | None:
    """What an instance has in common with those that it replaces; None if it stands for itself alone."""
    seen, gone = instance.get("observedAt"), instance.get("deletedAt")
    time = seen or gone
    return (name, instance.get("datasetId"), instant_key(time), seen is None) if time else None


def identity_of(found: Found) -> Identity | None:
    """The same of a row."""
    row = found.row
    times = {"deletedAt": row.modified} if row.deleted else {}
    return identity(found.name, {"datasetId": found.dataset_id, **times, **row.body})


def by_identity(attributes: Brought) -> dict[Identity, Instance]:
    """Instances by what they have in common: the last of equal ones."""
    found = ((identity(name, instance), instance) for name, instance in _each(attributes))
    return {key: instance for key, instance in found if key is not None}


def unrepeated(attributes: Brought) -> dict[str, Sequence[Instance]]:
    """Instances without those that a later one replaces."""
    last = by_identity(attributes)
    return {
        name: [each for each in instances if (key := identity(name, each)) is None or last[key] is each]
        for name, instances in attributes.items()
    }


def spans(attributes: Brought) -> dict[str, list[int]]:
    """The least and the greatest time by which instances are known, by the field of blocks that has it."""
    found: dict[str, list[int]] = {}
    for instance in by_identity(attributes).values():
        field = "o" if "observedAt" in instance else "x"
        found.setdefault(field, []).append(microseconds(instance.get("observedAt") or instance["deletedAt"]))
    return {field: [min(times), max(times)] for field, times in found.items()}


def oldest(attributes: Brought) -> int | None:
    """The least time by which instances are known, in microseconds since 1970."""
    return min((span[0] for span in spans(attributes).values()), default=None)


def row_of(instance: Instance, sequence: int, now: str) -> Row:
    """The row of an instance that comes now."""
    body = {member: content for member, content in instance.items() if member not in _SYSTEM}
    if "deletedAt" not in instance:
        return Row(sequence, now, now, False, body)
    gone = instant(microseconds(instance["deletedAt"] or now))
    return Row(sequence, min(gone, now, key=instant_key), gone, True, body)


def rows(attributes: Brought, number: int, now: str) -> Iterator[Found]:
    """Rows with odd sequences: no commit gives them. `number`: the first that no point of the entity has.

    Scopes without a time were observed now, as those are that a write of the current state leaves.
    """
    for place, (name, instance) in enumerate(_each(attributes)):
        timed = {"observedAt": now, **instance} if name == SCOPE and "deletedAt" not in instance else instance
        yield Found(name, instance.get("datasetId"), row_of(timed, 2 * (number + place) + 1, now))


def _each(attributes: Brought) -> Iterator[tuple[str, Instance]]:
    for name, instances in attributes.items():
        for instance in instances:
            yield name, instance
