"""`python -m benchmarks.scale`: what more workers bring, how fast it starts, what it needs in memory and on disk."""

import json
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Annotated, Any, Final, NamedTuple

import typer
from pymongo import MongoClient
from rich.console import Console
from rich.table import Table

from benchmarks import measure, report, sample, systems, tables, traffic, wrk
from benchmarks.cases import CASES, System
from benchmarks.city_state import memory
from benchmarks.measure import Stage, Subject
from benchmarks.systems import Served
from benchmarks.traffic import Request
from benchmarks.verdicts import spread
from broker.names import API_ROOT
from broker.store.indexes import BLOCKS, ENTITIES, EVOLUTIONS, TAIL

CACHE_MB: Final = 2048
WORKERS: Final = (1, 2)
MEASURED: Final = ("read-128", "update-128", "upsert-1000-again", "page-20")
STARTS: Final = 3
SERIES: Final = 200
"""Entities of which histories are written; LENGTH points of one attribute each."""
LENGTH: Final = 250
SEAL_SECONDS: Final = 120.0
"""Most that sealing is waited for."""

console = Console(width=tables.WIDTH)


class Size(NamedTuple):
    """Bytes of a database: documents and indexes as MongoDB keeps them on disk; documents before compression."""

    disk: int
    plain: int


def main(
    entities: Annotated[int, typer.Option(min=2000, help="In the database.")] = 20_000,
    repetitions: Annotated[int, typer.Option(min=1, help="Of the rates.")] = 3,
) -> None:
    """Measure and show; nothing is judged."""
    wrk.require()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        began = time.monotonic()
        uri, mongod_pid = stack.enter_context(systems.mongod(folder / "data", CACHE_MB))
        found: dict[str, Any] = {"mongod_start": round(time.monotonic() - began, 2)}
        client = stack.enter_context(MongoClient[dict[str, Any]](uri))
        found["starts"] = _starts(uri, folder)
        found |= _rates(uri, mongod_pid, client, folder, entities, repetitions)
        found["point"] = _points(uri, client, folder)
    _show(found)
    result = {"about": report.about(repetitions, entities), **found, "ratios": _ratios(found)}
    console.print(f"Written to {report.save(result, '-scale')}.")


def _starts(uri: str, folder: Path) -> dict[str, list[float]]:
    """Seconds from the command to readiness, for each number of workers."""
    found: dict[str, list[float]] = {}
    for workers in WORKERS:
        for _ in range(STARTS):
            began = time.monotonic()
            with systems.broker(uri, folder / "start.log", workers):
                found.setdefault(str(workers), []).append(round(time.monotonic() - began, 2))
    return found


def _rates(
    uri: str, mongod_pid: int, client: MongoClient[dict[str, Any]], folder: Path, entities: int, repetitions: int
) -> dict[str, Any]:
    """Brokers of one and of more workers on the same data, in turn; and what an entity takes on disk."""
    with ExitStack() as stack:
        brokers = {
            workers: stack.enter_context(systems.broker(uri, folder / f"broker-{workers}.log", workers))
            for workers in WORKERS
        }
        resting = {str(workers): memory(broker.pid) for workers, broker in brokers.items()}
        empty = _size(client)
        measure.load(brokers[1], entities)
        full = _size(client)
        number = entities + sample.LISTED
        loaded = {str(workers): memory(broker.pid) for workers, broker in brokers.items()}
        subjects = {
            workers: _subjects(broker, mongod_pid, client, folder / str(workers), entities)
            for workers, broker in brokers.items()
        }
        rates: dict[str, dict[str, list[float]]] = {name: {str(each): [] for each in WORKERS} for name in MEASURED}
        busy = {str(workers): 0.0 for workers in WORKERS}
        for repetition in range(repetitions):
            for name in MEASURED:
                for workers in WORKERS if repetition % 2 == 0 else WORKERS[::-1]:
                    run = subjects[workers][name].measure(System.BROKER)
                    assert run is not None
                    rates[name][str(workers)].append(run.rate)
                    busy[str(workers)] = max(busy[str(workers)], memory(brokers[workers].pid))
    return {
        "rates": rates,
        "memory": {"at rest": resting, "loaded": loaded, "under load": busy},
        "entity": {"disk": (full.disk - empty.disk) / number, "plain": (full.plain - empty.plain) / number},
    }


