"""What the handlers work with, made once by the composition root."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from broker.api.asked import Readings
from broker.api.rendered import Answers, Rendered
from broker.feed.feeds import Feeds
from broker.hosting.catalogue import Catalogue
from broker.hosting.contexts import Contexts
from broker.settings import Settings
from broker.store.history.history import History
from broker.store.history.rules import Rulings
from broker.store.store import Store
from broker.validation.registry import Registry

Check: TypeAlias = Callable[[], Awaitable[Any]]
"""Raises if what it checks is not well; what it returns is shown, if it is JSON."""


@dataclass(frozen=True, slots=True)
class Services:
    """Handed to every handler."""

    settings: Settings
    store: Store
    history: History
    rulings: Rulings
    contexts: Contexts
    catalogue: Catalogue
    models: Registry
    readings: Readings
    rendered: Rendered
    answers: Answers
    feeds: Feeds
    checks: Mapping[str, Check]
    """Name to check: what `/health` and `/ready` run."""
    version: str
