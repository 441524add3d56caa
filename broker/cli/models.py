"""`broker models`: which data models there are, what a tenant's rules do with them, and what is wrong with a file."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import orjson
import typer
from rich.table import Table
from rich.text import Text

from broker import settings as configuration
from broker.api.requests import tenant_of
from broker.cli import console
from broker.cli.administering import asked
from broker.cli.options import takes_settings
from broker.errors import BadRequestData, BrokerError, ResourceNotFound, StartError
from broker.hosting.contexts import Contexts
from broker.jsonld.compiled import CompiledContext
from broker.outbound.client import Client
from broker.outbound.guard import Guard
from broker.settings import Settings
from broker.validation.bundle import bundle
from broker.validation.datamodel import DataModel, own_model
from broker.validation.engine import Validator
from broker.validation.registry import Registry
from broker.validation.report import Report, check_documents
from broker.validation.rules import Mode
from broker.validation.schemas import attributes, required
from broker.validation.units import symbol

T = TypeVar("T")

app = typer.Typer(no_args_is_help=True, help="Data models, and the rules that hold entities to them.")


def list_(tenant: str | None = None, **flags: Any) -> None:
    """List the data models with the tenant's rules, and how many entities are known to violate them."""
    found = _ask(flags, lambda registry: registry.listed(_tenant(tenant)))
    table = Table("Type", "Domain", "Rule", "Violating", box=None, pad_edge=False)
    table.columns[3].justify = "right"
    for each in found:
        table.add_row(each.name, each.domain or "(the tenant's own)", each.mode.value, str(each.violations or ""))
    console.out.print(table)


def show(name: str, tenant: str | None = None, **flags: Any) -> None:
    """Show a data model: its attributes with values and units; a shipped one without a broker."""
    shipped = bundle().by_name.get(name) or (name if name in bundle() else None)
    if tenant is None and shipped is not None:
        model = bundle()[shipped]
    else:
        model = _ask(flags, lambda registry: registry.model(_tenant(tenant), name))
    console.out.print(f"{model.name}  {model.type}\n{model.schema.get('description', '')}\n")
    wanted = required(model.schema, bundle().retrieve)
    table = Table("Attribute", "Must", "Values", "Unit", box=None, pad_edge=False)
    for attribute, said in sorted(attributes(model.schema, bundle().retrieve).items()):
        units = ", ".join(f"{code} ({symbol(code)})" for code in model.units.get(attribute, ()))
        table.add_row(attribute, "*" if attribute in wanted else "", _values(said, model.targets.get(attribute)), units)
    console.out.print(table)


def _values(said: dict[str, Any], targets: Any) -> str:
    if targets:
        return "of " + " or ".join(targets)
    if "enum" in said:
        return " | ".join(map(str, said["enum"]))
    bounds = f" {said.get('minimum', '')}…{said.get('maximum', '')}" if {"minimum", "maximum"} & said.keys() else ""
    return f"{said.get('type', '')}{bounds}{' ' + said['format'] if 'format' in said else ''}"


def add(
    file: Path,
    name: str | None = None,
    context: str | None = None,
    units: str | None = None,
    targets: str | None = None,
    mode: str | None = None,
    tenant: str | None = None,
    **flags: Any,
) -> None:
    """Give a tenant a data model of its own, from a JSON Schema of the simplified form; at first without a rule."""
    settings = configuration.load(**flags)
    schema = _read_json(str(file), file)
    if not isinstance(schema, dict):
        raise StartError(f"{file} holds no JSON Schema.", "Give a file with a JSON object.")
    type_name = name or _type_in(schema) or file.stem.removesuffix(".schema")
    lists = {"units": _pairs("--units", units), "targets": _pairs("--targets", targets)}
    model = _told(lambda: asyncio.run(_model(settings, schema, type_name, context, lists)))
    _ask(flags, lambda registry: registry.add(_tenant(tenant), model, _mode(mode or "off")))
    console.out.print(f"{model.name} ({model.type}) has a data model; its rule is {mode or 'off'}.")


async def _model(
    settings: Settings, schema: dict[str, Any], name: str, context: str | None, lists: dict[str, dict[str, list[str]]]
) -> DataModel:
    client = Client(Guard(settings.allowed_networks))
    contexts = Contexts(settings, client)
    try:
        return own_model(name, schema, await contexts.resolve(context), bundle().retrieve, **lists)
    finally:
        await contexts.close()
        await client.close()


