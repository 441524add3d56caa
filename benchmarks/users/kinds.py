"""The users: who looks, who writes, who asks for history, who is notified, and a city of all of them."""

import re
from datetime import UTC, datetime
from time import perf_counter
from typing import Any, Final
from urllib.parse import urlencode

import orjson
from gevent import GreenletExit

from benchmarks.users import panels, sinks
from benchmarks.users.asked import Asked
from benchmarks.users.base import UNKNOWN, CityUser
from benchmarks.users.panels import View
from benchmarks.users.reports import Partition
from broker.names import CORE_CONTEXT

INSTANCE: Final = re.compile(r'"instanceId":\s*"([^"]+)"')
SUBSCRIPTION: Final = "urn:ngsi-ld:Subscription:load-"
"""How the ids of the subscriptions begin."""
WATCHED: Final = 25
"""Entities that a subscription watches."""
SINKS: Final = (sinks.FAST,) * 8 + (sinks.SLOW, sinks.DEAD)
_WRITTEN: Final = (201, 204)


class Dashboard(CityUser):
    """Looks at maps, panels and curves."""

    weight = 30

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self._view = View(self.shared.city, self.shared.town, self.random)

    def ask(self) -> None:
        """One panel."""
        self.send(panels.drawn(self._view), (200, 206))


class DomainSystem(CityUser):
    """Reports what its devices measure. It alone writes its part of the city, so what it holds is known."""

    weight = 60

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self._partition = Partition(self.shared.city, self.shared.slot(), self.shared.parts, self.random)

    def ask(self) -> None:
        """One batch, or one attribute."""
        report = self._partition.report()
        sent = perf_counter()
        try:
            status = self.send(report.asked, _WRITTEN)
        except GreenletExit:  # the load is over while the request is under way: the broker may have taken it
            self.shared.ledger.doubt(report.reported)
            raise
        if status in _WRITTEN:
            self.shared.ledger.acknowledge(report.reported, sent)
        elif status == UNKNOWN or status >= 500:
            self.shared.ledger.doubt(report.reported)


class Historian(CityUser):
    """Keeps series of its own: brings points in, late ones too, reads them, mends and removes them."""

    weight = 5

    def on_start(self) -> None:
        """Begin a series."""
        self._id = f"urn:ngsi-ld:Series:{self.shared.worker}-{self.number}-{self.random.randrange(2**32)}"
        self._instance = ""
        self.due = perf_counter()
        self._bring()

    def ask(self) -> None:
        """One of the things that historians do."""
        turns = (self._bring, 35), (self._read_day, 20), (self._read_last, 20), (self._read_hours, 20), (self._mend, 5)
        self.random.choices([turn for turn, _ in turns], [share for _, share in turns])[0]()

    def _bring(self) -> None:
        now = datetime.now(UTC).timestamp()
        points = [
            {
                "type": "Property",
                "value": round(self.random.gauss(20, 3), 2),
                "observedAt": datetime.fromtimestamp(now - each * 60, UTC).isoformat().replace("+00:00", "Z"),
            }
            for each in range(100)
        ]
        entity = {"id": self._id, "type": "Series", "temperature": points}
        path = "/temporal/entities"
        self._asked("bring 100 points", "POST", path, _WRITTEN, orjson.dumps(entity))

    def _read_day(self) -> None:
        self._read("a day", timerel="after", timeAt=datetime.now(UTC).strftime("%Y-%m-%dT00:00:00Z"))

    def _read_last(self) -> None:
        self._read("last 100", lastN="100", format="temporalValues")

    def _read_hours(self) -> None:
        self._read("hourly aggregates", format="aggregatedValues", aggrMethods="avg", aggrPeriodDuration="PT1H")

    def _mend(self) -> None:
        """Look at the last point; the next time correct it or remove it."""
        path = f"/temporal/entities/{self._id}/attrs/temperature/{self._instance}"
        if not self._instance:
            self._read("last one", lastN="1")
            (found,) = INSTANCE.findall(self.body) or ("",)
            self._instance = found
            return
        self._instance = ""
        if self.random.random() < 0.5:
            self._asked("remove a point", "DELETE", path, (204,))
        else:
            point = {"type": "Property", "value": 20, "observedAt": datetime.now(UTC).isoformat()[:19] + "Z"}
            self._asked("correct a point", "PATCH", path, (204,), orjson.dumps(point))

    def _read(self, name: str, **parameters: str) -> None:
        self._asked(f"own series, {name}", "GET", f"/temporal/entities/{self._id}?{urlencode(parameters)}", (200, 206))

    def _asked(self, name: str, method: str, path: str, success: tuple[int, ...], body: bytes | None = None) -> None:
        self.send(Asked(name, method, path, CORE_CONTEXT, body), success)


class Subscriber(CityUser):
    """Subscribes to some entities each; eight of ten receivers are quick, one is slow, one is dead."""

    weight = 5

    def ask(self) -> None:
        """One more subscription."""
        view = View(self.shared.city, self.shared.town, self.random)
        fleet = view.fleet(panels.MAPPED)
        watched = sorted({view.entity_id(fleet) for _ in range(WATCHED)})
        name = f"{self.shared.worker}-{self.number}-{self.random.randrange(2**32)}"
        kind = self.random.choice(SINKS)
        subscription: dict[str, Any] = {
            "id": f"{SUBSCRIPTION}{name}",
            "type": "Subscription",
            "entities": [{"type": fleet.type, "id": each} for each in watched],
            "notification": {"endpoint": {"uri": self.shared.sinks.url(kind, name), "accept": "application/json"}},
            "expiresAt": datetime.fromtimestamp(datetime.now(UTC).timestamp() + 3600, UTC).strftime(
                "%Y-%m-%dT%H:%M:%SZ"
            ),
        }
        asked = Asked("subscribe", "POST", "/subscriptions", fleet.context, orjson.dumps(subscription))
        if self.send(asked, (201,)) == 201:
            self.shared.subscriptions.append(subscription["id"])
            if kind == sinks.FAST:
                self.shared.ledger.watch(name, watched, perf_counter())


class Mixed(CityUser):
    """A city in one user: each request is that of a user of another kind, as often as their weights say."""

    weight = 100

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self._kinds = [kind(environment) for kind in KINDS]

    def on_start(self) -> None:
        """Begin what the kinds begin."""
        for kind in self._kinds:
            kind.on_start()

    def ask(self) -> None:
        """One of the kinds' requests, due when this one was."""
        kind = self.random.choices(self._kinds, [each.weight for each in self._kinds])[0]
        kind.due = self.due
        kind.ask()


KINDS: Final[tuple[type[CityUser], ...]] = (Dashboard, DomainSystem, Historian, Subscriber)
