"""What people see: answers on standard output, everything else on standard error."""

from typing import Final

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
