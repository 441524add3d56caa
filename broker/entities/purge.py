"""Purge Entities: delete what a query matches, or attributes of it (GS CIM 009 §5.6.21)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from broker.call import Call
from broker.entities.batch import BatchResult
from broker.errors import BrokerError
from broker.model import merge as rules
from broker.model.entity import Entity
from broker.query.plan import Query
from broker.query.to_predicate import matches
from broker.store.commits import Apply, Write
from broker.store.store import Store

PAGE: Final = 1000


async def purge(
    store: Store, call: Call, query: Query, *, keep: frozenset[str] | None = None, drop: frozenset[str] | None = None
) -> BatchResult:
    """Delete the entities that match; with `keep` or `drop` only attributes of them.

    Page by page, each entity as it then is: one that has ceased to match is left alone. What was purged before an error
    stays purged.
    """
    result = BatchResult([], [], [])
    apply = _purging(query, keep, drop)
    after = ""
    while True:
        page = await store.find(call.tenant, replace(query, limit=PAGE, offset=0, after=after))
        ids = page.ids
        outcomes = await store.commit(call.tenant, [Write(entity_id, apply) for entity_id in ids], warn=call.warn)
        _note(result, ids, outcomes)
        if len(ids) < PAGE:
            return result
        after = ids[-1]


def _purging(query: Query, keep: frozenset[str] | None, drop: frozenset[str] | None) -> Apply:
    selected = matches(query)

    def apply(old: Entity | None, now: str) -> tuple[Entity | None, None]:
        if old is None or not selected(old):
            return old, None
        if keep is None and drop is None:
            return None, None
        return rules.purge_attributes(old, now, keep=keep, drop=drop or frozenset()), None

    return apply


def _note(result: BatchResult, ids: Sequence[str], outcomes: Sequence[object]) -> None:
    for entity_id, outcome in zip(ids, outcomes, strict=True):
        if isinstance(outcome, BrokerError):
            result.errors.append((entity_id, outcome))
        else:
            result.changed.append(entity_id)
