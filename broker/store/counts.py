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
from collections.abc import Iterable, Iterator, Mapping, Sequence
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

Counts: TypeAlias = AsyncCollection[dict[str, Any]]
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


async def read(counts: Counts, types: str | None = None, attribute: str | None = None) -> list[Count]:
    """All counts above zero, of sets with a type and of one attribute as far as they are named.

    Raises StoreUnavailable.
    """
    with asking("counts"):
        cursor = counts.find(_wanted(types, attribute), {"_id": 0}, batch_size=10_000)
        return _summed(await cursor.to_list())


async def total(counts: Counts, selectors: Sequence[Selector]) -> int:
    """How many entities have types that a selector selects; all, without selectors. Raises StoreUnavailable."""
    return _sum_of(await read(counts, _only_type(selectors), OF_ENTITIES), selectors)


def wanted(selectors: Sequence[Selector]) -> dict[str, str]:
    """The filter of the documents that `total_of` sums."""
    return _wanted(_only_type(selectors), OF_ENTITIES)


def total_of(documents: Iterable[Mapping[str, Any]], selectors: Sequence[Selector]) -> int:
    """As `total`, of documents that were read."""
    return _sum_of(_summed(documents), selectors)


def _sum_of(counts: Iterable[Count], selectors: Sequence[Selector]) -> int:
    """The sum of those counts whose types a selector selects."""
    selections = [selector.types for selector in selectors]
    return sum(count.instances for count in counts if not selections or _selected(selections, count.types))


def _only_type(selectors: Sequence[Selector]) -> str | None:
    """The type that decides alone, if one does."""
    selection = selectors[0].types if len(selectors) == 1 else None
    return selection.name if isinstance(selection, HasType) else None


def _wanted(types: str | None, attribute: str | None) -> dict[str, str]:
    return {field: value for field, value in (("t", types), ("a", attribute)) if value is not None}


def _summed(documents: Iterable[Mapping[str, Any]]) -> list[Count]:
    """The sums over the slots, as far as they are above zero."""
    sums: Counter[_Key] = Counter()
    for document in documents:
        for kind, number in document["n"].items():
            sums[tuple(document["t"]), document["a"], kind] += number
    return [Count(*key, number) for key, number in sums.items() if number > 0]


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
