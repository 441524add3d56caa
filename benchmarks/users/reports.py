"""What domain systems send: batches of a fleet's reports, and single attributes; most of them about few entities."""

import time
from random import Random
from typing import Any, Final, NamedTuple

import orjson

from benchmarks.users.asked import Asked
from broker.cli.city.domains import FLEETS
from broker.cli.city.fleet import Fleet
from broker.cli.city.generate import City
from broker.cli.city.moment import signals

SHARES: Final = ((0.60, 100), (0.15, 1000), (0.25, 1))
"""Share of the requests, and how many entities each holds: 1 is a patch of one attribute."""
HOT: Final = 0.1
"""Part of the entities that nine of ten updates are about."""
OFTEN: Final = 0.9


class Report(NamedTuple):
    """A request, and per entity what it reports: normalized attributes."""

    asked: Asked
    reported: dict[str, dict[str, Any]]


class Partition:
    """The entities that one user alone writes, so that it knows what they shall hold: each `of`-th, from `slot`."""

    def __init__(self, city: City, slot: int, of: int, random: Random) -> None:
        self._city = city
        self._slot = slot
        self._of = of
        self._random = random
        self._fleets = [fleet for fleet in FLEETS if fleet.every is not None and self._size(fleet) > 0]
        self._rates = [self._size(fleet) / (fleet.every or 1) for fleet in self._fleets]

    def report(self) -> Report:
        """What comes next."""
        size = self._random.choices([size for _, size in SHARES], [share for share, _ in SHARES])[0]
        fleet = self._random.choices(self._fleets, self._rates)[0]
        now = time.time()
        moment = signals(self._city.seed, now)
        entities = [self._city.update(fleet, index, now, moment, self._random) for index in self._drawn(fleet, size)]
        return _patch(fleet, entities[0]) if size == 1 else _upsert(fleet, entities, size)

    def _size(self, fleet: Fleet) -> int:
        return len(range(self._slot, self._city.counts[fleet.code], self._of))

    def _drawn(self, fleet: Fleet, size: int) -> list[int]:
        """Different entities of the partition, by their numbers; fewer than `size` if there aren't so many."""
        own = self._size(fleet)
        hot = max(1, int(own * HOT))
        if size >= own:
            return list(range(self._slot, self._city.counts[fleet.code], self._of))
        among = hot if self._random.random() < OFTEN and size <= hot else own
        return [self._slot + each * self._of for each in self._random.sample(range(among), size)]


def _upsert(fleet: Fleet, entities: list[dict[str, Any]], size: int) -> Report:
    path = "/entityOperations/upsert?options=update"
    asked = Asked(f"upsert of {size}", "POST", path, fleet.context, orjson.dumps(entities))
    return Report(asked, {entity["id"]: _attributes(entity) for entity in entities})


def _patch(fleet: Fleet, entity: dict[str, Any]) -> Report:
    reported = _attributes(entity)
    asked = Asked("patch", "PATCH", f"/entities/{entity['id']}/attrs", fleet.context, orjson.dumps(reported))
    return Report(asked, {entity["id"]: reported})


def _attributes(entity: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entity.items() if name not in ("id", "type")}
