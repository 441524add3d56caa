"""The sample city as a stream of entities: any entity, at any instant, from seed, size and number alone."""

from collections.abc import Iterator
from random import Random
from typing import Any, Final
from zlib import crc32

from broker.cli.city.attributes import Maker, Subject
from broker.cli.city.domains import FLEETS
from broker.cli.city.fleet import Fleet, apportion
from broker.cli.city.moment import DAY, instant, signals
from broker.cli.city.town import Town

NOON: Final = 1748862000.0
"""2025-06-02T11:00:00Z: the instant that a file shows unless another is asked for."""
_LATEST: Final = 120
"""Into so many steps the time since the last update is divided when a fleet is generated."""


class _Line:
    """A fleet that is bound to a city: its makers, its random numbers."""

    def __init__(self, fleet: Fleet, count: int, seed: int) -> None:
        self.fleet = fleet
        self.count = count
        self._salt = f"{seed}/{fleet.code}/"
        self.makers = [(name, attribute.bind(name, self.step)) for name, attribute in fleet.attributes.items()]
        self.live: list[tuple[str, Maker]] = [
            (name, attribute.bind(name, self.step)) for name, attribute in fleet.attributes.items() if attribute.live
        ]
        self.trait = self.step("level")

    def step(self, name: str) -> float:
        """The step of the draws of a name: between 0.2 and 0.8, never a simple fraction."""
        return 0.2 + 0.6 * (crc32((self._salt + name).encode()) / 2**32) + 1e-7 * 0.6180339887


class City:
    """A city of so many entities. It fills one `Subject` in turn: not for several threads at a time."""

    def __init__(self, entities: int, seed: int) -> None:
        self.seed = seed
        self.counts = apportion(FLEETS, entities)
        self._lines = {fleet.code: _Line(fleet, self.counts[fleet.code], seed) for fleet in FLEETS}
        self._subject = Subject()
        self._subject.town = Town(entities)
        self._subject.counts = self.counts
        self._subject.prefixes = {fleet.code: fleet.prefix for fleet in FLEETS}

    def entities(self, fleet: Fleet, t: float = NOON) -> Iterator[dict[str, Any]]:
        """All entities of a fleet as they are at `t` (seconds since 1970), normalized, without @context."""
        line = self._lines[fleet.code]
        subject = self._subject
        random = Random(f"{self.seed}/{fleet.code}").random
        step = min(fleet.every or DAY, DAY) / _LATEST
        latest = [t - k * step for k in range(_LATEST)]
        instants = [(then, instant(then)) for then in latest]
        moment = signals(self.seed, t)
        prefix, type_, scope = fleet.prefix, fleet.type, fleet.scope
        place, count, curve = subject.town.place, line.count, moment[fleet.curve]
        makers, trait = line.makers, line.trait
        for index in range(count):
            subject.random, subject.signals, subject.count = random, moment, count
            subject.index = index
            subject.t, subject.at = instants[index % _LATEST]
            subject.place = where = place((index + 0.5) / count)
            subject.level = _level(curve, index * trait % 1.0, random())
            entity: dict[str, Any] = {
                "id": f"{prefix}{index:06d}",
                "type": type_,
                "scope": f"{scope}/{where.cell.district}",
            }
            for name, make in makers:
                entity[name] = make(subject)
            yield entity

    def update(self, fleet: Fleet, index: int, t: float, moment: dict[str, float], random: Random) -> dict[str, Any]:
        """What an entity reports at `t`: id, type, and the attributes that change."""
        line = self._lines[fleet.code]
        subject = self._subject
        subject.random, subject.signals = random.random, moment
        subject.index, subject.count = index, line.count
        subject.t, subject.at = t, instant(t)
        subject.level = _level(moment[fleet.curve], index * line.trait % 1.0, random.random())
        entity: dict[str, Any] = {"id": f"{fleet.prefix}{index:06d}", "type": fleet.type}
        for name, make in line.live:
            entity[name] = make(subject)
        return entity


def _level(signal: float, trait: float, random: float) -> float:
    level = signal * (0.5 + trait) + 0.1 * (random - 0.5)
    return 0.0 if level < 0.0 else 1.0 if level > 1.0 else level
