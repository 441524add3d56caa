"""`python -m benchmarks.notifications`: what delivery costs beside a bare loop of POSTs to the same sink, how long a
notification takes at half load, and what dead and slow receivers cost the others.

In each repetition the bare loop, the broker, and the broker with sick sinks beside the healthy ones take turns, so that
what else the machine does hits them alike; ratios are of one repetition. A notification's time is counted twice: from
before its update was sent, and from its commit, which is when the update was answered, until the sink has it.
"""

import asyncio
import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles
from time import monotonic, process_time
from typing import Annotated, Any, Final, NamedTuple

import aiohttp
import orjson
import typer
from rich.console import Console
from rich.table import Table

from benchmarks import parts, report, systems, tables
from benchmarks.notification_sink import Sink, sink
from benchmarks.report import Part
from benchmarks.systems import Served
from benchmarks.verdicts import Values, spread
from broker.names import API_ROOT, TENANT_HEADER

CACHE_MB: Final = 512
IN_FLIGHT: Final = 32
"""POSTs of the bare loop, or updates of the broker, that are not answered yet."""
FEW: Final = 10
"""Subscriptions at half load: with more of them, an update is a burst, and takes as long as the burst."""
SICK: Final = 0.12
"""Dead, and as many slow, sinks to each healthy one: a tenth of all."""
ENTITIES: Final = 64
LONGER: Final = 20
"""Times as many updates at half load as in other turns: that they are owed to a few makes them quicker."""
WARM_UP: Final = 3
"""Updates before each turn."""
_TYPE: Final = "Measured"
_FILLING: Final = {f"attribute{number}": "some text of a few words" for number in range(6)}
"""The rest of an entity."""

P99: Final = ("notifications-half-load", "p99 ms")
"""From commit to receipt."""

console = Console(width=tables.WIDTH)


class Times(NamedTuple):
    """Seconds until notifications were received."""

    from_update: list[float]
    from_commit: list[float]
    """0 of what came before the update's answer."""


class Round(NamedTuple):
    """What was measured in a repetition. Rates are notifications a second."""

    bare: float
    broker: float
    with_sick: float
    half_load: Times
    bare_us: float
    """CPU time of the bare loop in microseconds a POST."""
    broker_us: float
    """CPU time of the broker in microseconds a notification."""
    mongod_us: float

    @property
    def ratios(self) -> dict[tuple[str, str], float]:
        """By case and ratio."""
        return {
            ("notifications", "broker/N"): self.broker / self.bare,
            ("notifications-sick", "with/without"): self.with_sick / self.broker,
            P99: _p99(self.half_load.from_commit),
        }


class Broker:
    """The broker under test, in a tenant of its own."""

    def __init__(self, served: Served, tenant: str, session: aiohttp.ClientSession) -> None:
        self._api = f"http://{served.address}{API_ROOT}"
        self._headers = {TENANT_HEADER: tenant, "Content-Type": "application/json"}
        self._session = session
        self.healthy = 0
        """Subscriptions whose sinks answer at once."""
        self.answered: dict[float, float] = {}
        """When an update was sent, and when it was answered."""

    async def ask(self, method: str, path: str, payload: Any) -> None:
        """One request. Raises RuntimeError unless it succeeds."""
        body = orjson.dumps(payload)
        async with self._session.request(method, self._api + path, data=body, headers=self._headers) as answer:
            if answer.status >= 300:
                raise RuntimeError(f"{method} {path} is answered {answer.status}: {await answer.text()}")

    async def prepare(self, healthy: list[str], sick: list[str]) -> None:
        """Subscribe each URI to all entities, which are there already."""
        batch = [{"id": _id(each), "type": _TYPE, "sentAt": 0, **_FILLING} for each in range(ENTITIES)]
        await self.ask("POST", "/entityOperations/upsert", batch)
        for uri in healthy + sick:
            notification = {"endpoint": {"uri": uri}, "format": "simplified"}
            document = {"type": "Subscription", "entities": [{"type": _TYPE}], "notification": notification}
            await self.ask("POST", "/subscriptions", document)
        self.healthy = len(healthy)

    async def update(self, entity: int) -> None:
        """Update an entity, say in it when that was, and note when it was answered."""
        sent = monotonic()
        payload = {"sentAt": {"type": "Property", "value": sent}}
        await self.ask("PATCH", f"/entities/{_id(entity % ENTITIES)}/attrs", payload)
        self.answered[sent] = monotonic()

    async def rate(self, to: Sink, updates: int) -> float:
        """Notifications a second that healthy sinks get while updates come as fast as they are answered."""
        await to.seen()
        await _loop(WARM_UP, self.update)
        await to.until(WARM_UP * self.healthy)
        await to.seen()
        began = monotonic()
        await _loop(updates, self.update)
        await to.until(updates * self.healthy)
        return updates * self.healthy / (monotonic() - began)

    async def times_at(self, rate: float, to: Sink, updates: int) -> Times:
        """How long it takes while updates come at a rate, whatever their answers do."""
        await to.seen()
        began = monotonic()
        tasks = []
        for each in range(updates):
            await asyncio.sleep(max(0.0, began + each / rate - monotonic()))
            tasks.append(asyncio.create_task(self.update(each)))
        await asyncio.gather(*tasks)
        await to.until(updates * self.healthy)
        seen = await to.seen()
        return Times(
            [came - sent for sent, came in seen], [max(0.0, came - self.answered[sent]) for sent, came in seen]
        )


