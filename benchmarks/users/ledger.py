"""What was acknowledged, to be looked for when the load is over: nothing may be lost."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Entry(NamedTuple):
    """What an entity shall hold: the last acknowledged report, and those after it whose outcome nobody knows."""

    acknowledged: dict[str, Any]
    doubtful: tuple[dict[str, Any], ...] = ()


@dataclass(slots=True)
class Ledger:
    """The acknowledged writes of the users of one process. Each entity is written by one user, one write at a time."""

    entries: dict[str, Entry] = field(default_factory=dict)
    points: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """Entity to the number of acknowledged reports: as many points has the history of each attribute, at least."""

    def acknowledge(self, reported: Mapping[str, dict[str, Any]]) -> None:
        """Note a write that was answered with success."""
        for entity_id, attributes in reported.items():
            held = self.entries.get(entity_id, Entry({}))
            self.entries[entity_id] = Entry((held.acknowledged | attributes), held.doubtful)
            self.points[entity_id] += 1

    def doubt(self, reported: Mapping[str, dict[str, Any]]) -> None:
        """Note a write whose answer never came."""
        for entity_id, attributes in reported.items():
            held = self.entries.get(entity_id, Entry({}))
            self.entries[entity_id] = held._replace(doubtful=(*held.doubtful, attributes))

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
