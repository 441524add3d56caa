"""An example entity of each type: one of the sample city, with what its schema requires besides.

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
    """Domain to type to its example. `example` of a profile's type overrides attributes; null leaves one out."""
    city = City(SIZES["hamlet"], 1)
    found: dict[str, Json] = {}
    for fleet in FLEETS:
        if fleet.type not in found:
            found[fleet.type] = next(city.entities(fleet))
    return {
        domain: {name: _example(found[name], told) for name, told in profile["types"].items()}
        for domain, profile in profiles.items()
    }


def _example(entity: Json, told: Json) -> Json:
    whole = entity | told.get("example", {})
    kept = {name: content for name, content in whole.items() if content is not None}
    return kept | {"@context": subject_url(told["subject"])}
