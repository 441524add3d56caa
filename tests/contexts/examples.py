"""An example entity of each type: the first of the sample city.

They are our own data, with `unitCode` and `observedAt` on what is measured; names are the type's subject's.
"""

from collections.abc import Mapping
from typing import Any

from broker.cli.city.domains import FLEETS
from broker.cli.city.fleet import SIZES
from broker.cli.city.generate import City
from tests.contexts.vocabulary import subject_url

Json = dict[str, Any]


def examples(profiles: Mapping[str, Json]) -> dict[str, dict[str, Json]]:
    """Domain to type to its example."""
    city = City(SIZES["hamlet"], 1)
    found: dict[str, Json] = {}
    for fleet in FLEETS:
        if fleet.type not in found:
            found[fleet.type] = next(city.entities(fleet))
    return {
        domain: {
            name: found[name] | {"@context": subject_url(told["subject"])} for name, told in profile["types"].items()
        }
        for domain, profile in profiles.items()
    }
