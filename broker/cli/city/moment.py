"""What moves the whole city at one instant: sun, rush hour, weather, and what follows from them."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from math import cos, pi, sin
from typing import Final

HOUR: Final = 3600.0
DAY: Final = 86400.0
ZONE: Final = HOUR
"""Local time of the city less UTC, in seconds."""
SWITCHING: Final = 300.0
"""Seconds until all street lights are on, or off."""

Signals = Mapping[str, float]
"""Name of a signal to its strength, 0–1."""


def _bump(hour: float, centre: float, width: float) -> float:
    """A smooth hill of height 1 around an hour of the day; 0 beyond `width` hours, across midnight too."""
    distance = abs((hour - centre + 12) % 24 - 12)
    return 0.0 if distance >= width else 0.5 + 0.5 * cos(pi * distance / width)


def daylight(t: float) -> tuple[float, float]:
    """Local seconds since midnight of sunrise and sunset on the day of `t` (seconds since 1970)."""
    season = cos(2 * pi * (t / DAY % 365.25 - 172) / 365.25)
    half = (12 + 4.5 * season) / 2 * HOUR
    return 13 * HOUR - half, 13 * HOUR + half


def _noise(seed: int, step: int) -> float:
    """A number in [0, 1) that looks random, the same for the same arguments on every machine."""
    x = (seed * 0x9E3779B97F4A7C15 + step * 0xBF58476D1CE4E5B9 + 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    return (x ^ (x >> 31)) / 2**64


def _drifting(seed: int, t: float, hours: float) -> float:
    """Noise that changes smoothly, from one value to the next in so many hours."""
    step, fraction = divmod(t / (hours * HOUR), 1.0)
    weight = 0.5 - 0.5 * cos(pi * fraction)
    return _noise(seed, int(step)) * (1 - weight) + _noise(seed, int(step) + 1) * weight


def rain(seed: int, t: float) -> float:
    """Intensity of the rain, 0–1; dry three quarters of the time."""
    return max(0.0, (_drifting(seed, t, 2.0) - 0.68) / 0.32)


def signals(seed: int, t: float) -> dict[str, float]:
    """All signals of the city at an instant, seconds since 1970."""
    local = (t + ZONE) % DAY
    hour = local / HOUR
    sunrise, sunset = daylight(t)
    cloud = _drifting(seed + 1, t, 3.0)
    raining = rain(seed, t)
    sun = 0.0
    if sunrise < local < sunset:
        sun = sin(pi * (local - sunrise) / (sunset - sunrise)) * (1 - 0.7 * max(cloud, raining))
    if local < 13 * HOUR:
        dark = 1 - min(1.0, max(0.0, (local - sunrise) / SWITCHING))
    else:
        dark = min(1.0, max(0.0, (local - sunset) / SWITCHING))
    flood = min(1.0, sum(rain(seed, t - 1800 * k) for k in range(10)) / 4)
    rush = max(_bump(hour, 8, 2.5), 0.9 * _bump(hour, 17, 3), 0.35 * _bump(hour, 12.5, 7))
    weekend = int((t + ZONE) / DAY + 4) % 7 in (0, 6)
    if weekend:
        rush *= 0.55
    season = 0.5 + 0.5 * cos(2 * pi * (t / DAY % 365.25 - 200) / 365.25)
    return {
        "steady": 0.5,
        "sun": sun,
        "dark": dark,
        "rush": rush,
        "office": _bump(hour, 12.5, 6.5) * (0.2 if weekend else 1.0),
        "home": 0.15 + 0.85 * max(_bump(hour, 20, 5), 0.7 * _bump(hour, 7, 2.5)),
        "rain": raining,
        "flood": flood,
        "cloud": cloud,
        "wind": _drifting(seed + 2, t, 4.0),
        "congestion": min(1.0, 0.85 * rush + 0.3 * raining + 0.5 * flood),
        "warmth": min(1.0, max(0.0, 0.15 + 0.5 * season + 0.3 * _bump(hour, 15, 10) - 0.1 * raining)),
        "draw": _drifting(seed + 3, t, 1.0),
    }


def _switching(t: float, _signals: Signals) -> float:
    """24 reports a day, and six rounds of five minutes in which every lamp reports a switch; the first at dusk."""
    local = (t + ZONE) % DAY
    sunrise, sunset = daylight(t)
    rounds = (sunset, sunrise, 22 * HOUR, 24 * HOUR - SWITCHING, 4 * HOUR, 12 * HOUR)
    return 0.8 + (9.6 if any(start <= local < start + SWITCHING for start in rounds) else 0.0)


def _between(start: float, end: float, least: float = 0.0) -> Callable[[float, Signals], float]:
    """`least` outside of these hours of the day, within them what makes a mean of 1 over the day."""
    hours = (end - start) % 24
    busy = (24 - least * (24 - hours)) / hours

    def pace(t: float, _signals: Signals) -> float:
        hour = (t + ZONE) % DAY / HOUR
        return busy if (hour - start) % 24 < hours else least

    return pace


def _on_the_quarter(t: float, _signals: Signals) -> float:
    """Everything within two minutes after each quarter of an hour."""
    return 7.5 if t % 900 < 120 else 0.0


PACES: Final[Mapping[str, Callable[[float, Signals], float]]] = {
    "steady": lambda _t, _signals: 1.0,
    "switching": _switching,
    "quarter": _on_the_quarter,
    "night delivery": _between(1, 4, least=0.4),
    "duty": _between(5, 24, least=0.3),
    "waking hours": _between(5, 23, least=0.2),
    "office hours": _between(7, 18, least=0.1),
    "storm": lambda _t, signals: 1.0 + 4.0 * signals["flood"],
}
"""How the rate of a fleet's updates follows the day: a factor with mean 1."""


def instant(t: float) -> str:
    """The DateTime of an instant in seconds since 1970, to the millisecond (GS CIM 009 §4.6.3)."""
    text = datetime.fromtimestamp(t, UTC).isoformat(timespec="milliseconds")
    return text[:-6] + "Z"
