"""Packages that are large and needed by few commands: extras, imported when a command needs them."""

from importlib import import_module
from typing import Any

from broker.errors import StartError


def extra(module: str, name: str) -> Any:
    """A module that the extra `name` brings. Raises StartError without it."""
    try:
        return import_module(module)
    except ImportError:
        package = module.partition(".")[0]
        raise StartError(f"{package} is not installed.", f"`pip install 'ngsild-broker[{name}]'` brings it.") from None
