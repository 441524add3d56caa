"""Checks of the database: is it one that the broker can work on, and does it keep what it is told.

Each check answers with a Finding. `broker doctor` runs them all; `LIGHT` are the ones cheap enough for `/health`.
"""

import re
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, NamedTuple, TypeAlias

from pymongo.errors import OperationFailure, PyMongoError

from broker.store.client import DURABLE, Client
from broker.store.indexes import INDEXES

OLDEST: Final = (6, 0)
"""Versions of MongoDB before it lack what the store needs."""
MAINTAINED: Final = (7, 0)
"""Versions of MongoDB before it get no more security updates."""
OFFSET_WARNED: Final = timedelta(seconds=1)

_TENANTS_CHECKED: Final = 1000
_PROBE: Final = "probe"


class Status(StrEnum):
    """How a check came out; `warn` works, and should be seen to."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Finding(NamedTuple):
    """What a check found, one sentence, and what to do, if anything."""

    status: Status
    says: str
    advice: str = ""


ALONE: Final = Finding(
    Status.FAIL,
    "MongoDB runs alone: transactions and change streams need a replica set, if only of one member.",
    "Start mongod with --replSet and run rs.initiate() once.",
)

Check: TypeAlias = Callable[[Client, str], Awaitable[Finding]]
"""From a client and the prefix of the broker's databases to a finding. Raises PyMongoError."""


async def version(client: Client, _prefix: str) -> Finding:
    """Whether the server is new enough, and still maintained."""
    told = (await client.admin.command("buildInfo"))["version"]
    number = tuple(int(part) for part in re.findall(r"\d+", told)[:2])
    if number < OLDEST:
        return Finding(Status.FAIL, f"MongoDB {told} is too old.", "Run MongoDB 7.0 or newer.")
    if number < MAINTAINED:
        return Finding(
            Status.WARN,
            f"MongoDB {told} gets no more security updates: it does for evaluation.",
            "In production give a MongoDB of 7.0 or newer by NGSILD_MONGODB_URI.",
        )
    return Finding(Status.OK, f"MongoDB {told}.")


async def topology(client: Client, _prefix: str) -> Finding:
    """Whether there are transactions and change streams, and a second member."""
    hello = await client.admin.command("hello")
    if hello.get("msg") == "isdbgrid":
        return Finding(Status.OK, "A sharded cluster.")
    if is_alone(hello):
        return ALONE
    if not hello.get("isWritablePrimary"):
        return Finding(
            Status.FAIL,
            f"The member {hello.get('me', '')} of replica set {hello['setName']} is not the primary.",
            f"Add ?replicaSet={hello['setName']} to the connection string, without directConnection.",
        )
    members = len(hello.get("hosts", ()))
    if members < 2:
        return Finding(
            Status.WARN,
            f"Replica set {hello['setName']} has one member: there is no fail-over and no second copy.",
            "In production run three members.",
        )
    return Finding(Status.OK, f"Replica set {hello['setName']} with {members} members that hold data.")


def is_alone(hello: Mapping[str, Any]) -> bool:
    """Whether a server that says so is in no replica set, nor the router of a cluster."""
    return "setName" not in hello and hello.get("msg") != "isdbgrid"


async def clock(client: Client, _prefix: str) -> Finding:
    """How far the clocks of broker and database are apart, the way there and back taken off."""
    asked = datetime.now(UTC)
    told: datetime = (await client.admin.command("hello"))["localTime"]
    answered = datetime.now(UTC)
    told = told if told.tzinfo else told.replace(tzinfo=UTC)
    offset = told - (asked + (answered - asked) / 2)
    text = f"The clock of MongoDB is {offset.total_seconds():+.3f} s from the broker's."
    if abs(offset) - (answered - asked) / 2 > OFFSET_WARNED:
        return Finding(Status.WARN, text, "Keep both by NTP (chrony, systemd-timesyncd).")
    return Finding(Status.OK, text)


async def durability(client: Client, prefix: str) -> Finding:
    """Whether a write becomes durable: one is made, majority and journaled, and removed again."""
    collection = client[f"{prefix}-control"].get_collection(_PROBE, write_concern=DURABLE)
    await collection.insert_one({"by": "broker doctor"})  # makes the collection, which takes its own time
    started = time.perf_counter()
    await collection.insert_one({"by": "broker doctor"})
    took = time.perf_counter() - started
    await collection.drop()
    text = f"A durable write took {took * 1000:.1f} ms."
    try:
        config = (await client.admin.command("replSetGetConfig"))["config"]
    except OperationFailure:  # not allowed, or a sharded cluster
        return Finding(Status.OK, text)
    if not config.get("writeConcernMajorityJournalDefault", True):
        return Finding(
            Status.WARN,
            "The replica set acknowledges majority writes before they are in the journal.",
            "Set writeConcernMajorityJournalDefault to true by rs.reconfig().",
        )
    return Finding(Status.OK, text)


async def indexes(client: Client, prefix: str) -> Finding:
    """Whether every tenant's collections have their indexes."""
    tenants = client[f"{prefix}-control"]["tenants"].find({}, {"database": 1}).limit(_TENANTS_CHECKED)
    names = [prefix, *[tenant["database"] async for tenant in tenants]]
    missing = [place for name in names for place in await _missing(client, name)]
    if missing:
        return Finding(
            Status.WARN,
            f"Indexes are missing: {', '.join(missing[:5])}{' …' if len(missing) > 5 else ''}.",
            "Start the broker, or write to the tenant: it makes them again.",
        )
    return Finding(Status.OK, f"{len(names)} tenant{'s' if len(names) > 1 else ''}, with all indexes.")


async def _missing(client: Client, database: str) -> list[str]:
    """The indexes that collections of a database lack; a collection that isn't there yet lacks none."""
    present = set(await client[database].list_collection_names())
    absent: list[str] = []
    for collection in present & INDEXES.keys():
        found = {index["name"] async for index in await client[database][collection].list_indexes()}
        wanted = {str(index.document["name"]) for index in INDEXES[collection]}
        absent += [f"{database}.{collection}.{name}" for name in sorted(wanted - found)]
    return absent


CHECKS: Final[Mapping[str, Check]] = {
    "MongoDB version": version,
    "Replica set": topology,
    "Clocks": clock,
    "Durable writes": durability,
    "Indexes": indexes,
}
LIGHT: Final[Mapping[str, Check]] = {"version": version, "replicaSet": topology, "clock": clock}


async def run(client: Client, prefix: str, checks: Mapping[str, Check] = CHECKS) -> dict[str, Finding]:
    """Run checks one after the other; what the database refuses is a finding too."""
    return {name: await _outcome(check, client, prefix) for name, check in checks.items()}


async def _outcome(check: Check, client: Client, prefix: str) -> Finding:
    try:
        return await check(client, prefix)
    except OperationFailure as error:
        details: dict[str, Any] = dict(error.details or {})
        return Finding(
            Status.FAIL, f"MongoDB refuses: {details.get('errmsg', error.code)}.", "Give the user its rights."
        )
    except PyMongoError as error:
        return Finding(Status.FAIL, f"MongoDB does not answer ({type(error).__name__}).", "Check that it runs.")
