"""`broker city`: the sample city, written as NDJSON or into a broker, still or moving."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Annotated, BinaryIO, Final

import orjson
import typer

from broker.cli import console
from broker.cli.city.domains import FLEETS
from broker.cli.city.fleet import SIZES
from broker.cli.city.generate import NOON, City
from broker.cli.progress import bar
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


def city(
    size: Annotated[Size, typer.Argument(help="1 000, 150 000 or 1 490 000 entities.")] = Size.HAMLET,
    entities: Annotated[int | None, typer.Option(min=len(FLEETS), help="So many entities, instead of a size.")] = None,
    seed: Annotated[int, typer.Option(help="Same seed and size, same city.")] = 1,
    out: Annotated[str | None, typer.Option(help="Write NDJSON to this file; - for standard output.")] = None,
    at: Annotated[str | None, typer.Option(help="The instant that the city shows (DateTime with Z).")] = None,
) -> None:
    """The sample city: seven domains, 56 types, one seed."""
    sample = City(entities or SIZES[size], seed)
    if out is not None:
        write(sample, out, instant_of(at) or NOON)
