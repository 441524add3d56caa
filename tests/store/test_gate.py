"""The line in front of the database: few at once, in turn, and nobody starves."""

import asyncio
import math
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.errors import Overloaded, StoreUnavailable
from broker.store.gate import LONG, Gate

TENANTS = ("", "a", "b")


class Line:
    """Queries at a gate, each of which runs until it is told to end."""

    def __init__(self, size: int, patience: float = math.inf) -> None:
        self.gate = Gate(size, patience)
        self.begun: list[str] = []
        self.ends: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def come(self, name: str, tenant: str = "") -> None:
        self.ends[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(self._run(name, tenant))
        await settled()

    async def end(self, name: str) -> None:
        self.ends[name].set()
        await settled()

    async def _run(self, name: str, tenant: str) -> None:
        async with self.gate.turn(tenant):
            self.begun.append(name)
            await self.ends[name].wait()

    async def close(self) -> None:
        for task in self.tasks.values():
            task.cancel()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_the_first_to_come_is_the_first_to_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("broker.store.gate.LONG", 60.0)  # a busy machine makes none long
    line = Line(2)
    for name in "abcde":
        await line.come(name)
    assert line.begun == ["a", "b"]
    await line.end("b")
    await line.end("a")
    assert line.begun == ["a", "b", "c", "d"]
    await line.close()


async def test_tenants_take_turns() -> None:
    line = Line(1)
    for name in ("a1", "a2", "a3", "a4", "b1", "b2"):
        await line.come(name, tenant=name[0])
    for name in ("a1", "a2", "b1", "a3", "b2"):
        await line.end(name)
    assert line.begun == ["a1", "a2", "b1", "a3", "b2", "a4"]
    await line.close()


async def test_what_takes_long_makes_room() -> None:
    line = Line(1)
    for name in ("long", "longer", "quick", "later"):
        await line.come(name)
    await asyncio.wait_for(until(lambda: line.begun == ["long", "longer"]), 10 * LONG)
    await asyncio.sleep(2 * LONG)
    assert line.begun == ["long", "longer"]  # no more long ones than the gate's size run at once
    await line.end("long")
    await asyncio.wait_for(until(lambda: "quick" in line.begun), 10 * LONG)
    await line.close()


async def test_who_leaves_the_line_takes_no_place() -> None:
    line = Line(1)
    for name in ("a", "b", "c"):
        await line.come(name)
    line.tasks["b"].cancel()
    await settled()
    await line.end("a")
    assert line.begun == ["a", "c"]
    await line.close()


async def test_one_who_is_cancelled_as_his_turn_comes_gives_it_on() -> None:
    line = Line(1)
    for name in ("a", "b", "c"):
        await line.come(name)
    line.ends["a"].set()
    await line.tasks["a"]
    line.tasks["b"].cancel()
    await settled()
    assert "c" in line.begun
    await line.close()


async def test_who_has_waited_for_a_database_that_is_away_is_refused() -> None:
    line = Line(1)
    for name in ("a", "b"):
        await line.come(name)
    now = asyncio.get_running_loop().time()
    await asyncio.sleep(0.01)
    await line.come("c")
    line.gate.refuse(StoreUnavailable("away"), since=now)
    await settled()
    with pytest.raises(StoreUnavailable):
        await line.tasks["b"]
    await line.end("a")
    assert line.begun == ["a", "c"]
    await line.close()


async def test_who_comes_when_the_first_in_line_has_waited_too_long_is_refused() -> None:
    line = Line(1, patience=0.05)
    for name in ("a", "b"):
        await line.come(name)
    await asyncio.sleep(0.06)
    await line.come("late")
    await line.come("other", tenant="b")
    with pytest.raises(Overloaded, match=r"0\.05 seconds"):
        await line.tasks["late"]
    for name in ("a", "b", "other"):
        await line.end(name)
    assert sorted(line.begun) == ["a", "b", "other"]
    await line.come("later")
    assert "later" in line.begun
    await line.close()


steps = st.lists(
    st.tuples(st.sampled_from(["come", "end", "cancel"]), st.integers(0, 30), st.sampled_from(TENANTS)), max_size=60
)


@given(size=st.integers(1, 3), steps=steps)
def test_no_place_is_lost_and_none_is_taken_twice(size: int, steps: Sequence[tuple[str, int, str]]) -> None:
    async def play() -> None:
        line = Line(size)
        for number, (step, which, tenant) in enumerate(steps):
            names = list(line.tasks)
            if step == "come" or not names:
                await line.come(str(number), tenant)
            elif step == "end":
                await line.end(names[which % len(names)])
            else:
                line.tasks[names[which % len(names)]].cancel()
                await settled()
            running = [name for name in line.begun if not line.tasks[name].done()]
            waiting = [name for name, task in line.tasks.items() if name not in line.begun and not task.done()]
            assert len(running) <= size
            assert not waiting or len(running) == size
        await line.close()

    asyncio.run(play())


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110  what is polled has no event
        await asyncio.sleep(0.005)
