"""What was acknowledged, to be looked for when the load is over: nothing may be lost."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Entry(NamedTuple):
    """What an entity shall hold: the last acknowledged report, and those after it whose outcome nobody knows."""

    acknowledged: dict[str, Any]
    doubtful: tuple[dict[str, Any], ...] = ()


class Notice(NamedTuple):
    """An entity that a subscription's receiver is told of."""

    subscription: str
    entity_id: str


def observed(attributes: Mapping[str, Any]) -> str:
    """When a report was made: the latest observedAt of its attributes."""
    return max((each.get("observedAt", "") for each in attributes.values() if isinstance(each, dict)), default="")


@dataclass(slots=True)
class Ledger:
    """The acknowledged writes of the users of one process. Each entity is written by one user, one write at a time."""

    entries: dict[str, Entry] = field(default_factory=dict)
    points: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """Entity to the number of acknowledged reports: as many points has the history of each attribute, at least."""
    notices: dict[Notice, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Instants of the reports of an entity that a quick receiver has to be told of."""
    _watched: dict[str, list[tuple[str, float]]] = field(default_factory=lambda: defaultdict(list))
    """Entity to its subscriptions, each since when."""

    def watch(self, subscription: str, ids: Iterable[str], since: float) -> None:
        """Note an acknowledged subscription; reports that are sent after `since` have to reach its receiver."""
        for entity_id in ids:
            self._watched[entity_id].append((subscription, since))

    def acknowledge(self, reported: Mapping[str, dict[str, Any]], sent: float) -> None:
        """Note a write that was sent at `sent` and answered with success."""
        for entity_id, attributes in reported.items():
            held = self.entries.get(entity_id, Entry({}))
            self.entries[entity_id] = Entry((held.acknowledged | attributes), held.doubtful)
            self.points[entity_id] += 1
            for subscription, since in self._watched.get(entity_id, ()):
                if since < sent:
                    self.notices[Notice(subscription, entity_id)].add(observed(attributes))

    def doubt(self, reported: Mapping[str, dict[str, Any]]) -> None:
        """Note a write whose answer never came."""
        for entity_id, attributes in reported.items():
            held = self.entries.get(entity_id, Entry({}))
            self.entries[entity_id] = held._replace(doubtful=(*held.doubtful, attributes))

    def untold(self, seen: Mapping[Notice, set[str]]) -> dict[str, str]:
        """Subscription to what its receiver has not been told of."""
        return {
            notice.subscription: f"{len(missing)} reports of {notice.entity_id} did not come"
            for notice, due in self.notices.items()
            if (missing := due - seen.get(notice, set()))
        }

    def lost(self, found: Iterable[Mapping[str, Any]]) -> dict[str, str]:
        """Of entities as the broker shows them (normalized): id to what is missing or is not what it shall be."""
        wrong = {}
        for entity in found:
            entry = self.entries[entity["id"]]
            for name, value in entry.acknowledged.items():
                may_be = [value, *(each[name] for each in entry.doubtful if name in each)]
                if entity.get(name) not in may_be:
                    wrong[entity["id"]] = f"{name} is {entity.get(name)!r}, not {value!r}"
        return wrong
