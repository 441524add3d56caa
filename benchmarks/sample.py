"""The entities that the benchmark stores: seeded, about 1 KB each, 8–10 attributes with a relationship and a point."""

import random
from typing import Any, Final

SEED: Final = 9
TYPES: Final = ("AirQualityObserved", "Streetlight", "ParkingSpot", "WasteContainer")
LISTED_TYPE: Final = "Listed"
"""A type of LISTED entities with five attributes: the list of the peers' table."""
LISTED: Final = 100
START: Final = "2026-11-20T08:00:00Z"

Payload = dict[str, Any]


def entity_id(number: int) -> str:
    """The id of the entity with this number; its type follows from the number too."""
    return f"urn:ngsi-ld:{TYPES[number % len(TYPES)]}:{number:07}"


def entity(number: int, version: int = 0) -> Payload:
    """An entity, normalized. Versions differ in every value that changes over time."""
    randomness = random.Random(f"{SEED}-{number}-{version}")
    kind = TYPES[number % len(TYPES)]
    payload: Payload = {
        "id": entity_id(number),
        "type": kind,
        "name": {"type": "Property", "value": f"{kind} {number}"},
        "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": _place(number)}},
        "refDevice": {"type": "Relationship", "object": f"urn:ngsi-ld:Device:{number // 3:07}"},
        "address": {
            "type": "Property",
            "value": {
                "streetAddress": f"Long Street {number % 400}",
                "addressLocality": "Riverton",
                "addressCountry": "CH",
                "postalCode": "8001",
            },
        },
        "status": {
            "type": "Property",
            "value": randomness.choice(("ok", "ok", "ok", "warning", "closed")),
            "observedAt": START,
        },
        "temperature": observed(round(randomness.gauss(18, 6), 1), "CEL")
        | {"accuracy": {"type": "Property", "value": 0.2, "unitCode": "CEL"}},
        "relativeHumidity": observed(round(randomness.uniform(0.2, 0.95), 2), "P1"),
        "occupancy": observed(round(randomness.random(), 3), "C62"),
    }
    if number % 3:
        payload["batteryLevel"] = observed(round(randomness.random(), 2), "P1")
    if number % 3 == 2:
        payload["category"] = {"type": "Property", "value": randomness.sample(["public", "indoor", "paid", "new"], 2)}
    return payload


def listed(number: int) -> Payload:
    """One of the LISTED entities: five attributes."""
    whole = entity(number)
    kept = ("name", "location", "refDevice", "temperature", "status")
    return {
        "id": f"urn:ngsi-ld:{LISTED_TYPE}:{number:07}",
        "type": LISTED_TYPE,
        **{name: whole[name] for name in kept},
    }


def update(version: int) -> Payload:
    """The body of an update of one attribute."""
    return {"temperature": observed(round(random.Random(f"{SEED}-{version}").gauss(18, 6), 2), "CEL")}


def observed(value: float, unit: str) -> Payload:
    """A measured Property."""
    return {"type": "Property", "value": value, "unitCode": unit, "observedAt": START}


def _place(number: int) -> list[float]:
    """A point of a city of about 20 by 20 km; the same for every version."""
    randomness = random.Random(f"{SEED}-{number}")
    return [round(8.4 + randomness.random() * 0.26, 6), round(47.3 + randomness.random() * 0.18, 6)]
