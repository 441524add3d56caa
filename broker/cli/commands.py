"""Commands that are imported when they are called: one pays for its own imports alone.

What asks for all of them, as the help does, imports all of them.
"""

import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group

from broker.cli import console
from broker.errors import StartError


class Commands(typer.Typer):
    """Commands whose StartError ends in two sentences and the exit code 1, not in a traceback."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().__call__(*args, **kwargs)
        except StartError as error:
            console.tell(error)
            sys.exit(1)


def grouped(places: Mapping[str, str]) -> type[TyperGroup]:
    """A group of the commands of a table: name to `module:attribute`."""

    class Group(TyperGroup):
        def __init__(self, **attributes: Any) -> None:
            super().__init__(**attributes)
            self.commands = _Places(places)  # type: ignore[assignment]  # a group changes them only when it is made

    return Group


class _Places(Mapping[str, Any]):
    """Commands by name, from a table of their places."""

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = places

    def __getitem__(self, name: str) -> Any:
        return _command(name, self._places[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


@cache
def _command(name: str, place: str) -> Any:
    module, _, attribute = place.partition(":")
    found = getattr(import_module(module), attribute)
    if isinstance(found, typer.Typer):
        found.info.name = name
        return get_group(found)
    alone = typer.Typer(add_completion=False)
    alone.command(name)(found)
    return get_command(alone)
