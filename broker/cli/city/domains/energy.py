"""Energy: substations, photovoltaics, batteries."""

from typing import Final

from broker.cli.city import attributes as a
from broker.cli.city import parts
from broker.cli.city.fleet import Fleet

_POWER: Final = parts.Phases(9_000, 135_000, "WTT", 0)
_CURRENT: Final = parts.Phases(40, 600, "AMP")
_SOLAR: Final = parts.Phases(0, 30_000, "WTT", 0)

FLEETS: Final = (
    Fleet(
        code="substation",
        type="ThreePhaseAcMeasurement",
        subject="Energy",
        domain="energy",
        count=2_500,
        every=60,
        curve="home",
        least=6,
        attributes={
            "location": a.point(9),
            "name": a.text("Substation {}"),
            "activePower": _POWER.each(),
            "totalActivePower": _POWER.total(),
            "current": _CURRENT.each(),
            "frequency": a.measure(49.95, 50.05, "HTZ", by="draw", decimals=3),
            "totalPowerFactor": a.measure(0.88, 0.99, "C62", decimals=3),
            "totalActiveEnergyImport": a.counter(9_000_000, 2_400, "KWH"),
            "totalActiveEnergyExport": a.counter(900_000, 240, "KWH"),
            "dateEnergyMeteringStarted": a.ago(3_000),
        },
    ),
    Fleet(
        code="pvdevice",
        type="PhotovoltaicDevice",
        subject="GreenEnergy",
        domain="energy",
        count=500,
        least=2,
        attributes={
            "location": a.rectangle(10, 9, 5),
            "name": a.text("Solar roofs {}"),
            "brandName": a.one_of("Sonnenblick", "Soleil d’Or", "Helios"),
            "cellType": a.one_of(["monocrystalline"], ["polycrystalline"]),
            "NominalPower": a.fixed(3_000, 90_000, "WTT"),
            "installationMode": a.mostly(["roofing"], ["ground"], share=0.9),
            "panelDimension": a.always({"length": 1.72, "width": 1.04}),
            "panelWeight": a.fixed(18, 22, "KGM", decimals=1),
            "application": a.always(["electric"]),
            "dateLastReported": a.now(),
        },
    ),
    Fleet(
        code="pv",
        type="PhotovoltaicMeasurement",
        subject="GreenEnergy",
        domain="energy",
        count=30_000,
        every=900,
        curve="sun",
        least=12,
        attributes={
            "location": a.point(12),
            "name": a.text("Inverter {}"),
            "dateObserved": a.now(),
            "activePower": a.measure(0, 9_500, "WTT", decimals=0),
            "reactivePower": a.measure(0, 900, "D44", decimals=0),
            "current": a.measure(0, 42, "AMP"),
            "temperature": a.measure(4, 58, "CEL"),
            "nominalPeakPowerGeneration": a.fixed(3, 10, "KWT", decimals=1),
            "inverterStatus": a.always(["00-On sector"]),
            "dateEnergyMeteringStarted": a.ago(3_000),
            "refPhotovoltaicDevice": a.to("pvdevice"),
        },
    ),
    Fleet(
        code="solar",
        type="SolarEnergy",
        subject="Energy",
        domain="energy",
        count=50,
        every=300,
        curve="sun",
        attributes={
            "location": a.rectangle(12, 40, 25),
            "name": a.text("Solar park {}"),
            "activePower": _SOLAR.each(),
            "totalActivePower": _SOLAR.total(),
            "voltage": a.measure(225, 240, "VLT"),
            "frequency": a.measure(49.95, 50.05, "HTZ", by="draw", decimals=3),
            "totalEnergyGenerated": a.counter(200_000, 160, "KWH"),
            "maxSolarPowerMeasure": a.fixed(30_000, 90_000, "WTT"),
            "observationDateTime": a.now(),
        },
    ),
    Fleet(
        code="battery",
        type="StorageBatteryMeasurement",
        subject="Battery",
        domain="energy",
        count=3_000,
        every=300,
        curve="sun",
        least=6,
        attributes={
            "location": a.point(12),
            "name": a.text("Battery {}"),
            "dateObserved": a.now(),
            "batteryStatus": a.graded("givingEnergy", "standby", "consumingEnergy"),
            "stateOfCharge": a.measure(0.1, 1, "C62", decimals=3),
            "stateOfHealth": a.fixed(0.75, 1, "C62", decimals=3),
            "activePower": a.measure(-4_800, 5_000, "WTT", decimals=0),
            "temperature": a.measure(12, 38, "CEL", by="warmth"),
            "openCircuitVoltage": a.measure(46, 54, "VLT"),
            "batteryAssessmentMethods": a.always("ampereHourMetry"),
        },
    ),
)
