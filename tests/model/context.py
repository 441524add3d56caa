"""The @context that the tests of the model speak."""

from typing import Final

from broker.hosting.bundled import Bundled
from broker.jsonld.compiled import CompiledContext
from broker.jsonld.compiler import Compiler
from broker.names import CORE_CONTEXT, NGSI_LD

CITY: Final = "https://city.example/terms/"
TERMS: Final = (
    *("Vehicle", "Building", "OffStreetParking", "speed", "temperature", "isParked", "street", "address", "category"),
    *("isOn", "tyres", "route", "accuracy", "providedBy", "source", "electric", "diesel", "straße", "Ωmega", "area"),
)
NAMES: Final[CompiledContext] = Compiler(Bundled()[CORE_CONTEXT]).compile(
    {
        **{term: CITY + term for term in TERMS},
        "xsd": "http://www.w3.org/2001/XMLSchema#",
        "note": {"@id": CITY + "note", "@container": "@language"},
    },
    {},
)

SPEED: Final = CITY + "speed"
TEMPERATURE: Final = CITY + "temperature"
LOCATION: Final = NGSI_LD + "location"

T0: Final = "2025-01-01T00:00:00Z"
T1: Final = "2025-01-01T00:00:01.5Z"
T2: Final = "2025-01-01T00:00:02Z"
