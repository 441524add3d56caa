"""The subscriptions of all tenants in the memory of a worker, and what a commit's changes owe them.

What is kept of each is its JSON and its places in the index; what it compiles to is made when it is wanted, and
remembered for those that are wanted often. Tenants are brought up to date by the configuration epoch, and only with
what has changed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from time import monotonic
from typing import Final, NamedTuple, TypeAlias

import orjson
from cachetools import LRUCache

from broker.errors import BrokerError, TooComplexQuery
from broker.model.entity import Entity
from broker.query.to_predicate import Predicate, matches
from broker.store.commits import Change, Deriving, Owed
from broker.store.outbox import Debts
from broker.store.subscriptions import REMEMBERED, Changed
from broker.subscriptions.document import MAX_LINKED, Subscription, compile_kept
from broker.subscriptions.index import Index
from broker.subscriptions.steps import Step, step
from broker.telemetry import log

Load: TypeAlias = Callable[[str, int], Awaitable[Sequence[Changed]]]
"""(tenant, epoch) -> the subscriptions that changed after it; -1: all that there are."""

COMPILED: Final = 4096
"""Subscriptions that are remembered as they compile."""
ANEW_AFTER: Final = REMEMBERED / 2
"""Seconds after which a tenant is read as a whole, since deletions are remembered only so long."""
_BREATH: Final = 200
"""Subscriptions that are taken in at a stretch."""

_logger = log(__name__)


class _Entry:
    """A subscription, as little of it as is needed."""

    __slots__ = ("id", "kept")

    def __init__(self, id_: str, kept: bytes) -> None:
        self.id = id_
        self.kept = kept


class _Compiled(NamedTuple):
    subscription: Subscription
    matches: Predicate


class _Tenant:
    """The subscriptions of one tenant."""

    __slots__ = ("entries", "epoch", "index", "looked", "periodic")

    def __init__(self) -> None:
        self.entries: dict[str, _Entry] = {}
        self.index: Index[_Entry] = Index()
        self.periodic: dict[str, _Entry] = {}
        self.epoch = -1
        self.looked = monotonic()


class Registry:
    """One per worker."""

    def __init__(self, load: Load, max_linked: int = MAX_LINKED) -> None:
        self._load = load
        self._max_linked = max_linked
        self._tenants: dict[str, _Tenant] = {}
        self._compiled: LRUCache[tuple[str, _Entry], _Compiled] = LRUCache(COMPILED)

    def get(self, tenant: str, subscription_id: str) -> Subscription | None:
        """A subscription, as far as this worker has been told."""
        known = self._tenants.get(tenant)
        entry = known.entries.get(subscription_id) if known is not None else None
        return None if entry is None else self._compile(tenant, entry).subscription

    def periodic(self) -> Iterator[Subscription]:
        """The time-driven subscriptions of all tenants that this worker knows."""
        for tenant, known in list(self._tenants.items()):
            for entry in list(known.periodic.values()):
                yield self._compile(tenant, entry).subscription

    def count(self, tenant: str) -> int:
        """How many subscriptions the worker knows of a tenant."""
        known = self._tenants.get(tenant)
        return 0 if known is None else len(known.entries)

    async def reload(self, tenant: str) -> None:
        """Take in what has changed. Raises StoreUnavailable."""
        known = self._tenants.get(tenant)
        if known is None or monotonic() - known.looked > ANEW_AFTER:
            known = _Tenant()
        looked = monotonic()
        for number, changed in enumerate(await self._load(tenant, known.epoch)):
            self._take(tenant, known, changed)
            if number % _BREATH == _BREATH - 1:
                await asyncio.sleep(0)
        known.looked = looked
        self._tenants[tenant] = known

    def forget(self, tenant: str) -> None:
        """Know nothing of a tenant."""
        self._tenants.pop(tenant, None)

    def derive(self, deriving: Deriving) -> Iterable[Owed]:
        """What the changes of a group owe: to each subscription a notification of each request's changes."""
        known = self._tenants.get(deriving.tenant)
        if known is None or not known.index:
            return []
        hits: dict[tuple[int, str], list[int]] = {}
        for position, change in enumerate(deriving.changes):
            for subscription_id in self._matching(deriving.tenant, known, change):
                hits.setdefault((change.request, subscription_id), []).append(position)
        together: dict[tuple[int, ...], list[str]] = {}
        for (_, subscription_id), positions in hits.items():
            together.setdefault(tuple(positions), []).append(subscription_id)
        debts = Debts(deriving)
        return [
            owed
            for positions, ids in together.items()
            for owed in debts.owe(ids, [deriving.changes[each] for each in positions])
        ]

    def matching(self, tenant: str, change: Change) -> list[str]:
        """The ids of the subscriptions that a change concerns."""
        known = self._tenants.get(tenant)
        return [] if known is None else self._matching(tenant, known, change)

    def _matching(self, tenant: str, known: _Tenant, change: Change) -> list[str]:
        state = change.new or change.old
        if state is None or not known.index.has_any_for(state.types):
            return []
        taken = step(change.old, change.new)
        if taken is None:
            return []
        return sorted(
            entry.id
            for entry in known.index.candidates(taken)
            if _concerns(self._compile(tenant, entry), change, taken)
        )

    def _take(self, tenant: str, known: _Tenant, changed: Changed) -> None:
        old = known.entries.pop(changed.id, None)
        if old is not None:
            before = self._compile(tenant, old).subscription
            if _is_indexed(before):
                known.index.remove(before, old)
            known.periodic.pop(changed.id, None)
            self._compiled.pop((tenant, old), None)
        known.epoch = max(known.epoch, changed.epoch)
        if changed.kept is None:
            return
        entry = _Entry(changed.id, bytes(changed.kept))
        try:
            subscription = compile_kept(tenant, orjson.loads(entry.kept), self._max_linked)
        except BrokerError as error:
            _logger.error("subscription not understood", tenant=tenant, id=changed.id, reason=error.detail)
            return
        known.entries[changed.id] = entry
        if subscription.time_interval is not None:
            known.periodic[changed.id] = entry
        if _is_indexed(subscription):
            known.index.add(subscription, entry)

    def _compile(self, tenant: str, entry: _Entry) -> _Compiled:
        key = (tenant, entry)
        found = self._compiled.get(key)
        if found is None:
            subscription = compile_kept(tenant, orjson.loads(entry.kept), self._max_linked)
            found = self._compiled[key] = _Compiled(subscription, matches(subscription.candidates))
        return found


