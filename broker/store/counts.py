"""Maintained counts: how many entities of which types there are, and how many attributes of which kinds they have.

A document counts for one slot, one set of types and one attribute:

    {_id: slot, set of types, attribute, as one string
     t: [type IRI, …],
     a: attribute name, "" for the entities themselves,
     n: {kind: instances}}                               for the entities {"Entity": entities}

They change in the transaction of what they count. A slot belongs to one group in flight: two groups that shared a count
would conflict. Readers sum over the slots.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeAlias

from pymongo import UpdateOne
from pymongo.asynchronous.collection import AsyncCollection

from broker.model.entity import Entity, Instance
from broker.query.ast import HasType, TypeSelection
from broker.query.plan import Selector
from broker.query.to_predicate import selects
from broker.store.commits import Deriving, Owed
from broker.store.errors import asking
from broker.store.indexes import COUNTS

OF_ENTITIES: Final = ""
"""In the place of an attribute: the entities themselves are counted."""
_ENTITY: Final = "Entity"

_Key: TypeAlias = tuple[tuple[str, ...], str, str]
"""Types, attribute, kind."""


class Count(NamedTuple):
    """How many instances of a kind an attribute has in the entities of a set of types."""

    types: tuple[str, ...]
    attribute: str
    kind: str
    instances: int


def derive(deriving: Deriving) -> Iterator[Owed]:
    """What the changes do to the counts, as updates of this slot."""
    deltas: Counter[_Key] = Counter()
    for change in deriving.changes:
        if not _counts_alike(change.old, change.new):
            _count(deltas, change.old, -1)
            _count(deltas, change.new, 1)
    increments: dict[tuple[tuple[str, ...], str], dict[str, int]] = {}
    for (types, attribute, kind), delta in deltas.items():
        if delta:
            increments.setdefault((types, attribute), {})[f"n.{kind}"] = delta
    for (types, attribute), increment in increments.items():
        key = f"{deriving.slot} {_digest(types)} {attribute}"
        seed = {"t": list(types), "a": attribute}
        yield Owed(COUNTS, UpdateOne({"_id": key}, {"$inc": increment, "$setOnInsert": seed}, upsert=True))


async def read(
    counts: AsyncCollection[dict[str, Any]], types: str | None = None, attribute: str | None = None
) -> list[Count]:
    """All counts above zero, of sets with a type and of one attribute as far as they are named.

    Raises StoreUnavailable.
    """
    wanted = {field: value for field, value in (("t", types), ("a", attribute)) if value is not None}
    sums: Counter[_Key] = Counter()
    with asking("counts"):
        async for document in counts.find(wanted, {"_id": 0}, batch_size=10_000):
            for kind, number in document["n"].items():
                sums[tuple(document["t"]), document["a"], kind] += number
    return [Count(*key, number) for key, number in sums.items() if number > 0]


async def total(counts: AsyncCollection[dict[str, Any]], selectors: Sequence[Selector]) -> int:
    """How many entities have types that a selector selects; all, without selectors. Raises StoreUnavailable."""
    selections = [selector.types for selector in selectors]
    name = selections[0].name if len(selections) == 1 and isinstance(selections[0], HasType) else None
    found = await read(counts, name, OF_ENTITIES)
    return sum(count.instances for count in found if not selections or _selected(selections, count.types))


def _selected(selections: Sequence[TypeSelection | None], types: tuple[str, ...]) -> bool:
    return any(selection is None or selects(selection, types) for selection in selections)


def _counts_alike(old: Entity | None, new: Entity | None) -> bool:
    """Whether nothing that is counted differs: mostly so, since updates mostly change values."""
    if old is None or new is None:
        return old is new
    if old.types != new.types or len(old.attributes) != len(new.attributes):
        return False
    present = old.attributes.get
    for name, instances in new.attributes.items():
        before = present(name)
        if before is not instances and (before is None or not _alike(before, instances)):
            return False
    return True


def _alike(old: list[Instance], new: list[Instance]) -> bool:
    """Whether instances are of the same kinds. They are mostly one."""
    if len(old) == len(new) == 1:
        return bool(old[0]["type"] == new[0]["type"])
    return _kinds(old) == _kinds(new)


def _kinds(instances: list[Instance]) -> list[str]:
    return sorted(instance["type"] for instance in instances)


def _count(deltas: Counter[_Key], entity: Entity | None, sign: int) -> None:
    if entity is None:
        return
    types = tuple(sorted(entity.types))
    deltas[types, OF_ENTITIES, _ENTITY] += sign
    for name, instances in entity.attributes.items():
        for instance in instances:
            deltas[types, name, instance["type"]] += sign


@lru_cache(maxsize=4096)
def _digest(types: tuple[str, ...]) -> str:
    """A short name for a set of types."""
    return hashlib.sha256("\n".join(types).encode()).hexdigest()[:16]
