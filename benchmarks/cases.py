"""The cases, as a table: what clients ask of the broker, and the raw work on MongoDB that stands beside it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Final, NamedTuple

from benchmarks import sample, traffic
from benchmarks.traffic import Request


class System(StrEnum):
    """What is measured in each case, interleaved."""

    BROKER = "broker"
    STORE = "D"
    """The same durable work, or the same read, by raw PyMongo."""
    NAIVE = "naive"
    """What one writes first: an operation of the driver for each request."""
    HTTP = "H"
    """A Starlette route that answers the same bytes."""


class Work(StrEnum):
    """Raw work on MongoDB: see benchmarks.store_work."""

    FIND_ONE = "find_one"
    COALESCED = "coalesced"
    UPDATE_ONE = "update_one"
    UPDATE_GROUPS = "update_groups"
    INSERT_GROUPS = "insert_groups"
    REPLACE_GROUPS = "replace_groups"
    INSERT_BULK = "insert_bulk"
    REPLACE_BULK = "replace_bulk"
    PAGE = "page"
    COUNT = "count"


class Order(NamedTuple):
    """An order to the process that does raw work."""

    work: Work
    clients: int
    seconds: float
    size: int = 1
    """Entities in a group, a bulk, or a page."""
    kind: str = ""
    """The type whose entities a page holds."""


@dataclass(frozen=True, slots=True)
class Case:
    """One row of the report."""

    name: str
    title: str
    clients: int
    requests: Callable[[int], Iterator[Request]]
    """From the number of sample entities."""
    limit: Work
    naive: Work | None = None
    size: int = 1
    """Entities in a request or in its answer."""
    kind: str = sample.TYPES[0]
    status: int = 200
    seconds: int = 1
    """Of the broker; the others have as long or less."""
    turns: int = 1
    """Of each system in a repetition: many short ones tell more than few long ones on a machine that others use."""
    grouped: bool = False
    """The broker commits in groups; the limit uses groups of the size that the broker's had."""
    creates: bool = False


def _reads(clients: int, turns: int = 1) -> Case:
    return Case(
        f"read-{clients}",
        f"point read, c{clients}",
        clients,
        traffic.point_reads,
        Work.COALESCED,
        Work.FIND_ONE,
        turns=turns,
    )


def _updates(clients: int, turns: int = 1) -> Case:
    return Case(
        f"update-{clients}",
        f"update of one attribute, c{clients}",
        clients,
        traffic.updates,
        Work.UPDATE_GROUPS,
        Work.UPDATE_ONE,
        status=204,
        turns=turns,
        grouped=True,
    )


def _upserts(size: int, clients: int, seconds: int) -> tuple[Case, Case]:
    new = Case(
        f"upsert-{size}-new",
        f"batch upsert of {size}, new, c{clients}",
        clients,
        partial(traffic.upserts_new, size=size),
        Work.INSERT_GROUPS,
        Work.INSERT_BULK,
        size=size,
        status=201,
        seconds=seconds,
        grouped=True,
        creates=True,
    )
    again = Case(
        f"upsert-{size}-again",
        f"batch upsert of {size}, again, c{clients}",
        clients,
        partial(traffic.upserts_again, size=size),
        Work.REPLACE_GROUPS,
        Work.REPLACE_BULK,
        size=size,
        status=204,
        seconds=seconds,
        grouped=True,
    )
    return new, again


def _page(
    name: str, title: str, clients: int, size: int, query: str, kind: str = sample.TYPES[0], turns: int = 1
) -> Case:
    requests = partial(_same_page, query=f"type={kind}&limit={size}{query}")
    return Case(name, title, clients, requests, Work.PAGE, size=size, kind=kind, turns=turns)


def _same_page(_entities: int, query: str) -> Iterator[Request]:
    return traffic.page(query)


CASES: Final = (
    _reads(1),
    _reads(32),
    _reads(128, turns=2),
    _updates(1),
    _updates(32),
    _updates(128, turns=2),
    *_upserts(100, clients=4, seconds=1),
    *_upserts(1000, clients=2, seconds=2),
    _page("page-20", "page of 20, simplified, c32", 32, 20, "&format=simplified"),
    _page("page-1000", "page of 1000, simplified, c4", 4, 1000, "&format=simplified"),
    _page("page-1000-normalized", "page of 1000, normalized, c4", 4, 1000, ""),
    _page("list-20", "list, 20 of 100 entities, c50", 50, 20, "", sample.LISTED_TYPE, turns=2),
    Case(
        "count",
        "count of a type, c8",
        8,
        partial(_same_page, query=f"type={sample.TYPES[0]}&count=true&limit=0"),
        Work.COUNT,
    ),
)
