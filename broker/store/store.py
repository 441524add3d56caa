"""The store as the use cases see it."""

import asyncio
import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, TypeAlias, TypeVar

from pymongo.asynchronous.client_session import AsyncClientSession

from broker.errors import NonexistentTenant, StoreUnavailable, Violation
from broker.model.entity import Entity
from broker.query.plan import Query
from broker.store import counted, counts, linking, queries
from broker.store.apart import apart
from broker.store.client import Client, Database
from broker.store.commits import MAX_IN_FLIGHT, Checks, Commits, Committed, Deriver, Warned, Write
from broker.store.configuration import Configuration, Forget, Reload
from broker.store.counted import Counted
from broker.store.counts import Count
from broker.store.entity_maps import EntityMaps
from broker.store.errors import asking
from broker.store.following import MOST_AT_ONCE, Following
from broker.store.found import Found
from broker.store.groups import Groups, Shared
from broker.store.indexes import COUNTS, ENTITIES
from broker.store.queries import Matches
from broker.store.reads import PointReads
from broker.store.runs import Runs
from broker.store.shapes import MAX_ENTITY
from broker.store.sweep import sweep
from broker.store.tenants import DEFAULT, RENEWAL, RENEWAL_TIMEOUT, UNLIMITED, Listed, Tenants
from broker.telemetry import log

FIRST_OF_REST: Final = 4
MOST_OF_REST: Final = 1000
"""Entities of the rest of a page that are read at once: few if nothing is known of their size, and at most."""
WIDE: Final = 200
"""Entities on a page: a query for more is a wide one."""
T = TypeVar("T")

_logger = log(__name__)


Warn: TypeAlias = Callable[[str, Sequence[Violation]], None]
"""Told an entity's id, and in what it now violates its data model."""


def unheard(_entity_id: str, _violations: Sequence[Violation]) -> None:
    """A `Warn` for those who answer nobody."""


@dataclass(frozen=True, slots=True)
class _Tenant:
    database: Database
    reads: PointReads
    commits: Commits
    maps: EntityMaps


