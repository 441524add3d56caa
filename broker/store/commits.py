"""Group commit: concurrent writes of one worker to one tenant, in one transaction.

A group reads its entities inside the transaction, applies every operation in memory, in order, and writes the outcome:
the entities, and whatever the derivers owe. An answer is given after the durable commit. Two lanes keep single updates
quick beside batches: each lane has its own queue and its own groups in flight. An entity is in one group in flight at a
time, and its operations keep their order. What has waited through an outage of the database is refused with the group
that gave up, or each group would be waited for in turn. See docs/decisions/0004-group-commit.md.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias

from pymongo import DeleteOne, InsertOne, UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession

from broker.errors import BrokerError, InternalError, NonexistentTenant, StoreUnavailable, Violation
from broker.model.entity import Entity, Instance

_logger = logging.getLogger(__name__)

Apply: TypeAlias = Callable[[Entity | None, str], tuple[Entity | None, Any]]
"""(the entity as it is, the instant) -> (the entity as it shall be, None to delete it; the result).

Raises BrokerError to refuse.
"""


Within: TypeAlias = Callable[[Any, AsyncClientSession], Awaitable[Any]]
"""(the result of `apply`, the transaction) -> the result of the operation: what else it reads and writes there.

It comes after all that the group writes, and is run again with it. Raises BrokerError to refuse.
"""


class Write(NamedTuple):
    """One operation on one entity. `size`: bytes of its payload, roughly.

    `brought`: instances by attribute that are its history, if the operation makes the entity. `within`: what it does
    besides.
    """

    entity_id: str
    apply: Apply
    size: int = 1024
    brought: Mapping[str, Sequence[Instance]] | None = None
    within: "Within | None" = None


class Change(NamedTuple):
    """A step that a committed operation took: what the derivers see."""

    entity_id: str
    old: Entity | None
    new: Entity | None
    revision: int
    instant: str
    violations: Sequence[Violation] = ()
    """Where the new state is not as its data model says, and is accepted with a warning."""
    request: int = 0
    """Equal for the operations of one request in a group, and for no others of the group."""
    brought: Mapping[str, Sequence[Instance]] | None = None
    """What the history of a new entity is, if it was brought together with its history."""


class Owed(NamedTuple):
    """A write to another collection that a change owes, made in the same transaction."""

    collection: str
    operation: InsertOne[dict[str, Any]] | UpdateOne | DeleteOne
    control: bool = False
    """Whether the collection is one of the control database, which all tenants share; else it is the tenant's."""


class Deriving(NamedTuple):
    """What a deriver is given: the changes of a group, in order."""

    tenant: str
    changes: Sequence[Change]
    slot: int
    """No two groups in flight have the same, but for a rare chance: its documents are written without conflicts."""
    marks: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
    """Entity id to its field `h`, where there is one: what a deriver has kept there. It goes with the entity."""


Check: TypeAlias = Callable[[Entity], Sequence[Violation]]
"""What a new state of an entity is warned of; raises BrokerError to refuse it. It may be asked again for the same."""
Checks: TypeAlias = Callable[[str], Check | None]
"""Tenant to the check of its entities, as its configuration is known now; None: anything is accepted."""


class Warned(NamedTuple):
    """The result of an operation that was committed with a warning."""

    result: Any
    violations: Sequence[Violation]


Deriver: TypeAlias = Callable[[Deriving], Iterable[Owed]]
"""What the changes of a group owe. It may be asked again for the same group, when that is run again."""
Committed: TypeAlias = Callable[[str, Sequence[Owed]], None]
"""(tenant, what the derivers owed) once it is committed; at most once, and not if the worker dies in between."""
Run: TypeAlias = Callable[[Sequence["Pending"]], Awaitable[None]]
"""Settles every operation of a group."""


@dataclass(frozen=True, slots=True)
class Lane:
    """A queue of its own: requests of up to `request_size` operations, in groups of up to `group_size`."""

    name: str
    request_size: int
    group_size: int
    groups_in_flight: int


LANES: Final = (
    Lane("small", request_size=10, group_size=250, groups_in_flight=2),
    Lane("bulk", request_size=2**31, group_size=250, groups_in_flight=2),
)
MAX_IN_FLIGHT: Final = 16
"""Most groups in flight of one tenant in one worker, in all lanes: as many slots does it have."""
MAX_GROUP_BYTES: Final = 8 * 2**20
MAX_SCAN: Final = 2_000
"""Operations looked at for one group: those of busy entities are passed over."""


PATIENCE: Final = 10.0
"""Seconds that an operation waits for a database that does not answer: time to restart it, or for a fail-over."""


class Pending(NamedTuple):
    """An operation that waits, with where its outcome goes."""

    write: Write
    request: "_Request"
    position: int

    @property
    def request_id(self) -> int:
        """Tells the requests of a group apart."""
        return id(self.request)

    @property
    def patient_until(self) -> float:
        """The time, by the monotonic clock, until which it waits for a database that does not answer."""
        return self.request.submitted + PATIENCE

    def settle(self, outcome: Any) -> None:
        self.request.settle(self.position, outcome)


