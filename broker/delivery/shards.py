"""Which worker of all machines delivers which lanes: shards of them, leased, and spread over the workers there are.

Every worker holds a lease of its own, so that all know who is there. A shard belongs to the one whose hash with it is
the highest, so that few move when a worker comes or goes. Who has a shard that belongs to another gives it back when
nothing of it is under way.
"""

from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Final
from zlib import crc32

from broker.store.leases import Leases

SHARDS: Final = 64
_MEMBER: Final = "delivery member "
_SHARD: Final = "delivery shard "


def shard_of(lane: str) -> int:
    """The shard of a lane."""
    return crc32(lane.encode()) % SHARDS


def owner_of(shard: int, members: Iterable[str]) -> str:
    """The member that a shard belongs to. No CRC: by that, one member would have nearly all."""
    return max(members, key=lambda member: blake2b(f"{shard} {member}".encode(), digest_size=8).digest())


class Shards:
    """The shards of one worker. `busy` tells whether something of a shard is under way."""

    def __init__(self, leases: Leases, busy: Callable[[int], bool]) -> None:
        self._leases = leases
        self._busy = busy
        self._held: set[int] = set()
        self._leaving: set[int] = set()
        self._members: frozenset[str] = frozenset()

    @property
    def alone(self) -> bool:
        """Whether no other worker is there."""
        return len(self._members) <= 1

    @property
    def holds_first(self) -> bool:
        """Whether this worker does what one of all does."""
        return self._holds(0)

    def holds(self, lane: str) -> bool:
        """Whether this worker, and no other, may deliver a lane at this moment."""
        return self._holds(shard_of(lane))

    def _holds(self, shard: int) -> bool:
        return shard in self._held and shard not in self._leaving and self._leases.holds(_name(shard))

    async def renew(self) -> set[int]:
        """Keep what is held and belongs here, take what belongs here and is free, give the rest back; what is new.

        Raises StoreUnavailable.
        """
        me = self._leases.owner
        await self._leases.take({_MEMBER + me})
        self._members = frozenset((await self._leases.holders(_MEMBER)).values()) | {me}
        mine = {shard for shard in range(SHARDS) if owner_of(shard, self._members) == me}
        self._leaving = self._held - mine
        gone = {shard for shard in self._leaving if not self._busy(shard)}
        if gone:
            await self._leases.release({_name(shard) for shard in gone})
        before = self._held - gone
        wanted = mine | before
        names = await self._leases.take({_name(shard) for shard in wanted})
        self._held = {shard for shard in wanted if _name(shard) in names}
        return self._held - before

    async def leave(self) -> None:
        """Give everything back. Raises StoreUnavailable."""
        self._held = set()
        await self._leases.release({_name(shard) for shard in range(SHARDS)} | {_MEMBER + self._leases.owner})
        await self._leases.forget(_MEMBER)


def _name(shard: int) -> str:
    return f"{_SHARD}{shard}"
