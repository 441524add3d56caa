"""`broker deadletters`: notifications that were given up; send them again, or remove them, beside a running broker."""

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeVar

import typer
from rich.table import Table

from broker import settings as configuration
from broker.cli import console
from broker.cli.administering import asked
from broker.cli.options import takes_settings
from broker.errors import StartError
from broker.settings import Settings
from broker.store.dead_letters import Chosen, DeadLetters
from broker.store.tenants import control_database

T = TypeVar("T")

SHOWN: Final = 100
"""Dead letters that are listed, unless more are asked for."""
_ID: Final = re.compile(r"(?:[0-9a-f]{2}){1,32}")

app = typer.Typer(invoke_without_command=True, no_args_is_help=False)


def deadletters(ctx: typer.Context, limit: int | None = None, **flags: Any) -> None:
    """List the dead letters, the oldest first; or send them again or remove them."""
    if ctx.invoked_subcommand is not None:
        return
    chosen, settings = _chosen((), flags), configuration.load(**flags)
    found = _ask(settings, lambda dead: dead.listed(chosen, limit or SHOWN))
    count = _ask(settings, lambda dead: dead.count(chosen))
    table = Table("Id", "Given up", "Tenant", "Subscription", "Entities", "Reason", box=None, pad_edge=False)
    for each in found:
        entities = each.entities[0] + (f" and {len(each.entities) - 1} more" if len(each.entities) > 1 else "")
        table.add_row(each.id, _shown(each.since), each.tenant, each.subscription, entities, each.reason)
    console.out.print(table)
    if count > len(found):
        console.out.print(f"{count - len(found)} more: say --limit {count}.")


def replay(ids: list[str] | None = None, everything: bool | None = None, **flags: Any) -> None:
    """Send dead letters again: those with the ids, those of a tenant or subscription, or all of them."""
    chosen = _some(ids, everything, flags)
    count = _ask(configuration.load(**flags), lambda dead: dead.replay(chosen))
    console.out.print(f"{count} dead letters are owed again.")


def remove(ids: list[str] | None = None, everything: bool | None = None, **flags: Any) -> None:
    """Remove dead letters for good: those with the ids, those of a tenant or subscription, or all of them."""
    chosen = _some(ids, everything, flags)
    count = _ask(configuration.load(**flags), lambda dead: dead.remove(chosen))
    console.out.print(f"{count} dead letters are removed.")


def _some(ids: list[str] | None, everything: bool | None, flags: dict[str, Any]) -> Chosen:
    chosen = _chosen(tuple(ids or ()), flags)
    if chosen == Chosen() and not everything:
        raise StartError("No dead letter is named.", "Give --id, --tenant, --subscription, or --all.")
    return chosen


def _chosen(ids: tuple[str, ...], flags: dict[str, Any]) -> Chosen:
    """What is meant; takes its options out of the flags. Raises StartError."""
    for each in ids:
        if _ID.fullmatch(each) is None:
            raise StartError(f"{each} is no id of a dead letter.", "`broker deadletters` lists them.")
    return Chosen(ids, flags.pop("tenant", None), flags.pop("subscription", None))


def _shown(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _ask(settings: Settings, question: Callable[[DeadLetters], Awaitable[T]]) -> T:
    return asked(settings, lambda client: question(DeadLetters(control_database(client, settings.database))))


_IDS: Final = Annotated[list[str] | None, typer.Option("--id", help="Id of a dead letter; again for more.")]
_ALL: Final = Annotated[bool | None, typer.Option("--all", help="All of them.")]
_LIMIT: Final = Annotated[int | None, typer.Option("--limit", help=f"How many are listed; {SHOWN} if absent.")]
_WHOSE: Final = {
    "tenant": Annotated[str | None, typer.Option("--tenant", help="Those of one tenant.")],
    "subscription": Annotated[str | None, typer.Option("--subscription", help="Those of one subscription, by its id.")],
}
_SETTINGS: Final = ("data_dir", "mongodb_uri", "database")

app.callback()(takes_settings(deadletters, {"ctx": typer.Context, "limit": _LIMIT, **_WHOSE}, _SETTINGS))
app.command("replay")(takes_settings(replay, {"ids": _IDS, "everything": _ALL, **_WHOSE}, _SETTINGS))
app.command("remove")(takes_settings(remove, {"ids": _IDS, "everything": _ALL, **_WHOSE}, _SETTINGS))
