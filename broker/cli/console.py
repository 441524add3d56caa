"""What people see: answers on standard output, everything else on standard error."""

import sys
from typing import Any, Final

import typer
from rich.console import Console
from rich.text import Text

from broker.errors import StartError

out: Final = Console(highlight=False, soft_wrap=True)
err: Final = Console(stderr=True, highlight=False, soft_wrap=True)


def tell(error: StartError) -> None:
    """What is wrong in one sentence, and what to do in another."""
    err.print(Text.assemble(("Error: ", "bold red"), error.problem))
    err.print(Text(error.advice))


def warn(message: str) -> None:
    err.print(Text.assemble(("Warning: ", "bold yellow"), message))


class Commands(typer.Typer):
    """Commands whose StartError ends in two sentences and the exit code 1, not in a traceback."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().__call__(*args, **kwargs)
        except StartError as error:
            tell(error)
            sys.exit(1)