def remove(name: str, tenant: str | None = None, **flags: Any) -> None:
    """Remove a tenant's own data model and its rule. A data model that ships stays, without a rule."""
    type_ = _ask(flags, lambda registry: registry.remove(_tenant(tenant), name))
    console.out.print(f"{type_} has no rule any more.")


def set_(name: str, mode: str, tenant: str | None = None, **flags: Any) -> None:
    """Rule what is done with entities that violate a data model: off, warn, strict. `all`: every shipped one."""
    chosen = _mode(mode)

    async def rule(registry: Registry) -> int:
        names = bundle().types if name == "all" else [name]
        for each in names:
            await registry.set_mode(_tenant(tenant), each, chosen)
        return len(names)

    count = _ask(flags, rule)
    console.out.print(f"The rule is {chosen.value} for {name if count == 1 else f'{count} data models'}.")


def violations(name: str | None = None, limit: int | None = None, tenant: str | None = None, **flags: Any) -> None:
    """List the entities that were accepted although they violate their data models, as they are now."""
    found = _ask(flags, lambda registry: registry.violating(_tenant(tenant), name, limit or 100))
    for each in found:
        for violation in each.violations:
            value = orjson.dumps(violation["value"]).decode()
            told = f"{each.entity_id} {violation['pointer']} is {value}, not {violation['expectation']}"
            console.out.print(Text(told))
    console.err.print(f"{len(found)} entities." if found else "No entity violates its data model.")


def check(source: str, context: str | None = None, **flags: Any) -> None:
    """Say what is wrong with entities in a file or at a URL, and what to do. Needs no broker."""
    settings = configuration.load(**flags)
    report = _told(lambda: asyncio.run(_checked(settings, source, context)))
    for finding in report.findings:
        console.out.print(Text(f"{source}:{finding.line}  {finding.pointer}", style="bold"))
        console.out.print(Text(f"    {finding.severity}: {finding.says}"))
        if finding.advice:
            console.out.print(Text(f"    {finding.advice}"))
    console.err.print(report.summary())
    if report.errors:
        raise typer.Exit(1)


async def _checked(settings: Settings, source: str, context: str | None) -> Report:
    client = Client(Guard(settings.allowed_networks))
    contexts = Contexts(settings, client)
    validators: dict[str, Validator] = {}

    def validator(type_: str) -> Validator | None:
        if type_ not in validators and type_ in bundle():
            validators[type_] = Validator(bundle()[type_], bundle().retrieve, bundle().by_name)
        return validators.get(type_)

    async def resolve(given: Any) -> CompiledContext:
        return await contexts.resolve(given if given is not None else context)

    try:
        text = await _read(client, settings, source)
        return await check_documents(text, resolve, validator)
    finally:
        await contexts.close()
        await client.close()


async def _read(client: Client, settings: Settings, source: str) -> str:
    if source.startswith(("http://", "https://")):
        answer = await client.request("GET", source, timeout=30, max_size=settings.max_body, redirects=5)
        if answer.status != 200:
            raise StartError(f"{source} cannot be had: the status is {answer.status}.", "Check the address.")
        body = answer.body
    else:
        body = _bytes(source, Path(source))
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise StartError(f"{source} is no UTF-8.", "Save it as UTF-8: JSON knows no other encoding.") from None


