"""What is written in one turn of the loop leaves together."""

import asyncio
from collections.abc import Iterable

from broker.api.transport import MAX_HELD, Bytes, JoiningTransport


class Wire(asyncio.Transport):
    """A transport that notes what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[list[bytes] | str] = []

    def writelines(self, list_of_data: Iterable[Bytes]) -> None:
        self.told.append([bytes(data) for data in list_of_data])

    def close(self) -> None:
        self.told.append("close")

    def abort(self) -> None:
        self.told.append("abort")

    def is_closing(self) -> bool:
        return "close" in self.told


def joined() -> tuple[JoiningTransport, Wire]:
    wire = Wire()
    return JoiningTransport(wire, asyncio.get_running_loop()), wire


async def test_head_and_body_leave_together_when_the_loop_turns() -> None:
    transport, wire = joined()
    transport.write(b"head")
    transport.write(b"body")
    assert wire.told == []
    await asyncio.sleep(0)
    assert wire.told == [[b"head", b"body"]]


async def test_an_empty_write_is_none() -> None:
    transport, wire = joined()
    transport.write(b"")
    await asyncio.sleep(0)
    assert wire.told == []


async def test_turns_keep_their_order() -> None:
    transport, wire = joined()
    for part in (b"1", b"2"):
        transport.writelines([part, part])
        await asyncio.sleep(0)
    assert wire.told == [[b"1", b"1"], [b"2", b"2"]]


async def test_much_leaves_at_once_and_only_once() -> None:
    transport, wire = joined()
    transport.write(b"head")
    transport.write(b"x" * MAX_HELD)
    assert wire.told == [[b"head", b"x" * MAX_HELD]]
    await asyncio.sleep(0)
    assert len(wire.told) == 1


async def test_what_was_written_leaves_before_the_end() -> None:
    transport, wire = joined()
    transport.write(b"last words")
    transport.close()
    await asyncio.sleep(0)
    assert wire.told == [[b"last words"], "close"]


async def test_an_aborted_connection_says_nothing_more() -> None:
    transport, wire = joined()
    transport.write(b"last words")
    transport.abort()
    await asyncio.sleep(0)
    assert wire.told == ["abort"]


async def test_a_closed_connection_takes_nothing() -> None:
    transport, wire = joined()
    transport.close()
    transport.write(b"too late")
    await asyncio.sleep(0)
    assert wire.told == ["close"]