def _p99(seconds: list[float]) -> float:
    """In milliseconds."""
    return quantiles(seconds, n=100)[98] * 1000


def _id(number: int) -> str:
    return f"urn:ngsi-ld:{_TYPE}:{number}"


async def _loop(number: int, do: Any) -> None:
    """So many times, IN_FLIGHT at once."""
    left = iter(range(number))

    async def go() -> None:
        for each in left:
            await do(each)

    await asyncio.gather(*(go() for _ in range(IN_FLIGHT)))


async def bare_rate(session: aiohttp.ClientSession, to: Sink, number: int, sinks: int) -> float:
    """POSTs a second of a loop that does nothing else."""
    body = orjson.dumps({"id": "x" * 60, "data": [{"id": _id(1), "type": _TYPE, **_FILLING}]})

    async def post(each: int) -> None:
        async with session.post(f"{to.url}/fast/{each % sinks}", data=body) as answer:
            await answer.read()

    began = monotonic()
    await _loop(number, post)
    return number / (monotonic() - began)


async def measure(served: Served, mongod_pid: int, subscriptions: int, updates: int, repetitions: int) -> list[Round]:
    """All repetitions; one before them warms up."""
    dead = f"http://127.0.0.1:{systems.free_port()}"
    sick = range(max(1, round(subscriptions * SICK)))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session, sink(session) as to:
        many, beside, few = (Broker(served, tenant, session) for tenant in ("many", "beside", "few"))
        fast = [f"{to.url}/fast/{each}" for each in range(subscriptions)]
        await many.prepare(fast, [])
        await beside.prepare(fast, [f"{to.url}/slow/{each}" for each in sick] + [f"{dead}/{each}" for each in sick])
        await few.prepare(fast[:FEW], [])
        found = []
        for _ in range(repetitions + 1):
            spent = process_time()
            bare = await bare_rate(session, to, subscriptions * updates, subscriptions)
            bare_us = 1e6 * (process_time() - spent) / (subscriptions * updates)
            own, theirs = systems.cpu_seconds(served.pid), systems.cpu_seconds(mongod_pid)
            rate = await many.rate(to, updates)
            own, theirs = systems.cpu_seconds(served.pid) - own, systems.cpu_seconds(mongod_pid) - theirs
            each_us = 1e6 / ((updates + WARM_UP) * subscriptions)
            with_sick = await beside.rate(to, updates)
            full = await few.rate(to, updates * LONGER) / few.healthy
            times = await few.times_at(full / 2, to, updates * LONGER)
            found.append(Round(bare, rate, with_sick, times, bare_us, own * each_us, theirs * each_us))
        return found[1:]


def main(
    subscriptions: Annotated[int, typer.Option(min=FEW, help="Each with a sink of its own.")] = 100,
    updates: Annotated[int, typer.Option(min=10, help="In each turn; at half load twenty times as many.")] = 60,
    repetitions: Annotated[int, typer.Option(min=1)] = 3,
    workers: Annotated[int, typer.Option(min=1)] = 1,
) -> None:
    """Measure delivery, and judge it by benchmarks/targets.toml."""
    found = part(subscriptions, updates, repetitions, workers)
    parts.finish(found, report.about(repetitions, ENTITIES) | {"workers": workers}, console)


def part(subscriptions: int, updates: int, repetitions: int, workers: int = 1) -> Part:
    """Measure delivery, and show it."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        uri, mongod_pid = stack.enter_context(systems.mongod(folder / "data", CACHE_MB))
        served = stack.enter_context(
            systems.broker(uri, folder / "broker.log", workers, allowed_networks="127.0.0.0/8")
        )
        rounds = asyncio.run(measure(served, mongod_pid, subscriptions, updates, repetitions))
    _show(rounds)
    values = {key: Values([each.ratios[key] for each in rounds]) for key in rounds[0].ratios}
    return Part("notifications", {"rounds": [_document(each) for each in rounds]}, values)


def _document(found: Round) -> dict[str, Any]:
    times = {
        name: {"p50": round(median(each) * 1000, 2), "p99": round(_p99(each), 2)}
        for name, each in found.half_load._asdict().items()
    }
    return found._asdict() | {"half_load": times}


def _show(rounds: list[Round]) -> None:
    table = Table("", "median", "least", "greatest", title="Notifications")
    rows = {
        "bare loop, POSTs a second": [each.bare for each in rounds],
        "broker, notifications a second": [each.broker for each in rounds],
        "the same with sick sinks beside": [each.with_sick for each in rounds],
        "CPU of the bare loop, µs a POST": [each.bare_us for each in rounds],
        "CPU of the broker, µs a notification": [each.broker_us for each in rounds],
        "CPU of mongod, µs a notification": [each.mongod_us for each in rounds],
        "from update to receipt at half load, p50 ms": [median(each.half_load.from_update) * 1000 for each in rounds],
        "p99 ms": [_p99(each.half_load.from_update) for each in rounds],
        "from commit to receipt, p50 ms": [median(each.half_load.from_commit) * 1000 for each in rounds],
        "p99 ms ": [each.ratios[P99] for each in rounds],
    }
    for title, values in rows.items():
        table.add_row(title, *(f"{value:,.0f}" for value in spread(values)))
    console.print(table)


if __name__ == "__main__":
    typer.run(main)
