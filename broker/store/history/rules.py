"""The rules of recording in the control database, and as a worker knows them: as of the last epoch.

history_rules   {_id: "<tenant> <type or *> <attribute or *>", tenant,
                 type, attribute, mode, interval, dead_band, retention}     absent: not stated
"""

from collections.abc import Mapping
from typing import Any

from broker.errors import ResourceNotFound
from broker.model.recording import Mode, Rule
from broker.model.recording_rules import RuleBook, Stated
from broker.store.apart import apart
from broker.store.client import Database
from broker.store.configuration import Configuration
from broker.store.errors import asking
from broker.store.indexes import HISTORY_RULES


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


async def stated(control: Database, tenant: str) -> list[Stated]:
    """The rules that were stated for a tenant, in the order of types and attributes. Raises StoreUnavailable."""
    with asking("rules"):
        found = await apart(control[HISTORY_RULES].find({"tenant": tenant}, sort=[("_id", 1)]).to_list())
    return [_read(each) for each in found]


async def state(configuration: Configuration, tenant: str, rule: Stated) -> None:
    """State a rule instead of the one for the same type and attribute. Raises StoreUnavailable."""
    document = {"_id": _id(tenant, rule.type, rule.attribute), "tenant": tenant, **_written(rule)}

    async def write(control: Database, session: Any) -> None:
        await control[HISTORY_RULES].replace_one({"_id": document["_id"]}, document, upsert=True, session=session)

    await configuration.change(tenant, write)


async def withdraw(configuration: Configuration, tenant: str, type_: str | None, attribute: str | None) -> None:
    """Withdraw the rule for a type and an attribute. Raises ResourceNotFound if there is none, StoreUnavailable."""

    async def write(control: Database, session: Any) -> None:
        gone = await control[HISTORY_RULES].delete_one({"_id": _id(tenant, type_, attribute)}, session=session)
        if not gone.deleted_count:
            raise ResourceNotFound(f"There is no rule for type {type_ or '*'} and attribute {attribute or '*'}.")

    await configuration.change(tenant, write)


def _id(tenant: str, type_: str | None, attribute: str | None) -> str:
    return f"{tenant} {type_ or '*'} {attribute or '*'}"


def _written(rule: Stated) -> dict[str, Any]:
    return {name: value for name, value in rule._asdict().items() if value is not None}


def _read(document: Mapping[str, Any]) -> Stated:
    mode = document.get("mode")
    known = {name: document[name] for name in Stated._fields if name in document and name != "mode"}
    return Stated(**known, mode=None if mode is None else Mode(mode))
