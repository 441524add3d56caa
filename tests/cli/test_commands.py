"""The command `broker`: the help lists every command with its text; calling one imports no other."""

import re
import subprocess
import sys
from importlib.metadata import version

import pytest
from typer.main import get_group
from typer.testing import CliRunner

from broker.cli import COMMANDS, app


def told(*arguments: str) -> str:
    """What a command line says, without frames and line breaks."""
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200"})
    return " ".join(re.sub("[│╭╮╰╯─]", " ", result.output).split())


def test_the_help_lists_every_command_with_its_text() -> None:
    said = told("--help")
    for name, command in get_group(app).commands.items():
        first = " ".join((command.help or "").split("\n\n")[0].split())
        assert first
        assert f"{name} {first}" in said
    assert get_group(app).commands.keys() == COMMANDS.keys()


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_a_help(name: str) -> None:
    assert f"Usage: broker {name} " in told(name, "--help")


def test_the_version_is_told() -> None:
    assert told("--version") == f"ngsild-broker {version('ngsild-broker')}"


def test_a_command_that_is_mistyped_is_suggested() -> None:
    assert "Did you mean 'serve'?" in told("serv")


@pytest.mark.parametrize("name", ["serve", "load", "tenants"])
def test_a_command_imports_no_other(name: str) -> None:
    script = f"""
import sys
from typer.main import get_group
from broker.cli import COMMANDS, app
get_group(app).commands[{name!r}]
print(*(name for name, place in COMMANDS.items() if place.partition(":")[0] in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [name]
