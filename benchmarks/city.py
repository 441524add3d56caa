"""`python -m benchmarks.city`: a whole city lives on this machine for a while. How long at which rates, what gives way
first, and is all there afterwards that was acknowledged?

Broker, MongoDB, receivers of notifications and load are all here. See docs/benchmarks.md.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from random import Random
from statistics import quantiles
from typing import Annotated, Any, Final, NamedTuple

import aiohttp
import typer
from rich.console import Console

from benchmarks import city_check, city_load, city_state, report, systems
from benchmarks.city_load import KEPT, Ledger, Life, Tally
from benchmarks.city_state import Watcher, Window
from benchmarks.city_watch import FLEET_OF, Watch, places, watches
from benchmarks.systems import Served
from benchmarks.users.panels import GEO_PANELS, PANELS, View
from broker.cli.city import fill
from broker.cli.city.fleet import SIZES
from broker.cli.city.generate import City
from broker.cli.city.town import Town
from broker.cli.transfer import Remote, link
from broker.names import API_ROOT

SEED: Final = 1
QUERIES: Final = 100.0
"""Of the model's dashboards, a second."""
BATCH: Final = 1000
CONNECTIONS: Final = 4
EPOCH: Final = "1970-01-01T00:00:00Z"
SUBSCRIBING: Final = 8
"""Subscriptions that are made at a time."""
SETTLE: Final = 600.0
"""Most seconds until the last notifications have come."""
QUIET: Final = 8.0
"""Seconds without a notification after which no more is waited for."""

console = Console(width=150)


def main(
    minutes: Annotated[float, typer.Option(min=0.2, help="How long.")] = 60,
    size: Annotated[str, typer.Option(help=f"Of the city: {', '.join(SIZES)}.")] = "city",
    speed: Annotated[float, typer.Option(min=0.01, help="Times the model's rate of updates.")] = 1.0,
    queries: Annotated[float, typer.Option(min=0, help="Of dashboards, a second.")] = QUERIES,
    finale: Annotated[float, typer.Option(min=0, help="Minutes at the model's full rates afterwards.")] = 0.0,
    subscriptions: Annotated[float, typer.Option(min=0, help="Times the model's number of them.")] = 1.0,
    workers: Annotated[int, typer.Option(min=1, help="Of the broker.")] = 1,
    cache_mb: Annotated[int, typer.Option(min=256, help="Of MongoDB.")] = 4096,
    checked: Annotated[int, typer.Option(min=1, help="Entities whose histories are counted at the end.")] = 20_000,
    folder: Annotated[Path | None, typer.Option(help="For the data; a temporary one, if absent.")] = None,
    tree: Annotated[Path | None, typer.Option(help="Another tree of the broker's sources to measure.")] = None,
) -> None:
    """Let a city live, and look for all that was acknowledged."""
    if size not in SIZES:
        raise typer.BadParameter(f"there are {', '.join(SIZES)}", param_hint="--size")
    phases = [Phase(minutes * 60, speed, queries)]
    if finale:
        phases.append(Phase(finale * 60))
    plan = Plan(SIZES[size], phases, checked, subscriptions)
    with ExitStack() as stack:
        place = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-city-")))
        found = lived(plan, place, workers, cache_mb, tree)
    about = report.about(1, plan.entities) | {"size": size, "speed": speed, "queries": queries, "workers": workers}
    show(found)
    console.print(f"Written to {report.save({'about': about} | found, '-city')}.")
    raise SystemExit(1 if any(check["lost"] or check["failed"] for check in found["checks"].values()) else 0)


class Phase(NamedTuple):
    """A time at the same rates."""

    seconds: float
    speed: float = 1.0
    """Times the model's rate of updates."""
    queries: float = QUERIES
    """A second."""


class Plan(NamedTuple):
    """How a city lives."""

    entities: int
    phases: Sequence[Phase]
    """One after the other."""
    checked: int
    """Entities whose histories are counted at the end."""
    watching: float = 1.0
    """Times the model's number of subscriptions."""


def lived(plan: Plan, place: Path, workers: int = 1, cache_mb: int = 1024, tree: Path | None = None) -> dict[str, Any]:
    """What a city's life came to, with all its processes in a folder."""
    place.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        uri, mongod_pid = stack.enter_context(systems.mongod(place / "data", cache_mb))
        broker = stack.enter_context(
            systems.broker(uri, place / "broker.log", workers, tree=tree, allowed_networks="127.0.0.0/8")
        )
        sinks = stack.enter_context(systems.sinks(place / "sinks.log"))
        pids = {"broker": broker.pid, "mongod": mongod_pid, "receivers": sinks.pid}
        return asyncio.run(Stage(broker, sinks, pids, place / "data", plan).live())


