"""`python -m benchmarks.queries`: do queries stay flat as the data grow, and what does a dashboard see?"""

import asyncio
import random
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table

from benchmarks import dashboard, parts, query_data, query_measure, report, systems, tables, traffic, wrk
from benchmarks.dashboard import Load
from benchmarks.query_kinds import KINDS, Kind
from benchmarks.query_measure import Latency, Looked
from benchmarks.report import Part
from benchmarks.verdicts import Key, Values, spread
from broker.names import API_ROOT
from broker.store.embedded import default_cache_mb

POLLED: Final = 10
"""Clients that ask for a number."""
TOWN: Final = 150_000
SIZES: Final = (10_000, 100_000)

Measured = dict[str, dict[int, Latency]]

console = Console(width=tables.WIDTH)


def main(
    entities: Annotated[list[int] | None, typer.Option(min=2000, help="Sizes; 10 000 and 100 000 if absent.")] = None,
    repetitions: Annotated[int, typer.Option(min=1, help="Of every measurement.")] = 3,
    requests: Annotated[int, typer.Option(min=20, help="Of each kind at each size in one repetition.")] = 200,
    town: Annotated[int, typer.Option(min=0, help="Entities of the city that the dashboard shows; 0: none.")] = TOWN,
    seconds: Annotated[float, typer.Option(min=2, help="Of the dashboard's load.")] = 20,
    data: Annotated[Path | None, typer.Option(help="Folder for the data: kept, and used again if there.")] = None,
) -> None:
    """Measure queries at growing numbers of entities, and judge them by benchmarks/targets.toml."""
    sizes = sorted(set(entities or SIZES))
    found = part(sizes, repetitions, requests, town, seconds, data)
    parts.finish(found, report.about(repetitions, sizes[-1]) | {"sizes": sizes}, console)


