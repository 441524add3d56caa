"""After the city's hour: is all there that was acknowledged? Entities, points of history, notifications."""

from collections import Counter
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import aiohttp
import numpy as np
import orjson
from numpy.typing import NDArray

from benchmarks.city_watch import FLEET_OF, Watch, Written, expected
from broker.cli.city.fleet import Fleet
from broker.cli.city.moment import instant
from broker.cli.transfer import link

PAGE: Final = 1000
IDS: Final = 50
"""Entities of whose histories one request asks."""
SHOWN: Final = 10
RECEIPTS: Final = np.dtype([("number", "<u4"), ("key", "<u8"), ("observed", "<f8"), ("at", "<f8")])
"""As benchmarks.city_sinks.RECEIPT writes them."""
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
    failed: str = ""
    """Why it could not be looked for, if so."""

    @property
    def is_clean(self) -> bool:
        """Whether all was looked for and found."""
        return not self.lost and not self.failed


async def tried(checking: Awaitable[Check]) -> Check:
    """A check that says what it failed at, rather than taking the results of an hour with it."""
    try:
        return await checking
    except (RuntimeError, aiohttp.ClientError, OSError, TimeoutError, ValueError, LookupError) as error:
        return Check(0, 0, [], failed=f"{type(error).__name__}: {error}")


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


async def notifications(
    watched: Sequence[Watch],
    written: Mapping[str, Written],
    where: Mapping[str, NDArray[np.float64]],
    received: bytes,
) -> Check:
    """Each quick receiver was told of each acknowledged report that its subscription matches."""
    sums = Sums()
    quick = [each for each in watched if each.sink == "fast"]
    records = np.frombuffer(received, RECEIPTS)
    records = records[np.isin(records["number"], [each.number for each in quick])]
    pairs, first = np.unique(records[["number", "key"]], return_index=True)
    sums.doubled = len(records) - len(pairs)
    came: dict[int, set[int]] = {}
    for number, key in pairs.tolist():
        came.setdefault(number, set()).add(key)
    for watch, keys in expected(quick, written, where):
        sums.checked += len(keys)
        for _ in keys - came.get(watch.number, set()):
            sums.missing(f"subscription {watch.number} on {watch.code} was not told of a report")
    began = min((float(updates.t.min()) for updates in written.values()), default=0.0)
    return sums.check(_lateness(records[first], began))


def _lateness(records: NDArray[np.void], began: float) -> tuple[float, float, float] | None:
    """Seconds from a report's intended time, if the load had begun, to its receipt: p50, p95, p99."""
    told = records[records["observed"] >= began]
    if not len(told):
        return None
    p50, p95, p99 = np.percentile(told["at"] - told["observed"], (50, 95, 99))
    return round(float(p50), 3), round(float(p95), 3), round(float(p99), 3)
