"""What the pages tell people to type exists: commands, flags, settings, targets of make."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer.main

from broker import settings
from broker.cli import app
from tests.docs.pages import PAGES, ROOT, commands, name_of

_BROKER = re.compile(r"^(?:\S*/)?(?:ngsild-)?broker ([a-z]+)(?= |$)(.*)")
_FLAG = re.compile(r"(?<=\s)--[a-z][a-z-]*")
_SETTING = re.compile(r"NGSILD_[A-Z][A-Z_]*")
_MAKE = re.compile(r"^make ([a-z-]+)$")

TESTING = {"NGSILD_TEST_WORKERS"}
"""Variables of the test suite."""


def flags(command: Any) -> set[str]:
    """The flags of a command, and of those below it."""
    own = {flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts)}
    return own.union({"--help"}, *map(flags, getattr(command, "commands", {}).values()))


FLAGS = {name: flags(command) for name, command in typer.main.get_group(app).commands.items()}
"""Command to its flags."""


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_and_flags_exist(page: Path) -> None:
    told = [match.groups() for line in commands(page) if (match := _BROKER.match(line)) is not None]
    unknown = [name for name, _ in told if name not in FLAGS]
    unknown += [flag for name, rest in told for flag in _FLAG.findall(rest) if flag not in FLAGS.get(name, ())]
    assert unknown == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_settings_exist(page: Path) -> None:
    known = {settings.variable(field) for field in settings.Settings.model_fields}
    assert set(_SETTING.findall(page.read_text())) <= known | TESTING


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_targets_of_make_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {match[1] for line in commands(page) if (match := _MAKE.match(line)) is not None} <= targets


def test_every_command_is_told_of_in_the_readme() -> None:
    told = (ROOT / "README.md").read_text()
    assert [name for name in FLAGS if f"`{name}`" not in told] == []
