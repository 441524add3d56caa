"""The city in motion against a broker that comes, goes and refuses: a stand-in on the loopback interface."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import orjson
import pytest
from aiohttp import web

from broker.cli.city import live
from broker.cli.city.generate import NOON, City
from broker.cli.transfer import Remote
from broker.errors import StartError
from broker.names import API_ROOT
from tests.conftest import free_port
from tests.drills.serving import until

Entity = dict[str, Any]

FAST: Final = 40.0
"""So many times as fast as life: hundreds of updates in a second."""


class StandIn:
    """Takes upserts, or refuses them."""

    def __init__(self) -> None:
        self.status = 204
        self.batches: list[tuple[str, list[Entity]]] = []

    async def handle(self, request: web.Request) -> web.Response:
        if self.status != 204:
            return web.json_response({"detail": "Not now."}, status=self.status)
        assert request.query_string == "options=update"
        self.batches.append((request.headers["Link"], orjson.loads(await request.read())))
        return web.Response(status=204)


@asynccontextmanager
async def serving(stand_in: StandIn, port: int) -> AsyncIterator[None]:
    application = web.Application(client_max_size=2**26)
    application.router.add_post(f"{API_ROOT}/entityOperations/upsert", stand_in.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port, reuse_address=True).start()
        yield
    finally:
        await runner.cleanup()


async def animate(port: int, duration: float, told: list[str | None]) -> live.Tally:
    tally = live.Tally()
    motion = live.Motion(City(1_000, 1), faults=False)
    url = f"http://127.0.0.1:{port}"
    async with Remote(url, mode="update", patience=float("inf"), told=told.append) as remote:
        await live.run(remote, motion, start=NOON, speed=FAST, duration=duration, tally=tally)
    return tally


async def test_each_domain_system_sends_its_own_updates_in_the_order_of_their_times() -> None:
    stand_in, port = StandIn(), free_port()
    async with serving(stand_in, port):
        tally = await animate(port, 8.0, [])
    assert tally.sent > 300
    assert len({link for link, _ in stand_in.batches}) > 10
    for system in {link for link, _ in stand_in.batches}:
        seen: dict[str, str] = {}
        for entity in (entity for link, batch in stand_in.batches for entity in batch if link == system):
            latest = max(value["observedAt"] for value in entity.values() if "observedAt" in value)
            assert seen.get(entity["id"], "") <= latest
            seen[entity["id"]] = latest


async def test_updates_of_the_time_without_a_broker_are_sent_when_it_is_back() -> None:
    stand_in, port, told = StandIn(), free_port(), list[str | None]()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(animate(port, 6.0, told))
        await asyncio.sleep(2.0)
        assert stand_in.batches == []
        async with serving(stand_in, port):
            await running
    assert told == ["Connection refused", None]
    assert running.result().lost == 0
    first = min(
        value["observedAt"]
        for _, batch in stand_in.batches
        for entity in batch
        for value in entity.values()
        if "observedAt" in value
    )
    assert first < "2025-06-02T11:00:40"


async def test_a_broker_that_answers_503_is_waited_for() -> None:
    stand_in, port, told = StandIn(), free_port(), list[str | None]()
    stand_in.status = 503
    async with serving(stand_in, port), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(animate(port, 8.0, told))
        await until(lambda: told, 7, lambda: "nothing was refused")
        stand_in.status = 204
        await running
    assert told == ["it answers 503: Not now", None]
    assert running.result().sent > 0


async def test_refused_updates_are_counted_and_do_not_end_it() -> None:
    stand_in, port = StandIn(), free_port()
    stand_in.status = 400
    async with serving(stand_in, port):
        tally = await animate(port, 3.0, [])
    assert tally.refused == tally.sent > 0
    assert tally.reason is not None
    assert tally.reason.endswith("Not now")


async def test_a_broker_that_will_never_take_it_ends_it() -> None:
    stand_in, port = StandIn(), free_port()
    stand_in.status = 401
    async with serving(stand_in, port):
        with pytest.raises(StartError, match="answers 401: Not now"):
            await animate(port, 10.0, [])


async def test_it_ends_at_once_when_cancelled() -> None:
    stand_in, port = StandIn(), free_port()
    async with serving(stand_in, port):
        running = asyncio.ensure_future(animate(port, 60.0, []))
        await asyncio.sleep(1.0)
        running.cancel()
        async with asyncio.timeout(1.0):
            with pytest.raises(asyncio.CancelledError):
                await running


def test_a_pause_of_the_process_is_skipped_not_made_up_for() -> None:
    """A closed lid: two hours later the city goes on where it was."""
    motion = live.Motion(City(1_000, 1), faults=False)
    spans: list[tuple[float, float]] = []
    between = motion.between

    def recorded(start: float, end: float) -> Any:
        spans.append((start, end))
        return between(start, end)

    motion.between = recorded  # type: ignore[method-assign]
    times = iter([0.0, 1.0, 7201.0, 7202.0])

    async def run() -> None:
        async with Remote("http://127.0.0.1:9", mode="update", patience=float("inf")) as remote:
            await live.run(
                remote,
                motion,
                start=NOON,
                speed=1.0,
                duration=7201.5,
                tally=live.Tally(),
                clock=lambda: next(times),
            )

    asyncio.run(run())
    assert spans == [(NOON, NOON + 1), (NOON + 1, NOON + 2)]