class Stage:
    """The processes, and the city that lives in them."""

    def __init__(self, broker: Served, sinks: Served, pids: Mapping[str, int], data: Path, plan: Plan) -> None:
        self._broker = broker
        self._sinks = sinks
        self._pids = pids
        self._data = data
        self._plan = plan
        self._root = f"http://{broker.address}{API_ROOT}"
        self._city = City(plan.entities, SEED)

    async def live(self) -> dict[str, Any]:
        """Load, subscribe, live, look for all of it."""
        plan = self._plan
        async with Remote(f"http://{self._broker.address}", mode="update") as remote:
            loaded = await self._fill(remote)
            watched = watches(self._city, plan.entities, time.time(), plan.watching) if plan.watching else []
            where = places(self._city) if plan.watching else {}
            subscribed = await self._subscribe(watched)
            temporal = await self._is_there(f"/temporal/entities?type=X&limit=1&timerel=before&timeAt={EPOCH}")
            _say(
                f"Loaded in {loaded['seconds']} s, {loaded['disk']:,.0f} MiB on disk; "
                f"{subscribed['made']:,} subscriptions in {subscribed['seconds']} s; "
                f"{'with' if temporal else 'without'} history."
            )
            start = time.time()
            ledger = Ledger()
            phases = [await self._load(phase, remote, ledger, history=temporal) for phase in plan.phases]
        console.print("The load is over; looking for all that was acknowledged.")
        received = await self._received() if subscribed["made"] else b""
        written = ledger.written()
        wanted = {"entities": city_check.entities(self._root, written)}
        if temporal:
            wanted["history"] = city_check.points(self._root, written, start, plan.checked)
        if subscribed["made"]:
            wanted["notifications"] = city_check.notifications(watched, written, where, received)
        checks = {name: await city_check.tried(checking) for name, checking in wanted.items()}
        return {
            "loaded": loaded,
            "subscriptions": subscribed,
            "phases": phases,
            "checks": {name: check._asdict() for name, check in checks.items()},
        }

    async def _fill(self, remote: Remote) -> dict[str, float]:
        """Load the city: seconds, CPU seconds of each process, MiB on disk."""
        began, before = time.monotonic(), city_state.cpu(self._pids)
        await fill.load(remote, self._city, time.time(), BATCH, CONNECTIONS)
        used = {name: round(spent - before[name], 1) for name, spent in city_state.cpu(self._pids).items()}
        seconds = round(time.monotonic() - began, 1)
        return {"seconds": seconds, **used, "disk": city_state.disk(self._data)}

    async def _load(self, phase: Phase, remote: Remote, ledger: Ledger, *, history: bool) -> dict[str, Any]:
        """One phase, and what it came to."""
        life, tally = Life(self._city, phase.speed), Tally()
        view = View(City(self._plan.entities, SEED), Town(self._plan.entities), Random(SEED))
        panels = PANELS if history else GEO_PANELS
        rates = f"{life.rate:,.0f} updates and {phase.queries:.0f} queries a second"
        _say(f"Now {rates} for {phase.seconds / 60:.1f} minutes.")
        watcher = Watcher(self._pids, self._data, tally)
        windows: list[Window] = []
        both = asyncio.gather(
            city_load.report(life, remote, tally, ledger, phase.seconds),
            city_load.look(self._root, view, panels, phase.queries, phase.seconds, tally),
        )
        end = time.monotonic() + phase.seconds
        while not both.done() and time.monotonic() < end - 1:
            await asyncio.wait([both], timeout=min(city_state.SECONDS, end - time.monotonic()))
            windows.append(watcher.window())
            _tell(windows[-1])
        await both
        return _found(life.rate, phase.queries, tally, windows)

    async def _subscribe(self, watched: Sequence[Watch]) -> dict[str, Any]:
        """Make the subscriptions. A broker that has none answers 404 or the like: then it lives without."""
        began, turn = time.monotonic(), asyncio.Semaphore(SUBSCRIBING)
        refused: list[str] = []
        closed = systems.free_port()

        async def one(session: aiohttp.ClientSession, watch: Watch) -> None:
            address = f"127.0.0.1:{closed}" if watch.sink == "dead" else self._sinks.address
            kind = "fast" if watch.sink == "dead" else watch.sink
            document = watch.document(f"http://{address}/{kind}/{watch.number}")
            async with (
                turn,
                session.post(
                    f"{self._root}/subscriptions", json=document, headers={"Link": link(FLEET_OF[watch.code].context)}
                ) as answer,
            ):
                if answer.status != 201:
                    refused.append(f"{answer.status}: {(await answer.text())[:300]}")

        async with aiohttp.ClientSession() as session:
            if watched:
                await one(session, watched[0])
            if not refused:
                await asyncio.gather(*(one(session, watch) for watch in watched[1:]))
        made = 0 if refused and len(refused) == 1 else len(watched) - len(refused)
        return {"made": made, "seconds": round(time.monotonic() - began, 1), "refused": refused[:3]}

    async def _is_there(self, path: str) -> bool:
        async with aiohttp.ClientSession() as session, session.get(self._root + path) as answer:
            return answer.status == 200

    async def _received(self) -> bytes:
        """What the receivers have, when nothing has come for a while."""
        url = f"http://{self._sinks.address}"
        async with aiohttp.ClientSession() as session:
            end, before, since = time.monotonic() + SETTLE, "", time.monotonic()
            while time.monotonic() < end and time.monotonic() - since < QUIET:
                async with session.get(f"{url}/count") as answer:
                    count = await answer.text()
                if count != before:
                    before, since = count, time.monotonic()
                await asyncio.sleep(0.5)
            async with session.get(f"{url}/received") as answer:
                return await answer.read()


