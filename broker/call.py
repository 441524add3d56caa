"""The one value that every use case receives: on whose behalf, where, in which vocabulary, until when."""

from dataclasses import dataclass
from typing import Final

from broker.jsonld.compiled import CompiledContext

DEFAULT_TENANT: Final = ""
"""The tenant of requests without an `NGSILD-Tenant` header; it always exists (GS CIM 009 §4.14)."""

ANONYMOUS: Final = ""


@dataclass(frozen=True, slots=True)
class Call:
    """Everything about a request that can change its answer, but for its own parameters.

    Whatever is shared between requests or cached is keyed by all of it that matters there.
    """

    tenant: str
    context: CompiledContext
    """Names of this request: never the context that an entity was stored with."""
    deadline: float
    """Event-loop time by which the answer is due."""
    caller: str = ANONYMOUS
    local: bool = False
    """Context source registrations are ignored (GS CIM 009 §6.3.18)."""
    via: tuple[str, ...] = ()
    """Aliases of the brokers that the request came through (GS CIM 009 §6.3.17)."""
