"""What a request asks of the database goes on when the request is cancelled."""

import asyncio

import pytest

from broker.store.apart import apart


async def test_only_the_waiting_is_cancelled() -> None:
    began, may_end, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def operation() -> None:
        began.set()
        await may_end.wait()
        ended.set()

    waiting = asyncio.create_task(apart(operation()))
    await began.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not ended.is_set()
    may_end.set()
    await asyncio.wait_for(ended.wait(), 1)


async def test_the_outcome_is_passed_on() -> None:
    async def succeed() -> int:
        return 7

    async def fail() -> int:
        raise LookupError("as it was")

    assert await apart(succeed()) == 7
    with pytest.raises(LookupError, match="as it was"):
        await apart(fail())
