"""`broker tenants`: which there are; make one, drop one with all it has. Works beside a running broker."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final, TypeVar

import typer
from rich.table import Table

from broker import settings as configuration
from broker.api.requests import tenant_of
from broker.cli import console
from broker.cli.administering import asked
from broker.cli.options import takes_settings
from broker.errors import BadRequestData, NonexistentTenant, StartError
from broker.settings import Settings
from broker.store.tenants import DEFAULT, Listed, Tenants

T = TypeVar("T")

app = typer.Typer(invoke_without_command=True, no_args_is_help=False)


def tenants(ctx: typer.Context, **flags: Any) -> None:
    """List the tenants with their databases and the numbers of their entities; or make or drop one."""
    if ctx.invoked_subcommand is not None:
        return
    found = _ask(configuration.load(**flags), lambda registry: registry.listed())
    table = Table("Tenant", "Database", "Entities", box=None, pad_edge=False)
    table.columns[2].justify = "right"
    for listed in found:
        table.add_row(_shown(listed), listed.database, f"{listed.entities:,}".replace(",", " "))
    console.out.print(table)


def create(name: str, **flags: Any) -> None:
    """Make a tenant, whatever NGSILD_MAX_TENANTS says."""
    tenant = _checked(name)
    _ask(configuration.load(**flags), lambda registry: registry.database(tenant, create=True))
    console.out.print(f"Tenant {tenant} is there.")


def drop(name: str, yes: bool | None = None, **flags: Any) -> None:
    """Drop a tenant with all it has, for good. Workers may go on serving; it takes some seconds."""
    tenant = _checked(name)
    settings = configuration.load(**flags)
    found = {listed.tenant: listed for listed in _ask(settings, lambda registry: registry.listed())}
    if tenant not in found:
        raise StartError(f"There is no tenant {tenant}.", "`broker tenants` lists those that there are.")
    entities = found[tenant].entities
    if not yes:
        raise StartError(
            f"Nothing is dropped: tenant {tenant} has about {entities} entities, which would be gone for good.",
            f"Say it explicitly: `broker tenants drop {tenant} --yes`.",
        )
    _ask(settings, lambda registry: registry.drop(tenant))
    console.out.print(f"Tenant {tenant} is dropped, and with it about {entities} entities.")


def _shown(listed: Listed) -> str:
    name = listed.tenant if listed.tenant != DEFAULT else "(the default one)"
    return f"{name} (being dropped)" if listed.dropping else name


def _checked(name: str) -> str:
    """A name that a tenant can have. Raises StartError: for the default tenant, too, which has none."""
    if name == DEFAULT:
        raise StartError("The default tenant is always there.", "Purge its entities, or name another tenant.")
    try:
        return tenant_of(name.encode())
    except BadRequestData:
        raise StartError(f"{name!r} is no name of a tenant.", "`broker tenants` lists those that there are.") from None


def _ask(settings: Settings, question: Callable[[Tenants], Awaitable[T]]) -> T:
    """The registry's answer. Raises StartError if there is none."""
    try:
        return asked(settings, lambda client: question(Tenants(client, settings.database)))
    except NonexistentTenant as error:
        raise StartError(error.detail, "`broker tenants` lists those that there are.") from None


_NAME: Final = Annotated[str, typer.Argument(help="Name of the tenant, as NGSILD-Tenant has it.")]
_YES: Final = Annotated[bool | None, typer.Option("--yes", help="Drop it, and do not ask.")]

_SETTINGS: Final = ("data_dir", "mongodb_uri", "database")

app.callback()(takes_settings(tenants, {"ctx": typer.Context}, _SETTINGS))
app.command("create")(takes_settings(create, {"name": _NAME}, _SETTINGS))
app.command("drop")(takes_settings(drop, {"name": _NAME, "yes": _YES}, _SETTINGS))