def _found(rate: float, queries: float, tally: Tally, windows: Sequence[Window]) -> dict[str, Any]:
    longest = city_state.stretch(windows, os.cpu_count() or 1)
    return {
        "rates": {"updates": round(rate, 1), "queries": queries},
        "updates": {
            "due": tally.due,
            "acknowledged": tally.acknowledged,
            "refused": tally.refused,
            "dropped": tally.dropped,
            "reason": tally.reason,
        },
        "queries": {"sent": tally.queries, "failed": dict(tally.failed), "panels": _panels(tally)},
        "longest": longest._asdict(),
        "windows": [window.document() for window in windows],
    }


def _panels(tally: Tally) -> dict[str, dict[str, float]]:
    """Panel to the number of its answers, p50 and p95 in milliseconds."""
    found = {}
    for name, took in sorted(tally.by_panel.items()):
        cuts = quantiles(took, n=20, method="inclusive") if len(took) > 1 else took * 19
        found[name] = {"answers": len(took), "p50": round(cuts[9] * 1000, 1), "p95": round(cuts[18] * 1000, 1)}
    return found


def _tell(window: Window) -> None:
    late = f" late: {', '.join(window.late())}" if window.late() else ""
    used = " ".join(f"{name} {cores:.2f}" for name, cores in window.cores.items())
    _say(
        f"{window.second:6.0f} s  updates {window.acknowledged:.0f}/{window.due:.0f} a second, "
        f"p95 {window.update_p95:.1f} s, {window.waiting} wait; queries {window.answered:.0f}/{window.queries:.0f}, "
        f"p95 {window.query_p95 * 1000:.0f} ms; cores {used}; "
        f"RSS {window.memory['broker']:.0f} + {window.memory['mongod']:.0f} MiB; disk {window.disk:.0f}{late}"
    )


def show(found: Mapping[str, Any]) -> None:
    """Print what a city's life came to."""
    for phase in found["phases"]:
        _show_phase(phase)
    for name, check in found["checks"].items():
        times = f"; p50, p95, p99 {check['seconds']} s after the report" if check["seconds"] else ""
        _say(f"{name}: {check['checked']:,} looked for, {check['lost']:,} lost, {check['doubled']:,} doubled{times}")
        if check["failed"]:
            _say(f"  It could not be looked for: {check['failed']}")
        for example in check["examples"]:
            _say(f"  {example}")


def _show_phase(phase: Mapping[str, Any]) -> None:
    updates, rates, longest = phase["updates"], phase["rates"], phase["longest"]
    _say(f"{updates['acknowledged']:,} of {updates['due']:,} updates acknowledged, {updates['refused']:,} refused.")
    if updates["dropped"]:
        _say(f"{updates['dropped']:,} were never sent: a system keeps {KEPT:,} that wait, and drops the oldest.")
    for name, panel in phase["queries"]["panels"].items():
        _say(f"  {name}: {panel['answers']:,} answers, p50 {panel['p50']} ms, p95 {panel['p95']} ms")
    for reason, number in phase["queries"]["failed"].items():
        _say(f"  failed {number} times: {reason}")
    _say(
        f"Longest stretch at {rates['updates']:,.0f} updates and {rates['queries']:.0f} queries a second: "
        f"{longest['seconds']:.0f} s. What gave way first: {longest['first']}."
    )


def _say(text: str) -> None:
    console.print(text, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    typer.run(main)
