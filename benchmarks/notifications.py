"""`python -m benchmarks.notifications`: what delivery costs beside a bare loop of POSTs to the same sink, how long a
notification takes at half load, and what dead and slow receivers cost the others.

In each repetition the bare loop, the broker, and the broker with sick sinks beside the healthy ones take turns, so that
what else the machine does hits them alike; ratios are of one repetition. A notification's time is from before its
update was sent until the sink has it: more than from commit to receipt.
"""

import asyncio
import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles
from time import monotonic
from typing import Annotated, Any, Final, NamedTuple

import aiohttp
import orjson
import typer
from rich.console import Console
from rich.table import Table

from benchmarks import report, systems, tables, verdicts
from benchmarks.notification_sink import Sink, sink
from benchmarks.systems import Served
from benchmarks.verdicts import Judgement, Verdict, spread
from broker.names import API_ROOT, TENANT_HEADER

CACHE_MB: Final = 512
IN_FLIGHT: Final = 32
"""POSTs of the bare loop, or updates of the broker, that are not answered yet."""
FEW: Final = 10
"""Subscriptions at half load: with more of them, an update is a burst, and takes as long as the burst."""
SICK: Final = 0.12
"""Dead, and as many slow, sinks to each healthy one: a tenth of all."""
ENTITIES: Final = 64
WARM_UP: Final = 3
"""Updates before each turn."""
_TYPE: Final = "Measured"
_FILLING: Final = {f"attribute{number}": "some text of a few words" for number in range(6)}
"""The rest of an entity."""

CASES: Final = ("notifications", "notifications-sick", "notifications-half-load")

console = Console(width=tables.WIDTH)


class Round(NamedTuple):
    """What was measured in a repetition. Rates are notifications a second."""

    bare: float
    broker: float
    with_sick: float
    half_load: list[float]
    """Seconds from update to receipt."""
    broker_us: float
    """CPU time of the broker in microseconds a notification."""
    mongod_us: float

    @property
    def ratios(self) -> dict[tuple[str, str], float]:
        """What is judged, by case and ratio."""
        return {
            ("notifications", "broker/bare"): self.broker / self.bare,
            ("notifications-sick", "with/without"): self.with_sick / self.broker,
            ("notifications-half-load", "p99 ms"): quantiles(self.half_load, n=100)[98] * 1000,
        }


class Broker:
    """The broker under test, in a tenant of its own."""

    def __init__(self, served: Served, tenant: str, session: aiohttp.ClientSession) -> None:
        self._api = f"http://{served.address}{API_ROOT}"
        self._headers = {TENANT_HEADER: tenant, "Content-Type": "application/json"}
        self._session = session
        self.healthy = 0
        """Subscriptions whose sinks answer at once."""

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
        """Update an entity, and say in it when that was."""
        payload = {"sentAt": {"type": "Property", "value": monotonic()}}
        await self.ask("PATCH", f"/entities/{_id(entity % ENTITIES)}/attrs", payload)

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

    async def times_at(self, rate: float, to: Sink, updates: int) -> list[float]:
        """Seconds from update to receipt, while updates come at a rate, whatever their answers do."""
        await to.seen()
        began = monotonic()
        tasks = []
        for each in range(updates):
            await asyncio.sleep(max(0.0, began + each / rate - monotonic()))
            tasks.append(asyncio.create_task(self.update(each)))
        await asyncio.gather(*tasks)
        await to.until(updates * self.healthy)
        return await to.seen()


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
            bare = await bare_rate(session, to, subscriptions * updates, subscriptions)
            own, theirs = systems.cpu_seconds(served.pid), systems.cpu_seconds(mongod_pid)
            rate = await many.rate(to, updates)
            own, theirs = systems.cpu_seconds(served.pid) - own, systems.cpu_seconds(mongod_pid) - theirs
            each_us = 1e6 / ((updates + WARM_UP) * subscriptions)
            with_sick = await beside.rate(to, updates)
            full = await few.rate(to, updates * 2) / few.healthy
            times = await few.times_at(full / 2, to, updates * 2)
            found.append(Round(bare, rate, with_sick, times, own * each_us, theirs * each_us))
        return found[1:]


def main(
    subscriptions: Annotated[int, typer.Option(min=FEW, help="Each with a sink of its own.")] = 100,
    updates: Annotated[int, typer.Option(min=10, help="In each turn; at half load twice as many.")] = 60,
    repetitions: Annotated[int, typer.Option(min=1)] = 3,
    workers: Annotated[int, typer.Option(min=1)] = 1,
) -> None:
    """Measure delivery, and judge it by benchmarks/targets.toml."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        uri, mongod_pid = stack.enter_context(systems.mongod(folder / "data", CACHE_MB))
        served = stack.enter_context(
            systems.broker(uri, folder / "broker.log", workers, allowed_networks="127.0.0.0/8")
        )
        rounds = asyncio.run(measure(served, mongod_pid, subscriptions, updates, repetitions))
    judged = _judged(rounds)
    _show(rounds)
    console.print(tables.judgements(judged))
    console.print(f"Written to {_write(rounds, judged, repetitions, workers)}.")
    raise SystemExit(1 if any(each.verdict is Verdict.MISSED for each in judged) else 0)


def _judged(rounds: list[Round]) -> list[Judgement]:
    ratios = [each.ratios for each in rounds]
    return [
        verdicts.judge(target, [each[target.case, target.ratio] for each in ratios])
        for target in verdicts.targets()
        if (target.case, target.ratio) in ratios[0]
    ]


def _show(rounds: list[Round]) -> None:
    table = Table("", "median", "least", "greatest", title="Notifications")
    rows = {
        "bare loop, POSTs a second": [each.bare for each in rounds],
        "broker, notifications a second": [each.broker for each in rounds],
        "the same with sick sinks beside": [each.with_sick for each in rounds],
        "CPU of the broker, µs a notification": [each.broker_us for each in rounds],
        "CPU of mongod, µs a notification": [each.mongod_us for each in rounds],
        "from update to receipt at half load, p50 ms": [median(each.half_load) * 1000 for each in rounds],
        "p99 ms": [each.ratios["notifications-half-load", "p99 ms"] for each in rounds],
    }
    for title, values in rows.items():
        table.add_row(title, *(f"{value:,.0f}" for value in spread(values)))
    console.print(table)


def _write(rounds: list[Round], judged: list[Judgement], repetitions: int, workers: int) -> Path:
    document = {
        "about": report.about(repetitions, ENTITIES) | {"workers": workers},
        "rounds": [each._asdict() | {"half_load": quantiles(each.half_load, n=100)} for each in rounds],
        "verdicts": [each.target._asdict() | {"values": each.values, "verdict": each.verdict} for each in judged],
    }
    return report.keep(document, "notifications")


if __name__ == "__main__":
    typer.run(main)
