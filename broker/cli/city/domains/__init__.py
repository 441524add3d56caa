"""The city's table of fleets, a module for each domain. The order is the order of loading."""

from typing import Final

from broker.cli.city.domains import across, buildings, energy, health, homes, lighting, mobility, water
from broker.cli.city.fleet import Fleet

FLEETS: Final[tuple[Fleet, ...]] = (
    *lighting.FLEETS,
    *buildings.FLEETS,
    *homes.FLEETS,
    *water.FLEETS,
    *energy.FLEETS,
    *mobility.FLEETS,
    *health.FLEETS,
    *across.FLEETS,
)
