"""`broker history`: what is recorded of which types and attributes, and how long it is kept. Works beside a broker."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final, TypeVar

import typer
from rich.table import Table

from broker import settings as settings_of
from broker.cli import console, history_files
from broker.cli.administering import asked
from broker.cli.options import takes_settings
from broker.errors import NonexistentTenant, ResourceNotFound, StartError
from broker.model.grammar import is_uri
from broker.model.recording import Mode
from broker.model.recording_rules import Stated, flaw
from broker.store.history.rules import Rulings
from broker.store.tenants import DEFAULT

T = TypeVar("T")

app = typer.Typer(no_args_is_help=True, help="History: what is recorded, and how long it is kept.")
rules_app = typer.Typer(invoke_without_command=True, no_args_is_help=False)
app.add_typer(rules_app, name="rules", help="What is recorded, and how long it is kept.")

_LISTED: Final = ("type", "attribute", "mode", "interval", "dead_band", "retention")


def listed(ctx: typer.Context, tenant: str | None = None, **flags: Any) -> None:
    """List the rules of a tenant; or set or remove one. What no rule says, the settings NGSILD_HISTORY… say."""
    if ctx.invoked_subcommand is not None:
        return
    name = tenant or DEFAULT
    found = _ask(flags, lambda rulings: rulings.listed(name))
    table = Table("Type", "Attribute", "Mode", "Interval", "Dead-band", "Retention", box=None, pad_edge=False)
    for rule in found:
        table.add_row(*(_shown(getattr(rule, member), member) for member in _LISTED))
    console.out.print(table)


def change(
    tenant: str | None = None,
    type: str | None = None,
    attribute: str | None = None,
    mode: str | None = None,
    interval: str | None = None,
    dead_band: float | None = None,
    retention: str | None = None,
    **flags: Any,
) -> None:
    """State a rule for a type, an attribute, both or all, instead of the one for the same. Writes follow it at once."""
    stated = _checked(Stated(type, attribute, None, interval, dead_band, retention), mode)
    name = tenant or DEFAULT
    _ask(flags, lambda rulings: rulings.state(name, stated))
    console.out.print("The rule holds from now on, for every write that begins.")


def remove(
    tenant: str | None = None,
    type: str | None = None,
    attribute: str | None = None,
    **flags: Any,
) -> None:
    """Remove the rule for a type, an attribute, both or all."""
    name = tenant or DEFAULT

    async def withdraw(rulings: Rulings) -> None:
        try:
            await rulings.withdraw(name, type, attribute)
        except NonexistentTenant:
            raise
        except ResourceNotFound as error:
            raise StartError(error.detail, "`broker history rules` lists those that there are.") from None

    _ask(flags, withdraw)
    console.out.print("The rule is removed.")


def _checked(rule: Stated, mode: str | None) -> Stated:
    """A rule that can be followed. Raises StartError."""
    for name, iri in (("--type", rule.type), ("--attribute", rule.attribute)):
        if iri is not None and not is_uri(iri):
            raise StartError(f"{name} {iri} is no IRI.", "Rules name types and attributes by their expanded names.")
    try:
        known = None if mode is None else Mode(mode)
    except ValueError:
        raise StartError(f"--mode {mode} is none.", f"Modes are {', '.join(Mode)}.") from None
    rule = rule._replace(mode=known)
    wrong = flaw(rule)
    if wrong is not None:
        raise StartError(f"--{wrong.member.replace('_', '-')} {wrong.problem}.", "`--help` tells the options.")
    return rule


def _ask(flags: dict[str, Any], question: Callable[[Rulings], Awaitable[T]]) -> T:
    """The answer of the rules, about a tenant that there is."""
    settings = settings_of.load(**flags)
    try:
        return asked(settings, lambda client: question(Rulings(client, settings.database)))
    except NonexistentTenant as error:
        raise StartError(error.detail, "`broker tenants` lists those that there are.") from None


def _shown(value: Any, member: str) -> str:
    if value is None:
        return "(all)" if member in ("type", "attribute") else ""
    return str(value)


_TENANT: Final = Annotated[str | None, typer.Option("--tenant", help="The tenant; the default one, if absent.")]
_TYPE: Final = Annotated[str | None, typer.Option("--type", metavar="IRI", help="Entities of this type.")]
_ATTRIBUTE: Final = Annotated[str | None, typer.Option("--attribute", metavar="IRI", help="Attributes of this name.")]
_MODE: Final = Annotated[
    str | None, typer.Option("--mode", help="Which writes leave a point: all, changes (of more than times), or off.")
]
_INTERVAL: Final = Annotated[str | None, typer.Option("--interval", help="Least time between two points, as PT5M.")]
_BAND: Final = Annotated[float | None, typer.Option("--dead-band", help="Least difference to the last point recorded.")]
_RETENTION: Final = Annotated[str | None, typer.Option("--retention", help="How long points are kept, as P30D.")]
_OF: Final = {"tenant": _TENANT, "type": _TYPE, "attribute": _ATTRIBUTE}
_SAYS: Final = {"mode": _MODE, "interval": _INTERVAL, "dead_band": _BAND, "retention": _RETENTION}

_SETTINGS: Final = ("data_dir", "mongodb_uri", "database")

rules_app.callback()(takes_settings(listed, {"ctx": typer.Context, "tenant": _TENANT}, _SETTINGS))
rules_app.command("set")(takes_settings(change, {**_OF, **_SAYS}, _SETTINGS))
rules_app.command("remove")(takes_settings(remove, _OF, _SETTINGS))
app.command("export")(takes_settings(history_files.export, history_files.EXPORTING, _SETTINGS))
app.command("import")(takes_settings(history_files.bring, history_files.IMPORTING, _SETTINGS))
