"""Vehicles and lines: who is where on which round, and when the next one comes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from broker.cli.city.attributes import Attribute, Json, Maker, Subject, counterpart, identifier
from broker.cli.city.moment import DAY, HOUR, ZONE
from broker.cli.city.town import Loop, around

HEADWAY: Final = 600.0
"""Seconds between two buses of a line."""

LoopOf = Callable[[Subject], Loop]


def loop_of_line(subject: Subject, line: int) -> Loop:
    """The round of a bus line."""
    return subject.town.loop(line * 0.7548776662 % 1.0, line * 0.5698402910 % 1.0, line * 0.6180339887 % 1.0)


def own_line(subject: Subject) -> Loop:
    """The round of the entity's line."""
    return loop_of_line(subject, counterpart(subject, "route"))


def own_round(subject: Subject) -> Loop:
    """A round of the entity's own."""
    return loop_of_line(subject, subject.index * 7 + 3)


@dataclass(frozen=True, slots=True)
class Ride:
    """How the vehicles of a fleet move: on which round, at how many metres a second, from which hour on for how many.

    One in four is on duty day and night, so that something moves whenever one looks.
    """

    loop: LoopOf
    metres: float
    start: float
    hours: float

    def seconds(self, subject: Subject) -> float:
        """How long the vehicle has been under way in its life."""
        if subject.index % 4 == 0:
            return subject.t
        day, local = divmod(subject.t + ZONE, DAY)
        duty = self.hours * HOUR
        return day * duty + min(max(local - self.start * HOUR, 0.0), duty)

    def on_duty(self, subject: Subject) -> bool:
        """Whether the vehicle is under way."""
        return subject.index % 4 == 0 or 0 <= (subject.t + ZONE) % DAY / HOUR - self.start < self.hours

    def _make(self, make: Callable[[Subject, float], Json]) -> Attribute:
        def bind(_name: str, steps: Callable[[str], float]) -> Maker:
            step = steps("ride")

            def live(subject: Subject) -> Json:
                attribute = make(subject, subject.index * step % 1.0)
                attribute["observedAt"] = subject.at
                return attribute

            return live

        return Attribute(bind, live=True)

    def _where(self, subject: Subject, draw: float) -> tuple[list[float], int]:
        loop = self.loop(subject)
        distance = self.seconds(subject) * self.metres * (0.85 + 0.3 * draw)
        return around(loop, distance + draw * 2 * (loop.width + loop.height))

    def location(self) -> Attribute:
        """Where the vehicle is."""

        def make(subject: Subject, draw: float) -> Json:
            return {
                "type": "GeoProperty",
                "value": {"type": "Point", "coordinates": self._where(subject, draw)[0]},
            }

        return self._make(make)

    def heading(self) -> Attribute:
        """Whereto it goes, degrees from north."""
        return self._make(
            lambda subject, draw: {"type": "Property", "value": self._where(subject, draw)[1], "unitCode": "DD"}
        )

    def speed(self) -> Attribute:
        """How fast it is; slower the fuller the streets are, 0 off duty."""

        def make(subject: Subject, draw: float) -> Json:
            free = self.metres * 3.6 * (0.85 + 0.3 * draw) * (1.5 - subject.signals["congestion"])
            value = round(free * (0.7 + 0.6 * subject.random()), 1) if self.on_duty(subject) else 0.0
            return {"type": "Property", "value": value, "unitCode": "KMH"}

        return self._make(make)

    def status(self, riding: str = "onRoute", standing: str = "parked") -> Attribute:
        """On the road or not."""
        return self._make(
            lambda subject, _draw: {"type": "Property", "value": riding if self.on_duty(subject) else standing}
        )


def at_stop() -> Attribute:
    """Where a stop is: the stops of a line lie evenly on its round."""

    def make(subject: Subject) -> Json:
        loop = own_line(subject)
        along = subject.index * subject.counts["route"] / subject.count % 1.0
        where, _ = around(loop, along * 2 * (loop.width + loop.height) + 20)
        return {"type": "GeoProperty", "value": {"type": "Point", "coordinates": where}}

    return Attribute(lambda _name, _steps: make)


def whole_line() -> Attribute:
    """The round of a line."""

    def make(subject: Subject) -> Json:
        loop = loop_of_line(subject, subject.index)
        sides = (0.0, loop.width, loop.width + loop.height, 2 * loop.width + loop.height, 0.0)
        return {
            "type": "GeoProperty",
            "value": {"type": "LineString", "coordinates": [around(loop, side)[0] for side in sides]},
        }

    return Attribute(lambda _name, _steps: make)


def lines_here() -> Attribute:
    """The lines that call at a stop: an array of relationships."""

    def make(subject: Subject) -> Json:
        lines = subject.counts["route"]
        own = counterpart(subject, "route")
        here = sorted({own, (own + subject.index) % lines})
        return {"type": "Relationship", "object": [identifier(subject, "route", line) for line in here]}

    return Attribute(lambda _name, _steps: make)


def _waiting(subject: Subject, draw: float) -> float:
    """Seconds until the next bus; later the fuller the streets are."""
    return HEADWAY - (subject.t + draw * HEADWAY) % HEADWAY + 420 * subject.signals["congestion"] * draw


def remaining_time() -> Attribute:
    """Until the next bus comes, an ISO 8601 duration."""

    def bind(_name: str, steps: Callable[[str], float]) -> Maker:
        step = steps("arrival")

        def make(subject: Subject) -> Json:
            minutes, seconds = divmod(int(_waiting(subject, subject.index * step % 1.0)), 60)
            return {"type": "Property", "value": f"PT{minutes}M{seconds}S", "observedAt": subject.at}

        return make

    return Attribute(bind, live=True)


def remaining_distance() -> Attribute:
    """How far the next bus is."""

    def bind(_name: str, steps: Callable[[str], float]) -> Maker:
        step = steps("arrival")

        def make(subject: Subject) -> Json:
            metres = round(5.5 * _waiting(subject, subject.index * step % 1.0))
            return {"type": "Property", "value": metres, "unitCode": "MTR", "observedAt": subject.at}

        return make

    return Attribute(bind, live=True)