def _subjects(
    broker: Served, mongod_pid: int, client: MongoClient[dict[str, Any]], folder: Path, entities: int
) -> dict[str, Subject]:
    folder.mkdir()
    stage = Stage(broker, None, mongod_pid, client[systems.DATABASE][ENTITIES], folder, entities)
    subjects = {case.name: Subject(case, stage) for case in CASES if case.name in MEASURED}
    for subject in subjects.values():
        subject.measure(System.BROKER, 1)
    return subjects


def _points(uri: str, client: MongoClient[dict[str, Any]], folder: Path) -> dict[str, float]:
    """What a point of history takes on disk when it is sealed: one number that changes, reported a minute apart."""
    with systems.broker(
        uri,
        folder / "points.log",
        database="points",
        history_seal_seconds="1",
        history_interval="1",
        history_seal_commits="100",
    ) as broker:
        ids = [f"urn:ngsi-ld:Room:{number:05}" for number in range(SERIES)]
        for number in range(LENGTH):
            at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1_780_000_000 + 60 * number))
            batch = [
                {"id": each, "type": "Room", "temperature": sample.observed(20 + (number * 7 + place) % 60 / 10, "CEL")
                 | {"observedAt": at}} for place, each in enumerate(ids)
            ]  # fmt: skip
            path = f"{API_ROOT}/entityOperations/upsert?options=update"
            answer = traffic.send(broker.address, Request("POST", path, json.dumps(batch).encode()))
            if answer.status not in (201, 204):
                raise RuntimeError(f"The broker answers {answer.status}: {answer.body[:300]!r}")
        least = before = _history(client)
        until = time.monotonic() + SEAL_SECONDS
        since = time.monotonic()
        while time.monotonic() < until and (least.plain == before.plain or time.monotonic() - since < 10):
            time.sleep(1)
            now = _history(client)
            if now.plain < least.plain:
                least, since = now, time.monotonic()
    points = SERIES * LENGTH
    return {"points": points, "before": before.plain / points, "plain": least.plain / points}


def _size(client: MongoClient[dict[str, Any]], database: str = systems.DATABASE) -> Size:
    client.admin.command("fsync")
    stats = client[database].command("dbStats")
    return Size(int(stats["storageSize"] + stats["indexSize"]), int(stats["dataSize"]))


def _history(client: MongoClient[dict[str, Any]]) -> Size:
    """Of the collections that hold history."""
    client.admin.command("fsync")
    database = client["points"]
    stats = [database.command("collStats", name) for name in (TAIL, BLOCKS, EVOLUTIONS)]
    disk = sum(int(each["storageSize"] + each["totalIndexSize"]) for each in stats)
    return Size(disk, sum(int(each["size"]) for each in stats))


def _show(found: dict[str, Any]) -> None:
    table = Table("case", "1 worker /s", "2 workers /s", "2 ÷ 1")
    for name, rates in found["rates"].items():
        ratio = spread([two / one for one, two in zip(rates["1"], rates["2"], strict=True)])
        medians = (f"{median(rates[str(workers)]):,.0f}" for workers in WORKERS)
        table.add_row(name, *medians, f"{ratio.median:.2f} ({ratio.least:.2f}–{ratio.greatest:.2f})")
    console.print(table)
    for workers, times in found["starts"].items():
        console.print(
            f"Start with {workers} workers: {median(times):.2f} s, beside {found['mongod_start']} s of mongod."
        )
    for when, sizes in found["memory"].items():
        said = ", ".join(f"{workers} workers {size:.0f} MiB" for workers, size in sizes.items())
        console.print(f"Memory {when}: {said}; shared pages count for each process.")
    entity, point = found["entity"], found["point"]
    console.print(f"An entity: {entity['disk']:,.0f} bytes on disk with its indexes, {entity['plain']:,.0f} before.")
    console.print(f"A point, before compression by MongoDB: {point['before']:.1f} bytes, sealed {point['plain']:.1f}.")


def _ratios(found: dict[str, Any]) -> dict[str, list[float]]:
    """What docs/benchmarks.md takes from it."""
    gains = {
        f"scale {name} 2/1": [two / one for one, two in zip(rates["1"], rates["2"], strict=True)]
        for name, rates in found["rates"].items()
    }
    return gains | {
        "point sealed bytes": [found["point"]["plain"]],
        "memory at rest MiB": [found["memory"]["at rest"]["1"]],
    }


if __name__ == "__main__":
    typer.run(main)