def part(
    sizes: Sequence[int], repetitions: int, requests: int, town: int, seconds: float, data: Path | None = None
) -> Part:
    """Measure queries at these sizes, and show them."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        uri, _ = stack.enter_context(systems.mongod(data or folder / "data", default_cache_mb()))
        _load(uri, sizes)
        broker = stack.enter_context(systems.broker(uri, folder / "broker.log"))
        query_measure.latencies(broker, sizes, 20, perf_counter, seed=0)
        measured = [
            query_measure.latencies(broker, sizes, requests, perf_counter, seed) for seed in range(1, repetitions + 1)
        ]
        looked = {size: query_measure.looked_at(uri, broker, size) for size in sizes}
        polled = _poll(broker, folder, sizes[-1]) if wrk.is_installed() else None
        load = _dashboard(uri, broker, town, seconds) if town else None
    _show(sizes, measured, looked)
    if polled is not None:
        console.print(
            f"q on a number, {query_data.PER_GROUP} hits of {sizes[-1]:,}, {POLLED} clients: {polled.rate:,.0f} a "
            f"second, p99 {polled.p99:.1f} ms; {polled.errors} errors."
        )
    if load is not None:
        _show_dashboard(load)
    return Part("queries", _document(sizes, measured, looked, polled, load), _values(sizes, measured, looked))


def _load(uri: str, sizes: Sequence[int]) -> None:
    for size in sizes:
        began = perf_counter()
        loaded = asyncio.run(query_data.load(uri, systems.DATABASE, query_measure.tenant(size), size))
        how = "loaded" if loaded else "there already, compared"
        query_data.warm(uri, systems.DATABASE, query_measure.tenant(size))
        console.print(f"{size:,} entities {how}, and read, in {perf_counter() - began:.0f} s.")


def _poll(broker: systems.Served, folder: Path, size: int) -> wrk.Load:
    """Clients that ask for a number without a pause, each time another."""
    kind = next(kind for kind in KINDS if kind.name == "number")
    randomness = random.Random(3)
    asked = (
        traffic.Request("GET", f"{API_ROOT}/entities?{kind.ask(randomness, size)}")
        .encoded()
        .replace(b"\r\n\r\n", f"\r\nNGSILD-Tenant: {query_measure.tenant(size)}\r\n\r\n".encode())
        for _ in range(5000)
    )
    return wrk.run(broker.address, wrk.write(folder / "number", asked), POLLED, 5)


def _dashboard(uri: str, broker: systems.Served, town: int, seconds: float) -> Load:
    city = ["city", "--entities", str(town), "--url", f"http://{broker.address}"]
    subprocess.run([sys.executable, "-m", "broker", *city], check=True, stdout=subprocess.DEVNULL)
    lamps = dashboard.lamps(uri)
    asyncio.run(dashboard.measure(broker, lamps, 3, seed=0))
    return asyncio.run(dashboard.measure(broker, lamps, seconds, seed=1))


# Ratios and verdicts.


def _growth(kind: Kind, sizes: Sequence[int], measured: list[Measured]) -> list[float]:
    """For each repetition p95 at the largest size to that of what the kind is compared with."""
    large, small = sizes[-1], sizes[0]
    if kind.baseline:
        return [each[kind.name][large].p95 / each[kind.baseline][large].p95 for each in measured]
    return [each[kind.name][large].p95 / each[kind.name][small].p95 for each in measured]


def _keys(kind: Kind, looked: dict[int, dict[str, Looked]]) -> list[float]:
    """For each size the keys examined for an entity that the most selective condition finds."""
    return [each[kind.name].keys / kind.single for each in looked.values()] if kind.single else []


def _values(sizes: Sequence[int], measured: list[Measured], looked: dict[int, dict[str, Looked]]) -> dict[Key, Values]:
    values = {(f"query-{kind.name}", "p95"): Values(_growth(kind, sizes, measured)) for kind in KINDS}
    keys = {(f"query-{kind.name}", "keys"): Values(_keys(kind, looked)) for kind in KINDS}
    return values | {key: found for key, found in keys.items() if found.values}


# Showing and writing.


def _show(sizes: Sequence[int], measured: list[Measured], looked: dict[int, dict[str, Looked]]) -> None:
    columns = [f"{size:,}: p50 / p95 ms, hits" for size in sizes]
    table = Table("kind", *columns, "p95 ratio", "keys / single, by size", title="Queries. Medians of repetitions")
    for kind in KINDS:
        cells = []
        for size in sizes:
            each = [found[kind.name][size] for found in measured]
            p50, p95, hits = (spread([value[field] for value in each]).median for field in range(3))
            cells.append(f"{p50:.1f} / {p95:.1f}, {hits:.0f}")
        growth = spread(_growth(kind, sizes, measured))
        ratio = f"{growth.median:.2f} ({growth.least:.2f}–{growth.greatest:.2f})"
        keys = " ".join(f"{looked[size][kind.name].keys:.0f}/{kind.single or '–'}" for size in sizes)
        table.add_row(kind.title, *cells, ratio, keys)
    console.print(table)


def _show_dashboard(load: Load) -> None:
    table = Table("panel", "requests", "p50 ms", "p95 ms", "goal", "hits")
    rates = f"{load.sent:.0f} requests a second, {dashboard.PART:.0%} of {load.capacity:.0f}"
    table.title = f"Dashboard: {rates}; {load.errors} errors"
    for panel in load.panels:
        numbers = (panel.p50, panel.p95, dashboard.goal(panel.name), panel.hits)
        table.add_row(panel.name, str(panel.requests), *(f"{number:.0f}" for number in numbers))
    console.print(table)


def _document(
    sizes: Sequence[int],
    measured: list[Measured],
    looked: dict[int, dict[str, Looked]],
    polled: wrk.Load | None,
    load: Load | None,
) -> dict[str, Any]:
    return {
        "sizes": [*sizes],
        "kinds": {
            kind.name: {
                "title": kind.title,
                "latencies": [{str(size): found[kind.name][size]._asdict() for size in sizes} for found in measured],
                "looked": {str(size): looked[size][kind.name]._asdict() for size in sizes},
            }
            for kind in KINDS
        },
        "number": polled._asdict() if polled is not None else None,
        "dashboard": load._asdict() | {"panels": [each._asdict() for each in load.panels]} if load else None,
    }


if __name__ == "__main__":
    typer.run(main)
