"""The one value that every use case receives: on whose behalf, where, in which vocabulary, until when."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from broker.errors import Violation
from broker.jsonld.compiled import CompiledContext
from broker.model.violations import told

DEFAULT_TENANT: Final = ""
"""The tenant of requests without an `NGSILD-Tenant` header; it always exists (GS CIM 009 §4.14)."""

ANONYMOUS: Final = ""

MISCELLANEOUS: Final = 199
"""The warn-code for whatever has none of its own."""


class Caution(NamedTuple):
    """What the answer warns of, in a header of its own (GS CIM 009 §6.3.17)."""

    code: int
    """A warn-code of RFC 7234 §5.5."""
    text: str


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
    cautions: list[Caution] = field(default_factory=list, compare=False)
    """Filled while the request is worked on."""

    def warn(self, entity_id: str, violations: Sequence[Violation]) -> None:
        """Note that an entity was accepted although it violates its data model."""
        self.cautions.append(Caution(MISCELLANEOUS, f"{entity_id}: {told(violations)}"))
