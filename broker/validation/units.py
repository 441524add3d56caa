"""Units of measurement by their UN/CEFACT common codes (Recommendation 20), with the quantity that each measures.

GS CIM 009 §4.5.2.2: `unitCode` states the unit of a Property's value. Any unit of the quantity says what is meant.
"""

import re
from typing import Final

_BY_QUANTITY: Final = {
    "length": "MTR m, CMT cm, MMT mm, KMT km, DMT dm, FOT ft, INH in, SMI mile",
    "area": "MTK m², KMK km², CMK cm², HAR ha",
    "volume": "MTQ m³, LTR l, MLT ml, CMQ cm³, DMQ dm³, HLT hl",
    "mass": "KGM kg, GRM g, MGM mg, TNE t, LBR lb",
    "temperature": "CEL °C, KEL K, FAH °F",
    "time": "SEC s, C26 ms, MIN min, HUR h, DAY d, WEE week, MON month, ANN year",
    "speed": "MTS m/s, KMH km/h, KNT knot, HM mile/h",
    "pressure": "PAL Pa, A97 hPa, KPA kPa, MPA MPa, BAR bar, MBR mbar, HN mmHg",
    "power": "WTT W, KWT kW, MAW MW, C31 mW",
    "apparent power": "D46 V·A, KVA kV·A, MVA MV·A",
    "reactive power": "D44 var, KVR kvar, MAR Mvar",
    "energy": "WHR W·h, KWH kW·h, MWH MW·h, GWH GW·h, JOU J, KJO kJ, 3B MJ, GV GJ",
    "apparent energy": "C79 kV·A·h",
    "reactive energy": "K3 kvar·h, MAH Mvar·h",
    "electric current": "AMP A, 4K mA, B22 kA",
    "electric charge": "AMH A·h, COU C",
    "voltage": "VLT V, KVT kV, 2Z mV",
    "frequency": "HTZ Hz, KHZ kHz, MHZ MHz",
    "rate": "C94 1/min, C97 1/s, H10 1/h",
    "illuminance": "LUX lx",
    "luminous flux": "LUM lm",
    "angle": "DD °, C81 rad",
    "level": "2N dB, DBM dBm",
    "ratio": "C62 1, P1 %, 59 ppm, 61 ppb, NX ‰",
    "concentration": "GQ µg/m³, GP mg/m³, M1 mg/l, GL g/l, A93 g/m³",
    "irradiance": "D54 W/m²",
    "flow": "MQH m³/h, MQS m³/s, L2 l/min, G51 l/s, E32 l/h",
    "rain": "MMT mm, H67 mm/h, CMT cm, LTR l",
    "mass per area": "28 kg/m²",
    "conductivity": "G42 µS/cm, D10 S/m, H61 mS/cm",
    "acidity": "Q30 pH, C62 1",
}

SYMBOLS: Final = {
    code: symbol
    for units in _BY_QUANTITY.values()
    for code, symbol in (unit.split(" ", 1) for unit in units.split(", "))
}
"""Code to symbol."""

QUANTITIES: Final = {
    quantity: frozenset(unit.split(" ", 1)[0] for unit in units.split(", ")) for quantity, units in _BY_QUANTITY.items()
}
"""Quantity to the codes of its units."""

_CODE: Final = re.compile(r"[A-Z0-9]{2,3}")


def is_code(text: str) -> bool:
    """Whether it looks like a common code. There are some 2 000; few are in the table."""
    return _CODE.fullmatch(text) is not None


def symbol(code: str) -> str:
    """What people write for it."""
    return SYMBOLS.get(code, code)