async def do_within(group: Sequence[Pending], results: list[Any], session: AsyncClientSession) -> bool:
    """Do what operations do within their transaction, and put its results in place; whether there is such."""
    found = False
    for position, pending in enumerate(group):
        within, result = pending.write.within, results[position]
        if within is None or isinstance(result, BrokerError):
            continue
        found = True
        if result.__class__ is Warned:
            results[position] = result._replace(result=await within(result.result, session))
        else:
            results[position] = await within(result, session)
    return found


class _Request:
    """The operations of one request; done when all of them are."""

    __slots__ = ("_left", "done", "outcomes", "submitted")

    def __init__(self, size: int) -> None:
        self.submitted = monotonic()
        self.outcomes: list[Any] = [None] * size
        self.done: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self._left = size

    def settle(self, position: int, outcome: Any) -> None:
        self.outcomes[position] = outcome
        self._left -= 1
        if self._left == 0 and not self.done.done():
            self.done.set_result(self.outcomes)


class Commits:
    """The queues of one tenant in one worker. `run` settles a group: see `broker.store.groups`."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._queues: dict[str, deque[Pending]] = {lane.name: deque() for lane in LANES}
        self._in_flight: dict[str, list[int]] = {lane.name: [] for lane in LANES}
        self._busy: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def submit(self, writes: Sequence[Write]) -> list[Any]:
        """Commit the operations; per operation its result, or the BrokerError that refused it.

        A caller that is cancelled leaves its operations to their groups: they are committed all the same.
        """
        if not writes:
            return []
        request = _Request(len(writes))
        lane = _lane(writes)
        self._queues[lane.name].extend(Pending(write, request, i) for i, write in enumerate(writes))
        self._start(lane)
        return await asyncio.shield(request.done)

    async def drain(self) -> None:
        """Wait until every group in flight is settled."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _start(self, lane: Lane) -> None:
        """Put groups in flight: the first at once, a further one when as much waits as is under way.

        The cost of a group is mostly its own, not its operations': many tiny groups would be slower than few.
        """
        in_flight = self._in_flight[lane.name]
        while len(in_flight) < lane.groups_in_flight and len(self._queues[lane.name]) >= sum(in_flight):
            group = self._take(lane)
            if not group:
                return
            in_flight.append(len(group))
            self._busy.update(pending.write.entity_id for pending in group)
            task = asyncio.create_task(self._settle(lane, group))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _take(self, lane: Lane) -> list[Pending]:
        """The next group: in order, passing over the entities that another group holds."""
        queue = self._queues[lane.name]
        group: list[Pending] = []
        passed: list[Pending] = []
        held: set[str] = set()
        size = 0
        while queue and len(group) < lane.group_size and size < MAX_GROUP_BYTES and len(passed) < MAX_SCAN:
            pending = queue.popleft()
            entity_id = pending.write.entity_id
            if entity_id in self._busy or entity_id in held:
                held.add(entity_id)
                passed.append(pending)
            else:
                group.append(pending)
                size += pending.write.size
        queue.extendleft(reversed(passed))
        return group

    async def _settle(self, lane: Lane, group: list[Pending]) -> None:
        try:
            await self._run_or_refuse(group)
        finally:
            self._in_flight[lane.name].remove(len(group))
            self._busy.difference_update(pending.write.entity_id for pending in group)
            for other in LANES:
                self._start(other)

    async def _run_or_refuse(self, group: Sequence[Pending]) -> None:
        """Run a group. If it fails for a reason of its own, run its halves: what spoils it fails alone."""
        try:
            await self._run(group)
        except StoreUnavailable as error:
            _refuse(group, error)
            self._refuse_impatient(error)
        except NonexistentTenant as error:
            _refuse(group, error)
        except Exception as error:
            if len(group) > 1:
                middle = len(group) // 2
                await self._run_or_refuse(group[:middle])
                await self._run_or_refuse(group[middle:])
            elif isinstance(error, BrokerError):
                _refuse(group, error)
            else:
                _logger.exception("An operation on %s failed to commit", group[0].write.entity_id)
                _refuse(group, InternalError("The broker failed to commit this operation."))

    def _refuse_impatient(self, error: BrokerError) -> None:
        """Refuse what has waited in the queues as long as the database may be waited for."""
        now = monotonic()
        for lane, queue in self._queues.items():
            _refuse([pending for pending in queue if pending.patient_until < now], error)
            self._queues[lane] = deque(pending for pending in queue if pending.patient_until >= now)


def _lane(writes: Sequence[Write]) -> Lane:
    """The lane of a request; what does more than change its entities is no small one."""
    if any(write.within is not None for write in writes):
        return LANES[-1]
    return next(lane for lane in LANES if len(writes) <= lane.request_size)


def _refuse(group: Sequence[Pending], error: BrokerError) -> None:
    for pending in group:
        pending.settle(error)
