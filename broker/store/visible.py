"""What is there of a stored entity now: transient parts are gone when they expire, swept or not."""

from datetime import UTC, datetime
from typing import Any

from broker.model.entity import Entity, decode
from broker.model.expiry import alive
from broker.model.instants import format_instant


def current_instant() -> str:
    """The system's time as a DateTime."""
    return format_instant(datetime.now(UTC))


def visible(document: dict[str, Any]) -> Entity | None:
    """The entity of a document with `j`, and `x` where something in it expires; None if it has expired as a whole."""
    entity = decode(document["j"])
    return alive(entity, current_instant()) if "x" in document else entity
