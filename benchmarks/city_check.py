"""After the city's hour: is all there that was acknowledged? Entities, points of history, notifications."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import aiohttp
import numpy as np
import orjson
from numpy.typing import NDArray

from benchmarks.city_sinks import RECEIPT
from benchmarks.city_watch import FLEET_OF, WATCHED, Watch, Written, expected, report_key
from broker.cli.city.fleet import Fleet
from broker.cli.city.moment import instant
from broker.cli.transfer import link

PAGE: Final = 1000
IDS: Final = 50
"""Entities of whose histories one request asks."""
SHOWN: Final = 10
FIRST: Final = {
    code: next(name for name, each in fleet.attributes.items() if each.live)
    for code, fleet in FLEET_OF.items()
    if fleet.every
}
"""Fleet to the attribute that is looked at: every report holds it."""


class Check(NamedTuple):
    """What was looked for, what is not there, with examples; what came more often than once."""

    checked: int
    lost: int
    examples: list[str]
    doubled: int = 0
    seconds: tuple[float, float, float] | None = None
    """Of notifications: p50, p95, p99 from the report's intended time to the receipt."""


class Sums:
    """A check that grows."""

    def __init__(self) -> None:
        self.checked = 0
        self.lost = 0
        self.doubled = 0
        self.examples: list[str] = []

    def missing(self, what: str) -> None:
        """Note a loss."""
        self.lost += 1
        if len(self.examples) < SHOWN:
            self.examples.append(what)

    def check(self, seconds: tuple[float, float, float] | None = None) -> Check:
        """The result."""
        return Check(self.checked, self.lost, self.examples, self.doubled, seconds)


async def entities(root: str, written: Mapping[str, Written]) -> Check:
    """Each entity that reported shows its last acknowledged report, or a later one: all of them are read."""
    sums = Sums()
    async with aiohttp.ClientSession() as session:
        for code, updates in written.items():
            fleet, name = FLEET_OF[code], FIRST[code]
            last = np.zeros(int(updates.numbers.max()) + 1)
            np.maximum.at(last, updates.numbers, updates.t)
            wanted = {f"{fleet.prefix}{index:06d}": instant(last[index]) for index in np.flatnonzero(last)}
            sums.checked += len(wanted)
            async for entity in _all(session, root, fleet, name):
                at = wanted.get(entity["id"])
                if at is not None and entity[name].get("observedAt", "") >= at:
                    del wanted[entity["id"]]
            for entity_id, at in wanted.items():
                sums.missing(f"{entity_id} has no {name} of {at}")
    return sums.check()


async def _all(session: aiohttp.ClientSession, root: str, fleet: Fleet, name: str) -> Any:
    """All entities of a type, page by page, by the links to the next."""
    url: str | None = f"{root}/entities?{urlencode({'type': fleet.type, 'attrs': name, 'limit': PAGE})}"
    while url is not None:
        async with session.get(url, headers={"Link": link(fleet.context)}) as answer:
            body = await answer.read()
            if answer.status != 200:
                raise RuntimeError(f"The check is answered {answer.status}: {body[:300]!r}")
            following = answer.links.get("next")
            url = str(following["url"]) if following is not None else None
        for entity in orjson.loads(body):
            yield entity


