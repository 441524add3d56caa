"""What delivering notifications costs: against a bare loop of POSTs to the same sink, at half load, with sick sinks.

    python -m benchmarks.notifications [--subscriptions 100] [--updates 60] [--rounds 3]

The sink is a process of its own. In each round the bare loop, the broker, and the broker with sick sinks beside the
healthy ones take turns, so that what else the machine does hits them alike; ratios are of one round. A notification's
time is from before its update was sent until the sink has it: more than from commit to receipt.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median, quantiles
from time import monotonic
from typing import Any, Final, NamedTuple

import aiohttp
import orjson
from aiohttp import web

from tests.conftest import free_port, serving, wait_for

IN_FLIGHT: Final = 32
"""Of the bare loop; and of the updates: IN_FLIGHT updates are not answered yet."""
SLOW: Final = 5.0
_TYPE: Final = "Measured"


class Seen(NamedTuple):
    """What the sink has had since it was asked last: seconds from the update to the receipt, of each notification."""

    times: list[float]


class Round(NamedTuple):
    """What was measured in a round. Rates are notifications a second."""

    bare: float
    broker: float
    with_sick: float
    half_load: list[float]
    """Seconds from update to receipt."""


def serve_sink(port: int) -> None:
    """The sink: `/fast…` answers at once, `/slow…` after SLOW seconds, `/seen` tells and forgets."""
    times: list[float] = []

    async def fast(request: web.Request) -> web.Response:
        body = await request.read()
        now = monotonic()
        start = body.find(b'"sentAt":')
        if start >= 0:
            end = min(position for position in (body.find(b",", start), body.find(b"}", start)) if position > 0)
            times.append(now - float(body[start + 9 : end]))
        return web.Response()

    async def slow(_: web.Request) -> web.Response:
        await asyncio.sleep(SLOW)
        return web.Response()

    async def seen(_: web.Request) -> web.Response:
        told = orjson.dumps(times)
        times.clear()
        return web.Response(body=told)

    async def count(_: web.Request) -> web.Response:
        return web.Response(body=b"%d" % len(times))

    app = web.Application()
    app.router.add_post("/fast/{name}", fast)
    app.router.add_post("/slow/{name}", slow)
    app.router.add_get("/seen", seen)
    app.router.add_get("/count", count)
    web.run_app(app, host="127.0.0.1", port=port, print=None, access_log=None)


class Sink:
    """The sink, as the benchmark asks it."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self._session = session

    async def seen(self) -> list[float]:
        async with self._session.get(f"{self.url}/seen") as answer:
            found: list[float] = orjson.loads(await answer.read())
            return found

    async def until(self, number: int, patience: float = 120.0) -> None:
        """Wait until it has had so many."""
        deadline = monotonic() + patience
        while True:
            async with self._session.get(f"{self.url}/count") as answer:
                count = int(await answer.read())
            if count >= number:
                return
            assert monotonic() < deadline, f"{count} of {number} notifications came"
            await asyncio.sleep(0.01)


@asynccontextmanager
async def sink(session: aiohttp.ClientSession) -> AsyncIterator[Sink]:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.notifications", "--sink", str(port)
    )
    found = Sink(f"http://127.0.0.1:{port}", session)
    try:
        while True:
            try:
                await found.seen()
                break
            except aiohttp.ClientError:
                await asyncio.sleep(0.05)
        yield found
    finally:
        process.terminate()
        await process.wait()


async def bare_rate(session: aiohttp.ClientSession, to: Sink, number: int, body: bytes) -> float:
    """POSTs a second of a loop that does nothing else."""
    await to.seen()
    left = iter(range(number))

    async def post() -> None:
        for each in left:
            async with session.post(f"{to.url}/fast/{each % 100}", data=body) as answer:
                await answer.read()

    began = monotonic()
    await asyncio.gather(*(post() for _ in range(IN_FLIGHT)))
    return number / (monotonic() - began)


