"""`python -m benchmarks.history`: what sealed history takes, and whether asking for it stays quick as it grows.

Series of 1 000 points in two tenants of one mongod, few and many of them; `lastN=100` and a day of one series in both,
in turn. Then the hours of a series of 100 000 points, beside the same points read raw, a document each. Then the CPU
of updates with history to that without, in pairs. `--series 10000` is the whole of it: ten million points.
"""

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from statistics import median
from time import perf_counter
from typing import Annotated, Final, NamedTuple

import typer
import uvloop
from rich.console import Console

from benchmarks import parts, report, verdicts
from benchmarks.decisions import experiment
from benchmarks.decisions.experiment import Mongod
from benchmarks.decisions.history import (
    CREATED,
    HOUR,
    LONG,
    POWER,
    Recording,
    bytes_a_point,
    day,
    entity_id,
    fill,
    rows,
    timed,
)
from benchmarks.intervals import interval
from benchmarks.report import Part
from broker.model.temporal import Duration, Reading, TimeProperty, Window
from broker.store.client import connect
from broker.store.history.history import History
from broker.store.store import Store

FEW_POINTS: Final = 100_000
"""Of the smaller tenant."""
CASES: Final = ("history-sealed", "history-last", "history-day", "history-hours", "history-recording")
ASKED: Final = 100
TIMES: Final = 40
"""Questions of one kind in a repetition."""
Values = Mapping[tuple[str, str], Sequence[float]]
"""Case and ratio to what was measured, for each repetition."""

console = Console(width=130)


class Scale(NamedTuple):
    """A tenant with so many series."""

    tenant: str
    series: int
    points: int
    """Of each series."""


async def sealed(store: Store, scale: Scale) -> float:
    """Fill a tenant; bytes on disk of a sealed point, its index included."""
    database = await store.database(scale.tenant, create=True)
    started = perf_counter()
    await fill(database, range(scale.series), scale.points)
    count = scale.series * scale.points
    sizes = await bytes_a_point(database, count)
    console.print(
        f"{scale.tenant}: {count:,} points in {scale.series:,} series, filled in {perf_counter() - started:.0f} s; "
        f"bytes a point: {', '.join(f'{name} {size:.2f}' for name, size in sizes.items())}"
    )
    return sizes["on disk"] + sizes["index"]


async def growth(store: Store, scales: Sequence[Scale], repetitions: int) -> Values:
    """For each repetition the time at the larger scale to that at the smaller one."""
    history = History(store)
    found: dict[str, list[list[float]]] = {"history-last": [], "history-day": []}
    for _ in range(repetitions):
        times: dict[str, list[float]] = {name: [] for name in found}
        for scale in scales:

            async def newest(scale: Scale = scale) -> None:
                asked = entity_id(random.randrange(scale.series))
                read = await history.read(scale.tenant, [asked], Reading(last_n=ASKED))
                assert len(read.evolutions[0].attributes[POWER][None]) == min(ASKED, scale.points)

            async def a_day(scale: Scale = scale) -> None:
                number = random.randrange(scale.series)
                await history.read(scale.tenant, [entity_id(number)], day(number, scale.points))

            times["history-last"].append(await timed(newest, TIMES))
            times["history-day"].append(await timed(a_day, TIMES))
        for name, each in times.items():
            found[name].append(each)
    for name, pairs in found.items():
        smaller, larger = (median(each) for each in zip(*pairs, strict=True))
        console.print(f"{name}: {smaller:.2f} ms in the smaller tenant, {larger:.2f} ms in the larger one")
    return {(name, "many/few"): [many / few for few, many in pairs] for name, pairs in found.items()}


async def hours(store: Store, repetitions: int) -> Values:
    """For each repetition the milliseconds of a long series' hourly averages, and to those of the points read raw."""
    database = await store.database("long", create=True)
    await fill(database, range(1), LONG)
    plain = database["plain"]
    await plain.insert_many(
        [{"e": entity_id(0), "v": row.body["value"], "o": row.body["observedAt"]} for row in rows(0, LONG)]
    )
    await plain.create_index([("e", 1), ("o", 1)])
    history = History(store)
    window = Window(TimeProperty.OBSERVED_AT, CREATED, None)

    async def hourly() -> None:
        found = await history.aggregate(
            "long", [entity_id(0)], Reading(window), Duration(0, HOUR), CREATED, distinct=False
        )
        assert len(found[entity_id(0)][POWER][None].periods) == -(-LONG // 60)

    async def raw() -> None:
        assert len(await plain.find({"e": entity_id(0), "o": {"$gte": CREATED}}).to_list()) == LONG

    asked: tuple[Callable[[], Awaitable[None]], ...] = (hourly, raw)
    pairs = [[await timed(each, 1) for each in asked] for _ in range(repetitions)]
    own, other = (median(each) for each in zip(*pairs, strict=True))
    console.print(f"Hourly averages of {LONG:,} points: {own:.0f} ms; the points read raw: {other:.0f} ms")
    return {
        ("history-hours", "ms"): [hourly_ms for hourly_ms, _ in pairs],
        ("history-hours", "hourly/raw"): [hourly_ms / raw_ms for hourly_ms, raw_ms in pairs],
    }


async def recording(mongod: Mongod, pairs: int, seconds: float) -> Values:
    """CPU for an update with history to that without, store and mongod: the interval of all pairs and its middle."""
    trials = Recording(mongod, seconds)
    await trials.load()
    ratios = []
    for pair in range(pairs):
        order = [trials.plain, trials.recording] if pair % 2 else [trials.recording, trials.plain]
        cost = {store: await trials.run(store) for store in order}
        with_, without = ((cost[each].client_us + cost[each].mongod_us) for each in (trials.recording, trials.plain))
        ratios.append(with_ / without)
    for store in (trials.plain, trials.recording):
        await store.close()
    return {("history-recording", "with/without"): interval(ratios)} if ratios else {}


async def measure(series: int, points: int, repetitions: int, pairs: int, seconds: float) -> Values:
    """All of it, on a MongoDB of its own."""
    scales = Scale("few", max(1, FEW_POINTS // points), points), Scale("many", series, points)
    with experiment.mongod() as mongod:
        found = dict(await recording(mongod, pairs, seconds))
        store = Store(connect(mongod.uri), "history")
        await store.prepare()
        sizes = [await sealed(store, scale) for scale in scales]
        found |= {("history-sealed", "bytes"): sizes[-1:]}
        found |= await growth(store, scales, repetitions)
        found |= await hours(store, repetitions)
        await store.close()
    return found


def main(
    series: Annotated[int, typer.Option(min=1, help="Series of the larger tenant.")] = 10_000,
    points: Annotated[int, typer.Option(min=ASKED, help="Points of each series.")] = 1_000,
    repetitions: Annotated[int, typer.Option(min=1, help="So often is each question measured.")] = 10,
    pairs: Annotated[int, typer.Option(min=0, help="Of updates with and without history.")] = 10,
    seconds: Annotated[float, typer.Option(min=0.1, help="Of updates in each half of a pair.")] = 3.0,
) -> None:
    """Measure history; tell what was met and what was missed. Ends with 1 if a target was missed."""
    with_loop = uvloop.new_event_loop()
    try:
        values = with_loop.run_until_complete(measure(series, points, repetitions, pairs, seconds))
    finally:
        with_loop.close()
    part = Part(
        "history",
        {f"{case} {ratio}": list(each) for (case, ratio), each in values.items()},
        {key: verdicts.Values(each) for key, each in values.items()},
    )
    parts.finish(part, report.about(repetitions, series * points), console)


if __name__ == "__main__":
    typer.run(main)
