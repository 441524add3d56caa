"""`broker plot`: the history of an attribute as a picture, in the terminal or a file; of any NGSI-LD broker."""

import asyncio
import re
import shutil
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer

from broker.cli import console
from broker.cli.drawing import DRAWN, Picture, draw, save
from broker.cli.evolving import Drawn, drawn
from broker.cli.transfer import Remote, parsed_headers
from broker.errors import StartError
from broker.model.grammar import is_uri
from broker.model.instants import date_time
from broker.model.temporal import TimeProperty

SUFFIXES: Final = (".png", ".svg")
_HEIGHT: Final = 24
_MOST_PAGES: Final = 1_000
_PART: Final = re.compile(r"date-time \S+-(\d{4}-\d\d-\d\dT[^/]+)/")
_NO_ATTRIBUTES: Final = frozenset({"id", "type", "scope", "@context", "createdAt", "modifiedAt", "deletedAt"})


def plot(
    entity: Annotated[str, typer.Argument(metavar="ENTITY", help="Id of the entity.", show_default=False)],
    attribute: Annotated[str, typer.Argument(metavar="ATTR", help="Name of the attribute.", show_default=False)],
    since: Annotated[str | None, typer.Option("--from", metavar="DATETIME", help="Points from this time on.")] = None,
    until: Annotated[str | None, typer.Option("--to", metavar="DATETIME", help="Points before this time.")] = None,
    last: Annotated[int | None, typer.Option(min=1, help="The newest so many. [default: 1000 without a time]")] = None,
    timeproperty: Annotated[TimeProperty, typer.Option(help="The time by which points are drawn.")] = (
        TimeProperty.OBSERVED_AT
    ),
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a picture: .png or .svg.")] = None,
    url: Annotated[str, typer.Option(help="Address of the broker.")] = "http://127.0.0.1:1026",
    tenant: Annotated[str | None, typer.Option(help="Tenant of the entity.")] = None,
    context: Annotated[str | None, typer.Option(help="URL of the @context that tells what ATTR means.")] = None,
    header: Annotated[list[str] | None, typer.Option(help="A header of each request, 'Name: value'.")] = None,
    certificate: Annotated[
        Path | None, typer.Option(help="PEM file of the broker's own certificate, trusted whatever host it names.")
    ] = None,
) -> None:
    """Draw the history of an attribute: numbers as lines, booleans and texts as steps, a line for each datasetId."""
    _checked(entity, (("--from", since), ("--to", until)), out)
    if last is None and since is None and until is None:
        last = DRAWN
    query = _query(attribute, since, until, last, timeproperty)
    remote = partial(Remote, url, tenant=tenant, headers=parsed_headers(header or []), certificate=certificate)
    instances = asyncio.run(_read(remote(), entity, attribute, query, context))
    picture = Picture(f"{attribute} of {entity}", drawn(instances, attribute, timeproperty))
    if out is not None:
        save(picture, out)
        console.out.print(f"{_points(picture.drawn):,} points are drawn in {out}.")
        return
    size = shutil.get_terminal_size((100, _HEIGHT))
    text = draw(picture, size.columns, min(size.lines - 2, _HEIGHT), colours=sys.stdout.isatty())
    typer.echo(text)


def _checked(entity: str, times: tuple[tuple[str, str | None], ...], out: Path | None) -> None:
    if not is_uri(entity):
        raise StartError(f"{entity} is no id of an entity.", "Ids are URIs, such as urn:ngsi-ld:Room:1.")
    for flag, text in times:
        if text is not None and date_time(text) is None:
            raise StartError(f"{flag} {text} is no DateTime.", "DateTimes are such as 2026-01-31T12:00:00Z.")
    if out is not None and out.suffix not in SUFFIXES:
        raise StartError(f"{out} has no ending that says its form.", f"Endings are {' and '.join(SUFFIXES)}.")


def _query(
    attribute: str, since: str | None, until: str | None, last: int | None, timeproperty: TimeProperty
) -> dict[str, str]:
    """The parameters of a temporal query (GS CIM 009 §4.11)."""
    query = {"attrs": attribute, "options": "sysAttrs", "timeproperty": timeproperty.value}
    if since is not None and until is not None:
        query |= {"timerel": "between", "timeAt": since, "endTimeAt": until}
    elif until is not None:
        query |= {"timerel": "before", "timeAt": until}
    else:
        query |= {"timerel": "after", "timeAt": since or "0001-01-01T00:00:00Z"}
    return query if last is None else query | {"lastN": str(last)}


async def _read(
    remote: Remote, entity: str, attribute: str, query: dict[str, str], context: str | None
) -> list[dict[str, Any]]:
    """The instances of an attribute; what comes in parts, part by part. Raises StartError."""
    path = f"/temporal/entities/{quote(entity, safe='')}"
    found: dict[Any, dict[str, Any]] = {}
    async with remote:
        for _ in range(_MOST_PAGES):
            body, headers = await remote.ask(path, query, context)
            if not isinstance(body, dict):
                raise StartError(
                    f"There is no history of {entity} at {remote.root}.", "Check the id and the tenant (--tenant)."
                )
            for instance in _instances(body, attribute):
                found[instance.get("instanceId", len(found))] = instance
            until = _end_of_part(headers)
            if until is None or "lastN" in query:
                if until is not None:
                    console.warn(f"The broker answers with {len(found):,} points at most.")
                break
            if until == query["timeAt"]:
                raise StartError("The answer goes on for ever.", "Ask for less: --from, --to.")
            query = query | {"timeAt": until} if query["timerel"] != "before" else _from(query, until)
    return list(found.values())


def _instances(body: dict[str, Any], attribute: str) -> list[dict[str, Any]]:
    """The instances of the one attribute that was asked for, whichever of its names the broker uses."""
    others = [content for name, content in body.items() if name not in _NO_ATTRIBUTES]
    content = body.get(attribute, others[0] if len(others) == 1 else [])
    several = content if isinstance(content, list) else [content]
    return [each for each in several if isinstance(each, dict)]


def _from(query: dict[str, str], start: str) -> dict[str, str]:
    """A query of all before a time, from another time on."""
    return query | {"timerel": "between", "timeAt": start, "endTimeAt": query["timeAt"]}


def _end_of_part(headers: Mapping[str, str]) -> str | None:
    """Where the next part begins: the second time of `date-time START-END/SIZE` (GS CIM 009 §6.3.10)."""
    part = _PART.match(headers.get("Content-Range", ""))
    return None if part is None else part[1]


def _points(several: list[Drawn]) -> int:
    return sum(len(each.times) for each in several)
