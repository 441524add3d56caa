"""The options of a command that takes the settings: one for each, made from their class."""

import inspect
from collections.abc import Callable, Container, Mapping
from typing import Annotated, Any

import typer
from typer.models import ArgumentInfo

from broker import settings as configuration


def takes_settings(
    function: Callable[..., None], others: Mapping[str, Any] | None = None, fields: Container[str] | None = None
) -> Callable[..., None]:
    """Give a function the signature that typer reads: `others` (name to annotation) first, then every setting.

    Or only the settings that `fields` names; the environment may hold the rest all the same.
    """
    rows = [row for row in configuration.rows() if fields is None or row.field in fields]
    options = dict(others or {}) | {row.field: _option(row) for row in rows}
    function.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=_default(annotation), annotation=annotation)
            for name, annotation in options.items()
        ]
    )
    function.__annotations__ = options
    return function


def _default(annotation: Any) -> Any:
    """Arguments must be given, options need not."""
    is_argument = any(isinstance(each, ArgumentInfo) for each in getattr(annotation, "__metadata__", ()))
    return inspect.Parameter.empty if is_argument else None


def _option(row: configuration.Row) -> Any:
    """A text in any case: `broker.settings` reads it, and words what is wrong with it."""
    option = typer.Option(
        configuration.flag(row.field),
        metavar=row.takes if "|" in row.takes else row.takes.upper(),
        help=row.description,
        show_default=row.default or False,
    )
    return Annotated[str | None, option]
