"""A small sample city in a running broker, and what was generated for it: the stories' facts, told without the broker.

`city` is shared by all stories that only read; stories that write take `own_city`, which each of their modules has for
itself. Both show 2025-06-02T11:00:00Z, a Monday, and are the same each time. Stories speak HTTP: mark their modules
`pytestmark = pytest.mark.http`.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import httpx2
import orjson
import pytest

from broker.cli.city.domains import FLEETS
from broker.cli.city.fill import batches
from broker.cli.city.fleet import Fleet
from broker.cli.city.generate import NOON, City
from broker.cli.transfer import link
from tests.conftest import RunningBroker, new_tenant, tenant_client

Entity: TypeAlias = dict[str, Any]

ENTITIES: Final = 6_000
"""Large enough that every fleet has its part."""
SEED: Final = 7
BATCH: Final = 500


@dataclass(frozen=True)
class SampleCity:
    """A city that a broker holds in a tenant of its own."""

    client: httpx2.Client
    """Of the API's root, in the city's tenant. Name a context, by `link`, or use IRIs."""
    tenant: str
    entities: Mapping[str, Entity]
    """Id to the entity as it was sent: normalized, names as its fleet's @context has them, without that @context."""
    fleets: Mapping[str, Fleet]
    """Code to fleet: its type, @context (`link(fleet.context)` is the Link header), scope, prefix of ids."""

    def fleet(self, code: str) -> list[Entity]:
        """The entities of a fleet."""
        prefix = self.fleets[code].prefix
        return [entity for entity_id, entity in self.entities.items() if entity_id.startswith(prefix)]

    def ask(self, code: str, path: str, **parameters: str) -> httpx2.Response:
        """GET, with the @context of a fleet."""
        return self.client.get(path, params=parameters, headers={"Link": link(self.fleets[code].context)})

    def ids(self, code: str, **parameters: str) -> list[str]:
        """The ids that a query of entities finds, up to 1 000, in the order of the answer."""
        answer = self.ask(code, "/entities", **{"limit": "1000"} | parameters)
        assert answer.status_code == 200, answer.text
        return [entity["id"] for entity in answer.json()]


@contextmanager
def loaded(broker: RunningBroker, entities: int = ENTITIES, t: float = NOON) -> Iterator[SampleCity]:
    """A city of so many entities in a new tenant of a broker, as it is at `t` (seconds since 1970)."""
    tenant = new_tenant()
    sent: dict[str, Entity] = {}
    with tenant_client(broker, tenant) as client:
        for batch in batches(City(entities, SEED), t, BATCH):
            body = b"[" + b",".join(item.body for item in batch.items) + b"]"
            headers = {"Link": link(batch.context)} if batch.context is not None else {}
            answer = client.post("/entityOperations/upsert", content=body, headers=headers)
            assert answer.status_code == 201, answer.text
            sent |= {item.id: orjson.loads(item.body) for item in batch.items}
        yield SampleCity(client, tenant, sent, {fleet.code: fleet for fleet in FLEETS})


@pytest.fixture(scope="session")
def city(running_broker: RunningBroker) -> Iterator[SampleCity]:
    """The city of all stories that only read."""
    with loaded(running_broker) as city:
        yield city


@pytest.fixture(scope="module")
def own_city(running_broker: RunningBroker) -> Iterator[SampleCity]:
    """A city for the stories of one module, which may write to it."""
    with loaded(running_broker) as city:
        yield city
