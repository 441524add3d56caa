"""The rules of recording in the control database, and as a worker knows them: as of the last epoch.

history_rules   {_id: "<tenant> <type or *> <attribute or *>", tenant,
                 type, attribute, mode, interval, dead_band, retention}     absent: not stated
"""

from collections.abc import Mapping
from typing import Any

from pymongo.asynchronous.client_session import AsyncClientSession

from broker.errors import ResourceNotFound
from broker.model.recording import Mode, Rule
from broker.model.recording_rules import RuleBook, Stated
from broker.store.apart import apart
from broker.store.client import Client, Database
from broker.store.configuration import Configuration
from broker.store.errors import asking
from broker.store.indexes import HISTORY_RULES
from broker.store.tenants import Tenants


class RuleBooks:
    """The rules of all tenants. `reload` is one of the `reloads` of the store, so that every commit sees the newest."""

    def __init__(self, control: Database, default: Rule) -> None:
        self._rules = control[HISTORY_RULES]
        self._default = default
        self._books: dict[str, RuleBook] = {}
        self._nothing = RuleBook((), default)

    def of(self, tenant: str) -> RuleBook | None:
        """A tenant's rules; None if everything is recorded and kept."""
        book = self._books.get(tenant, self._nothing)
        return book if book.needed else None

    async def reload(self, tenant: str) -> None:
        """Read a tenant's rules. Raises StoreUnavailable."""
        self._books[tenant] = RuleBook(await stated(self._rules.database, tenant), self._default)

    def forget(self, tenant: str) -> None:
        """Know nothing of a tenant."""
        self._books.pop(tenant, None)


class Rulings:
    """The rules of tenants, as operators see and change them. They raise NonexistentTenant, StoreUnavailable."""

    def __init__(self, client: Client, prefix: str) -> None:
        self._tenants = Tenants(client, prefix)
        self._configuration = Configuration(client, self._tenants.control)

    async def listed(self, tenant: str) -> list[Stated]:
        """The rules that were stated for a tenant, in the order of types and attributes."""
        await self._tenants.database(tenant, create=False)
        return await stated(self._tenants.control, tenant)

    async def state(self, tenant: str, rule: Stated) -> None:
        """State a rule instead of the one for the same type and attribute."""
        await self._tenants.database(tenant, create=False)
        document = {"_id": _id(tenant, rule.type, rule.attribute), "tenant": tenant, **written(rule)}

        async def write(control: Database, session: AsyncClientSession) -> None:
            await control[HISTORY_RULES].replace_one({"_id": document["_id"]}, document, upsert=True, session=session)

        await self._configuration.change(tenant, write)

    async def withdraw(self, tenant: str, type_: str | None, attribute: str | None) -> None:
        """Withdraw the rule for a type and an attribute. Raises ResourceNotFound if there is none."""
        await self._tenants.database(tenant, create=False)

        async def write(control: Database, session: AsyncClientSession) -> None:
            gone = await control[HISTORY_RULES].delete_one({"_id": _id(tenant, type_, attribute)}, session=session)
            if not gone.deleted_count:
                raise ResourceNotFound(f"There is no rule for type {type_ or '*'} and attribute {attribute or '*'}.")

        await self._configuration.change(tenant, write)


async def stated(control: Database, tenant: str) -> list[Stated]:
    """The rules of a tenant in the control database. Raises StoreUnavailable."""
    with asking("rules"):
        found = await apart(control[HISTORY_RULES].find({"tenant": tenant}, sort=[("_id", 1)]).to_list())
    return [_read(each) for each in found]


def _id(tenant: str, type_: str | None, attribute: str | None) -> str:
    return f"{tenant} {type_ or '*'} {attribute or '*'}"


def written(rule: Stated) -> dict[str, Any]:
    """What a rule says, by member."""
    return {name: value for name, value in rule._asdict().items() if value is not None}


def _read(document: Mapping[str, Any]) -> Stated:
    mode = document.get("mode")
    known = {name: document[name] for name in Stated._fields if name in document and name != "mode"}
    return Stated(**known, mode=None if mode is None else Mode(mode))
