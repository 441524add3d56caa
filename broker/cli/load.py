"""`broker load`: entities from files, or from standard input, into any NGSI-LD broker."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from threading import Lock
from typing import Annotated, Any, BinaryIO, Final

import orjson
import typer
from rich.text import Text

from broker.cli import console
from broker.cli.documents import Document, Source
from broker.cli.progress import bar
from broker.cli.transfer import Batch, Item, Outcome, Refusal, Remote, parsed_headers, send_all
from broker.errors import StartError

BODY: Final = 4 * 2**20
"""Bytes after which a batch is sent even if it has not its number of entities."""
GROUPS: Final = 64
"""Different @contexts for which entities are gathered at a time."""


class Mode(StrEnum):
    """What happens to the attributes of an entity that exists and that the file does not mention."""

    REPLACE = "replace"
    UPDATE = "update"


class Rejects:
    """The file of the refused entities, made with the first: lines of source, id, status, reason, entity."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self.first: str | None = None
        self._file: BinaryIO | None = None
        self._lock = Lock()
        """Files are read in a thread, answers are heard in another."""

    def add(self, refusal: Refusal) -> None:
        """Write one down. Raises StartError when the file can't be written."""
        item = refusal.item
        line: dict[str, Any] = {"source": item.source, "id": item.id or None, "status": refusal.status or None}
        line |= {"reason": refusal.reason, "entity": orjson.Fragment(item.body or b"null")}
        with self._lock:
            if self.first is None:
                self.first = f"{item.id or item.source}: {refusal.reason}"
            self.count += 1
            try:
                if self._file is None:
                    self._file = self.path.open("wb")
                self._file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
            except OSError as error:
                raise StartError(
                    f"{self.path} cannot be written: {error.strerror}.", "Name another file with --rejects."
                ) from None

    def close(self) -> None:
        """Close the file, if there is one."""
        if self._file is not None:
            self._file.close()


class _Group:
    """Entities of one @context that wait until they are a batch."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.size = 0


def batches(documents: Iterator[Document], size: int, context: str | None, rejects: Rejects) -> Iterator[Batch]:
    """Batches of entities with the same @context; what is no entity is rejected on the way.

    An @context that is one URL goes into a Link header; others stay in their entities, which travel as JSON-LD.
    """
    groups: dict[str | None, _Group] = {}
    for document in documents:
        key, item = _keyed(document, context)
        if document.problem is not None:
            rejects.add(Refusal(item, 0, document.problem))
            continue
        group = groups.setdefault(key, _Group())
        group.items.append(item)
        group.size += len(item.body)
        if len(group.items) >= size or group.size >= BODY:
            yield _batch(key, groups.pop(key))
        elif len(groups) > GROUPS:
            fullest = max(groups, key=lambda key: len(groups[key].items))
            yield _batch(fullest, groups.pop(fullest))
    for key, group in groups.items():
        yield _batch(key, group)


_EMBEDDED: Final = "@context"
"""Key of the entities that travel with their own @context; no URL."""


def _keyed(document: Document, context: str | None) -> tuple[str | None, Item]:
    """The key of an entity's group, and the entity as it is sent."""
    entity = document.entity
    key: Any = entity.get("@context", context)
    if key is None or isinstance(key, str):
        entity = {name: value for name, value in entity.items() if name != "@context"}
    else:
        key = _EMBEDDED
    identifier = entity.get("id", entity.get("@id"))
    return key, Item(identifier if isinstance(identifier, str) else "", orjson.dumps(entity), document.source)


def _batch(key: str | None, group: _Group) -> Batch:
    return Batch(group.items, None, embedded=True) if key == _EMBEDDED else Batch(group.items, key)


async def _load(
    remote: Remote, sources: Sequence[Source], size: int, context: str | None, connections: int, rejects: Rejects
) -> Outcome:
    total = Outcome()
    sizes = [source.size for source in sources]
    whole = None if None in sizes else sum(size for size in sizes if size is not None)

    with bar("Loading", whole, in_bytes=True) as advance:
        shown = 0

        def heard(_batch: Batch, outcome: Outcome) -> None:
            nonlocal shown
            for refusal in outcome.refused:
                rejects.add(refusal)
            outcome.refused.clear()
            total.add(outcome)
            position = sum(source.position for source in sources)
            advance(position - shown)
            shown = position

        documents = (document for source in sources for document in source.documents())
        async with remote:
            await send_all(remote, batches(documents, size, context, rejects), connections, heard)
    return total


def _summary(total: Outcome, rejects: Rejects, seconds: float) -> None:
    parts = [f"{total.created:,} created", f"{total.updated:,} updated"]
    if total.written:
        parts.append(f"{total.written:,} created or updated (the broker didn't say which)")
    parts.append(f"{rejects.count:,} refused")
    number = total.taken + rejects.count
    console.out.print(f"{number:,} entities in {seconds:.1f} s ({number / seconds:,.0f} a second): {', '.join(parts)}.")
    if rejects.first is not None:
        console.err.print(Text(f"Refused, with reasons: {rejects.path}. The first: {rejects.first}."))


def load(
    files: Annotated[list[str], typer.Argument(metavar="FILE…", help="JSON, JSON-LD, NDJSON, GeoJSON; - is stdin.")],
    url: Annotated[str, typer.Option(help="Address of the broker.")] = "http://127.0.0.1:1026",
    tenant: Annotated[str | None, typer.Option(help="Tenant to load into.")] = None,
    context: Annotated[str | None, typer.Option(help="URL of the @context of entities that name none.")] = None,
    mode: Annotated[Mode, typer.Option(help="Replace entities that exist, or update their attributes.")] = Mode.REPLACE,
    batch: Annotated[int, typer.Option(min=1, max=5_000, help="Entities in a request.")] = 500,
    connections: Annotated[int, typer.Option(min=1, max=64, help="Requests at a time; 1 keeps the order.")] = 4,
    rejects: Annotated[Path, typer.Option(help="Where refused entities go, with reasons.")] = Path("rejects.ndjson"),
    patience: Annotated[float, typer.Option(min=0, help="Seconds that the broker may be away in between.")] = 60,
    header: Annotated[list[str] | None, typer.Option(help="A header of each request, 'Name: value'.")] = None,
) -> None:
    """Load entities from files into any NGSI-LD broker.

    Ends with 0 if all were taken, 1 if some were refused, 2 if a file or the broker could not be used.
    """
    refused = Rejects(rejects)
    started = time.perf_counter()
    sources: list[Source] = []
    try:
        remote = Remote(
            url,
            tenant=tenant,
            headers=parsed_headers(header or []),
            mode=mode.value,
            patience=patience,
            told=lambda reason: console.err.print(
                Text("The broker is back." if reason is None else f"The broker is away ({reason}); waiting for it.")
            ),
        )
        sources = [Source(name) for name in files]
        total = asyncio.run(_load(remote, sources, batch, context, connections, refused))
    except StartError as error:
        console.tell(error)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        console.err.print("Interrupted: what the broker had acknowledged until now stays.")
        raise typer.Exit(130) from None
    finally:
        refused.close()
        for source in sources:
            source.close()
    _summary(total, refused, time.perf_counter() - started)
    if refused.count:
        raise typer.Exit(1)
