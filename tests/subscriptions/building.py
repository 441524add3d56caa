"""Subscriptions for tests: made as the API makes them, without a database."""

from typing import Any

import orjson

from broker.model.entity import Entity
from broker.model.merge import create
from broker.model.parse import parse_entity
from broker.store.commits import Change
from broker.store.subscriptions import Changed
from broker.subscriptions import names, rules, schema
from broker.subscriptions.names import Kept
from broker.subscriptions.registry import Registry
from tests.query.context import CONTEXT

NOW = "2026-11-21T08:00:00Z"
ENDPOINT = {"uri": "https://receiver.example/notify"}


def subscription(**members: Any) -> dict[str, Any]:
    """A Subscription as a client sends it: to entities of type T, unless the members say otherwise."""
    notification = {"endpoint": ENDPOINT, **members.pop("notification", {})}
    document = {"id": "urn:s:1", "type": "Subscription", "entities": [{"type": "T"}], "notification": notification}
    return {member: content for member, content in {**document, **members}.items() if content is not None}


def kept(document: dict[str, Any]) -> Kept:
    """The subscription as it is kept, checked as the API checks it."""
    schema.check(document)
    rules.check(document, max_join_level=5)
    return names.expanded(document, CONTEXT)


def entity(payload: dict[str, Any], now: str = NOW) -> Entity:
    return create(parse_entity(payload, CONTEXT), now)


def change(old: Entity | None, new: Entity | None, *, request: int = 0, now: str = NOW) -> Change:
    which = new or old
    assert which is not None
    return Change(which.id, old, new, 1, now, request=request)


class Shelf:
    """What a registry reads: subscriptions of one tenant, as they change."""

    def __init__(self) -> None:
        self.epoch = 0
        self.changes: list[Changed] = []
        self.registry = Registry(self.load)

    async def load(self, tenant: str, since: int) -> list[Changed]:
        last = {change.id: change for change in self.changes}
        return [change for change in last.values() if change.epoch > since]

    def put(self, document: dict[str, Any]) -> None:
        self.epoch += 1
        self.changes.append(Changed(document["id"], orjson.dumps(kept(document)), self.epoch))

    def remove(self, subscription_id: str) -> None:
        self.epoch += 1
        self.changes.append(Changed(subscription_id, None, self.epoch))
