"""`broker city`: the sample city, written as NDJSON or into a broker, still or moving."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final

import orjson
import typer
from rich.text import Text

from broker.cli import console
from broker.cli.city import fill, live
from broker.cli.city.domains import FLEETS
from broker.cli.city.fleet import SIZES
from broker.cli.city.generate import NOON, City
from broker.cli.progress import bar
from broker.cli.transfer import Remote, parsed_headers
from broker.errors import StartError

CHUNK: Final = 2_000
"""Lines that are written at once."""


class Size(StrEnum):
    """Sizes of the city."""

    HAMLET = "hamlet"
    TOWN = "town"
    CITY = "city"


def instant_of(text: str | None) -> float | None:
    """Seconds since 1970 of a DateTime. Raises StartError when it is none."""
    if text is None:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise StartError(f"--at {text} is no DateTime.", "Write it as in 2025-06-02T11:00:00Z.") from None


def lines(city: City, t: float) -> Iterator[bytes]:
    """The city as NDJSON, a line at a time; each entity names its @context."""
    for fleet in FLEETS:
        context = fleet.context
        for entity in city.entities(fleet, t):
            entity["@context"] = context
            yield orjson.dumps(entity, option=orjson.OPT_APPEND_NEWLINE)


@contextmanager
def _opened(out: str) -> Iterator[BinaryIO]:
    """The file to write, `-` for standard output. Raises StartError when it can't be written."""
    try:
        with nullcontext(sys.stdout.buffer) if out == "-" else Path(out).open("wb") as file:
            yield file
            file.flush()
    except BrokenPipeError:  # the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        raise StartError(
            f"{out} cannot be written: {error.strerror}.", "Give a file in a folder that is writable and has room."
        ) from None


def write(city: City, out: str, t: float) -> None:
    """Write the city as NDJSON to a file, or to standard output. Raises StartError when it can't be written."""
    total = sum(city.counts.values())
    started = time.perf_counter()
    size = 0
    with _opened(out) as file, bar("Writing", total) as advance:
        stream = lines(city, t)
        while chunk := list(islice(stream, CHUNK)):
            size += file.write(b"".join(chunk))
            advance(len(chunk))
    seconds = time.perf_counter() - started
    console.err.print(f"{total:,} entities, {size / 1e6:,.1f} MB in {seconds:.1f} s ({total / seconds:,.0f} a second).")


@dataclass(frozen=True, slots=True)
class Journey:
    """What to do with a broker."""

    if_empty: bool
    live: bool
    start: float | None
    speed: float
    faults: bool
    duration: float | None
    batch: int
    connections: int


def _told(reason: str | None) -> None:
    message = "The broker is back." if reason is None else f"The broker is away ({reason}); waiting for it."
    console.err.print(Text(message))


async def _travel(sample: City, remote: Callable[..., Remote], journey: Journey) -> None:
    """Load the city into a broker, show it, keep it moving. Raises StartError."""
    async with remote(mode="replace", patience=60.0) as still:
        if not (journey.if_empty and await fill.is_there(still)):
            await fill.load(still, sample, journey.start or time.time(), journey.batch, journey.connections)
        await fill.describe(still, sample)
    if journey.live:
        await _animate(sample, remote, journey)


async def _animate(sample: City, remote: Callable[..., Remote], journey: Journey) -> None:
    """Keep the city moving until cancelled, which is the ordinary end."""
    motion = live.Motion(sample, faults=journey.faults)
    tally = live.Tally()
    console.out.print(f"It is live: {motion.rate * journey.speed:,.0f} updates a second.")
    began = time.monotonic()
    with suppress(asyncio.CancelledError):
        async with remote(mode="update", patience=float("inf")) as moving:
            await live.run(
                moving,
                motion,
                start=journey.start or time.time(),
                speed=journey.speed,
                duration=journey.duration,
                tally=tally,
            )
    seconds = time.monotonic() - began
    console.err.print(
        f"Sent {tally.sent:,} updates in {seconds:,.0f} s ({tally.sent / seconds:,.0f} a second), "
        f"{tally.refused:,} refused, {tally.lost:,} given up; answered after {tally.behind:.1f} s at most."
    )
    if tally.reason is not None:
        console.err.print(Text(f"The first refused: {tally.reason}"))


async def _until_signalled(work: Coroutine[Any, Any, None]) -> bool:
    """Work until it ends, or until SIGTERM or SIGINT, which cancels it. Whether it came to its end."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        return False
    return True


def city(
    size: Annotated[Size, typer.Argument(help="1 000, 150 000 or 1 490 000 entities.")] = Size.HAMLET,
    entities: Annotated[int | None, typer.Option(min=len(FLEETS), help="So many entities, instead of a size.")] = None,
    seed: Annotated[int, typer.Option(help="Same seed and size, same city.")] = 1,
    out: Annotated[str | None, typer.Option(help="Write NDJSON to this file; - for standard output.")] = None,
    url: Annotated[str | None, typer.Option(help="Load it into the broker at this address.")] = None,
    certificate: Annotated[
        Path | None, typer.Option(help="PEM file of the broker's own certificate, trusted whatever host it names.")
    ] = None,
    tenant: Annotated[str | None, typer.Option(help="Tenant to load into.")] = None,
    header: Annotated[list[str] | None, typer.Option(help="A header of each request, 'Name: value'.")] = None,
    if_empty: Annotated[bool, typer.Option("--if-empty", help="Load only if the city isn't there.")] = False,
    keep_live: Annotated[bool, typer.Option("--live", help="Keep sending updates at the model's rates.")] = False,
    speed: Annotated[float, typer.Option(min=0.01, max=10_000, help="So many times as fast.")] = 1.0,
    faults: Annotated[bool, typer.Option(help="One report in a hundred goes wrong.")] = True,
    at: Annotated[str | None, typer.Option(help="The instant to begin with (DateTime with Z).")] = None,
    duration: Annotated[float | None, typer.Option(min=0, help="End after so many seconds of --live.")] = None,
    batch: Annotated[int, typer.Option(min=1, max=5_000, help="Entities in a request while loading.")] = 500,
    connections: Annotated[int, typer.Option(min=1, max=64, help="Requests at a time while loading.")] = 4,
) -> None:
    """The sample city: all seven domains, as a file or in a broker, still or moving.

    Ends with 0, with 130 if it was interrupted while loading, with 2 if the file or the broker could not be used.
    """
    try:
        if (out is None) == (url is None):
            raise StartError("Where to?", "Say --out FILE (- for standard output), or --url ADDRESS of a broker.")
        start = instant_of(at)
        sample = City(entities or SIZES[size], seed)
        if out is not None:
            write(sample, out, NOON if start is None else start)
        if url is not None:
            headers = parsed_headers(header or [])
            remote = partial(Remote, url, tenant=tenant, headers=headers, told=_told, certificate=certificate)
            journey = Journey(if_empty, keep_live, start, speed, faults, duration, batch, connections)
            if not asyncio.run(_until_signalled(_travel(sample, remote, journey))):
                raise typer.Exit(130)
    except StartError as error:
        console.tell(error)
        raise typer.Exit(2) from None
