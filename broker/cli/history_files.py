"""`broker history export` and `import`: history to files of analysts and back, on the database of a broker."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from broker import settings as settings_of
from broker.cli import console
from broker.cli.administering import asked
from broker.cli.extras import extra
from broker.cli.progress import bar
from broker.errors import BadRequestData, NonexistentTenant, StartError
from broker.history.tables import ENTITY, NUMBER, TEXTS, Newest, Row, entities_of, in_parts, newest_of, rows_of
from broker.model.grammar import is_uri
from broker.model.instants import date_time
from broker.model.periods import add
from broker.model.recording import EVERYTHING
from broker.model.temporal import Duration, Reading, TimeProperty, Window
from broker.query.ast import HasType
from broker.query.plan import Query, Selector
from broker.store.client import Client
from broker.store.history.history import History
from broker.store.history.record import recorder
from broker.store.history.rules import RuleBooks
from broker.store.store import Store
from broker.store.tenants import DEFAULT, control_database

SUFFIXES: Final = (".parquet", ".csv")
_ENTITIES: Final = 50
_POINTS: Final = 10_000
"""Read at a time."""
_ROWS: Final = 10_000
"""In memory at a time."""
_MOMENT: Final = Duration(0, 1)

Write = Callable[[list[Row]], None]


def export(
    file: Path, tenant: str | None = None, type: str | None = None, since: str | None = None, **flags: Any
) -> None:
    """Write the history of a tenant to a file, .parquet or .csv: a row for each point."""
    _checked(file)
    if type is not None and not is_uri(type):
        raise StartError(f"--type {type} is no IRI.", "Types are named by their expanded names.")
    if since is not None and date_time(since) is None:
        raise StartError(f"--since {since} is no DateTime.", "DateTimes are such as 2026-01-31T12:00:00Z.")
    settings = settings_of.load(**flags)
    query = Query(selectors=(Selector(HasType(type)),) if type else (), limit=_ENTITIES)
    window = Window(TimeProperty.MODIFIED_AT, start=since)

    async def ask(client: Client) -> int:
        history = History(Store(client, settings.database))
        written = 0
        with bar("Points", None) as advance, _writer(file) as write:
            async for rows in _rows(history, tenant or DEFAULT, query, window):
                write(rows)
                written += len(rows)
                advance(len(rows))
        return written

    console.out.print(f"{_told(settings, ask):,} points are in {file}.")


async def _rows(history: History, tenant: str, query: Query, window: Window) -> AsyncIterator[list[Row]]:
    """The rows of all entities, some thousands at a time; those of an entity stand together."""
    place = ""
    while ids := await history.find(tenant, Query(selectors=query.selectors, limit=query.limit, after=place)):
        place = ids[-1]
        for entity_id in ids:
            start = window.start
            while True:
                part = Window(window.timeproperty, start, window.end)
                read = await history.read(tenant, [entity_id], Reading(part, bound=_POINTS))
                rows = [row for evolution in read.evolutions for row in rows_of(evolution)]
                if rows:
                    yield rows
                if read.cut is None:
                    break
                start = add(read.cut, _MOMENT)  # the points at the cut are all there


def bring(file: Path, tenant: str | None = None, **flags: Any) -> None:
    """Bring the points of a file into the history of a tenant; those with an observedAt that is there replace it."""
    _checked(file)
    if not file.is_file():
        raise StartError(f"There is no file {file}.", "Name one that `broker history export` has written.")
    settings = settings_of.load(**flags)
    newest = _newest(file)

    async def ask(client: Client) -> int:
        books = RuleBooks(control_database(client, settings.database), EVERYTHING)
        history = History(Store(client, settings.database, [recorder(books.of)], reloads=[books.reload]))
        brought = 0
        with bar("Points", None) as advance:
            for entity, count in entities_of(_read(file)):
                await history.create(tenant or DEFAULT, entity, newest=newest.get(entity.id))
                brought += count
                advance(count)
        return brought

    try:
        brought = _told(settings, ask)
    except BadRequestData as error:
        raise StartError(
            f"{file} is no history: {error.detail}", "What came before is there; mend and try again."
        ) from None
    console.out.print(f"{brought:,} points are brought.")


def _newest(file: Path) -> Newest:
    """What of a file decides on the state of entities that come in parts. Raises StartError if it is no history."""
    try:
        several = in_parts(row.get(ENTITY) for row in _read(file, [ENTITY]))
        return newest_of((entity for entity, _ in entities_of(_read(file))), several)
    except BadRequestData as error:
        raise StartError(
            f"{file} is no history: {error.detail}", "Nothing is brought; mend it and try again."
        ) from None


def _told(settings: Any, ask: Callable[[Client], Any]) -> int:
    try:
        told: int = asked(settings, ask)
    except NonexistentTenant as error:
        raise StartError(error.detail, "`broker tenants` lists those that there are.") from None
    return told


# Files.


def _checked(file: Path) -> None:
    if file.suffix not in SUFFIXES:
        raise StartError(f"{file} has no ending that says its form.", f"Endings are {' and '.join(SUFFIXES)}.")


def _arrow(part: str) -> Any:
    """A part of pyarrow. Raises StartError without it."""
    return extra(f"pyarrow{part}", "analysis")


def _schema() -> Any:
    arrow = _arrow("")
    return arrow.schema([*((name, arrow.string()) for name in TEXTS), (NUMBER, arrow.float64())])


@contextmanager
def _writer(file: Path) -> Iterator[Write]:
    """A function that writes rows. The file is there when it is whole."""
    arrow, schema = _arrow(""), _schema()
    unfinished = file.with_name(f"{file.name}.part")
    made = (
        _arrow(".parquet").ParquetWriter(unfinished, schema, compression="zstd")
        if file.suffix == ".parquet"
        else _arrow(".csv").CSVWriter(unfinished, schema)
    )
    try:
        with made as writer:
            yield lambda rows: writer.write_table(arrow.Table.from_pylist(rows, schema=schema))
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)


def _read(file: Path, columns: Sequence[str] = (*TEXTS, NUMBER)) -> Iterable[Row]:
    """The rows of a file, a few thousand in memory at a time. Raises BadRequestData if it cannot be read."""
    schema, arrow = _schema(), _arrow("")
    try:
        if file.suffix == ".parquet":
            batches = _arrow(".parquet").ParquetFile(file).iter_batches(_ROWS, columns=list(columns))
        else:
            convert = _arrow(".csv").ConvertOptions(
                column_types=schema,
                include_columns=list(columns),
                include_missing_columns=True,
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            )
            parse = _arrow(".csv").ParseOptions(newlines_in_values=True)
            batches = _arrow(".csv").open_csv(file, convert_options=convert, parse_options=parse)
        for batch in batches:
            yield from batch.to_pylist()
    except (arrow.ArrowInvalid, OSError) as error:
        raise BadRequestData(" ".join(islice(str(error).splitlines(), 1))) from None


_FILE: Final = Annotated[Path, typer.Argument(metavar="FILE", help="The file: .parquet or .csv.", show_default=False)]
_TENANT: Final = Annotated[str | None, typer.Option("--tenant", help="The tenant; the default one, if absent.")]
_TYPE: Final = Annotated[str | None, typer.Option("--type", metavar="IRI", help="Entities of this type only.")]
_SINCE: Final = Annotated[
    str | None, typer.Option("--since", metavar="DATETIME", help="Points modified at this time or later.")
]
EXPORTING: Final = {"file": _FILE, "tenant": _TENANT, "type": _TYPE, "since": _SINCE}
IMPORTING: Final = {"file": _FILE, "tenant": _TENANT}