def _is_indexed(subscription: Subscription) -> bool:
    """Whether changes concern it at all."""
    return subscription.time_interval is None and subscription.is_active


def _concerns(compiled: _Compiled, change: Change, taken: Step) -> bool:
    """Whether a step is one that the subscription waits for (GS CIM 009 §5.8.6)."""
    subscription = compiled.subscription
    if not subscription.active(change.instant):
        return False
    datasets = subscription.representation.dataset_ids
    if datasets is not None:
        of_datasets = step(change.old, change.new, datasets)
        if of_datasets is None:
            return False
        taken = of_datasets
    return _triggers(subscription, taken) and _meets(compiled, taken.state)


def _meets(compiled: _Compiled, entity: Entity) -> bool:
    """Whether an entity meets the conditions: not one that is too large to be looked at while others wait."""
    try:
        return compiled.matches(entity)
    except TooComplexQuery:
        return False


def _triggers(subscription: Subscription, taken: Step) -> bool:
    """Whether what the subscription watches did what it waits for."""
    changed = taken.attributes.keys()
    watched = changed if subscription.watched is None else subscription.watched & changed
    if not watched and subscription.watched is not None:
        return False
    triggers = subscription.triggers
    if taken.entity is not None and taken.entity in triggers:
        return True
    return any(not triggers.isdisjoint(taken.attributes[name]) for name in watched)
