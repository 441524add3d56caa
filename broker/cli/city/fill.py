"""The city into a broker: is it there already, load it, say what the broker holds, show how to ask for it."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from shlex import quote
from typing import Final
from urllib.parse import quote as escaped
from urllib.parse import urlencode

import orjson
from rich.table import Table
from rich.text import Text

from broker.cli import console
from broker.cli.city.domains import FLEETS
from broker.cli.city.fleet import DOMAINS, Fleet
from broker.cli.city.generate import City
from broker.cli.progress import bar
from broker.cli.transfer import Batch, Item, Outcome, Remote, link, send_all

LAST: Final = FLEETS[-1]
"""The fleet that is loaded last: where it is, all are. A load that was interrupted is so taken up the next time."""
ASKING: Final = 8
"""Counts that are asked for at a time."""
SHOWN: Final = 3
"""Refused entities that are told of, with reasons."""


def batches(city: City, t: float, size: int) -> Iterator[Batch]:
    """The city in batches, each of one fleet."""
    for fleet in FLEETS:
        entities = city.entities(fleet, t)
        while chunk := list(islice(entities, size)):
            yield Batch([Item(entity["id"], orjson.dumps(entity)) for entity in chunk], fleet.context)


async def is_there(remote: Remote) -> bool:
    """Whether the broker holds the city. Raises StartError when it can't be asked."""
    found, _ = await remote.get("/entities", {"type": LAST.type, "limit": "1"}, LAST.context)
    return bool(found)


async def load(remote: Remote, city: City, t: float, size: int, connections: int) -> Outcome:
    """Load the city; the last fleet only when all the others are in. Raises StartError when that can't be done."""
    total = Outcome()
    entities = sum(city.counts.values())
    with bar("Loading", entities) as advance:

        def heard(batch: Batch, outcome: Outcome) -> None:
            total.add(outcome)
            advance(len(batch.items))

        started = time.perf_counter()
        last: list[Batch] = []
        await send_all(remote, _but(batches(city, t, size), last), connections, heard)
        await send_all(remote, iter(last), 1, heard)
    seconds = time.perf_counter() - started
    console.err.print(f"Loaded {total.taken:,} entities in {seconds:.1f} s ({total.taken / seconds:,.0f} a second).")
    if total.refused:
        console.warn(f"the broker refused {len(total.refused):,} entities:")
        for refusal in total.refused[:SHOWN]:
            console.err.print(Text(f"  {refusal.item.id}: {refusal.reason}"))
    return total


def _but(all_batches: Iterator[Batch], last: list[Batch]) -> Iterator[Batch]:
    """All batches but those of the last fleet, which are put aside."""
    for batch in all_batches:
        if batch.items[0].id.startswith(LAST.prefix):
            last.append(batch)
        else:
            yield batch


async def count(remote: Remote, city: City) -> dict[str, int]:
    """Domain to the number of entities that the broker holds of its types.

    A type of two domains counts for each as much as in the model. Raises StartError when the broker can't be asked.
    """
    fleets_of: dict[tuple[str, str], list[Fleet]] = {}
    for fleet in FLEETS:
        fleets_of.setdefault((fleet.type, fleet.context), []).append(fleet)
    limit = asyncio.Semaphore(ASKING)

    async def asked(type_: str, context: str) -> int:
        async with limit:
            _, number = await remote.get("/entities", {"type": type_, "limit": "0", "count": "true"}, context)
            return number or 0

    numbers = await asyncio.gather(*(asked(*key) for key in fleets_of))
    domains: Counter[str] = Counter()
    for number, fleets in zip(numbers, fleets_of.values(), strict=True):
        weight = sum(city.counts[fleet.code] for fleet in fleets)
        rest = number
        for fleet in fleets[1:]:
            part = number * city.counts[fleet.code] // weight
            domains[fleet.domain] += part
            rest -= part
        domains[fleets[0].domain] += rest
    return {domain: domains[domain] for domain in DOMAINS}


def table(counts: dict[str, int]) -> Table:
    """The counts, to look at."""
    shown = Table("Domain", show_footer=True, box=None, pad_edge=False)
    shown.columns[0].footer = "All"
    shown.add_column("Entities", f"{sum(counts.values()):,}", justify="right")
    for domain, number in counts.items():
        shown.add_row(DOMAINS[domain], f"{number:,}")
    return shown


def examples(remote: Remote, counts: dict[str, int]) -> Sequence[str]:
    """Three commands that work as they stand: vehicles on a list, lamps by number, one charging station."""
    fleets = {fleet.code: fleet for fleet in FLEETS}
    station = f"{fleets['ev'].prefix}{counts['ev'] // 2:06d}"
    return (
        _curl(remote, "/entities", {"type": "Vehicle", "limit": "5", "format": "simplified"}, fleets["bus"]),
        _curl(remote, "/entities", {"type": "Streetlight", "limit": "0", "count": "true"}, fleets["lamp"], "-i"),
        _curl(remote, f"/entities/{escaped(station, safe=':')}", {}, fleets["ev"]),
    )


def _curl(remote: Remote, path: str, parameters: dict[str, str], fleet: Fleet, *options: str) -> str:
    headers = {**remote.headers, "Link": link(fleet.context)}
    headers.pop("Authorization", None)
    query = f"?{urlencode(parameters)}" if parameters else ""
    sent = [f"-H {quote(f'{name}: {value}')}" for name, value in headers.items()]
    return " ".join(["curl", "-s", *options, quote(f"{remote.root}{path}{query}"), *sent])


async def describe(remote: Remote, city: City) -> None:
    """Print where the city is, what it holds, and how to ask. Raises StartError when the broker can't be asked."""
    counts = await count(remote, city)
    console.out.print(Text.assemble("The city is at ", (remote.root, "bold green"), ":"))
    console.out.print(table(counts))
    console.out.print("Ask for it:")
    for line in examples(remote, city.counts):
        console.out.print(Text(f"  {line}"))
