"""Building management: buildings, their rooms, meters and works."""

from typing import Final

from broker.cli.city import attributes as a
from broker.cli.city import parts
from broker.cli.city.fleet import Fleet

_LOAD: Final = parts.Phases(400, 18_000, "WTT")

FLEETS: Final = (
    Fleet(
        code="buildingtype",
        type="BuildingType",
        subject="Building",
        domain="buildings",
        count=20,
        attributes={
            "name": a.one_of("House", "Block of flats", "School", "Clinic", "Office", "Town hall", "Workshop"),
            "description": a.text("Definition {} in the register of buildings"),
            "root": a.always(False),
            "owner": a.always(["urn:ngsi-ld:Organization:city"]),
        },
    ),
    Fleet(
        code="house",
        type="Building",
        subject="Building",
        domain="buildings",
        count=90_000,
        every=900_000,
        events=True,
        curve="home",
        least=30,
        attributes={
            "location": a.rectangle(8, 14, 11),
            "address": a.address(),
            "category": a.mostly(["residential"], ["apartments"], ["office"], ["school"], ["hospital"], share=0.5),
            "floorsAboveGround": a.fixed(1, 7, "C62"),
            "floorsBelowGround": a.one_of(0, 1, 1, 2),
            "peopleCapacity": a.fixed(2, 60, "C62"),
            "peopleOccupancy": a.measure(0, 55, "C62", decimals=0),
            "refBuildingType": a.to("buildingtype"),
            "openingHours": a.one_of(["Mo-Fr 08:00-18:00"], ["Mo-Su 00:00-24:00"]),
            "dataProvider": a.always("Cadastre"),
        },
    ),
    Fleet(
        code="works",
        type="BuildingOperation",
        subject="Building",
        domain="buildings",
        count=20_000,
        every=200_000,
        events=True,
        pace="office hours",
        curve="office",
        least=4,
        attributes={
            "description": a.one_of(
                "Boiler: yearly check", "Façade: repair", "Lift: inspection, noise", "Roof: cleaning"
            ),
            "operationType": a.one_of("maintenance", "inspection", "repair"),
            "refBuilding": a.to("house"),
            "startDate": a.ago(400),
            "endDate": a.later(400),
            "status": a.graded("planned", "scheduled", "ongoing", "finished"),
            "result": a.mostly("ok", "aborted"),
            "operationSequence": a.one_of(["report", "repair"], ["visit", "measure", "report"]),
            "dateStarted": a.ago(380),
            "dataProvider": a.always("Facility management"),
        },
    ),
    Fleet(
        code="room",
        type="IndoorEnvironmentObserved",
        subject="Environment",
        domain="buildings",
        count=30_000,
        every=300,
        curve="office",
        least=20,
        attributes={
            "location": a.point(13),
            "name": a.text("Room {}"),
            "dateObserved": a.now(),
            "temperature": a.measure(18, 27, "CEL"),
            "relativeHumidity": a.measure(0.3, 0.7, "C62", by="cloud", decimals=2),
            "co2": a.measure(410, 1_500, "59", decimals=0),
            "illuminance": a.measure(5, 700, "LUX", decimals=0),
            "peopleCount": a.measure(0, 30, "C62", decimals=0),
            "sensorPlacement": a.one_of("northWall", "southWall", "ceiling"),
            "refPointOfInterest": a.to("house"),
        },
    ),
    Fleet(
        code="mains",
        type="ACMeasurement",
        subject="Energy",
        domain="buildings",
        count=6_000,
        every=900,
        curve="office",
        least=4,
        attributes={
            "location": a.point(12),
            "name": a.text("Main meter {}"),
            "dateObserved": a.now(),
            "phaseType": a.always("threePhase"),
            "activePower": _LOAD.each(),
            "totalActivePower": _LOAD.total(),
            "frequency": a.measure(49.95, 50.05, "HTZ", by="draw", decimals=3),
            "totalPowerFactor": a.measure(0.86, 0.99, "C62", decimals=3),
            "totalActiveEnergyImport": a.counter(400_000, 110, "KWH"),
            "refTargetDevice": a.to("house"),
        },
    ),
)
