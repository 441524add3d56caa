"""Data models and rules of tenants, as those who administrate see and change them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import orjson
from pymongo.asynchronous.client_session import AsyncClientSession

from broker.errors import BadRequestData, ResourceNotFound
from broker.model.grammar import shown
from broker.store.client import Client, Database
from broker.store.configuration import Configuration
from broker.store.errors import asking
from broker.store.indexes import MODELS, VIOLATIONS
from broker.store.tenants import Tenants
from broker.validation.bundle import Bundle
from broker.validation.datamodel import DataModel
from broker.validation.engine import Validator
from broker.validation.rules import Mode

MAX_MODEL: Final = 2**20
"""Bytes of a tenant's own data model, names and all."""


class Listed(NamedTuple):
    """A data model and the rule for it."""

    type: str
    name: str
    domain: str
    """The city domain that it ships with; empty for a tenant's own."""
    mode: Mode
    violations: int
    """Entities that are known to violate it."""


class Violating(NamedTuple):
    """An entity that was accepted with a warning."""

    entity_id: str
    types: list[str]
    at: str
    violations: list[dict[str, Any]]


class Registry:
    """The data models and rules of all tenants."""

    def __init__(self, client: Client, prefix: str, bundle: Bundle) -> None:
        self._tenants = Tenants(client, prefix)
        self._models = self._tenants.control[MODELS]
        self._configuration = Configuration(client, self._tenants.control)
        self._bundle = bundle

    async def listed(self, tenant: str) -> list[Listed]:
        """All data models, a tenant's own first. Raises NonexistentTenant, StoreUnavailable."""
        database = await self._tenants.database(tenant, create=False)
        with asking("models"):
            rules = {each["type"]: each async for each in self._models.find({"tenant": tenant}, sort=[("type", 1)])}
            groups = await database[VIOLATIONS].aggregate([{"$unwind": "$t"}, {"$sortByCount": "$t"}])
            counts = {each["_id"]: each["count"] async for each in groups}
        own = [type_ for type_, rule in rules.items() if "model" in rule]
        found = []
        for type_ in [*own, *(each for each in self._bundle.types if each not in own)]:
            rule = rules.get(type_, {})
            model = self._model(type_, rule)
            mode = Mode(rule.get("mode", Mode.OFF))
            found.append(Listed(type_, model.name, model.domain, mode, counts.get(type_, 0)))
        return found

    async def model(self, tenant: str, name: str) -> DataModel:
        """The data model of a type, by its name or its IRI. Raises ResourceNotFound, StoreUnavailable."""
        type_ = await self.type_of(tenant, name)
        with asking("models"):
            rule = await self._models.find_one({"_id": _key(tenant, type_)})
        return self._model(type_, rule or {})

    async def type_of(self, tenant: str, name: str) -> str:
        """The IRI of a type that has a data model. Raises ResourceNotFound, NonexistentTenant, StoreUnavailable."""
        await self._tenants.database(tenant, create=False)
        with asking("models"):
            own = await self._models.find_one({"tenant": tenant, "$or": [{"name": name}, {"type": name}]}, {"type": 1})
        type_: str | None = own["type"] if own is not None else self._bundle.by_name.get(name)
        if type_ is None and name in self._bundle:
            type_ = name
        if type_ is None:
            raise ResourceNotFound(f"There is no data model of {shown(name)}.")
        return type_

    async def set_mode(self, tenant: str, name: str, mode: Mode) -> str:
        """Rule that a type is held to its data model; its IRI. Raises ResourceNotFound, StoreUnavailable."""
        type_ = await self.type_of(tenant, name)
        await self._change(tenant, type_, {"mode": mode.value}, mode)
        return type_

    async def add(self, tenant: str, model: DataModel, mode: Mode) -> None:
        """Give a tenant a data model of its own, in place of what there was for the type.

        Raises BadRequestData if it cannot be used, NonexistentTenant, StoreUnavailable.
        """
        Validator(model, self._bundle.retrieve)
        document = orjson.dumps(model.document())
        if len(document) > MAX_MODEL:
            raise BadRequestData(f"The data model of {model.name} has {len(document)} bytes; {MAX_MODEL} are allowed.")
        changed = {"mode": mode.value, "name": model.name, "model": document.decode()}
        await self._change(tenant, model.type, changed, mode)

    async def remove(self, tenant: str, name: str) -> str:
        """Take away a tenant's own data model, and the rule; the type's IRI.

        Raises ResourceNotFound, StoreUnavailable.
        """
        type_ = await self.type_of(tenant, name)
        database = await self._tenants.database(tenant, create=False)

        async def write(control: Database, session: AsyncClientSession) -> None:
            await control[MODELS].delete_one({"_id": _key(tenant, type_)}, session=session)

        await self._configuration.change(tenant, write)
        await _forget(database, type_)
        return type_

    async def violating(self, tenant: str, name: str | None, limit: int) -> list[Violating]:
        """Entities that were accepted with a warning, by id. Raises ResourceNotFound, StoreUnavailable."""
        database = await self._tenants.database(tenant, create=False)
        wanted = {} if name is None else {"t": await self.type_of(tenant, name)}
        with asking("violations"):
            found = await database[VIOLATIONS].find(wanted, sort=[("_id", 1)], limit=limit).to_list()
        return [Violating(each["_id"], each["t"], each["at"], orjson.loads(each["v"])) for each in found]

    async def _change(self, tenant: str, type_: str, changed: Mapping[str, Any], mode: Mode) -> None:
        database = await self._tenants.database(tenant, create=False)
        stamped = {**changed, "tenant": tenant, "type": type_, "changedAt": datetime.now(UTC)}

        async def write(control: Database, session: AsyncClientSession) -> None:
            update = {"$set": stamped}
            await control[MODELS].update_one({"_id": _key(tenant, type_)}, update, upsert=True, session=session)

        await self._configuration.change(tenant, write)
        if mode is not Mode.WARN:
            await _forget(database, type_)

    def _model(self, type_: str, rule: Mapping[str, Any]) -> DataModel:
        return DataModel(**orjson.loads(rule["model"])) if "model" in rule else self._bundle[type_]


async def _forget(database: Database, type_: str) -> None:
    """Take a type that no rule warns of from the list of violations."""
    with asking("violations"):
        await database[VIOLATIONS].update_many({"t": type_}, {"$pull": {"t": type_}})
        await database[VIOLATIONS].delete_many({"t": []})


def _key(tenant: str, type_: str) -> dict[str, str]:
    return {"tenant": tenant, "type": type_}
