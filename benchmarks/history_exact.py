"""`python -m benchmarks.history_exact`: does a living city leave exactly as many points as it reports?

The sample city is loaded into a broker of its own and reports at `--speed` times its rates, mistakes included; each
attribute instance of each acknowledged report counts, the unchanged ones too. History is sealed meanwhile. At the end
the points that were recorded are counted in the database. One more or less is a failure.
"""

import asyncio
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer
from pymongo import MongoClient
from rich.console import Console

from benchmarks import systems
from broker.cli.city import fill, live
from broker.cli.city.fleet import SIZES
from broker.cli.city.generate import City
from broker.cli.transfer import Batch, Item, Remote
from broker.names import SCOPE
from broker.store.history.tail import rows
from broker.store.indexes import BLOCKS, TAIL

CACHE_MB: Final = 1024
STEP: Final = 0.5
"""Seconds of reports that are sent together, as long as the broker keeps up."""
_NO_ATTRIBUTES: Final = frozenset({"id", "type", "scope", "@context", "expiresAt"})

console = Console(width=130)


class Count:
    """What was sent. `instances`: of attributes, in acknowledged reports."""

    def __init__(self) -> None:
        self.reports = 0
        self.instances = 0
        self.refused = 0

    async def send(self, remote: Remote, context: str, items: list[Item]) -> None:
        """Send reports of a domain system, in their order."""
        for start in range(0, len(items), live.MOST):
            taken = items[start : start + live.MOST]
            outcome = await remote.upsert(Batch(taken, context))
            refused = {id(refusal.item) for refusal in outcome.refused}
            self.refused += len(refused)
            for item in taken:
                if id(item) not in refused:
                    self.reports += 1
                    self.instances += instances(orjson.loads(item.body))


def instances(entity: dict[str, Any]) -> int:
    """How many attribute instances a report has."""
    contents = (content for name, content in entity.items() if name not in _NO_ATTRIBUTES)
    return sum(_several(content) for content in contents)


def _several(content: Any) -> int:
    """Instances of one attribute: more than one only with datasetIds."""
    reified = isinstance(content, list) and any(isinstance(each, dict) and "type" in each for each in content)
    return len(content) if reified else 1


def points(client: MongoClient[dict[str, Any]], database: str) -> int:
    """The points of attributes that history holds at one moment, deletions left out."""
    with client.start_session(snapshot=True) as session:
        tail = client[database][TAIL].find(session=session)
        waiting = sum(found.name != SCOPE and not found.row.deleted for each in tail for found in rows(each))
        blocks = client[database][BLOCKS].find({"a": {"$ne": SCOPE}}, {"n": 1, "x": 1}, session=session)
        return waiting + _sealed(blocks)


def _sealed(blocks: Iterable[dict[str, Any]]) -> int:
    return sum(each["n"] - (each["x"][2] if "x" in each else 0) for each in blocks)


async def run(url: str, city: City, speed: float, seconds: float) -> Count:
    """Let the city report for so many seconds; what was acknowledged. Nothing is under way when it returns."""
    motion, count = live.Motion(city, faults=True), Count()
    began = before = time.monotonic()
    start = time.time()
    async with Remote(url, mode="update", patience=60.0) as remote:
        while before - began < seconds:
            await asyncio.sleep(max(0.0, STEP - (time.monotonic() - before)))
            now = time.monotonic()
            due: dict[str, list[Item]] = {}
            span = (start + (before - began) * speed, start + (now - began) * speed)
            for context, entity in motion.between(*span):
                due.setdefault(context, []).append(Item(entity["id"], orjson.dumps(entity)))
            before = now
            await asyncio.gather(*(count.send(remote, context, items) for context, items in due.items()))
    return count


def main(
    size: Annotated[str, typer.Option(help=f"One of {', '.join(SIZES)}.")] = "hamlet",
    speed: Annotated[float, typer.Option(min=0.01, help="So many times as fast as the model.")] = 10.0,
    seconds: Annotated[float, typer.Option(min=1, help="That the city lives.")] = 60.0,
    workers: Annotated[int, typer.Option(min=1, help="Of the broker.")] = 2,
) -> None:
    """Count. Ends with 1 unless it comes out even."""
    city = City(SIZES[size], 1)
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as name,
        systems.mongod(Path(name), CACHE_MB) as (uri, _),
        systems.broker(uri, Path(name) / "log", workers, history_seal_commits="20", history_interval="2") as broker,
        MongoClient[dict[str, Any]](uri) as client,
    ):
        url = f"http://{broker.address}"
        asyncio.run(_load(url, city))
        before = points(client, systems.DATABASE)
        count = asyncio.run(run(url, city, speed, seconds))
        recorded = points(client, systems.DATABASE) - before
        blocks = client[systems.DATABASE][BLOCKS].count_documents({})
    console.print(
        f"{size} for {seconds:.0f} s at {speed:g} times its rates: {count.reports:,} reports acknowledged, "
        f"{count.refused:,} refused; {count.instances:,} attribute instances, {recorded:,} points; {blocks:,} blocks."
    )
    console.print("met" if recorded == count.instances else f"missed: {recorded - count.instances:+,} points")
    if recorded != count.instances:
        raise typer.Exit(1)


async def _load(url: str, city: City) -> None:
    async with Remote(url, patience=60.0) as remote:
        await fill.load(remote, city, time.time(), 500, 4)


if __name__ == "__main__":
    typer.run(main)
