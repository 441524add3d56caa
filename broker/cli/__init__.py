"""The command `broker`: one module for each of its commands, which is imported when the command is called."""

from importlib.metadata import version
from typing import Annotated, Final

import typer

from broker.cli import console
from broker.cli.commands import Commands, grouped

COMMANDS: Final = {
    "serve": "broker.cli.serve:command",
    "load": "broker.cli.load:load",
    "city": "broker.cli.city.command:city",
    "plot": "broker.cli.plot:plot",
    "doctor": "broker.cli.doctor:command",
    "tenants": "broker.cli.tenants:app",
    "history": "broker.cli.history:app",
    "deadletters": "broker.cli.deadletters:app",
    "models": "broker.cli.models:app",
}
"""Name to module and what of it is the command: a function, or a Typer that has commands of its own."""

app = Commands(
    name="broker",
    cls=grouped(COMMANDS),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _tell_version(wanted: bool) -> None:
    if wanted:
        console.out.print(f"ngsild-broker {version('ngsild-broker')}")
        raise typer.Exit


@app.callback()
def broker(
    _version: Annotated[
        bool, typer.Option("--version", help="Tell the version.", is_eager=True, callback=_tell_version)
    ] = False,
) -> None:
    """An NGSI-LD context information broker for cities."""
