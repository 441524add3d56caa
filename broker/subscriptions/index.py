"""The subscriptions of a tenant, by what a step must be for one of them to match: few candidates, quickly found."""

from collections.abc import Iterable
from typing import Generic

from broker.subscriptions.access import ANY, placements
from broker.subscriptions.buckets import V
from broker.subscriptions.document import Subscription
from broker.subscriptions.steps import Step
from broker.subscriptions.ways import Facts, Node


class Index(Generic[V]):
    """Entries by the subscriptions that they stand for."""

    def __init__(self) -> None:
        self._nodes: dict[str, dict[str, Node[V]]] = {}
        """By type, then by watched attribute; ANY for both."""

    def __bool__(self) -> bool:
        return bool(self._nodes)

    def add(self, subscription: Subscription, entry: V) -> None:
        """Put an entry."""
        for type_name, attribute, way in placements(subscription):
            nodes = self._nodes.setdefault(type_name, {})
            node = nodes.get(attribute)
            if node is None:
                node = nodes[attribute] = Node()
            node.add(way, entry)

    def remove(self, subscription: Subscription, entry: V) -> None:
        """Take an entry away that was put with this subscription."""
        for type_name, attribute, way in placements(subscription):
            nodes = self._nodes.get(type_name, {})
            node = nodes.get(attribute)
            if node is None:
                continue
            node.remove(way, entry)
            if not node:
                del nodes[attribute]
                if not nodes:
                    del self._nodes[type_name]

    def has_any_for(self, types: Iterable[str]) -> bool:
        """Whether a step of an entity of these types can have candidates at all."""
        return ANY in self._nodes or not self._nodes.keys().isdisjoint(types)

    def candidates(self, step: Step) -> set[V]:
        """The entries that a step may concern."""
        found: set[V] = set()
        facts: Facts | None = None
        for type_name in (*step.state.types, ANY):
            nodes = self._nodes.get(type_name)
            if nodes is None:
                continue
            for attribute in (*step.attributes, ANY):
                node = nodes.get(attribute)
                if node is not None:
                    facts = facts or Facts(step.state)
                    node.collect(facts, found)
        return found
