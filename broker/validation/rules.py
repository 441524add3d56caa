"""The rules of tenants: which entities must be as their data models say, as one worker knows them.

A rule stands in the control database, for a tenant and a type, and is read anew when the tenant's configuration epoch
says so: a write that follows a change of a rule is held to it, on any worker.

    models       {_id: {tenant, type}, tenant, type: IRI, mode: off | warn | strict, model: JSON, changedAt: DateTime}
                 `model` is the tenant's own data model; without it, the one that ships with the broker
    violations   {_id: entity id, t: [type with a rule, …], at: DateTime, v: [{pointer, expectation, value}, …]}
                 in the tenant's database: the entities that were accepted with a warning, as they are now
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

import orjson
from cachetools import LRUCache
from pymongo import DeleteOne, UpdateOne

from broker.errors import BadRequestData, DataModelViolated, Violation
from broker.model.entity import Entity
from broker.model.violations import told
from broker.store.client import Database
from broker.store.commits import Check, Deriving, Owed
from broker.store.errors import asking
from broker.store.indexes import MODELS, VIOLATIONS
from broker.telemetry import log
from broker.validation.bundle import Bundle
from broker.validation.datamodel import DataModel
from broker.validation.engine import Validator, sentence

COMPILED: Final = 1024
"""Validators that a worker keeps, of all tenants."""
_logger = log(__name__)


class Mode(StrEnum):
    """What a rule does with an entity that violates its data model."""

    OFF = "off"
    WARN = "warn"
    STRICT = "strict"


class Rule(NamedTuple):
    """A rule for one type."""

    mode: Mode
    validator: Validator


class Rules:
    """The rules of all tenants. `reload`, `checks` and `derive` are the store's hooks."""

    def __init__(self, control: Database, bundle: Bundle) -> None:
        self._models = control[MODELS]
        self._bundle = bundle
        self._rules: dict[str, Mapping[str, Rule]] = {}
        self._compiled: LRUCache[str | bytes, Validator] = LRUCache(COMPILED)

    async def reload(self, tenant: str) -> None:
        """Read a tenant's rules anew. Raises StoreUnavailable."""
        with asking("models"):
            found = await self._models.find({"tenant": tenant, "mode": {"$ne": Mode.OFF}}).to_list()
        rules = {}
        for document in found:
            type_ = document["type"]
            try:
                rules[type_] = Rule(Mode(document["mode"]), self._validator(type_, document.get("model")))
            except (BadRequestData, LookupError, ValueError, TypeError):  # of a later version of the broker
                _logger.exception("a rule was left out", tenant=tenant, type=type_)
        if rules:
            self._rules[tenant] = rules
        else:
            self._rules.pop(tenant, None)

    def forget(self, tenant: str) -> None:
        """Know nothing of a tenant."""
        self._rules.pop(tenant, None)

    def checks(self, tenant: str) -> Check | None:
        """What checks a tenant's entities; None if it has no rules."""
        rules = self._rules.get(tenant)
        if rules is None:
            return None

        def check(entity: Entity) -> Sequence[Violation]:
            return _check(rules, entity)

        return check

    def derive(self, deriving: Deriving) -> Iterable[Owed]:
        """The list of entities that violate their data models, kept as the entities change."""
        rules = self._rules.get(deriving.tenant)
        if rules is None:
            return
        last = {change.entity_id: change for change in deriving.changes}
        for entity_id, change in last.items():
            types = (change.new or change.old or _NOBODY).types
            ruled = [type_ for type_ in types if type_ in rules and rules[type_].mode is Mode.WARN]
            if change.violations:
                listed = [violation._asdict() for violation in change.violations]
                changed = {"$set": {"t": ruled, "at": change.instant, "v": orjson.dumps(listed).decode()}}
                yield Owed(VIOLATIONS, UpdateOne({"_id": entity_id}, changed, upsert=True))
            elif ruled:
                yield Owed(VIOLATIONS, DeleteOne({"_id": entity_id}))

    def _validator(self, type_: str, own: str | None) -> Validator:
        key = type_ if own is None else own.encode()
        validator = self._compiled.get(key)
        if validator is None:
            model = self._bundle[type_] if own is None else DataModel(**orjson.loads(own))
            validator = self._compiled[key] = Validator(model, self._bundle.retrieve, self._bundle.by_name)
        return validator


_NOBODY: Final = Entity("", (), {}, "", "")


def _check(rules: Mapping[str, Rule], entity: Entity) -> Sequence[Violation]:
    """What an entity is warned of. Raises DataModelViolated."""
    warned: list[Violation] = []
    for type_ in entity.types:
        rule = rules.get(type_)
        if rule is None:
            continue
        violations = rule.validator.violations(entity)
        if violations:
            if rule.mode is Mode.STRICT:
                model = rule.validator.model
                raise DataModelViolated(sentence(entity, model, violations, told(violations)), violations)
            warned.extend(violations)
    return warned