class Broker:
    """The broker under test, in a tenant of its own."""

    def __init__(self, url: str, tenant: str, session: aiohttp.ClientSession) -> None:
        self._api = f"{url}/ngsi-ld/v1"
        self._headers = {"NGSILD-Tenant": tenant, "Content-Type": "application/json"}
        self._session = session

    async def ask(self, method: str, path: str, payload: Any) -> None:
        async with self._session.request(
            method, self._api + path, data=orjson.dumps(payload), headers=self._headers
        ) as answer:
            assert answer.status < 300, await answer.text()

    async def prepare(self, uris: list[str], entities: int) -> None:
        """Subscribe each URI to all entities, which are there already."""
        batch = [{"id": _id(each), "type": _TYPE, "sentAt": 0, **_FILLING} for each in range(entities)]
        await self.ask("POST", "/entityOperations/upsert", batch)
        for uri in uris:
            notification = {"endpoint": {"uri": uri}, "format": "simplified"}
            document = {"type": "Subscription", "entities": [{"type": _TYPE}], "notification": notification}
            await self.ask("POST", "/subscriptions", document)

    async def update(self, entity: int) -> None:
        payload = {"sentAt": {"type": "Property", "value": monotonic()}}
        await self.ask("PATCH", f"/entities/{_id(entity)}/attrs", payload)

    async def updates(self, number: int, entities: int) -> None:
        """So many, as fast as IN_FLIGHT clients go."""
        left = iter(range(number))

        async def go() -> None:
            for each in left:
                await self.update(each % entities)

        await asyncio.gather(*(go() for _ in range(min(IN_FLIGHT, entities))))

    async def updates_at(self, rate: float, number: int, entities: int) -> None:
        """So many, at a rate, whatever their answers do."""
        began = monotonic()
        tasks = []
        for each in range(number):
            await asyncio.sleep(max(0.0, began + each / rate - monotonic()))
            tasks.append(asyncio.create_task(self.update(each % entities)))
        await asyncio.gather(*tasks)


_FILLING: Final = {f"attribute{number}": "some text of a few words" for number in range(6)}
"""The rest of an entity."""


def _id(number: int) -> str:
    return f"urn:ngsi-ld:{_TYPE}:{number}"


async def rate_of(broker: Broker, to: Sink, updates: int, healthy: int, entities: int) -> float:
    """Notifications a second that the healthy subscriptions get while updates come as fast as they are answered."""
    await broker.updates(2, entities)
    await to.until(2 * healthy)
    await to.seen()
    began = monotonic()
    await broker.updates(updates, entities)
    await to.until(updates * healthy)
    return updates * healthy / (monotonic() - began)


async def run(subscriptions: int, updates: int, rounds: int, workers: int) -> list[Round]:
    """The rounds, one after the other."""
    sick = max(1, subscriptions // 8)
    entities = 64
    dead = f"http://127.0.0.1:{free_port()}"
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), workers=workers) as running:
        wait_for(running, "/ready")
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as session, sink(session) as to:
            well, beside = (Broker(running.url, tenant, session) for tenant in ("well", "beside"))
            fast = [f"{to.url}/fast/{each}" for each in range(subscriptions)]
            unwell = [f"{to.url}/slow/{each}" for each in range(sick)] + [f"{dead}/{each}" for each in range(sick)]
            await well.prepare(fast, entities)
            await beside.prepare(fast + unwell, entities)
            body = orjson.dumps({"id": "x" * 60, "data": [{"id": _id(1), "type": _TYPE, **_FILLING}]})
            found = []
            for _ in range(rounds):
                bare = await bare_rate(session, to, subscriptions * updates, body)
                rate = await rate_of(well, to, updates, subscriptions, entities)
                with_sick = await rate_of(beside, to, updates, subscriptions, entities)
                await to.seen()
                await well.updates_at(rate / 2 / subscriptions, updates, entities)
                await to.until(updates * subscriptions)
                found.append(Round(bare, rate, with_sick, await to.seen()))
            return found


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subscriptions", type=int, default=100)
    parser.add_argument("--updates", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--sink", type=int, default=0, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.sink:
        serve_sink(given.sink)
        return
    rounds = asyncio.run(run(given.subscriptions, given.updates, given.rounds, given.workers))
    for each in rounds:
        cuts = quantiles(each.half_load, n=100)
        print(
            f"bare {each.bare:6.0f}/s   broker {each.broker:6.0f}/s = {each.broker / each.bare:.2f}   "
            f"with sick sinks {each.with_sick:6.0f}/s = {each.with_sick / each.broker:.2f}   "
            f"half load p50 {cuts[49] * 1000:.0f} ms, p99 {cuts[98] * 1000:.0f} ms"
        )
    print(
        f"medians: {median(each.broker / each.bare for each in rounds):.2f} of the bare loop, "
        f"{median(each.with_sick / each.broker for each in rounds):.2f} with sick sinks, "
        f"p99 {median(quantiles(each.half_load, n=100)[98] for each in rounds) * 1000:.0f} ms at half load"
    )


if __name__ == "__main__":
    main()
