"""A fleet: all entities of one type that one system runs. The city is a table of fleets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from broker.cli.city.attributes import Attribute

DOMAINS: Final = {
    "health": "Health and social care",
    "buildings": "Building management",
    "homes": "Connected homes",
    "lighting": "Urban lighting",
    "water": "Water and waste",
    "energy": "Energy",
    "mobility": "Mobility",
    "across": "Across the domains",
}
"""The seven domains of the ETSI City Digital Profile, and what all of them share."""

SIZES: Final = {"hamlet": 1_000, "town": 150_000, "city": 1_490_000}
"""Size to number of entities."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """A row of the city's table.

    `code` begins the ids after the type; `subject` names the Smart Data Models subject whose @context is used.
    `count` is the number in a city of one million people; a smaller city has as large a part, and at least `least`.
    `every`: mean seconds between two updates of an entity, None for what does not change by itself; `pace` says how
    that follows the day (`moment.PACES`), `events` that it happens to a busy tenth nine times of ten.
    `curve`: the signal that the entities' level follows.
    """

    code: str
    type: str
    subject: str
    domain: str
    count: int
    attributes: Mapping[str, Attribute]
    every: float | None = None
    pace: str = "steady"
    curve: str = "steady"
    events: bool = False
    scope: str = "/district"
    least: int = 1

    @property
    def context(self) -> str:
        """URL of the @context."""
        return f"https://raw.githubusercontent.com/smart-data-models/dataModel.{self.subject}/master/context.jsonld"

    @property
    def prefix(self) -> str:
        """How the ids begin."""
        return f"urn:ngsi-ld:{self.type}:{self.code}-"


def apportion(fleets: Sequence[Fleet], entities: int) -> dict[str, int]:
    """Fleet to number, `entities` in all: the least of each, the rest in proportion (largest remainders).

    Raises ValueError when `entities` is less than one of each fleet.
    """
    if entities < len(fleets):
        raise ValueError(f"A city has {len(fleets)} kinds of things: at least that many entities.")
    generous = sum(fleet.least for fleet in fleets) <= entities
    lifted: dict[str, int] = {}
    while True:
        free = entities - sum(lifted.values())
        rest = [fleet for fleet in fleets if fleet.code not in lifted]
        weight = sum(fleet.count for fleet in rest)
        least = {fleet.code: fleet.least if generous else 1 for fleet in rest}
        short = {fleet.code: least[fleet.code] for fleet in rest if free * fleet.count < least[fleet.code] * weight}
        if not short:
            break
        lifted |= short
    shares = {fleet.code: divmod(free * fleet.count, weight) for fleet in rest}
    counts = lifted | {code: share for code, (share, _) in shares.items()}
    by_remainder = sorted(shares, key=lambda code: -shares[code][1])
    for code in by_remainder[: entities - sum(counts.values())]:
        counts[code] += 1
    return {fleet.code: counts[fleet.code] for fleet in fleets}