async def points(root: str, written: Mapping[str, Written], start: float, most: int) -> Check:
    """As many points have the histories of (up to `most`, drawn) entities as they acknowledgedly reported since."""
    sums = Sums()
    drawn = _drawn(written, most)
    since = datetime.fromtimestamp(start, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    async with aiohttp.ClientSession() as session:
        for code, reported in drawn.items():
            fleet, name = FLEET_OF[code], FIRST[code]
            for page in _pages(sorted(reported)):
                found = await _counts(session, root, fleet, name, page, since)
                for entity_id in page:
                    sums.checked += reported[entity_id]
                    if found.get(entity_id, 0) < reported[entity_id]:
                        sums.missing(
                            f"{entity_id}: {found.get(entity_id, 0)} points of {name}, not {reported[entity_id]}"
                        )
                    sums.doubled += max(0, found.get(entity_id, 0) - reported[entity_id])
    return sums.check()


def _drawn(written: Mapping[str, Written], most: int) -> dict[str, dict[str, int]]:
    """Fleet to some of its entities, with the number of their reports of different instants."""
    everywhere = [(code, int(index)) for code, updates in written.items() for index in np.unique(updates.numbers)]
    chosen = Random(1).sample(everywhere, min(most, len(everywhere)))
    wanted: dict[str, set[int]] = {}
    for code, index in chosen:
        wanted.setdefault(code, set()).add(index)
    found = {}
    for code, indexes in wanted.items():
        updates, prefix = written[code], FLEET_OF[code].prefix
        kept = np.isin(updates.numbers, list(indexes))
        pairs = set(zip(updates.numbers[kept].tolist(), updates.t[kept].tolist(), strict=True))
        counted = Counter(index for index, _ in pairs)
        found[code] = {f"{prefix}{index:06d}": number for index, number in counted.items()}
    return found


async def _counts(
    session: aiohttp.ClientSession, root: str, fleet: Fleet, name: str, ids: Sequence[str], since: str
) -> dict[str, int]:
    given = {
        "type": fleet.type,
        "id": ",".join(ids),
        "attrs": name,
        "limit": IDS,
        "timerel": "after",
        "timeAt": since,
        "timeproperty": "observedAt",
        "format": "aggregatedValues",
        "aggrMethods": "totalCount",
    }
    url = f"{root}/temporal/entities?{urlencode(given)}"
    async with session.get(url, headers={"Link": link(fleet.context)}) as answer:
        body = await answer.read()
        if answer.status not in (200, 206):
            raise RuntimeError(f"The check is answered {answer.status}: {body[:300]!r}")
    return {
        entity["id"]: int(sum(each[0] for each in entity[name]["totalCount"]))
        for entity in orjson.loads(body)
        if name in entity
    }


def _pages(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + IDS] for start in range(0, len(ids), IDS))


def notifications(
    watched: Sequence[Watch],
    written: Mapping[str, Written],
    where: Mapping[str, NDArray[np.float64]],
    received: bytes,
) -> Check:
    """Each quick receiver was told of each acknowledged report that its subscription matches; slow ones, too."""
    sums = Sums()
    came: dict[int, dict[int, float]] = {}
    for number, key, at in RECEIPT.iter_unpack(received):
        seen = came.setdefault(number, {})
        sums.doubled += key in seen
        seen.setdefault(key, at)
    for watch, keys in expected([each for each in watched if each.sink == "fast"], written, where):
        sums.checked += len(keys)
        for _ in keys - came.get(watch.number, {}).keys():
            sums.missing(f"subscription {watch.number} on {watch.code} was not told of a report")
    return sums.check(lateness(watched, written, came))


def lateness(
    watched: Sequence[Watch], written: Mapping[str, Written], came: Mapping[int, Mapping[int, float]]
) -> tuple[float, float, float] | None:
    """Seconds from a report's intended time to its receipt by a quick receiver: p50, p95, p99."""
    from_key = {
        key: t
        for code in WATCHED
        if code in written
        for key, t in zip(_keys(code, written[code]), written[code].t.tolist(), strict=True)
    }
    quick = {watch.number for watch in watched if watch.sink == "fast"}
    took = [
        at - from_key[key]
        for number, keys in came.items()
        if number in quick
        for key, at in keys.items()
        if key in from_key
    ]
    if not took:
        return None
    p50, p95, p99 = np.percentile(took, (50, 95, 99))
    return round(float(p50), 3), round(float(p95), 3), round(float(p99), 3)


def _keys(code: str, updates: Written) -> Iterator[int]:
    return (report_key(code, int(index), t) for index, t in zip(updates.numbers, updates.t.tolist(), strict=True))
