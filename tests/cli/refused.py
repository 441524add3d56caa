"""What commands refuse, asked in the process of the tests: a process of its own takes a second to start."""

from typing import Any

import pytest
from typer.main import get_group

from broker.cli import app
from broker.errors import StartError


def refusal(*arguments: Any) -> StartError:
    """Why `broker` with these arguments ends with the exit code 1. AssertionError if it does not."""
    with pytest.raises(StartError) as caught:
        get_group(app).main([str(argument) for argument in arguments], standalone_mode=False)
    return caught.value