class Store:
    """Entities of all tenants, as one worker reads and writes them."""

    def __init__(
        self,
        client: Client,
        prefix: str,
        derivers: Sequence[Deriver] = (),
        *,
        reloads: Sequence[Reload] = (),
        forgets: Sequence[Forget] = (),
        committed: Sequence[Committed] = (),
        checks: Checks | None = None,
        limits: queries.Limits = queries.Limits(),  # noqa: B008  immutable
        max_entity: int = MAX_ENTITY,
        max_tenants: int = UNLIMITED,
        queries_in_flight: int = 4,
        query_patience: float = math.inf,
        worker: int = 0,
    ) -> None:
        self._client = client
        self._limits = limits
        self._runs = Runs(client, queries_in_flight, query_patience)
        self._first_slot = worker * MAX_IN_FLIGHT
        self._registry = Tenants(client, prefix, max_tenants)
        self.control = control = self._registry.control
        self._configuration = Configuration(client, control, reloads, forgets)
        derive = (counts.derive, *derivers)
        self._shared = Shared(client, control, self._configuration, derive, committed, max_entity, checks)
        self._tenants: dict[str, _Tenant] = {}
        """Those that were there a moment ago (`RENEWAL`)."""
        self._doubtful: dict[str, _Tenant] = {}
        """Those that were there when the database last answered."""
        self._renewing: asyncio.Task[None] | None = None

    async def database(self, tenant: str, *, create: bool = False) -> Database:
        """The database of a tenant. Raises NonexistentTenant unless `create`, StoreUnavailable."""
        return (self._tenants.get(tenant) or await self._tenant(tenant, create=create)).database

    async def entity(self, tenant: str, entity_id: str) -> Entity | None:
        """The entity, or None. Raises NonexistentTenant, StoreUnavailable."""
        found = await self.look_up(tenant, entity_id)
        return None if found is None else found.entity

    async def look_up(self, tenant: str, entity_id: str) -> Found | None:
        """The entity as it is stored, or None. Raises NonexistentTenant, StoreUnavailable."""
        return await (self._tenants.get(tenant) or await self._tenant(tenant)).reads.get(entity_id)

    async def linked(self, tenant: str, query: Query, candidates: Sequence[Entity]) -> Mapping[str, Entity]:
        """What the conditions of a query look at, of that which some entities link to; by id.

        Raises NonexistentTenant, TooComplexQuery, StoreUnavailable.
        """
        found = self._tenants.get(tenant) or await self._tenant(tenant)
        following = Following(found.database[ENTITIES], query, MOST_AT_ONCE)
        await apart(following.follow(candidates))
        return following.linked

    async def commit(
        self,
        tenant: str,
        writes: Sequence[Write],
        *,
        create_tenant: bool = False,
        warn: Warn = unheard,
    ) -> list[Any]:
        """Commit operations durably; per operation its result, or the BrokerError that refused it.

        Operations on one entity take effect in their order. `warn` is told of each that was accepted although the
        entity now violates its data model. Raises NonexistentTenant unless `create_tenant`.
        """
        known = self._tenants.get(tenant) or await self._tenant(tenant, create=create_tenant)
        outcomes = await known.commits.submit(writes)
        for position, outcome in enumerate(outcomes):
            if outcome.__class__ is Warned:
                warn(writes[position].entity_id, outcome.violations)
                outcomes[position] = outcome.result
        return outcomes

    async def find(self, tenant: str, query: Query) -> Matches:
        """A page of the entities that match. Identical queries that wait at the same time share one answer.

        Raises NonexistentTenant, StoreUnavailable, TooComplexQuery, TooManyResults.
        """
        known = self._tenants.get(tenant) or await self._tenant(tenant)
        return await self._runs.join(
            tenant, query, lambda: _find(known.database[ENTITIES], query, self._limits), wide=query.limit > WIDE
        )

    async def find_counted(self, tenant: str, query: Query) -> Counted:
        """A page of the entities that match, and how many match.

        Raises NonexistentTenant, StoreUnavailable, TooComplexQuery, TooManyResults.
        """
        if not query.of_types_alone or query.ordering is not None:
            return Counted(*await asyncio.gather(self.find(tenant, query), self.count(tenant, query)))
        known = self._tenants.get(tenant) or await self._tenant(tenant)
        return await self._runs.join(
            tenant,
            ("counted", query),
            lambda: counted.find(known.database, query, self._limits),
            wide=query.limit > WIDE,
        )

    async def rest(self, tenant: str, query: Query, page: Matches) -> AsyncGenerator[list[Found], None]:
        """The rest of a page, a few entities at a time, as they are when their turn comes.

        Left out are those that are gone, or do not match any more. Raises NonexistentTenant, StoreUnavailable.
        """
        known = self._tenants.get(tenant) or await self._tenant(tenant)
        entities = known.database[ENTITIES]
        ids, size = page.rest, len(page.found) // 2 or FIRST_OF_REST
        while ids:
            asked, ids = ids[:size], ids[size:]
            found = await self._runs.join(tenant, (query, asked), partial(_rest, entities, query, asked))
            yield found
            held = sum(len(each.stored) for each in found)
            size = max(1, min(MOST_OF_REST, 2 * size, self._limits.held * size // (2 * held + 1)))

    async def counts(self, tenant: str, types: str | None = None, attribute: str | None = None) -> list[Count]:
        """How many entities and attributes there are, by sets of types. Raises NonexistentTenant, StoreUnavailable."""
        known = self._tenants.get(tenant) or await self._tenant(tenant)
        return await apart(counts.read(known.database[COUNTS], types, attribute))

    async def count(self, tenant: str, query: Query) -> int:
        """How many entities match; what types alone select is counted already.

        Raises NonexistentTenant, StoreUnavailable, TooComplexQuery.
        """
        known = self._tenants.get(tenant) or await self._tenant(tenant)
        if query.of_types_alone:
            selectors = query.selectors
            return await self._runs.join(
                tenant, ("total", selectors), lambda: counts.total(known.database[COUNTS], selectors)
            )
        query = replace(query, ordering=None, after="", before="", offset=0, limit=0)
        return await self._runs.join(tenant, query, lambda: _count(known.database[ENTITIES], query, self._limits))

    async def tenants(self) -> list[Listed]:
        """All tenants, the default one first. Raises StoreUnavailable."""
        return await apart(self._registry.listed())

    async def entity_maps(self, tenant: str) -> EntityMaps:
        """The entity maps of a tenant. Raises NonexistentTenant, StoreUnavailable."""
        return (self._tenants.get(tenant) or await self._tenant(tenant)).maps

    async def names(self) -> list[str]:
        """The names of all tenants, the default one first. Raises StoreUnavailable."""
        return await apart(self._registry.names())

    async def check_tenant(self, tenant: str) -> None:
        """Raise NonexistentTenant if there is no such tenant; StoreUnavailable."""
        if tenant not in self._tenants:
            await self._tenant(tenant)

    async def configure(
        self,
        tenant: str,
        write: Callable[[Database, AsyncClientSession], Awaitable[T]],
        *,
        create_tenant: bool = False,
    ) -> T:
        """Change what a tenant's writes are measured against: see `Configuration.change`.

        Raises NonexistentTenant unless `create_tenant`, StoreUnavailable, and what `write` raises.
        """
        if tenant not in self._tenants:
            await self._tenant(tenant, create=create_tenant)
        return await apart(self._configuration.change(tenant, write))

    async def catch_up(self, tenants: Collection[str] | None = None) -> None:
        """Take in how tenants are configured as it is committed now, all of them if None. Raises StoreUnavailable."""
        await self._configuration.catch_up_all(tenants)

    async def sweep(self) -> None:
        """Remove what has expired, in all tenants. Raises StoreUnavailable."""
        for name in await self._registry.names():
            with suppress(NonexistentTenant):  # it was dropped in between
                tenant = self._tenants.get(name) or await self._tenant(name)
                await sweep(tenant.database[ENTITIES], tenant.commits)

    async def ping(self) -> dict[str, Any]:
        """What the database says of itself (`hello`). Raises StoreUnavailable."""
        with asking("hello"):
            return await apart(self._client.admin.command("hello"))

    async def enter(self, tenant: str, *, create: bool = False) -> None:
        """See that the tenant is there, or make it. Raises NonexistentTenant, StoreUnavailable."""
        if tenant not in self._tenants:
            await self._tenant(tenant, create=create)

    async def prepare(self) -> None:
        """Make what the default tenant needs. Raises StoreUnavailable."""
        await self._tenant("")

    async def close(self) -> None:
        """Settle what is in flight, and close the connections."""
        if self._renewing is not None:
            self._renewing.cancel()
        for tenant in [*self._tenants.values(), *self._doubtful.values()]:
            await tenant.commits.drain()
        await self._runs.close()
        await self._client.close()

    async def _tenant(self, tenant: str, *, create: bool = False) -> _Tenant:
        database = await apart(self._registry.database(tenant, create=create))
        if tenant not in self._tenants:
            doubtful = self._doubtful.pop(tenant, None)
            self._tenants[tenant] = doubtful if doubtful is not None else self._opened(tenant, database)
            if tenant != DEFAULT and self._renewing is None:
                self._renewing = asyncio.create_task(self._renew())
        return self._tenants[tenant]

    def _opened(self, tenant: str, database: Database) -> _Tenant:
        groups = Groups(tenant, database, self._shared, self._first_slot)
        return _Tenant(
            database, PointReads(database[ENTITIES]), Commits(groups.run), EntityMaps(self._registry.control, tenant)
        )

    async def _renew(self) -> None:
        """Forget the tenants that are no more; doubt all while the database does not say."""
        while True:
            await asyncio.sleep(RENEWAL)
            known = self._tenants.keys() - {DEFAULT}
            try:
                there = set(await asyncio.wait_for(apart(self._registry.names()), RENEWAL_TIMEOUT))
            except Exception as error:
                if not isinstance(error, StoreUnavailable | TimeoutError):
                    _logger.exception("tenants not renewed")
                self._doubtful |= {name: self._tenants.pop(name) for name in known}
            else:
                for name in (known | self._doubtful.keys()) - there:
                    self._tenants.pop(name, None)
                    self._doubtful.pop(name, None)
                    self._configuration.forget(name)


async def _find(entities: queries.Entities, query: Query, limits: queries.Limits) -> Matches:
    return await queries.find(entities, await linking.turned(entities, query), limits)


async def _count(entities: queries.Entities, query: Query, limits: queries.Limits) -> int:
    return await queries.count(entities, await linking.turned(entities, query), limits)


async def _rest(entities: queries.Entities, query: Query, ids: Sequence[str]) -> list[Found]:
    return await queries.rest(entities, await linking.turned(entities, query), ids)