def _bytes(source: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StartError(f"{source} cannot be read: {error.strerror}.", "Give a file that is there.") from None


def _read_json(source: str, path: Path) -> Any:
    try:
        return orjson.loads(_bytes(source, path))
    except ValueError as error:
        raise StartError(f"{source} is no JSON: {error}.", "Correct it there.") from None


def _type_in(schema: dict[str, Any]) -> str | None:
    listed = attributes(schema, bundle().retrieve).get("type", {}).get("enum")
    return listed[0] if isinstance(listed, list) and listed and isinstance(listed[0], str) else None


def _pairs(flag: str, text: str | None) -> dict[str, list[str]]:
    """`temperature=CEL,speed=KMH,speed=MTS` as a table. Raises StartError."""
    table: dict[str, list[str]] = {}
    for pair in filter(None, (text or "").split(",")):
        attribute, equals, value = pair.partition("=")
        if not (attribute and equals and value):
            raise StartError(f"{flag} {text} is no list of pairs.", f"Write it as {_EXAMPLES[flag]}.")
        table.setdefault(attribute, []).append(value)
    return table


def _mode(text: str) -> Mode:
    try:
        return Mode(text)
    except ValueError:
        raise StartError(f"{text!r} is no rule.", "Say off, warn or strict.") from None


def _tenant(name: str | None) -> str:
    try:
        return tenant_of(name.encode()) if name else ""
    except BadRequestData:
        raise StartError(f"{name!r} is no name of a tenant.", "`broker tenants` lists those that there are.") from None


def _told(question: Callable[[], T]) -> T:
    """An answer. Raises StartError if there is none."""
    try:
        return question()
    except BrokerError as error:
        raise StartError(error.detail, "Correct it, and try again.") from None


def _ask(flags: dict[str, Any], question: Callable[[Registry], Awaitable[T]]) -> T:
    """The registry's answer. Raises StartError if there is none."""
    settings = configuration.load(**flags)
    try:
        return asked(settings, lambda client: question(Registry(client, settings.database, bundle())))
    except ResourceNotFound as error:
        raise StartError(error.detail, "`broker models list` and `broker tenants` tell what there is.") from None
    except BadRequestData as error:
        raise StartError(error.detail, "Correct the data model.") from None


_EXAMPLES: Final = {
    "--units": "temperature=CEL,speed=KMH",
    "--targets": "refBuilding=Building,owner=Person,owner=Organization",
}
_NAME: Final = Annotated[str, typer.Argument(help="Name of the type, or its IRI.")]
_SOME_NAME: Final = Annotated[str | None, typer.Option("--type", help="Name of the type, or its IRI.")]
_TENANT: Final = Annotated[str | None, typer.Option("--tenant", help="The tenant; without it, the default one.")]
_FILE: Final = Annotated[Path, typer.Argument(help="A JSON Schema of entities in the simplified form.")]
_SOURCE: Final = Annotated[str, typer.Argument(help="A file or URL: an entity, an array of entities, or NDJSON.")]
_CONTEXT: Final = Annotated[str | None, typer.Option("--context", help="URL of the @context of what names none.")]
_UNITS: Final = Annotated[str | None, typer.Option("--units", help=f"Units of attributes: {_EXAMPLES['--units']}.")]
_TARGETS: Final = Annotated[
    str | None,
    typer.Option("--targets", help=f"Types that relationships point to: {_EXAMPLES['--targets']}."),
]
_MODE: Final = Annotated[str, typer.Argument(help="off, warn or strict.")]
_SOME_MODE: Final = Annotated[str | None, typer.Option("--mode", help="off, warn or strict.")]
_LIMIT: Final = Annotated[int | None, typer.Option("--limit", help="Most entities that are listed; 100 by default.")]

_DATABASE: Final = ("data_dir", "mongodb_uri", "database")
_OUTSIDE: Final = ("allowed_networks", "context_timeout", "max_body")

app.command("list")(takes_settings(list_, {"tenant": _TENANT}, _DATABASE))
app.command("show")(takes_settings(show, {"name": _NAME, "tenant": _TENANT}, _DATABASE))
app.command("add")(
    takes_settings(
        add,
        {
            "file": _FILE,
            "name": _SOME_NAME,
            "context": _CONTEXT,
            "units": _UNITS,
            "targets": _TARGETS,
            "mode": _SOME_MODE,
            "tenant": _TENANT,
        },
        (*_DATABASE, *_OUTSIDE),
    )
)
app.command("remove")(takes_settings(remove, {"name": _NAME, "tenant": _TENANT}, _DATABASE))
app.command("set")(takes_settings(set_, {"name": _NAME, "mode": _MODE, "tenant": _TENANT}, _DATABASE))
app.command("violations")(
    takes_settings(violations, {"name": _SOME_NAME, "limit": _LIMIT, "tenant": _TENANT}, _DATABASE)
)
app.command("check")(takes_settings(check, {"source": _SOURCE, "context": _CONTEXT}, _OUTSIDE))
